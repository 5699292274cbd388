# ENV TAG: unpack the image, settle it in its place, switch to it.
. deploy/conf.sh
env=$1 tag=$2
test -f "images/$tag.tar.gz" || { echo "there is no image $tag" >&2; exit 1; }
release=$(releases "$env")/$tag
rm -rf "$release.new"
mkdir -p "$release.new"
tar -xzf "images/$tag.tar.gz" -C "$release.new" --strip-components=1
. "$release.new/config/$env.conf"
sed -i "s|@VERSION@|$tag|; s|@ASSETS@|$assets|" "$release.new/index.html"
rm -rf "$release"
mv "$release.new" "$release"
before=$([ ! -L "sites/$env/current" ] || live "$env")
if [ "$before" != "$tag" ]; then
    [ -z "$before" ] || echo "$before" > "sites/$env/previous"
    switch "$env" "$tag"
fi
echo "$env: ${before:-nothing} -> $tag"
