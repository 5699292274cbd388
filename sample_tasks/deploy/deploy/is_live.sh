# ENV TAG: exit 0 when this version is live.
. deploy/conf.sh
[ "$(live "$1")" = "$2" ]
