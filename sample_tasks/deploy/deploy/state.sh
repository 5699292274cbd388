# Everything about this world that a visitor or a colleague can see, as text.
. deploy/conf.sh
for env in staging production; do
    echo "$env is $(live $env)"
    cat "sites/$env/current/index.html"
done
ls images
git -C repo log --format=%H
python3 -c 'import sqlite3; print(*sqlite3.connect("data/production.db").iterdump(), sep="\n")' | cksum
