create table customers (id integer primary key, name text not null, email text not null);
create table orders (id integer primary key, customer integer not null references customers (id), total integer not null);
