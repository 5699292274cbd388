insert into customers (name, email) values
  ('Grace', 'grace@example.org'), ('Alan', 'alan@example.org'), ('Barbara', 'barbara@example.org');
insert into orders (customer, total) values (1, 4900), (1, 12900), (3, 39900);
