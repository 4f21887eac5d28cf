SELECT
  order_id,
  customer,
  LOWER(TRIM(email)) AS email,
  UPPER(country)     AS country,
  product,
  quantity,
  price,
  quantity * price   AS amount,
  status,
  CAST(ordered_at AS TIMESTAMP) AS ordered_at
FROM bronze_orders
