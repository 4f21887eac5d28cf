"""Parquet files as one lazy frame, after a look at their footers only."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from odibi_core.engines.polars.csv_reader import MAX_COLUMNS, named_files
from odibi_core.engines.polars.delta_types import missing_and_extra
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.ports import Source

_SUSPICIOUS_BYTES = 1 << 30  # in memory
_SUSPICIOUS_RATIO = 1000  # memory to file


def scan_parquet(source: Source, files: Sequence[LocalFile]) -> tuple[pl.LazyFrame, int]:
    """
    One frame over all files, and the number of its rows.

    Raises:
        DataError: If a file is no Parquet file, or unpacks to an absurd size.
        SchemaMismatchError: If a file has other columns or types than the first.
    """
    if source.options:
        raise ConfigError(f"parquet option '{next(iter(source.options))}' is not known", hint="Parquet files need no options.")
    first = _schema(files[0])
    rows = 0
    for file in files:
        schema = first if file is files[0] else _schema(file)
        differs = missing_and_extra(schema, first) or _types_that_differ(schema, first)
        if differs:
            raise SchemaMismatchError(
                f"'{file.name}' has other columns than '{files[0].name}': {differs}", hint="Read files of one shape together."
            )
        rows += _checked_rows(file, schema)
    with translated(f"opening parquet '{source.location.name}'"):
        frame = pl.scan_parquet([file.path for file in files], glob=False, hive_partitioning=False, include_file_paths=source.file_column)
        frame.collect_schema()
    return named_files(frame, files, source.file_column), rows


def _schema(file: LocalFile) -> pl.Schema:
    with translated(f"reading parquet '{file.name}'"):
        if not file.path.stat().st_size:
            raise DataError(f"'{file.name}' (parquet) has 0 bytes", code="empty_file", hint="Send the file again.")
        try:
            schema = pl.Schema(pl.read_parquet_schema(file.path))
        except pl.exceptions.PolarsError:
            raise DataError(f"'{file.name}' is not a whole parquet file", code="unreadable_rows", hint="Send it again.") from None
    if len(schema) > MAX_COLUMNS:
        raise DataError(f"'{file.name}' (parquet) has {len(schema)} columns, over the limit of {MAX_COLUMNS}", code="too_many_columns")
    return schema


def _types_that_differ(have: pl.Schema, want: pl.Schema) -> str:
    return "; ".join(f"'{name}' is {have[name]} and not {want[name]}" for name in want if have[name] != want[name])


def _checked_rows(file: LocalFile, schema: pl.Schema) -> int:
    with translated(f"reading parquet '{file.name}'"):
        rows = int(pl.scan_parquet(file.path, glob=False).select(pl.len()).collect().item())
        size = file.path.stat().st_size
    unpacked = rows * len(schema) * 8
    if unpacked > _SUSPICIOUS_BYTES and unpacked > _SUSPICIOUS_RATIO * size:
        raise DataError(f"'{file.name}' (parquet) has {rows} rows in {size} bytes: it would fill the memory", code="archive")
    return rows
