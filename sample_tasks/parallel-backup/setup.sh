# Build the world: a database beside the files.
set -eu
python3 -c '
import sqlite3
sqlite3.connect("shop.db").executescript("""
create table orders (id integer primary key, item text not null);
insert into orders (item) values (\"lamp\"), (\"chair\");
""")'
sh state.sh > state.before
