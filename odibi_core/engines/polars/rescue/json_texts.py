"""
JSON whose rows do not all parse: each file becomes lines that do, with two more keys for what did not.

As with CSV, the files are parsed once to see whether there is anything to do, and the reader itself is the judge of a value. A document
that is no JSON is one bad record, as Spark has it: nobody can say where its next row begins.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import JsonValue

from odibi_core.engines.polars.column_types import types_of_ddl
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.json_reader import checked_options, declared_types, has_lines, scan_lines, scanned_file
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.rescue.set_aside import (
    FIELDS,
    RAW,
    Declared,
    RescuedScan,
    SetAside,
    counted,
    fields_text,
    json_text,
    rescue_columns,
    unlisted_fields,
)
from odibi_core.engines.polars.text_checks import as_utf8
from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.ports import Rescue, Source

_CHUNK = 5_000  # records judged at once
_ANY = "__odibi_any"


class _Row:
    """One row as it stands in a file."""

    def __init__(self, line: int, text: str, whole: JsonValue = None) -> None:
        self.line = line  # its place among the elements, in an array
        self.text = text
        self._whole = whole

    @cached_property
    def value(self) -> dict[str, JsonValue] | None:
        """What it says; None if it is no object."""
        value = _value(self.text) if self._whole is None else self._whole
        return value if isinstance(value, dict) else None


def scan_rescued_json(source: Source, rescue: Rescue, files: Sequence[LocalFile], folder: Path) -> RescuedScan:
    """
    One frame over all files, and behind its columns those of the rescue.

    Raises:
        DataError: What concerns a file as a whole, such as its encoding; a bad record if the read says `FAILFAST`.
        SchemaMismatchError: If a file has a key that is called as a rescue column.
        ConfigError: If an option is unknown.
    """
    declared = Declared.of(source, rescue)
    options = checked_options(declared.source.options)
    encoding = str(options.get("encoding") or "utf-8")
    readable = [as_utf8(file, source.format, encoding, folder) for file in files]
    work = _Work(declared=declared, options=options)
    with translated(f"reading json '{source.location.name}'"):
        try:
            parts = [scanned_file(file, source.format, options, source.file_column, loose=declared.covers_all) for file in readable]
            frame = work.frame(list(zip(readable, parts, strict=True)), repaired=False)
            return RescuedScan(frame=frame, unparsed=counted(frame, declared.rescue, []))
        except (pl.exceptions.PolarsError, DataError) as error:
            if isinstance(error, DataError) and (isinstance(error, _TakenError) or error.error_code not in _ROWS):
                raise
        copies, asides = [], []
        for number, file in enumerate(readable):
            copy = LocalFile(version=file.version, path=folder / f"{file.path.name}.{number}.repaired")
            with SetAside(file, declared.rescue, folder) as aside:
                _Repair(declared.rescue, declared_types(options) or {}, aside).repair(_rows(file, source.format, options), copy.path)
            copies.append(copy)
            asides.append(aside)
        frame = work.frame([(copy, _scanned_copy(copy, work, source.file_column)) for copy in copies], repaired=True)
        found = tuple(records for aside in asides for records in aside.records)
        return RescuedScan(frame=frame, unparsed=counted(frame, declared.rescue, asides), bad_records=found)


_ROWS = frozenset({"unreadable_rows", "unreadable_data", "schema_mismatch", "invalid_values"})


class _TakenError(SchemaMismatchError):
    """A name of a rescue column is taken: no matter of single rows."""


class _Work(Frozen):
    """What is to be read, and how."""

    declared: Declared
    options: Mapping[str, JsonValue]

    @property
    def listed(self) -> tuple[str, ...]:
        """The columns of the declared schema; none if it is not declared as a whole."""
        ddl = self.options.get("schema_ddl")
        return tuple(types_of_ddl(ddl)) if isinstance(ddl, str) else ()

    def frame(self, parts: list[tuple[LocalFile, pl.LazyFrame]], *, repaired: bool) -> pl.LazyFrame:
        """The parts as one frame."""
        shaped = [self._shaped(frame, file, repaired=repaired) for file, frame in parts]
        frame = shaped[0] if len(shaped) == 1 else pl.concat(shaped, how="diagonal_relaxed")
        names = frame.collect_schema().names()
        behind = [name for name in (*self.declared.rescue.columns, self.declared.source.file_column) if name in names]
        return self.declared.arranged(frame, [*(name for name in names if name not in behind), *behind])

    def _shaped(self, frame: pl.LazyFrame, file: LocalFile, *, repaired: bool) -> pl.LazyFrame:
        own = {RAW, FIELDS} if repaired else set()
        names = [name for name in frame.collect_schema().names() if name not in own and name != self.declared.source.file_column]
        try:
            self.declared.refuse_taken(names)
        except SchemaMismatchError as error:
            raise _TakenError(error.message, hint=error.hint) from None
        wanted = list(self.listed) or names
        unlisted = [name for name in names if name not in wanted]
        fields = [pl.col(FIELDS)] if repaired else []
        of_file = [] if self.declared.source.file_column is None else [self.declared.source.file_column]
        rescued = rescue_columns(
            self.declared.rescue, file, raw=pl.col(RAW) if repaired else None, fields=[*fields, *unlisted_fields(unlisted)]
        )
        return frame.with_columns(*rescued).select(*wanted, *self.declared.rescue.columns, *of_file)


def _scanned_copy(copy: LocalFile, work: _Work, file_column: str | None) -> pl.LazyFrame:
    if not copy.path.stat().st_size:  # no row stayed
        types = declared_types(work.options) or {}
        empty = pl.LazyFrame(schema={**types, RAW: pl.String(), FIELDS: pl.String()})
        return empty if file_column is None else empty.with_columns(pl.lit(None, dtype=pl.String).alias(file_column))
    return scan_lines(copy, work.options, file_column, loose=work.declared.covers_all, also={RAW: pl.String(), FIELDS: pl.String()})


def _rows(file: LocalFile, format_name: str, options: Mapping[str, JsonValue]) -> Iterator[_Row]:
    try:
        if has_lines(file, format_name, options):
            with file.path.open(encoding="utf-8-sig") as source:
                for number, line in enumerate(source, start=1):
                    if line.strip():
                        yield _Row(number, line.rstrip("\r\n"))
            return
        text = file.path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        hint = "Deliver it as UTF-8, or name its 'encoding' in the read options."
        raise DataError(f"'{file.name}' (json) is not UTF-8", code="encoding", hint=hint) from None
    whole = _value(text)
    if not isinstance(whole, list):
        yield _Row(1, text.strip(), whole)
        return
    for number, element in enumerate(whole, start=1):
        yield _Row(number, json_text(element), element)


def _value(text: str) -> Any:
    """What a text says; None if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _Repair:
    """Copies the rows of one file; see the module."""

    def __init__(self, rescue: Rescue, types: Mapping[str, pl.DataType], aside: SetAside) -> None:
        self._rescue = rescue
        self._types = types
        self._aside = aside

    def repair(self, rows: Iterator[_Row], to: Path) -> None:
        """Write the copy; bad records are set aside. Its first line has every key whose type is known: polars wants to meet them."""
        known: dict[str, JsonValue] | None = dict.fromkeys((*self._types, RAW, FIELDS))
        with to.open("w", encoding="utf-8") as out:
            while chunk := list(itertools.islice(rows, _CHUNK)):
                if known is None and self._reads("\n".join(row.text for row in chunk), len(chunk)):
                    out.writelines(f"{row.text}\n" for row in chunk)
                    continue
                whole = [row for row in chunk if row.value is not None]
                bad = dict(zip((row.line for row in whole), self._bad_fields(whole), strict=True))
                for row in chunk:
                    line = self._line(row, bad.get(row.line))
                    if line is None:
                        continue
                    if known is not None:
                        own = json.loads(line)
                        line, known = json.dumps({**own, **{key: None for key in known if key not in own}}), None
                    out.write(line + "\n")

    def _line(self, row: _Row, bad: Sequence[str] | None) -> str | None:
        """A row's line in the copy; None if it does not stay. `bad` are the keys whose values are not of the declared types."""
        value = row.value if bad is not None else None
        if value is not None and not bad:
            return row.text if "\n" not in row.text else json.dumps(value)
        raw: str | None = None
        fields: str | None = None
        if value is not None and self._rescue.rescued_column is not None:
            fields = fields_text({key: value[key] for key in bad or ()})
        elif self._aside.bad_record(row.line, row.text, self._reason(value, bad)):
            raw, fields = self._aside.texts_of(row.text)
        else:
            return None
        kept = {key: None if key in (bad or ()) else one for key, one in (value or {}).items()}
        return json.dumps({**kept, RAW: raw, FIELDS: fields})

    def _reason(self, value: Mapping[str, JsonValue] | None, bad: Sequence[str] | None) -> str:
        if value is None:
            return "it is no JSON object"
        return "not of the declared type: " + ", ".join(f"'{key}' ({self._types[key]})" for key in bad or ())

    def _bad_fields(self, rows: list[_Row]) -> list[Sequence[str] | None]:
        """The bad keys of each row; None for one that polars refuses whatever its keys hold."""
        if not rows or self._reads("\n".join(json.dumps(row.value) if "\n" in row.text else row.text for row in rows), len(rows)):
            return [()] * len(rows)
        if len(rows) > 1:
            half = len(rows) // 2
            return [*self._bad_fields(rows[:half]), *self._bad_fields(rows[half:])]
        value = rows[0].value or {}
        bad = [key for key in self._types if key in value and not self._reads(json.dumps({key: value[key]}), 1)]
        rest = {key: one for key, one in value.items() if key not in bad}
        return [bad if self._reads(json.dumps(rest), 1) else None]

    def _reads(self, lines: str, rows: int) -> bool:
        try:
            return pl.read_ndjson(io.BytesIO(lines.encode()), schema=dict(self._types) or {_ANY: pl.String()}).height == rows
        except pl.exceptions.PolarsError:
            return False
