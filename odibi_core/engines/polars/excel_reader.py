"""Sheets of Excel files as one frame. They are read whole: a workbook is a zip archive."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import Field, JsonValue, ValidationError

from odibi_core.engines.polars.column_types import column_type, types_of_ddl
from odibi_core.engines.polars.errors import some_names, translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.workbook_checks import check_workbook
from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.model import Record
from odibi_core.ports import Source

_SPELLINGS = {
    "sheet": "sheet_name",
    "sheetname": "sheet_name",
    "sheet_id": "sheet_id",
    "has_header": "header",
    "skip_rows": "skiprows",
    "columns": "usecols",
    "n_rows": "nrows",
    "schema": "dtype",
    "dtypes": "dtype",
    "schema_overrides": "dtype",
}
_IGNORED = frozenset({"engine", "infer_schema_length", "raise_if_empty"})


class _Options(Record):
    """What the options of an Excel source say."""

    sheet_name: str | int | list[str | int] | None = 0  # a name, or a number from 0; None: the first
    sheet_id: int | None = Field(default=None, ge=1)  # a number from 1
    sheet_pattern: str | list[str] | None = None  # all sheets with such names: `*` and `?`
    sheet_pattern_case_sensitive: bool = False
    add_source_file: bool = False  # columns `_source_file` and `_source_sheet`
    header: bool | int | None = True  # a number: in which row, from 0
    skiprows: int = Field(default=0, ge=0)
    nrows: int | None = Field(default=None, ge=0)
    usecols: list[str | int] | str | None = None  # names, numbers from 0, or letters: `A:C,F`
    dtype: str | dict[str, str] | None = None
    names: list[str] | None = None
    schema_ddl: str | None = None


def read_excel(source: Source, files: Sequence[LocalFile]) -> pl.LazyFrame:
    """
    The rows of the wanted sheets of all files, one below the other; a column that a sheet lacks is null.

    Raises:
        DataError: `empty_file`, `unreadable_rows` or `missing_sheet`.
        SchemaMismatchError: If a column that the options name is missing, or if two sheets give a column types that do not go together.
        ConfigError: If an option is unknown.
    """
    options = _read_options(source.options)
    parts = [part for file in files for part in _sheets(file, options, source.file_column)]
    filled = [part for part in parts if part.height] or parts[:1]
    if not filled:
        raise DataError(
            f"no sheet of '{source.location.name}' matches the pattern",
            code="missing_sheet",
            hint="Correct 'sheet_pattern' in the read options.",
        )
    with translated(f"putting the sheets of '{source.location.name}' together"):
        return (filled[0] if len(filled) == 1 else pl.concat(filled, how="diagonal_relaxed")).lazy()


def _read_options(options: Mapping[str, JsonValue]) -> _Options:
    found: dict[str, Any] = {}
    for key, value in options.items():
        name = _SPELLINGS.get(key.lower(), key)
        if name in _IGNORED:
            continue
        if name not in _Options.model_fields:
            known = sorted({*_SPELLINGS, *_Options.model_fields})
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"excel option '{key}' is not known", hint=f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
            )
        if name in found:
            raise ConfigError(f"excel option '{name}' is given twice", hint="Keep one spelling of it.")
        found[name] = value
    try:
        return _Options.model_validate(found)
    except ValidationError as error:
        wrong = error.errors(include_input=False)[0]["loc"][0]
        raise ConfigError(f"excel option '{wrong}' has a value that cannot be used") from None


def _sheets(file: LocalFile, options: _Options, file_column: str | None) -> list[pl.DataFrame]:
    import fastexcel

    with translated(f"reading excel '{file.name}'"):
        if not file.path.stat().st_size:
            raise DataError(f"'{file.name}' (excel) has 0 bytes", code="empty_file", hint="Send the file again.")
        check_workbook(file)
        try:
            book = fastexcel.read_excel(file.path)
            names = _wanted(file, book.sheet_names, options)
            return [_rows(file, book, name, options, file_column) for name in names]
        except fastexcel.FastExcelError:
            raise DataError(f"'{file.name}' is no Excel file that can be read", code="unreadable_rows", hint="Send it again.") from None


def _wanted(file: LocalFile, there: list[str], options: _Options) -> list[str]:
    if options.sheet_pattern is not None:
        patterns = [options.sheet_pattern] if isinstance(options.sheet_pattern, str) else options.sheet_pattern
        exact = options.sheet_pattern_case_sensitive
        lowered = patterns if exact else [pattern.lower() for pattern in patterns]
        return [name for name in there if any(fnmatch.fnmatchcase(name if exact else name.lower(), pattern) for pattern in lowered)]
    asked = options.sheet_id - 1 if options.sheet_id is not None else 0 if options.sheet_name is None else options.sheet_name
    wanted = []
    for sheet in asked if isinstance(asked, list) else [asked]:
        if isinstance(sheet, int) and -len(there) <= sheet < len(there):
            wanted.append(there[sheet])
        elif isinstance(sheet, str) and sheet in there:
            wanted.append(sheet)
        else:
            shown = f"number {sheet}" if isinstance(sheet, int) else f"'{sheet}'"
            raise DataError(f"'{file.name}' has no sheet {shown}", code="missing_sheet", hint=f"There is: {some_names(there)}.")
    return wanted


def _rows(file: LocalFile, book: Any, name: str, options: _Options, file_column: str | None) -> pl.DataFrame:
    has_header = options.header is not None and options.header is not False
    header = options.skiprows + (options.header if isinstance(options.header, int) and not isinstance(options.header, bool) else 0)
    sheet = book.load_sheet(
        name,
        header_row=header if has_header else None,
        skip_rows=None if has_header else options.skiprows,
        n_rows=options.nrows,
        column_names=options.names,
        use_columns=None if _by_name(options) else options.usecols,
        dtypes="string" if options.dtype in ("str", "string", "object") else None,
    )
    rows = _chosen(file, pl.DataFrame(sheet), options)
    rows = rows.filter(~pl.all_horizontal(pl.all().is_null())) if rows.width else rows  # as empty lines of a sheet
    rows = _typed(file, rows, options)
    marks = {}
    if options.add_source_file:
        marks = {"_source_file": file.version.path.rpartition("/")[2], "_source_sheet": name}
    if file_column is not None:
        marks[file_column] = file.version.path
    return rows.with_columns(pl.lit(value).alias(column) for column, value in marks.items())


def _by_name(options: _Options) -> bool:
    return isinstance(options.usecols, list) and any(isinstance(column, str) for column in options.usecols)


def _chosen(file: LocalFile, rows: pl.DataFrame, options: _Options) -> pl.DataFrame:
    if not _by_name(options) or not isinstance(options.usecols, list):
        return rows
    names = [column if isinstance(column, str) else rows.columns[column] for column in options.usecols]
    return _needed(file, rows, names).select(names)


def _needed(file: LocalFile, rows: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    missing = [name for name in names if name not in rows.columns]
    if missing:
        raise SchemaMismatchError(f"column {some_names(missing)} of the read options is missing in '{file.name}'")
    return rows


def _typed(file: LocalFile, rows: pl.DataFrame, options: _Options) -> pl.DataFrame:
    types = {} if options.schema_ddl is None else types_of_ddl(options.schema_ddl)
    types |= {column: column_type(kind) for column, kind in options.dtype.items()} if isinstance(options.dtype, dict) else {}
    _needed(file, rows, types)
    rows = rows.with_columns(pl.col(column).cast(kind) for column, kind in types.items())
    return rows if options.schema_ddl is None else rows.select(list(types_of_ddl(options.schema_ddl)))
