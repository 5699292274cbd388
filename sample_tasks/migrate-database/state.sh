# Everything about this world that its application sees, as text.
set -eu
cat shop.conf
python3 -c '
import sqlite3
db = sqlite3.connect("file:shop.db?mode=ro", uri=True)
for name, sql in db.execute("select name, sql from sqlite_master where sql not null order by type, name").fetchall():
    print(" ".join(sql.split()))
    if sql.startswith("create table") or sql.startswith("CREATE TABLE"):
        for row in db.execute(f"select * from {name} order by 1"):
            print("|".join("" if value is None else str(value) for value in row))'
