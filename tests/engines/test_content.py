"""Rows as one number: the same rows, the same number."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest

from odibi_core.engines.polars.content import fingerprint

ROWS = pl.DataFrame(
    {
        "text": ["x", None, ""],
        "instant": [datetime(2024, 1, 1, tzinfo=UTC), None, datetime(2024, 1, 1, 1, 2, 3, 4, tzinfo=UTC)],
        "flag": [True, None, False],
        "number": [1.0, 1e20, None],
        "day": [date(2024, 1, 1), None, date(2024, 1, 2)],
        "amount": [Decimal("1.50"), None, Decimal("0.00")],
        "clock": [time(1, 2), None, time(3)],
        "span": [timedelta(1), None, timedelta(2)],
        "list": [[1], None, []],
        "struct": [{"a": 1}, {"a": None}, {"a": 2}],
        "bytes": [b"x\xff", None, b""],
        "nothing": [None, None, None],
    }
)


def test_the_order_of_rows_does_not_count() -> None:
    """Every type has a text."""
    assert fingerprint(ROWS, None) == fingerprint(ROWS[::-1], None) == fingerprint(ROWS.clone(), None)


@pytest.mark.parametrize("column", [name for name in ROWS.columns if name != "nothing"])
def test_every_value_counts(column: str) -> None:
    """A value that goes missing is a change, in whatever column."""
    changed = ROWS.with_columns(pl.Series(column, [None, None, *ROWS[column][2:].to_list()], dtype=ROWS.schema[column]))
    assert fingerprint(changed, None) != fingerprint(ROWS, None)
    assert fingerprint(changed, ["nothing"]) == fingerprint(ROWS, ["nothing"])


def test_missing_empty_and_double_rows_are_different() -> None:
    """So are no rows, and columns of another name."""
    frames = [
        pl.DataFrame({"a": [""]}),
        pl.DataFrame({"a": pl.Series([None], dtype=pl.String)}),
        pl.DataFrame({"a": ["", ""]}),
        pl.DataFrame({"a": pl.Series([], dtype=pl.String)}),
        pl.DataFrame({"b": [""]}),
    ]
    assert len({fingerprint(frame, None) for frame in frames}) == 5


def test_the_number_is_the_same_for_ever() -> None:
    """A table remembers it. By `sha256sum` of the names and the row as JSON."""
    assert fingerprint(pl.DataFrame({"i": [1]}), None) == "b0903f42552166cab2dbeef671e18ca045e6fa1afdb4a5b9c46fba5c1a5f805f"
