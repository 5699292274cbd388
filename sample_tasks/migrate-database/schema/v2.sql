create table customers (
  id integer primary key, name text not null, email text not null, phone text, currency text default 'EUR'
);
create table orders (id integer primary key, customer integer not null references customers (id), total integer not null);
create table loyalty (customer integer primary key references customers (id), points integer not null);
create unique index customers_by_email on customers (email);
