# DB: a dump that is there whole or not at all.
. deploy/conf.sh
test -f "data/$1.db" || { echo "there is no database $1" >&2; exit 1; }
python3 -c '
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(*db.iterdump(), sep="\n")' "data/$1.db" > "backups/$1.sql.new"
mv "backups/$1.sql.new" "backups/$1.sql"
echo "backups/$1.sql: $(wc -l < "backups/$1.sql") lines, $(cksum < "backups/$1.sql" | cut -d' ' -f1)"
