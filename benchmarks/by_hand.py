"""The orders pipeline as plain Polars and deltalake: the same reads, SQL, checks and Delta writes. What a user would compare with."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

SALES = "COUNT(*) AS orders, SUM(quantity) AS pieces, SUM(amount) AS amount FROM silver WHERE status <> 'returned'"


def main(project: Path) -> None:
    lake, now = project / "lake", datetime.now(UTC)

    files = pl.scan_csv(project / "landing/orders/*.csv", include_file_paths="_source_file")
    bronze = files.with_columns(pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("_extracted_at")).collect()
    write_deltalake(lake / "bronze/orders", bronze, mode="append")

    clean = pl.SQLContext(bronze_orders=bronze).execute((project / "sql/clean_orders.sql").read_text())
    clean = clean.with_columns(pl.col("ordered_at").dt.replace_time_zone("UTC"))
    silver = clean.sort("ordered_at", descending=True).unique("order_id", keep="first", maintain_order=True).collect()
    broken = silver.select(
        missing=pl.any_horizontal(pl.col("order_id", "email", "country").is_null()).sum(),
        quantity=(~pl.col("quantity").is_between(1, 1000)).sum(),
        price=(pl.col("price") < 0).sum(),
        status=(~pl.col("status").is_in(["new", "paid", "shipped", "returned"])).sum(),
    ).row(0, named=True)
    if any(broken.values()):
        raise ValueError(f"checks failed: {broken}")
    upsert(lake / "silver/orders", silver, "t.order_id = s.order_id")

    tables = pl.SQLContext(silver=pl.scan_delta(lake / "silver/orders"))
    days = tables.execute(f"SELECT CAST(ordered_at AS DATE) AS day, country, {SALES} GROUP BY CAST(ordered_at AS DATE), country")
    write_deltalake(lake / "gold/daily_sales", days.collect(), mode="overwrite")
    products = tables.execute(f"SELECT product, {SALES} GROUP BY product")
    write_deltalake(lake / "gold/product_sales", products.collect(), mode="overwrite")


def upsert(table: Path, rows: pl.DataFrame, same: str) -> None:
    if not DeltaTable.is_deltatable(str(table)):
        write_deltalake(table, rows)
        return
    merge = DeltaTable(table).merge(rows, same, source_alias="s", target_alias="t", streamed_exec=False)
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
