"""Texts as timestamps: the usual spelling is read at once, any other closely, in one column."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from odibi_core.engines.polars.sql import query
from odibi_core.planning.compiling import compiled_here

WRITTEN = {
    "2026-01-02T10:11:12": datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC),
    "2026-01-02 10:11:12": datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC),
    " 2026-01-02 10:11:12.5 ": datetime(2026, 1, 2, 10, 11, 12, 500_000, tzinfo=UTC),
    "2026-01-02T10:11": datetime(2026, 1, 2, 10, 11, tzinfo=UTC),
    "2026-01-02": datetime(2026, 1, 2, tzinfo=UTC),
    "2026-01-02T10:11:12Z": datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC),
    "2026-01-02T10:11:12+02:00": datetime(2026, 1, 2, 8, 11, 12, tzinfo=UTC),
    "2026-02-30T10:11:12": None,
    "soon": None,
}


def _read(function: str, texts: list[str | None]) -> pl.DataFrame:
    compiled = compiled_here(f"SELECT {function} AS t FROM df", {"df"}, "spark", datetime(2026, 11, 22, tzinfo=UTC))
    return query(compiled, {"df": pl.LazyFrame({"x": texts}, schema={"x": pl.String})}).collect()


def test_every_spelling_in_one_column():
    """A column may mix them; what is no time is NULL where the author allows it."""
    found = _read("TRY_CAST(x AS TIMESTAMP)", [*WRITTEN, None])["t"].dt.replace_time_zone("UTC").to_list()
    assert found == [*WRITTEN.values(), None]


def test_a_text_that_is_no_time_is_refused():
    """Whatever the others are."""
    with pytest.raises(pl.exceptions.InvalidOperationError):
        _read("CAST(x AS TIMESTAMP)", ["2026-01-02T10:11:12", "soon"])
