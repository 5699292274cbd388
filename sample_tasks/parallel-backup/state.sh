# Everything the backups are for, as text.
set -eu
cksum files/*
python3 -c 'import sqlite3; print(*sqlite3.connect("file:shop.db?mode=ro", uri=True).iterdump(), sep="\n")'
