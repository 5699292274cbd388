# init | load | serve: a PostgreSQL server of its own, on $PGPORT of this machine only. It refuses to run
# as root; then its user is `postgres`, and its files lie where that user may go.
set -eu
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb 2> /dev/null | tail -n 1)")
[ -x "$bin/postgres" ] || { echo "PostgreSQL's server is not installed" >&2; exit 1; }
as_user() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    as_user() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi
options="-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
case $1 in
    init)
        data=$PWD/data
        if [ "$(id -u)" = 0 ]; then
            data=$(mktemp -d "${TMPDIR:-/tmp}/plandeck-postgresql.XXXXXX")
            chown postgres "$data"
        fi
        echo "$data" > data.path
        cd /
        as_user "$bin/initdb" -D "$data" -U "$PGUSER" -A trust --no-sync -E UTF8 --no-locale > /dev/null
        ;;
    load)
        data=$(cat data.path)
        here=$PWD
        cd /
        as_user "$bin/pg_ctl" -D "$data" -w -s -o "$options -p $PGPORT" -l /dev/null start
        cd "$here"
        createdb shop && psql -X -q -v ON_ERROR_STOP=1 -d shop -f schema/v1.sql && sh state.sh > state.before
        cd /
        as_user "$bin/pg_ctl" -D "$data" -w -s -m fast stop
        ;;
    serve)
        data=$(cat data.path)
        cd /
        if [ "$(id -u)" = 0 ]; then
            exec setpriv --reuid=postgres --regid=postgres --init-groups "$bin/postgres" -D "$data" $options -p "$PGPORT"
        fi
        exec "$bin/postgres" -D "$data" $options -p "$PGPORT"
        ;;
esac
