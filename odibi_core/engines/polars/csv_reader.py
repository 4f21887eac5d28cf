"""CSV files as one lazy frame, or a reason why not that quotes no cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from odibi_core.engines.polars.csv_options import CsvOptions, csv_options
from odibi_core.engines.polars.delta_types import missing_and_extra
from odibi_core.engines.polars.errors import some_names, translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.text_checks import HEAD_BYTES, as_utf8, check_lines, head
from odibi_core.engines.polars.text_times import time_of_text
from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.ports import Source

MAX_COLUMNS = 5000


class ScannedCsv(Frozen):
    """CSV files that were scanned: enough to say later which of them could not be read."""

    files: tuple[LocalFile, ...]
    options: CsvOptions
    schema: pl.Schema


class OpenedCsv(Frozen):
    """CSV files before they are scanned."""

    files: list[LocalFile]
    headers: list[list[str]]  # of each file
    with_rows: list[LocalFile]  # at least one
    options: CsvOptions


def scan_csv(source: Source, files: Sequence[LocalFile], folder: Path) -> tuple[pl.LazyFrame, ScannedCsv]:
    """
    One frame over all files, in the columns of the first.

    A file that has only its header gives no rows, and no opinion on types. Cells that a short line lacks are null.

    Raises:
        DataError: `empty_file`, `encoding`, `archive` or `unreadable_rows`.
        SchemaMismatchError: If a file has other columns than the first.
        ConfigError: If an option is unknown.
    """
    opened = open_csv(source, files, folder)
    headers, with_rows, options = opened.headers, opened.with_rows, opened.options
    same_order = all(names == headers[0] for names in headers)
    with translated(f"opening csv '{source.location.name}'"):
        if same_order:
            frame = scanned_texts(with_rows, options, source.file_column)
        else:
            parts = [scanned_texts([file], options, source.file_column) for file in with_rows]
            first = parts[0].collect_schema()
            frame = pl.concat([part.select(first.names()) for part in parts], how="vertical_relaxed")
        schema = frame.collect_schema()
        frame = _shaped(frame, options, source.file_column)
    return frame, ScannedCsv(files=tuple(with_rows), options=options, schema=schema)


def open_csv(source: Source, files: Sequence[LocalFile], folder: Path, *, loose: bool = False) -> OpenedCsv:
    """
    The files as plain UTF-8, with headers that go together and have the columns of the options; `loose`: with any header.

    Raises:
        DataError: `empty_file`, `encoding`, `archive` or `unreadable_rows`.
        SchemaMismatchError: If a file has other columns than the first.
        ConfigError: If an option is unknown.
    """
    options = csv_options(source.options)
    readable = [as_utf8(file, "csv", options.encoding, folder) for file in files]
    for file in readable:
        check_lines(file, "csv", str(options.polars.get("eol_char", "\n")).encode())
    headers = [_header(file, options) for file in readable]
    for file, names in zip(readable, headers, strict=True) if not loose else ():
        differs = missing_and_extra(names, headers[0])
        if differs:
            raise SchemaMismatchError(
                f"'{file.name}' has other columns than '{readable[0].name}': {differs}", hint="Read files of one shape together."
            )
    unknown = [name for name in dict.fromkeys([*options.types, *options.columns, *options.dates]) if name not in headers[0]]
    if unknown and not loose:
        raise SchemaMismatchError(f"column {some_names(unknown)} of the read options is missing in '{readable[0].name}'")
    with_rows = [file for file in readable if not _only_header(file, options)] or readable[:1]
    return OpenedCsv(files=readable, headers=headers, with_rows=with_rows, options=options)


def scanned_texts(files: Sequence[LocalFile], options: CsvOptions, file_column: str | None, **more: Any) -> pl.LazyFrame:
    """One scan over files of the same columns in the same order; times that are read as texts still are texts."""
    frame = pl.scan_csv(
        [file.path for file in files],
        schema_overrides={**options.types, **dict.fromkeys(options.times, pl.String())} or None,
        infer_schema_files=len(files),
        include_file_paths=file_column,
        glob=False,
        **{**options.polars, **more},
    )
    return named_files(frame, files, file_column)


def _shaped(frame: pl.LazyFrame, options: CsvOptions, file_column: str | None) -> pl.LazyFrame:
    """Only the columns that are asked for, and texts that are times as such."""
    if options.columns:
        frame = frame.select(*options.columns, *([] if file_column is None or file_column in options.columns else [file_column]))
    times = [name for name in options.times if not options.columns or name in options.columns]
    return frame.with_columns(time_column(name, options) for name in times) if times else frame


def time_column(name: str, options: CsvOptions, *, strict: bool = True) -> pl.Expr:
    """A column of texts as times; a text that is none fails, or is null without `strict`."""
    wanted = options.types.get(name, pl.Datetime("us"))
    if options.date_format is None:
        return time_of_text(pl.col(name), None, strict=strict).dt.replace_time_zone(None).cast(wanted)
    text = pl.col(name).str.strip_chars()
    if isinstance(wanted, pl.Date):
        return pl.when(text != "").then(text).str.to_date(options.date_format, strict=strict)
    return pl.when(text != "").then(text).str.to_datetime(options.date_format, time_unit="us", strict=strict)


def named_files(frame: pl.LazyFrame, files: Sequence[LocalFile], file_column: str | None) -> pl.LazyFrame:
    """Put the announced paths where polars put the ones it read."""
    if file_column is None:
        return frame
    names: Mapping[str, str] = {str(file.path): file.version.path for file in files}
    return frame.with_columns(pl.col(file_column).replace_strict(names, return_dtype=pl.String))


def _header(file: LocalFile, options: CsvOptions) -> list[str]:
    """The column names as the file has them, before polars makes two equal ones differ."""
    start = head(file)
    if options.has_header and len(start) == HEAD_BYTES and b"\n" not in start and b"\r" not in start:
        raise DataError(f"the first line of '{file.name}' (csv) is longer than {HEAD_BYTES} bytes", code="unreadable_rows")
    with translated(f"reading the header of csv '{file.name}'"):
        only_names = {**options.polars, "infer_schema": False, "infer_schema_length": 1}
        names = pl.scan_csv(file.path, glob=False, **only_names).collect_schema().names()
    twice = [name for name in names if "_duplicated_" in name and name.rsplit("_duplicated_", 1)[0] in names]
    if twice:
        raise DataError(
            f"'{file.name}' (csv) has column {some_names([name.rsplit('_duplicated_', 1)[0] for name in twice])} more than once",
            code="duplicate_columns",
        )
    if len(names) > MAX_COLUMNS:
        raise DataError(f"'{file.name}' (csv) has {len(names)} columns, over the limit of {MAX_COLUMNS}", code="too_many_columns")
    if any("\r" in name or "\n" in name for name in names) and options.has_header:
        raise DataError(
            f"'{file.name}' (csv) has line breaks in its header",
            code="unreadable_rows",
            hint="Name its line end as 'eol_char' in the options.",
        )
    return names


def _only_header(file: LocalFile, options: CsvOptions) -> bool:
    if not options.has_header:
        return False
    start = head(file)
    if len(start) == HEAD_BYTES:
        return False
    with translated(f"reading csv '{file.name}'"):
        only_names = {**options.polars, "infer_schema": False, "n_rows": 1}
        try:
            return pl.scan_csv(file.path, glob=False, **only_names).collect().is_empty()
        except pl.exceptions.ComputeError:
            return False  # it has rows; what is wrong with them is said when they are read
