# DB: what happened between the test on a copy and the real migration.
psql -X -q -d "$1" -c "insert into customers values (4, 'Grace', 'grace@example.org')"
