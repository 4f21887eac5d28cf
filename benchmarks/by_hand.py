"""The orders pipeline as plain Polars and deltalake: the same reads, SQL, checks and Delta writes. What a user would compare with."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

CLEAN = Path(__file__).resolve().parent.parent / "pipelines/sql/clean_orders.sql"
SALES = "COUNT(*) AS orders, SUM(quantity) AS pieces, SUM(amount) AS amount FROM silver WHERE status <> 'returned'"


def load(files: str, lake: str, options: dict[str, str] | None = None) -> None:
    """Load what a pattern names into a lake: a folder, or a container with the options to open it."""
    now = datetime.now(UTC)
    found = pl.scan_csv(files, include_file_paths="_source_file", storage_options=options)
    bronze = found.with_columns(pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("_extracted_at")).collect()
    write_deltalake(f"{lake}/bronze/orders", bronze, mode="append", storage_options=options)

    clean = pl.SQLContext(bronze_orders=bronze).execute(CLEAN.read_text())
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
    upsert(f"{lake}/silver/orders", silver, "t.order_id = s.order_id", options)

    tables = pl.SQLContext(silver=pl.scan_delta(f"{lake}/silver/orders", storage_options=options))
    days = tables.execute(f"SELECT CAST(ordered_at AS DATE) AS day, country, {SALES} GROUP BY CAST(ordered_at AS DATE), country")
    write_deltalake(f"{lake}/gold/daily_sales", days.collect(), mode="overwrite", storage_options=options)
    products = tables.execute(f"SELECT product, {SALES} GROUP BY product")
    write_deltalake(f"{lake}/gold/product_sales", products.collect(), mode="overwrite", storage_options=options)


def upsert(table: str, rows: pl.DataFrame, same: str, options: dict[str, str] | None) -> None:
    if not DeltaTable.is_deltatable(table, storage_options=options):
        write_deltalake(table, rows, storage_options=options)
        return
    merge = DeltaTable(table, storage_options=options).merge(rows, same, source_alias="s", target_alias="t", streamed_exec=False)
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


if __name__ == "__main__":
    load(f"{sys.argv[1]}/landing/orders/*.csv", f"{sys.argv[1]}/lake")
