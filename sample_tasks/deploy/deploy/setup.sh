# Build the world: a repository with two versions, the older one live on both sites, and a database.
. deploy/conf.sh
previous=v2.3.0
tag=v2.3.1
echo "$SITE_PORT" > port
mkdir -p images backups data
mv site repo

export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE=2026-01-05T10:00:00Z GIT_COMMITTER_DATE=2026-01-05T10:00:00Z
export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@localhost GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@localhost
git init -q -b main repo
git -C repo add .
git -C repo commit -q -m "Open the shop"
git -C repo tag $previous
sed -i 's/Welcome to the shop/Welcome to the new shop/' repo/index.html
git -C repo commit -q -a -m "Say that it is new"
git -C repo tag $tag

python3 -c '
import sqlite3
db = sqlite3.connect("data/production.db")
db.executescript("""
create table orders (id integer primary key, item text not null, price integer not null);
insert into orders (item, price) values (\"lamp\", 4900), (\"chair\", 12900), (\"table\", 39900);
""")'

for env in staging production; do
    mkdir -p "sites/$env/releases"
    sh deploy/build.sh $previous > /dev/null
    sh deploy/release.sh $env $previous > /dev/null
    rm -f "sites/$env/previous"
done
rm -f images/*
sh deploy/state.sh > state.before
