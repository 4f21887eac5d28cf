"""Whether two lakes hold the same orders and sales. Run as a process of its own, so that the one that measures stays small."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

TABLES = {"bronze/orders": "order_id", "silver/orders": "order_id", "gold/daily_sales": "day", "gold/product_sales": "product"}
_OF_THE_RUN = ("_extracted_at", "_source_file")  # a time, and a path that each side writes in its own way


def main(one: Path, other: Path) -> None:
    for table in TABLES:
        left, right = (pl.read_delta(str(lake / table)) for lake in (one, other))
        assert set(left.columns) == set(right.columns), f"{table}: {left.columns} and {right.columns}"
        left, right = left.drop(_OF_THE_RUN, strict=False), right.drop(_OF_THE_RUN, strict=False)
        assert_frame_equal(left, right, check_row_order=False, check_column_order=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
