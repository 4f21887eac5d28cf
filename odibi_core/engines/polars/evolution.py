"""Rows that must be kept whatever their columns: a type is found that holds the old values and the new ones, in the end text."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

_WRAPPED = "v"


def as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A column as text: lists and structs as JSON, bytes as hex digits, anything else as it is printed."""
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex")
    if not dtype.is_nested():
        return column.cast(pl.String)
    wrapped = pl.struct(column.alias(_WRAPPED)).struct.json_encode()
    text = wrapped.str.slice(len(f'{{"{_WRAPPED}":')).str.head(-1)
    return pl.when(column.is_null()).then(None).otherwise(text).alias(column.meta.output_name())


def with_case_of(rows: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Columns that differ from a table's in case only get the table's spelling, unless that is taken."""
    by_case = {name.lower(): name for name in names}
    taken = {*rows.columns}
    renamed = {name: other for name in rows.columns if (other := by_case.get(name.lower(), name)) != name and other not in taken}
    return rows.rename(renamed) if renamed else rows
