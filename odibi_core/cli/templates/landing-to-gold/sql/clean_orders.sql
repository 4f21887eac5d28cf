SELECT order_id, UPPER(TRIM(country)) AS country, amount, CAST(ordered_at AS TIMESTAMP) AS ordered_at
FROM bronze_orders
