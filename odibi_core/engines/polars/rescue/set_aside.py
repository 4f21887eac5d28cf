"""Rows that did not parse, as they are met: which stay, which go into the archive, and how many there were of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import polars as pl

from odibi_core.config.rescue import CORRUPT_RECORD
from odibi_core.engines.polars.column_types import ddl_without, types_of_ddl
from odibi_core.engines.polars.csv_reader import ScannedCsv
from odibi_core.engines.polars.errors import some_names
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.events import Unparsed
from odibi_core.frozen import Frozen
from odibi_core.ports import BadRecords, Rescue, Source

_HALF = re.compile("[\ud800-\udfff]")
FILE_PATH = "_file_path"  # in the rescue column, as Auto Loader has it
RAW, FIELDS = "__odibi_raw", "__odibi_fields"  # columns of a repaired copy: the text of a bad record, and the fields that did not fit


class RescuedScan(Frozen):
    """A frame all of whose rows parse, and what became of those that did not."""

    frame: pl.LazyFrame
    unparsed: Unparsed
    bad_records: tuple[BadRecords, ...] = ()
    scan: ScannedCsv | None = None


class Declared(Frozen):
    """A source with its rescue columns taken out of the declared schema, where Spark wants the one of a bad record to stand."""

    source: Source
    rescue: Rescue
    order: tuple[str, ...] = ()  # of the declared columns, the rescue columns among them; none: nothing is declared

    @classmethod
    def of(cls, source: Source, rescue: Rescue) -> Self:
        ddl = source.options.get("schema_ddl")
        if not isinstance(ddl, str):
            return cls(source=source, rescue=rescue)
        names = tuple(types_of_ddl(ddl))
        inside = [name for name in rescue.columns if name in names]
        kept = {**source.options, "schema_ddl": ddl_without(ddl, inside)} if inside else source.options
        return cls(source=replace(source, options=kept), rescue=rescue, order=names)

    @property
    def covers_all(self) -> bool:
        """Whether a file may have any columns: those that are declared and missing are null, and the others are rescued."""
        return bool(self.order) and self.rescue.rescued_column is not None

    def arranged(self, frame: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
        """The columns as they were declared; what is not declared stands behind."""
        wanted = [*self.order, *(name for name in names if name not in self.order)]
        return frame.select(name for name in wanted if name in names)

    def refuse_taken(self, names: list[str]) -> None:
        """
        Raises:
            SchemaMismatchError: If the source has a column of the name of a rescue column.
        """
        taken = [name for name in self.rescue.columns if name in names]
        if taken:
            raise SchemaMismatchError(
                f"'{self.source.location.name}' has column {some_names(taken)} already", hint="Name another column for what does not parse."
            )


class SetAside:
    """The bad records of one file, written down one by one, and the counts."""

    def __init__(self, file: LocalFile, rescue: Rescue, folder: Path) -> None:
        self.kept = self.archived = self.dropped = 0
        self.told_in_fields = 0  # of the kept ones, those whose text is in the rescue column
        self._file = file
        self._rescue = rescue
        self._path = folder / f"{file.path.name}.bad.json"
        self._out: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._out is not None:
            self._out.close()

    def bad_record(self, line: int, text: str, reason: str) -> bool:
        """
        Take note of a bad record; whether its row stays.

        Raises:
            DataError: If the read says `FAILFAST`.
        """
        if self._rescue.archive:
            self.archived += 1
            self._write({"path": self._file.version.path, "line": line, "reason": reason, "record": text})
            return False
        if self._rescue.mode == "fail":
            raise DataError(f"'{self._file.name}': line {line}: {reason}", code="unreadable_rows", hint="Correct the file at its source.")
        if self._rescue.mode == "drop":
            self.dropped += 1
            return False
        self.kept += 1
        return True

    def texts_of(self, text: str) -> tuple[str | None, str | None]:
        """What the row of a bad record that stays and has no field has in its two rescue columns: the record's text, in one of them."""
        if self._rescue.corrupt_column is not None:
            return text, None
        if self._rescue.rescued_column is None:
            return None, None
        self.told_in_fields += 1
        return None, fields_text({CORRUPT_RECORD: text})

    @property
    def records(self) -> tuple[BadRecords, ...]:
        """What is to be archived."""
        return (BadRecords(file=self._file.version, path=self._path),) if self.archived else ()

    def _write(self, record: Mapping[str, object]) -> None:
        if self._out is None:
            self._out = self._path.open("w", encoding="utf-8")
        self._out.write(json_text(record) + "\n")


def fields_text(fields: Mapping[str, object]) -> str:
    """The inside of a JSON object: `"amount":"x"`. Several of them are joined by commas."""
    return json_text(fields, separators=(",", ":"))[1:-1]


def json_text(value: object, *, separators: tuple[str, str] = (", ", ": ")) -> str:
    """A value as JSON that can be stored: half a letter (a lone surrogate) stays as it is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=separators)
    return text if text.isascii() or not _HALF.search(text) else json.dumps(value, separators=separators)


def rescue_columns(rescue: Rescue, file: LocalFile | None, *, raw: pl.Expr | None, fields: list[pl.Expr]) -> list[pl.Expr]:
    """The columns that a read names for what does not parse. `fields` are insides of objects, null where there is nothing."""
    columns = []
    if rescue.corrupt_column is not None:
        text = pl.lit(None, dtype=pl.String) if raw is None else raw
        columns.append(text.alias(rescue.corrupt_column))
    if rescue.rescued_column is not None:
        columns.append(_as_object(fields, file).alias(rescue.rescued_column))
    return columns


def _as_object(fields: list[pl.Expr], file: LocalFile | None) -> pl.Expr:
    if not fields or file is None:
        return pl.lit(None, dtype=pl.String)
    inside = pl.concat_str(fields, separator=",", ignore_nulls=True)
    where = pl.lit("," + fields_text({FILE_PATH: file.version.path}) + "}")
    return pl.when(inside != "").then(pl.concat_str(pl.lit("{"), inside, where))


def unlisted_fields(names: list[str]) -> list[pl.Expr]:
    """For each column that the declared schema does not have, what goes into the rescue column."""
    return [
        pl.when(pl.col(name).is_not_null()).then(pl.struct(pl.col(name)).struct.json_encode().str.slice(1).str.head(-1)) for name in names
    ]


def counted(frame: pl.LazyFrame, rescue: Rescue, asides: list[SetAside]) -> Unparsed:
    """
    Parse every row once and count those with something in the rescue column.

    Raises:
        PolarsError: If a row does not parse.
    """
    names = frame.collect_schema().names()
    counts = frame.select(pl.len().alias("__all"), pl.col(names).null_count()).collect(engine="streaming").row(0, named=True)
    rescued = 0 if rescue.rescued_column is None else counts["__all"] - counts[rescue.rescued_column]
    return Unparsed(
        rescued=rescued - sum(aside.told_in_fields for aside in asides),
        kept=sum(aside.kept for aside in asides),
        archived=sum(aside.archived for aside in asides),
        dropped=sum(aside.dropped for aside in asides),
    )
