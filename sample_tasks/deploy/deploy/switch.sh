# ENV TO: back to a release that is still there; TO may be "previous".
. deploy/conf.sh
env=$1 to=$2
if [ "$to" = previous ]; then
    test -f "sites/$env/previous" || { echo "$env: nothing was switched, $(live "$env") stays"; exit 0; }
    to=$(cat "sites/$env/previous")
fi
test -d "$(releases "$env")/$to" || { echo "the release $to is not there any more" >&2; exit 1; }
from=$(live "$env")
[ "$from" = "$to" ] || switch "$env" "$to"
rm -f "sites/$env/previous"
echo "$env: $from -> $to"
[ "$env" != production ] || echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) production is back at $to" >> notifications.log
