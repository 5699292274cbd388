# DB: what happened between the test on a copy and the real migration.
python3 -c '
import sqlite3, sys
db = sqlite3.connect(f"{sys.argv[1]}.db")
with db:
    db.execute("insert into customers (name, email) values (?, ?)", ("Grace", "grace@example.org"))' "$1"
