alter table orders add column phone text;
create index orders_by_item on orders (item);
