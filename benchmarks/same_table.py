"""Whether two Delta tables hold the same rows, but for what belongs to the run: `python -m benchmarks.same_table ONE OTHER`."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

_OF_THE_RUN = ("_extracted_at", "_source_file")


def main(one: Path, other: Path) -> None:
    left, right = (pl.read_delta(str(table)).drop(_OF_THE_RUN, strict=False) for table in (one, other))
    assert set(left.columns) == set(right.columns), f"{left.columns} and {right.columns}"
    assert_frame_equal(left, right.select(left.columns), check_row_order=False, check_dtypes=False, rel_tol=1e-9)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
