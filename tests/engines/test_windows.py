"""The rows of one load and the mark to load up to: typed, pushed down, and never one row lost or read twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.engines.polars import PolarsEngine
from odibi_core.engines.polars.windows import within_window
from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.ports import Window

T0 = datetime(2026, 7, 1, tzinfo=UTC)
NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001 - a wall clock on purpose


def _window(after, until, column="m", fallback=None):
    return Window(column=column, after=after, until=until, fallback_column=fallback)


KINDS = {
    "int": (pl.Series([1, 2, 3, 4]), (1, 3)),
    "float": (pl.Series([1.5, 2.5, 3.5, 4.5]), (1.5, 3.5)),
    "int for float": (pl.Series([1.0, 2.0, 3.0, 4.0]), (1, 3)),
    "text": (pl.Series(["a", "b", "c", "d"]), ("a", "c")),
    "date": (pl.Series([date(2026, 7, day) for day in (1, 2, 3, 4)]), (T0, T0 + timedelta(days=2))),
    "date by text": (pl.Series([date(2026, 7, day) for day in (1, 2, 3, 4)]), ("2026-07-01", "2026-07-03")),
    "naive": (pl.Series([NAIVE + timedelta(hours=h) for h in range(4)]), (T0, T0 + timedelta(hours=2))),
    "utc": (pl.Series([T0 + timedelta(hours=h) for h in range(4)]), (T0, T0 + timedelta(hours=2))),
    "zurich": (
        pl.Series([T0 + timedelta(hours=h) for h in range(4)]).dt.convert_time_zone("Europe/Zurich"),
        (T0, T0 + timedelta(hours=2)),
    ),
    "milliseconds": (pl.Series([NAIVE + timedelta(hours=h) for h in range(4)], dtype=pl.Datetime("ms")), (T0, T0 + timedelta(hours=2))),
    "text of times": (pl.Series([f"2026-07-01 0{h}:00:00" for h in range(4)]), (T0, T0 + timedelta(hours=2))),
    "decimal": (pl.Series([Decimal(f"{n}.10") for n in (1, 2, 3, 4)]), ("1.10", "3.10")),
}


@pytest.mark.parametrize(("column", "bounds"), KINDS.values(), ids=KINDS)
def test_after_is_excluded_and_until_included(column, bounds):
    """For every type that a mark can have."""
    frame = pl.LazyFrame({"m": column, "n": [1, 2, 3, 4]})
    after, until = bounds
    assert within_window(frame, _window(after, until)).collect()["n"].to_list() == [2, 3]
    assert within_window(frame, _window(None, until)).collect()["n"].to_list() == [1, 2, 3]
    assert within_window(frame, _window(after, None)).collect()["n"].to_list() == [2, 3, 4]
    assert within_window(frame, _window(None, None)).collect().height == 4


@pytest.mark.parametrize(
    ("column", "largest"),
    [
        (pl.Series([1, None, 3]), 3),
        (pl.Series([1.5, None]), 1.5),
        (pl.Series(["b", "a"]), "b"),
        (pl.Series([date(2026, 7, 1)]), T0),
        (pl.Series([NAIVE]), T0),
        (pl.Series([T0]).dt.convert_time_zone("Europe/Zurich"), T0),
        (pl.Series([Decimal("3.10")]), "3.10"),
        (pl.Series([None], dtype=pl.Int64), None),
        (pl.Series([], dtype=pl.Date), None),
    ],
    ids=str,
)
def test_the_largest_value(lazily, column, largest):
    """In a form that is stored and compared again: times are aware and UTC."""
    found = PolarsEngine().maximum(lazily(pl.DataFrame({"m": column})), _window(None, None))
    assert found == largest
    assert type(found) is type(largest)
    if isinstance(found, datetime):
        assert found.tzinfo is UTC


def test_the_fallback_decides_where_the_column_is_null(lazily):
    """A row that has neither is in no load."""
    frame = pl.DataFrame({"m": [1, None, 3, None], "f": [9, 2, 9, None]})
    found = within_window(frame.lazy(), _window(1, 3, fallback="f")).collect()
    assert found.rows() == [(None, 2), (3, 9)]
    assert (
        PolarsEngine().maximum(
            lazily(frame.with_columns(m=pl.Series([1, None, None, None], dtype=pl.Int64), f=pl.Series([9, 2, 7, 8]))),
            _window(None, None, fallback="f"),
        )
        == 8
    )


def test_nanoseconds_are_compared_as_microseconds(lazily):
    """Otherwise the newest row would lie behind its own mark, which has microseconds."""
    frame = pl.DataFrame({"m": pl.Series([1_000, 2_999], dtype=pl.Int64).cast(pl.Datetime("ns"))})
    mark = PolarsEngine().maximum(lazily(frame), _window(None, None))
    assert within_window(frame.lazy(), _window(None, mark)).collect().height == 2
    assert within_window(frame.lazy(), _window(mark, None)).collect().height == 0


@given(st.lists(st.integers(0, 30), min_size=1), st.lists(st.integers(0, 30), max_size=4))
def test_loads_one_after_the_other_read_each_row_once(values, cuts):
    """Whatever the marks: windows that meet lose nothing and repeat nothing."""
    frame = pl.LazyFrame({"m": values})
    bounds = [None, *sorted(cuts), None]
    read = [value for after, until in pairwise(bounds) for value in within_window(frame, _window(after, until)).collect()["m"]]
    assert sorted(read) == sorted(values)


def test_a_window_is_pushed_down_into_the_scan(lake):
    """Of a table, only files that can hold rows of the window are read."""
    for start in (0, 100):
        lake.write(pl.DataFrame({"m": range(start, start + 10)}))
    scanned = lake.engine.scan(lake.source("t", window=_window(100, 105)))
    assert scanned.rows is None  # the log knows the whole table only
    plan = scanned.frame.to_native().explain()
    assert "FILTER" not in plan.split("SCAN")[0]
    assert lake.engine.cache(scanned.frame, {}).rows == 5


@pytest.mark.parametrize(
    ("data", "window", "says"),
    [
        ({"x": [1]}, _window(1, None), "incremental column 'm' is missing"),
        ({"m": [1]}, _window(1, None, fallback="f"), "incremental column 'f' is missing"),
        ({"m": [True]}, _window(1, None), "'m' is Boolean"),
        ({"m": [[1]]}, _window(1, None), "'m' is List"),
        ({"m": [1], "f": ["a"]}, _window(1, None, fallback="f"), "'m' is Int64 and its fallback 'f' is String"),
        ({"m": [1]}, _window("abc", None), "its mark is a text"),
        ({"m": [1]}, _window(T0, None), "its mark is a datetime"),
        ({"m": ["a"]}, _window(1, None), "its mark is a int"),
        ({"m": [NAIVE]}, _window(1, None), "its mark is a int"),
        ({"m": [NAIVE]}, _window("abc", None), "its mark is a str"),
    ],
)
def test_marks_that_cannot_be_compared(data, window, says):
    """A reset watermark, a renamed column."""
    with pytest.raises(SchemaMismatchError, match=says):
        within_window(pl.LazyFrame(data), window)


def test_a_text_that_is_no_time_fails_instead_of_being_left_out(lake):
    """A row that no window ever takes would be lost."""
    lake.file("a.csv", "m\n2026-07-01 00:00:00\nSECRET\n")
    scanned = lake.engine.scan(lake.source("a.csv", "csv", window=_window(T0, None)))
    with pytest.raises(DataError) as caught:
        lake.engine.cache(scanned.frame, {})
    assert "SECRET" not in str(caught.value)
