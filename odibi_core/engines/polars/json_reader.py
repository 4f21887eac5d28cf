"""JSON files: one array or object per file, or one object per line. Which of them is seen from the first bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import JsonValue

from odibi_core.engines.polars.column_types import column_type, types_of_ddl
from odibi_core.engines.polars.csv_reader import named_files
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.text_checks import as_utf8, check_lines, head
from odibi_core.errors import ConfigError, DataError
from odibi_core.ports import Source

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024  # a document is read whole, and takes three times its size
_TYPES = ("schema_overrides", "schema", "dtypes", "dtype")
_LINES = ("lines", "json_lines", "jsonLines", "multiLine")  # the last one says the opposite
_IGNORED = ("orient", "compression", "low_memory", "rechunk", "batch_size")
_KNOWN = frozenset({"encoding", "infer_schema_length", "schema_ddl", *_TYPES, *_LINES, *_IGNORED})


def scan_json(source: Source, files: Sequence[LocalFile], folder: Path) -> pl.LazyFrame:
    """
    One frame over all files; a key that a row lacks is null. Arrays are read at once, lines are scanned.

    All rows are looked at for the schema unless `infer_schema_length` says otherwise: polars drops a key that first comes later.

    Raises:
        DataError: `empty_file`, `encoding` or `unreadable_rows`.
    """
    options = checked_options(source.options)
    encoding = str(options.get("encoding") or "utf-8")
    readable = [as_utf8(file, source.format, encoding, folder) for file in files]
    parts = [scanned_file(file, source.format, options, source.file_column) for file in readable]
    frame = parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal_relaxed")
    ddl = options.get("schema_ddl")
    if not isinstance(ddl, str):
        return frame
    wanted = types_of_ddl(ddl)
    return frame.select(*wanted, *([] if source.file_column is None else [source.file_column]))


def scanned_file(
    file: LocalFile, format_name: str, options: Mapping[str, JsonValue], file_column: str | None, *, loose: bool = False
) -> pl.LazyFrame:
    """The rows of one file, lines or a document. With a declared schema its keys only, unless `loose`; a key that is absent is null."""
    if has_lines(file, format_name, options):
        check_lines(file, "json")
        return scan_lines(file, options, file_column, loose=loose)
    if file.path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise DataError(
            f"'{file.name}' (json) is one document of more than {MAX_DOCUMENT_BYTES} bytes",
            code="too_big",
            hint="Deliver one object per line, or several files.",
        )
    return _read_document(file, options, file_column, loose=loose)


def checked_options(options: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """
    Raises:
        ConfigError: If an option is unknown.
    """
    for key in options:
        if key not in _KNOWN:
            raise ConfigError(f"json option '{key}' is not known", hint=f"Known are: {', '.join(sorted(_KNOWN))}.")
    return options


def has_lines(file: LocalFile, format_name: str, options: Mapping[str, JsonValue]) -> bool:
    """Whether a file holds one object per line."""
    if format_name in {"ndjson", "jsonl"} or any(options.get(key) is True for key in _LINES[:3]):
        return True
    text = head(file).decode("utf-8-sig", errors="replace").lstrip()
    if not text.startswith("{"):
        return False
    first, _, rest = text.partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False  # an object over several lines
    return bool(rest.strip())


def _read_document(file: LocalFile, options: Mapping[str, JsonValue], file_column: str | None, *, loose: bool = False) -> pl.LazyFrame:
    if file.path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise DataError(
            f"'{file.name}' (json) is one document of more than {MAX_DOCUMENT_BYTES} bytes",
            code="too_big",
            hint="Deliver one object per line, or several files.",
        )
    with _json_trouble(file):
        frame = pl.read_json(file.path, **_typing(options, loose=loose)).lazy()
    return frame if file_column is None else frame.with_columns(pl.lit(file.version.path).alias(file_column))


def scan_lines(
    file: LocalFile,
    options: Mapping[str, JsonValue],
    file_column: str | None,
    *,
    loose: bool = False,
    also: Mapping[str, pl.DataType] | None = None,
) -> pl.LazyFrame:
    """One object per line; `also` are types beside the declared ones."""
    with _json_trouble(file):
        frame = pl.scan_ndjson(file.path, include_file_paths=file_column, **_typing(options, loose=loose, also=also))
        frame.collect_schema()
    return named_files(frame, [file], file_column)


def _typing(options: Mapping[str, JsonValue], *, loose: bool, also: Mapping[str, pl.DataType] | None = None) -> dict[str, Any]:
    types = {**(declared_types(options) or {}), **(also or {})}
    if isinstance(options.get("schema_ddl"), str) and not loose:
        return {"schema": types}
    return {"infer_schema_length": _length(options), "schema_overrides": types or None}


@contextmanager
def _json_trouble(file: LocalFile) -> Iterator[None]:
    with translated(f"reading json '{file.name}'"):
        try:
            yield
        except pl.exceptions.ComputeError:
            raise DataError(
                f"'{file.name}' (json) is not a list of objects, nor one object per line", code="unreadable_rows", hint="Send it again."
            ) from None


def _length(options: Mapping[str, JsonValue]) -> int | None:
    length = options.get("infer_schema_length")
    return length if isinstance(length, int) else None


def declared_types(options: Mapping[str, JsonValue]) -> dict[str, pl.DataType] | None:
    """The types that the options name, of some columns or of all."""
    given = next((options[key] for key in _TYPES if options.get(key)), None)
    ddl = options.get("schema_ddl")
    types = types_of_ddl(ddl) if isinstance(ddl, str) else {}
    types |= {name: column_type(kind) for name, kind in given.items()} if isinstance(given, dict) else {}
    return types or None
