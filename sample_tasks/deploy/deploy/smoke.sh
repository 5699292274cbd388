# ENV: ask the live site for its page, its version and everything the page needs.
. deploy/conf.sh
env=$1
page=$(sh deploy/fetch.sh "$(url "$env")/index.html")
echo "ok     $env answers"
version=$(echo "$page" | sed -n 's/.*class="version">\([^<]*\)<.*/\1/p')
if [ "$version" != "$(live "$env")" ]; then
    echo "FAILED $env shows version '$version', not $(live "$env")" >&2
    exit 1
fi
echo "ok     $env shows $version"
for asset in $(echo "$page" | sed -n 's/.*href="\([^"]*\)".*/\1/p'); do
    sh deploy/fetch.sh "$(url "$env")/$asset" > /dev/null || { echo "FAILED $env: $asset is missing" >&2; exit 1; }
    echo "ok     $env has $asset"
done
