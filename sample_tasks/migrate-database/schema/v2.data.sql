insert into loyalty (customer, points) select customer, sum(total) / 100 from orders group by customer;
