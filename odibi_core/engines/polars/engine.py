"""The Polars engine: everything lazy until it is cached, counted or written."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from odibi_core.config.rescue import TEXT_FORMATS
from odibi_core.engines.polars.content import fingerprint
from odibi_core.engines.polars.csv_reader import MAX_COLUMNS, scan_csv
from odibi_core.engines.polars.delta_reader import scan_delta
from odibi_core.engines.polars.delta_sink import DeltaSink
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.frames import framed, native
from odibi_core.engines.polars.guard import RememberedOnce, TableGuard
from odibi_core.engines.polars.held_files import HeldFiles
from odibi_core.engines.polars.open_tables import OpenTables
from odibi_core.engines.polars.pinned_files import LocalFile, files_now, pinned, verify
from odibi_core.engines.polars.places import is_remote
from odibi_core.engines.polars.sql import query as run_query
from odibi_core.errors import ConfigError, DataError
from odibi_core.events import Column
from odibi_core.ports import (
    DATABASE_FORMATS,
    Cached,
    CompiledSql,
    EngineName,
    Frame,
    Location,
    Rescue,
    Scalar,
    Scanned,
    Sink,
    Source,
    Target,
    Window,
)

if TYPE_CHECKING:
    from odibi_core.engines.polars.rescue import RescuedScan

_FILE_FORMATS = ("csv", "json", "ndjson", "jsonl", "parquet", "excel", "avro")


class PolarsEngine:
    """
    Polars in this process. Threads may share it: each has its own temporary files, and a node stays in one thread.

    Downloads and unpacked files live in a temporary folder of the thread, until `release` or the end of the thread: release it when the
    frames that were scanned are no longer needed. With `keep_tables`, tables that were opened stay open for the next node that wants them.
    """

    name: EngineName = "polars"

    def __init__(
        self,
        *,
        guard: TableGuard | None = None,
        temporary: Path | None = None,
        system: Callable[[str], Location] | None = None,
        keep_tables: bool = False,
    ) -> None:
        self._guard = RememberedOnce(guard)
        self._temporary = temporary
        self._system = system  # where the answers of web APIs are landed
        self._tables = OpenTables(keep=keep_tables)
        self._threads = threading.local()

    def scan(self, source: Source) -> Scanned:
        """Open a source lazily: its schema is known, no row was read. JSON arrays, Excel and Avro are read whole."""
        if source.format == "delta":
            frame, version, rows = scan_delta(source, self._held.tables)
            taken = self._taken(frame, source)
            return Scanned(frame=framed(taken), version=version, rows=rows if taken is frame else None)
        if source.format in DATABASE_FORMATS:
            return self._scan_database(source)
        if source.format == "api":
            return self._scan_api(source)
        if source.format not in _FILE_FORMATS:
            raise ConfigError(f"format '{source.format}' cannot be read by Polars", hint=f"Known: delta, sql, {', '.join(_FILE_FORMATS)}.")
        return self._scan_files(source)

    def _scan_database(self, source: Source) -> Scanned:
        """Rows are fetched once for all windows that begin at the same mark: looking for the newest value has them already."""
        window = source.window
        key = (source.location.uri, source.location.path, source.query, source.filter, window and replace(window, until=None))
        if key not in self._held.fetched:
            from odibi_core.engines.polars.sql_reader import fetch

            self._held.fetched[key] = fetch(source, self._held.new_folder())
        frame, rows = self._held.fetched[key]
        taken = self._taken(frame, source)
        return Scanned(frame=framed(taken), rows=rows if taken is frame else None)

    def _scan_api(self, source: Source) -> Scanned:
        if self._system is None or source.landing is None:
            raise ConfigError(f"the answers of '{source.location.name}' have no place to be landed in", code="internal")
        from odibi_core.engines.polars.api_reader import read_api

        frame, rows = read_api(source, self._system(source.landing), self._held.new_folder())
        taken = self._taken(frame, source)
        return Scanned(frame=framed(taken), rows=rows if taken is frame else None)

    def _scan_files(self, source: Source) -> Scanned:
        versions = files_now(source.location) if source.files is None else source.files
        if not versions:
            raise DataError(f"no file of '{source.location.name}' is given", code="missing_file")
        folder = self._held.new_folder()
        files = pinned(source.location, versions, folder)
        if source.files is not None and not is_remote(source.location):
            self._held.announced.extend(files)
        if source.rescue is not None and source.format in TEXT_FORMATS:
            found = self._rescued(source, source.rescue, files, folder)
            taken = self._taken(found.frame, source)
            return Scanned(frame=framed(taken), files=versions, unparsed=found.unparsed, bad_records=found.bad_records)
        rows: int | None = None
        match source.format:
            case "csv":
                frame, scan = scan_csv(source, files, folder)
                self._held.scans.append(scan)
            case "parquet":
                from odibi_core.engines.polars.parquet_reader import scan_parquet

                frame, rows = scan_parquet(source, files)
            case "excel":
                from odibi_core.engines.polars.excel_reader import read_excel

                frame = read_excel(source, files)
            case "avro":
                from odibi_core.engines.polars.avro_reader import read_avro

                frame = read_avro(source, files)
            case _:
                from odibi_core.engines.polars.json_reader import scan_json

                frame = scan_json(source, files, folder)
        taken = self._taken(frame, source)
        return Scanned(frame=framed(taken), rows=rows if taken is frame else None, files=versions)

    def _rescued(self, source: Source, rescue: Rescue, files: list[LocalFile], folder: Path) -> RescuedScan:
        """The rows are parsed once for all windows over them: looking for the newest value has done it already."""
        options = json.dumps(source.options, sort_keys=True)
        key = (source.location.uri, tuple((file.version.path, file.version.etag) for file in files), rescue, options, source.file_column)
        if key not in self._held.rescued:
            from odibi_core.engines.polars.rescue import scan_rescued_csv, scan_rescued_json

            found = (scan_rescued_csv if source.format == "csv" else scan_rescued_json)(source, rescue, files, folder)
            self._held.rescued[key] = found
            self._held.scans.extend([] if found.scan is None else [found.scan])
        return self._held.rescued[key]

    def _taken(self, frame: pl.LazyFrame, source: Source) -> pl.LazyFrame:
        """What the source's queries and its window leave of it."""
        _check_width(frame, source)
        for query in source.queries:
            rows = framed(frame)
            frame = native(self.sql(query, dict.fromkeys({"df", *source.names}, rows)))
        if source.window is None:
            return frame
        from odibi_core.engines.polars.windows import within_window

        with translated(f"selecting the new rows of '{source.location.name}'"):
            return within_window(frame, source.window)

    def sql(self, query: CompiledSql, tables: Mapping[str, Frame]) -> Frame:
        """One SELECT over the given frames and nothing else. Names have no case in it."""
        given = {name.lower(): frame for name, frame in tables.items()}
        missing = [name for name in query.tables if name not in given]
        if missing:
            raise ConfigError(
                f"SQL reads table '{missing[0]}', which the node does not have", hint=f"It has: {', '.join(given) or 'none'}."
            )

        with translated("preparing a SQL step"):
            return framed(run_query(query, {name: native(given[name]) for name in query.tables}))

    def cache(self, frame: Frame, counting: Mapping[str, Frame], asking: Frame | None = None) -> Cached:
        """Compute once, so that it can be read many times; count other frames and ask for a single row in the same pass."""
        wanted = native(frame)
        others = {name: native(other) for name, other in counting.items() if native(other) is not wanted}
        asked = [] if asking is None else [native(asking)]
        computed = self._computed([wanted, *asked, *(other.select(pl.len()) for other in others.values())], "computing the node's rows")
        rows = computed[0]
        counts = dict.fromkeys(counting, rows.height)
        counts |= {name: int(count.item()) for name, count in zip(others, computed[1 + len(asked) :], strict=True)}
        answer = computed[1].row(0, named=True) if asked else {}
        columns = tuple(Column(name=name, type=str(dtype)) for name, dtype in rows.schema.items())
        return Cached(frame=framed(rows.lazy()), rows=rows.height, counts=counts, columns=columns, answer=answer)

    def maximum(self, frame: Frame, window: Window) -> Scalar:
        """The largest value of a window's column, or of its fallback where that is null; None if there is no value."""
        from odibi_core.engines.polars.windows import as_scalar, largest

        doing = f"looking for the largest value of '{window.column}'"
        with translated(doing):
            mark = largest(native(frame), window)
        return as_scalar(self._computed([mark], doing)[0].item(), window.column)

    def fingerprint(self, frame: Frame, columns: Sequence[str] | None) -> str:
        """SHA-256 of the rows, in hex: the same rows in any order give the same text in every process. None counts all columns."""
        rows = self._collected(frame, "computing what the rows hold")
        with translated("computing what the rows hold"):
            return fingerprint(rows, columns)

    def open(self, target: Target) -> Sink:
        """Open a target before its inputs are read; creates a missing table as an empty one when the first write comes."""
        if target.format == "delta":
            return DeltaSink(target, self._guard, self._collected, self._held.tables)
        from odibi_core.engines.polars.file_sink import file_sink

        return file_sink(target, self._collected, self._held.new_folder)

    def _collected(self, frame: Frame, doing: str) -> pl.DataFrame:
        return self._computed([native(frame)], doing)[0]

    def _computed(self, frames: list[pl.LazyFrame], doing: str) -> list[pl.DataFrame]:
        """
        Compute in one pass; a file that cannot be read is named.

        Raises:
            FileChangedError: If a local file was rewritten or deleted meanwhile. Downloads cannot change.
        """
        try:
            with translated(doing):
                computed = [frames[0].collect()] if len(frames) == 1 else pl.collect_all(frames)
        except DataError as error:
            from odibi_core.engines.polars.csv_diagnosis import diagnosed

            verify(self._held.announced)
            raise diagnosed(error, self._held.scans) from None
        if self._held.announced and any("SCAN" in frame.explain(optimized=False) for frame in frames):  # cached frames read no file
            verify(self._held.announced)
        return computed

    def release(self) -> None:
        """Remove this thread's temporary files. Scanned frames cannot be computed after it; cached ones can."""
        self._held.release()
        del self._threads.held

    @property
    def _held(self) -> HeldFiles:
        held: HeldFiles | None = getattr(self._threads, "held", None)
        if held is None:
            held = self._threads.held = HeldFiles(self._temporary, self._tables)
        return held


def _check_width(frame: pl.LazyFrame, source: Source) -> None:
    with translated(f"opening {source.format} '{source.location.name}'"):
        width = len(frame.collect_schema())
    if width > MAX_COLUMNS:
        raise DataError(
            f"'{source.location.name}' ({source.format}) has {width} columns, over the limit of {MAX_COLUMNS}", code="too_many_columns"
        )
