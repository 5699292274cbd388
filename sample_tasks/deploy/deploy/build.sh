# TAG: the image of a version.
. deploy/conf.sh
tag=$1
git -C repo archive --format=tar.gz --prefix="$tag/" -o "$PWD/images/$tag.tar.gz.new" "$tag"
mv "images/$tag.tar.gz.new" "images/$tag.tar.gz"
echo "built images/$tag.tar.gz from $(git -C repo rev-parse --short "$tag^{commit}"), $(wc -c < "images/$tag.tar.gz") bytes"
