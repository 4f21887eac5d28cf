"""The data of a shape: `python -m benchmarks.shapes_data SHAPE FOLDER ROWS`. The same rows each time."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

_BEGAN = datetime(2026, 1, 1)  # noqa: DTZ001  the files carry local time without a zone
_SHARE = 100  # one row in so many changes


def orders(rows: int, *, first: int = 0) -> pl.DataFrame:
    """Orders with a few texts, numbers and a time; one in five comes twice under the same id."""
    number = pl.int_range(first, first + rows, eager=True).alias("n")
    return pl.DataFrame({"n": number}).select(
        (pl.col("n") * 4 // 5).alias("id"),
        (pl.lit("  Shop.") + (pl.col("n") * 7919 % 100_003).cast(pl.String) + "@Example.com ").alias("email"),
        pl.lit(pl.Series(["at", "ch", "de", "fr", "it"])).gather(pl.col("n") % 5).alias("country"),
        (pl.col("n") * 31 % 50_000).alias("customer"),
        (pl.col("n") * 17 % 10).alias("quantity"),
        ((pl.col("n") * 13 % 10_000) / 100).alias("price"),
        (pl.lit(_BEGAN) + pl.duration(seconds=pl.col("n") * 104_729 % 25_000_000)).alias("at"),
    )


def main(shape: str, home: Path, rows: int) -> None:
    given = home / "given"
    given.mkdir(parents=True)
    match shape:
        case "csv_ingest":
            orders(rows).write_csv(given / "orders.csv")
        case "sql_clean" | "deduplicate":
            orders(rows).write_parquet(given / "orders.parquet")
        case "join_aggregate":
            orders(rows).write_parquet(given / "orders.parquet")
            segments = pl.DataFrame({"customer": range(50_000)}).with_columns(segment=pl.format("s{}", pl.col("customer") % 100))
            segments.write_parquet(given / "customers.parquet")
        case "upsert":
            table = orders(rows).with_columns(id=pl.int_range(pl.len()), at=pl.col("at").dt.replace_time_zone("UTC"))
            write_deltalake(home / "before/out", table)
            _changed(table).write_parquet(given / "changes.parquet")
        case "scd2":
            table = orders(rows).with_columns(id=pl.int_range(pl.len()), at=pl.col("at").dt.replace_time_zone("UTC"))
            history = table.with_columns(valid_from="at", valid_to=pl.lit(None, pl.Datetime("us", "UTC")), is_current=True)
            write_deltalake(home / "before/out", history)
            _changed(table).with_columns(pl.col("at") + pl.duration(days=400)).write_parquet(given / "changes.parquet")


def _changed(table: pl.DataFrame) -> pl.DataFrame:
    """One row in a hundred, with another price."""
    return table.gather_every(_SHARE).with_columns(pl.col("price") + 1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
