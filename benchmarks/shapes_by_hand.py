"""The work of each shape as plain Polars and deltalake: `python -m benchmarks.shapes_by_hand SHAPE FOLDER`; prints its seconds."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake


def csv_ingest(given: Path, out: Path) -> None:
    rows = pl.scan_csv(given / "orders.csv", include_file_paths="_source_file")
    write_deltalake(out, rows.with_columns(pl.lit(datetime.now(UTC)).alias("_extracted_at")).collect(), mode="append")


def sql_clean(given: Path, out: Path) -> None:
    text = "SELECT id, LOWER(TRIM(email)) AS email, UPPER(country) AS country, quantity * price AS amount, CAST(at AS DATE) AS day"
    frame = pl.SQLContext(df=pl.scan_parquet(given / "orders.parquet")).execute(f"{text} FROM df WHERE quantity > 0")
    write_deltalake(out, frame.collect(), mode="overwrite")


def deduplicate(given: Path, out: Path) -> None:
    rows = pl.scan_parquet(given / "orders.parquet").with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    frame = rows.sort("at", descending=True).unique("id", keep="first", maintain_order=True)
    write_deltalake(out, frame.collect(), mode="overwrite")


def join_aggregate(given: Path, out: Path) -> None:
    orders, customers = pl.scan_parquet(given / "orders.parquet"), pl.scan_parquet(given / "customers.parquet")
    joined = orders.join(customers, on="customer").group_by("segment")
    frame = joined.agg(orders=pl.len(), amount=(pl.col("quantity") * pl.col("price")).sum())
    write_deltalake(out, frame.collect(), mode="overwrite")


def upsert(given: Path, out: Path) -> None:
    merge = DeltaTable(out).merge(
        pl.read_parquet(given / "changes.parquet"), "t.id = s.id", source_alias="s", target_alias="t", streamed_exec=False
    )
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


def scd2(given: Path, out: Path) -> None:
    """Close the versions that changed and add the new ones, and write the history anew."""
    history, rows = pl.scan_delta(out), pl.scan_parquet(given / "changes.parquet")
    current = history.filter("is_current").select("id", "country", "price")
    changed = rows.join(current, on=["id", "country", "price"], how="anti", nulls_equal=True)
    closing = changed.select("id", closed="at")
    closed = history.join(closing, on="id", how="left").with_columns(
        valid_to=pl.when(pl.col("is_current") & pl.col("closed").is_not_null()).then("closed").otherwise("valid_to"),
        is_current=pl.col("is_current") & pl.col("closed").is_null(),
    )
    added = changed.with_columns(valid_from="at", valid_to=pl.lit(None, pl.Datetime("us", "UTC")), is_current=True)
    write_deltalake(out, pl.concat([closed.drop("closed"), added]).collect(), mode="overwrite")


SHAPES = {work.__name__: work for work in (csv_ingest, sql_clean, deduplicate, join_aggregate, upsert, scd2)}


def main(shape: str, home: Path) -> None:
    began = time.perf_counter()
    SHAPES[shape](home / "given", home / "lake/out")
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
