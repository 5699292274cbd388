create table customers (id integer primary key, name text not null, email text not null);
create table orders (id integer primary key, customer integer not null references customers, total integer not null);
insert into customers values
  (1, 'Grace', 'grace@example.org'), (2, 'Alan', 'alan@example.org'), (3, 'Barbara', 'barbara@example.org');
insert into orders values (1, 1, 4900), (2, 1, 12900), (3, 3, 39900);
