# Everything about this world that its application sees, as text.
set -eu
cat shop.conf
psql -X -At -d shop -c "select table_name, column_name, data_type from information_schema.columns
    where table_schema = 'public' order by 1, ordinal_position"
psql -X -At -d shop -c "select indexname from pg_indexes where schemaname = 'public' order by 1"
psql -X -At -d shop -c 'select * from customers order by id' -c 'select * from orders order by id'
