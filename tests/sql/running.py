"""Run a compiled query on Polars, as the engine does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import narwhals as nw
import polars as pl

from odibi_core.engines.polars.sql import query
from odibi_core.ports import CompiledSql, Frame
from odibi_core.sql import compile_sql

at = datetime.fromisoformat
DF = pl.LazyFrame(
    {
        "g": ["a", "a", "b", None],
        "x": [1, None, -7, 3],
        "i": pl.Series([2_000_000_000, 2_000_000_000, 0, None], dtype=pl.Int32),
        "y": [2.5, -2.5, 1.005, None],
        "m": pl.Series([Decimal("2.345"), Decimal("-1.000"), Decimal("0.125"), None], dtype=pl.Decimal(10, 3)),
        "z": [0, 2, -2, None],
        "s": [" Ab ", "b\t", "héllo-x", None],
        "b": [True, False, None, True],
        "d": [date(2024, 1, 31), date(2024, 12, 29), date(1999, 12, 31), None],
        "t": [at("2024-01-31 13:05:10"), at("2024-12-29 00:00:00.120"), at("1999-12-31 23:59:59"), None],
    }
)
OTHER = pl.LazyFrame({"g": ["a", "n", None], "w": [10, 20, 30]})


def run(compiled: CompiledSql, tables: Mapping[str, Frame]) -> Frame:
    """What the Polars engine does with a compiled query."""

    native = {name.lower(): frame.to_native() for name, frame in tables.items()}
    return nw.from_native(query(compiled, {name: native[name] for name in compiled.tables}))


def rows(text: str, dialect="spark", **tables: pl.LazyFrame) -> list[tuple]:
    """The rows of a query over DF and OTHER, or the given frames."""
    frames = {name: nw.from_native(frame) for name, frame in (tables or {"df": DF, "other": OTHER}).items()}
    return run(compile_sql(text, tables=list(frames), dialect=dialect), frames).collect().rows()


def values(expression: str) -> list:
    """What an expression gives for each row of DF."""
    return [row[0] for row in rows(f"SELECT {expression} AS r FROM df")]
