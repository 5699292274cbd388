# Build the world: a database of schema v1 and the settings of its application.
set -eu
python3 -c '
import sqlite3
db = sqlite3.connect("shop.db")
for file in ("schema/v1.sql", "schema/v1.data.sql"):
    db.executescript(open(file).read())'
printf 'name=shop\nschema=v1\n' > shop.conf
sh state.sh > state.before
