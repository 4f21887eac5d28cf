"""
CSV files whose rows do not all parse: each becomes a copy that does, with two more columns for what did not.

The files are parsed once to see whether there is anything to do; mostly there is not, and the scan is the ordinary one. What a copy
holds is judged by the reader itself: a value is bad if polars makes nothing of it.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from odibi_core.engines.polars.csv_options import CsvOptions
from odibi_core.engines.polars.csv_reader import OpenedCsv, ScannedCsv, open_csv, scanned_texts, time_column
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.rescue.records import Dialect, Record, Records
from odibi_core.engines.polars.rescue.set_aside import (
    FIELDS,
    RAW,
    Declared,
    RescuedScan,
    SetAside,
    counted,
    fields_text,
    rescue_columns,
    unlisted_fields,
)
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import Rescue, Source

_BLOCK = 1_000  # lines judged at once
_GONE = ("skip_rows", "skip_lines", "skip_rows_after_header", "new_columns", "comment_prefix", "eol_char", "truncate_ragged_lines")
_UNTYPED = ("infer_schema", "infer_schema_length", "try_parse_dates", "n_rows")


def scan_rescued_csv(source: Source, rescue: Rescue, files: Sequence[LocalFile], folder: Path) -> RescuedScan:
    """
    One frame over all files, and behind its columns those of the rescue.

    Raises:
        DataError: What concerns a file as a whole, such as its encoding; a bad record if the read says `FAILFAST`.
        SchemaMismatchError: If a file has other columns than the first, or one that is called as a rescue column.
        ConfigError: If an option is unknown.
    """
    declared = Declared.of(source, rescue)
    opened = open_csv(declared.source, files, folder, loose=declared.covers_all)
    declared.refuse_taken([name for header in opened.headers for name in header])
    work = _Work(declared=declared, opened=opened)
    with translated(f"reading csv '{source.location.name}'"):
        try:
            frame = work.frame(opened.with_rows)
            return RescuedScan(frame=frame, unparsed=counted(frame, declared.rescue, []), scan=work.scanned(opened.with_rows))
        except (pl.exceptions.PolarsError, OverflowError):
            return _repaired(work, folder)


def _repaired(work: _Work, folder: Path) -> RescuedScan:
    types = _types(work, folder)
    copies, asides = [], []
    for number, file in enumerate(work.opened.with_rows):
        copy = LocalFile(version=file.version, path=folder / f"{file.path.name}.{number}.repaired")
        with SetAside(file, work.declared.rescue, folder) as aside:
            _Repair(work, work.header_of(file), types, aside).repair(file, copy.path)
        copies.append(copy)
        asides.append(aside)
    frame = pl.concat([work.frame_of_copy(copy, work.header_of(copy), types) for copy in copies])
    if (most := work.options.polars.get("n_rows")) is not None:
        frame = frame.head(int(most))
    unparsed = counted(frame, work.declared.rescue, asides)
    found = tuple(records for aside in asides for records in aside.records)
    return RescuedScan(frame=frame, unparsed=unparsed, bad_records=found, scan=work.scanned(copies))


class _Work(Frozen):
    """What is to be read, and how."""

    declared: Declared
    opened: OpenedCsv

    @property
    def options(self) -> CsvOptions:
        return self.opened.options

    @property
    def columns(self) -> list[str]:
        """The columns of the result, without those of the rescue and of the file."""
        return list(self.options.columns) or self.opened.headers[0]

    def unlisted(self, header: list[str]) -> list[str]:
        """Columns of a file that the declared schema does not have, and whose values are rescued."""
        return [name for name in header if name not in self.columns] if self.declared.covers_all else []

    def header_of(self, file: LocalFile) -> list[str]:
        """The columns of a file in its own order."""
        return next(names for other, names in zip(self.opened.files, self.opened.headers, strict=True) if other.version == file.version)

    def frame(self, files: Sequence[LocalFile]) -> pl.LazyFrame:
        """The files as they are."""
        first = self.opened.headers[0]
        as_one = all(names == first for names in self.opened.headers) and not self.unlisted(first)
        parts = []
        for group in [list(files)] if as_one else [[file] for file in files]:
            header = self.header_of(group[0])
            types = {**{name: pl.String() for name in self.unlisted(header)}, **self.options.types}
            options = replace(self.options, types={name: dtype for name, dtype in types.items() if name in header})
            frame = scanned_texts(group, options, self.declared.source.file_column)
            parts.append(self._shaped(frame, group[0], header, raw=None, fields=[]))
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical_relaxed")

    def frame_of_copy(self, copy: LocalFile, header: list[str], types: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        """A repaired copy."""
        schema = {**{name: types[name] for name in header}, RAW: pl.String(), FIELDS: pl.String()}
        frame = scanned_texts([copy], CsvOptions(polars=reading(self.options, schema)), self.declared.source.file_column)
        raw, fields = (pl.col(name).str.decode("hex").cast(pl.String) for name in (RAW, FIELDS))
        return self._shaped(frame, copy, header, raw=raw, fields=[fields])

    def scanned(self, files: Sequence[LocalFile]) -> ScannedCsv:
        """For the search after what is wrong, if something still is."""
        return ScannedCsv(files=tuple(files), options=self.options, schema=pl.Schema(self.options.types))

    def _shaped(
        self, frame: pl.LazyFrame, file: LocalFile, header: list[str], *, raw: pl.Expr | None, fields: list[pl.Expr]
    ) -> pl.LazyFrame:
        times = [time_column(name, self.options) for name in self.options.times if name in self.columns and name in header]
        absent = [pl.lit(None, dtype=self.options.types[name]).alias(name) for name in self.columns if name not in header]
        rescued = rescue_columns(self.declared.rescue, file, raw=raw, fields=[*fields, *unlisted_fields(self.unlisted(header))])
        of_file = [] if self.declared.source.file_column is None else [self.declared.source.file_column]
        frame = frame.with_columns(*times, *absent).with_columns(*rescued)
        names = [*self.columns, *self.declared.rescue.columns]
        return self.declared.arranged(frame.select(*names, *(name for name in of_file if name not in names)), [*names, *of_file])


def reading(options: CsvOptions, schema: Mapping[str, pl.DataType]) -> dict[str, Any]:
    """The options for a copy: its first line names the columns, and their types are known."""
    kept = {key: value for key, value in options.polars.items() if key not in (*_GONE, *_UNTYPED)}
    return {**kept, "has_header": True, "schema": dict(schema)}


def _types(work: _Work, folder: Path) -> dict[str, pl.DataType]:
    """The type of every column: as declared, else as the first records say that can be split."""
    options, header = work.options, list(dict.fromkeys(name for names in work.opened.headers for name in names))
    types = {name: options.types[name] for name in header if name in options.types}
    types |= dict.fromkeys((name for name in options.times if name in header), pl.String())
    types |= {name: pl.String() for name in header if name not in work.columns}
    if all(name in types for name in header) or options.polars.get("infer_schema") is False:
        return {name: types.get(name, pl.String()) for name in header}
    length = options.polars.get("infer_schema_length")
    samples = []
    for number, file in enumerate(work.opened.with_rows):
        sample = LocalFile(version=file.version, path=folder / f"{file.path.name}.{number}.sample")
        names, dialect = work.header_of(file), Dialect(options.polars)
        rows = (record for record in rows_of(file, options, dialect) if record.cells is not None and len(record.cells) <= len(names))
        with sample.path.open("wb") as out:
            out.write(line_of([_quoted(name, dialect) for name in names], dialect))
            out.writelines(line_of(record.cells or [], dialect) for record in itertools.islice(rows, length))
        samples.append(sample)
    inferring = {key: value for key, value in options.polars.items() if key not in (*_GONE, "n_rows")}
    typed = CsvOptions(types=types, polars={**inferring, "has_header": True})
    parts = [scanned_texts([sample], typed, None).collect_schema() for sample in samples]
    whole = pl.concat([pl.LazyFrame(schema=part).select(header) for part in parts], how="vertical_relaxed").collect_schema()
    return {name: types.get(name, whole[name]) for name in header}


def rows_of(file: LocalFile, options: CsvOptions, dialect: Dialect) -> Records:
    """The records behind the header."""
    skipped = int(options.polars.get("skip_rows") or 0) + int(options.polars.get("skip_lines") or 0)
    found = Records(file.path, dialect, name=file.name, skip_lines=skipped)
    if options.has_header:
        header = next(found, None)
        while not skipped and header is not None and not header.raw:  # polars passes over blank lines at the beginning only
            header = next(found, None)
        for _ in range(int(options.polars.get("skip_rows_after_header") or 0)):
            next(found, None)
    return found


def line_of(cells: Sequence[bytes], dialect: Dialect) -> bytes:
    """Cells as a line of a copy."""
    return dialect.separator.join(cells) + b"\n"


def _quoted(name: str, dialect: Dialect) -> bytes:
    return dialect.quote + name.encode().replace(dialect.quote, dialect.quote * 2) + dialect.quote if dialect.quote else name.encode()


class _Repair:
    """Copies one file; see the module."""

    def __init__(self, work: _Work, header: list[str], types: Mapping[str, pl.DataType], aside: SetAside) -> None:
        self._rescue = work.declared.rescue
        self._options = work.options
        self._header = header
        self._width = len(header)
        self._aside = aside
        self._dialect = Dialect(work.options.polars)
        self._first = line_of([_quoted(name, self._dialect) for name in [*header, RAW, FIELDS]], self._dialect)
        self._more_is_fine = bool(work.options.polars.get("truncate_ragged_lines"))
        judged = [name for name in work.columns if name in header and (types[name] != pl.String() or name in work.options.times)]
        self._typed = {**{name: types[name] if name in judged else pl.String() for name in header}, RAW: pl.String(), FIELDS: pl.String()}
        self._judged = judged
        if len(self._dialect.separator) != 1:
            raise ConfigError("a separator of a csv has one letter")

    def repair(self, file: LocalFile, to: Path) -> None:
        """Write the copy; bad records are set aside. Blocks of plain lines with nothing wrong are copied as they are."""
        rows = rows_of(file, self._options, self._dialect)
        left = self._options.polars.get("n_rows")
        with to.open("wb") as out:
            out.write(self._first)
            while (lines := rows.ahead(_BLOCK)) and (left is None or left > 0):
                whole = b"\n".join(lines) + b"\n"
                if left is None and self._is_good(whole, len(lines)):
                    rows.pass_over(len(lines))
                    out.write(whole)
                    continue
                chunk = list(itertools.islice(rows.until(rows.taken + len(lines)), left))
                left = None if left is None else left - len(chunk)
                out.writelines(line for record, bad in self._judge(chunk) if (line := self._line(record, bad)) is not None)

    def _is_good(self, lines: bytes, count: int) -> bool:
        """Whether lines without quotes, comments and gaps are rows all of whose values are of their types."""
        dialect = self._dialect
        if lines.startswith(b"\n") or b"\n\n" in lines or any(mark and mark in lines for mark in (dialect.quote, dialect.comment)):
            return False
        typed = {name: dtype for name, dtype in self._typed.items() if name not in (RAW, FIELDS)}
        first = line_of([_quoted(name, dialect) for name in self._header], dialect)
        try:
            rows = self._parsed(first + lines, typed)
            rows.select(time_column(name, self._options) for name in self._options.times if name in self._judged)
        except pl.exceptions.PolarsError:
            return False
        return rows.height == count

    def _line(self, record: Record, bad: Mapping[str, str] | None) -> bytes | None:
        """A record's line in the copy; None if it does not stay. `bad` are the values that are not of their columns' types."""
        cells = record.cells if bad is not None else None
        more = [] if cells is None else cells[self._width :]
        if cells is not None and not bad and (not more or (self._more_is_fine and self._rescue.rescued_column is None)):
            return line_of(cells[: self._width], self._dialect)
        raw: str | None = None
        fields: str | None = None
        if cells is not None and self._rescue.rescued_column is not None:
            found = {**(bad or {}), **{f"_c{self._width + place}": self._dialect.value(cell) for place, cell in enumerate(more) if cell}}
            fields = fields_text(found) if found else None
        elif self._aside.bad_record(record.line, record.text, self._reason(cells, bad)):
            raw, fields = self._aside.texts_of(record.text)
        else:
            return None
        blank = set(bad or ())
        row = [b"" if name in blank else cell for name, cell in zip(self._header, cells or [], strict=False)]
        row += [b""] * (self._width - len(row))
        return line_of([*row, *(("" if text is None else text.encode().hex()).encode() for text in (raw, fields))], self._dialect)

    def _reason(self, cells: list[bytes] | None, bad: Mapping[str, str] | None) -> str:
        if cells is None:
            return "it cannot be split into cells: a quote does not close, or stands inside one"
        if len(cells) > self._width:
            return f"it has {len(cells)} cells, and the header has {self._width}"
        return "not of the column's type: " + ", ".join(f"'{name}' ({self._kind(name)})" for name in bad or ())

    def _kind(self, name: str) -> str:
        return str(self._options.types.get(name, self._typed[name]))

    def _judge(self, chunk: list[Record]) -> Iterator[tuple[Record, Mapping[str, str] | None]]:
        """Each record with its bad values; None for one that cannot be split, or that polars refuses whole."""
        whole = [record for record in chunk if record.cells is not None and record.raw]
        bad = dict(zip((record.line for record in whole), self._bad_values(whole), strict=True))
        for record in chunk:
            yield record, bad.get(record.line) if record.raw else {}

    def _bad_values(self, chunk: list[Record]) -> list[Mapping[str, str] | None]:
        if not chunk:
            return []
        lines = b"".join([self._first, *(line_of((record.cells or [])[: self._width], self._dialect) for record in chunk)])
        try:
            texts = self._parsed(lines, dict.fromkeys(self._typed, pl.String()))
            typed = self._parsed(lines, self._typed, ignore_errors=True)
        except pl.exceptions.PolarsError:
            texts = typed = pl.DataFrame()
        if texts.height != len(chunk) or typed.height != len(chunk):
            if len(chunk) == 1:
                return [None]
            half = len(chunk) // 2
            return [*self._bad_values(chunk[:half]), *self._bad_values(chunk[half:])]
        times = [time_column(name, self._options, strict=False) for name in self._options.times if name in self._judged]
        typed = typed.with_columns(*times)
        lost = {name: texts[name].is_not_null() & (texts[name].str.strip_chars() != "") & typed[name].is_null() for name in self._judged}
        found: list[dict[str, str]] = [{} for _ in chunk]
        for name, mask in lost.items():
            for row in mask.arg_true():
                found[row][name] = texts[name][row]
        return list(found)

    def _parsed(self, lines: bytes, schema: Mapping[str, pl.DataType], **more: Any) -> pl.DataFrame:
        return pl.read_csv(io.BytesIO(lines), **reading(self._options, schema), **more)
