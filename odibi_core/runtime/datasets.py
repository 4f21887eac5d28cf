"""Where a node's input comes from and where its output is kept for the nodes behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from odibi_core.config import NodeConfig, ReadConfig
from odibi_core.errors import ConfigError, TransientServiceError
from odibi_core.events import DatasetRead, FrameAt, NodeFinished
from odibi_core.messages import FileVersion
from odibi_core.planning.compiling import Compile, compile_spark
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.planning.reading import names_of_source, read_place, rows_that
from odibi_core.ports import DATABASE_FORMATS, Cached, CompiledSql, Connections, Engine, Frame, Location, Rescue, Scanned, Source, Target
from odibi_core.runtime.accounting import RowTrail
from odibi_core.runtime.rescuing import Archive
from odibi_core.runtime.watermark import transaction_of

SOURCE_FILE = "_source_file"
Upstream = Callable[[str], NodeFinished | None]  # the outcome of a node of this run, if it has finished


@dataclass(kw_only=True)
class Inputs:
    """The frames a node starts from."""

    primary: Frame | None = None  # what the first step gets as `df`
    named: dict[str, Frame] = field(default_factory=dict)  # by lower-case name, for SQL and transforms
    reads: list[DatasetRead] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)  # of `reads`
    uncounted: dict[str, Frame] = field(default_factory=dict)  # frames whose rows are not known yet, by dataset
    files: tuple[FileVersion, ...] = ()
    archives: list[Archive] = field(default_factory=list)  # what becomes of rows that did not parse

    def add(self, name: str, scanned: Scanned, read: DatasetRead) -> None:
        """Take an input in; the first one is the primary, until the nodes above are known."""
        if self.primary is None:
            self.primary = scanned.frame
        self.named[name.lower()] = scanned.frame
        self.reads.append(read)
        self.frames.append(scanned.frame)
        if read.rows is None:
            self.uncounted[read.dataset] = scanned.frame

    def datasets(self) -> dict[str, Frame]:
        """Every frame by its name, the primary one as `df`, too."""
        return self.named if self.primary is None else {"df": self.primary, **self.named}

    def trail(self) -> RowTrail:
        """The account of the primary's rows, before the first step."""
        read = next((read for read, frame in zip(self.reads, self.frames, strict=True) if frame is self.primary), None)
        return RowTrail(start=self.primary, rows=None if read is None else read.rows)


class FrameShelf(Protocol):
    """Keeps the outputs of nodes for the nodes behind them."""

    reads_tables_back: bool  # a Delta table that was just overwritten is its own copy, at exactly that version

    def place(self, plan: Plan, node: PlannedNode) -> FrameAt:
        """Where this shelf keeps the output of a node."""
        ...

    def keep(self, plan: Plan, node: PlannedNode, cached: Cached) -> Frame:
        """Keep an output before it is written. Go on with the frame that comes back: an earlier attempt may have kept its own first."""
        ...

    def take(self, plan: Plan, upstream: str, at: FrameAt) -> Scanned:
        """The frame that was kept."""
        ...


class StagedFrames:
    """Outputs as Parquet objects of the run, for nodes that run in different processes. The first attempt to stage wins."""

    reads_tables_back = True

    def __init__(self, engine: Engine, system: Callable[[str], Location]) -> None:
        self._engine = engine
        self._system = system

    def place(self, plan: Plan, node: PlannedNode) -> FrameAt:
        return FrameAt(kind="staged", path=f"runs/{plan.run_id}/frames/{node.name}.parquet")

    def keep(self, plan: Plan, node: PlannedNode, cached: Cached) -> Frame:
        at = self.place(plan, node)
        target = Target(location=self._system(at.path), format="parquet", mode="ignore", transaction=transaction_of(plan.run_id, node.name))
        receipt = self._engine.open(target).write(cached.frame, {})
        return self._scan(at).frame if receipt.recovered else cached.frame

    def take(self, plan: Plan, upstream: str, at: FrameAt) -> Scanned:
        del plan, upstream
        return self._scan(at)

    def _scan(self, at: FrameAt) -> Scanned:
        return self._engine.scan(Source(location=self._system(at.path), format="parquet"))


class FramesInMemory:
    """Outputs handed over as they are, for a run within one process; let go when the last node behind has taken them."""

    reads_tables_back = False

    def __init__(self) -> None:
        self._frames: dict[tuple[str, str], Frame] = {}
        self._lock = threading.Lock()

    def place(self, plan: Plan, node: PlannedNode) -> FrameAt:
        del plan, node
        return FrameAt(kind="memory")

    def keep(self, plan: Plan, node: PlannedNode, cached: Cached) -> Frame:
        with self._lock:
            self._frames[plan.run_id, node.name] = cached.frame
        return cached.frame

    def take(self, plan: Plan, upstream: str, at: FrameAt) -> Scanned:
        """
        Raises:
            FrameLostError: If this process never had it, as after a resume: compute it again.
        """
        del at
        frame = self._frames.get((plan.run_id, upstream))
        if frame is None:
            raise FrameLostError(f"the output of '{upstream}' is not in this process")
        return Scanned(frame=frame)

    def release(self, run_id: str, node: str) -> None:
        """Forget an output that nobody needs any more."""
        with self._lock:
            self._frames.pop((run_id, node), None)


class FrameLostError(TransientServiceError):
    """An output was kept in the memory of a process that is gone."""

    code = "frame_lost"


def scan_source(
    read: ReadConfig,
    node: PlannedNode,
    connections: Connections,
    *,
    alias: str = "df",
    first_run_query: str | None = None,
    compile_text: Compile = compile_spark,
) -> Source:
    """
    What to scan for a `read:` block: the arrived files if it points at them, else what its path names now.

    `first_run_query` stands in for the block's own query: the text that the node has for its first run.
    """
    if read.connection is None:
        raise ConfigError(f"node '{node.name}' reads from no connection", hint="Set 'read.connection'.")
    if read.format in DATABASE_FORMATS:
        planned = node.sql.get(read_place(alias, "query"))
        query = first_run_query or read.query or (None if planned is None else planned.text)
        location = connections.locate(read.connection, (read.table or read.path or "") if query is None else "")
        return Source(location=location, format=read.format, options=dict(read.options), query=query, filter=read.filter)
    location = connections.locate(read.connection, (read.path or "") if read.format == "api" else _path_of(read, node))
    files = node.files if alias == "df" else None
    if files is None and read.format in FILE_FORMATS and ("*" in location.path or "?" in location.path):
        files = _matching(read.connection, location.path, connections, node)
    queries = tuple(_queries(read, node, alias=alias, first_run_query=first_run_query, compile_text=compile_text))
    return Source(
        location=location,
        format=read.format,
        options=_options(read),
        rescue=_rescue(read),
        files=files,
        version=read.time_travel.as_of_version if read.time_travel is not None else None,
        as_of=read.time_travel.as_of if read.time_travel is not None else None,
        queries=queries,
        names=names_of_source(read, node.name) if queries else frozenset({"df"}),
    )


def _options(read: ReadConfig) -> dict[str, JsonValue]:
    typed = read.schema_ddl is not None and read.format in _TYPED_BY_DDL
    return {**read.reader_options, "schema_ddl": read.schema_ddl} if typed else read.reader_options


def _rescue(read: ReadConfig) -> Rescue | None:
    given = read.rescue
    if given is None:
        return None
    return Rescue(
        mode=given.mode,
        corrupt_column=given.corrupt_column,
        rescued_column=given.rescued_column,
        archive=given.bad_records_path is not None,
    )


def _queries(
    read: ReadConfig, node: PlannedNode, *, alias: str, first_run_query: str | None, compile_text: Compile
) -> Iterator[CompiledSql]:
    """What was compiled for the plan; a text with a value of the environment in it is compiled here."""
    names = names_of_source(read, node.name)
    filtering = None if read.filter is None else rows_that(read.filter)
    places = {"first_run": first_run_query} if first_run_query is not None else {"query": read.query or read.sql_file}
    for what, text in {**places, "filter": filtering}.items():
        if text is not None:
            yield node.sql.get(read_place(alias, what)) or compile_text(text, {"df"} if what == "filter" else names)


_TYPED_BY_DDL = frozenset({"csv", "json", "ndjson", "excel", "api"})
FILE_FORMATS = frozenset({"csv", "json", "ndjson", "parquet", "excel", "avro"})


def _path_of(read: ReadConfig, node: PlannedNode) -> str:
    path = read.path or read.table
    if path is None:
        raise ConfigError(f"node '{node.name}' reads neither a path nor a table", hint="Set 'read.path' or 'read.table'.")
    return path


def _matching(connection: str, pattern: str, connections: Connections, node: PlannedNode) -> tuple[FileVersion, ...]:
    from odibi_core.config import BlobPattern
    from odibi_core.errors import DataError

    blobs = BlobPattern.parse(pattern)
    found = tuple(file for file in connections.files(connection, blobs.prefix) if blobs.matches(file.path) is not None)
    if not found:
        raise DataError(
            f"node '{node.name}' found no file that matches '{pattern}' in connection '{connection}'",
            code="no_files",
            hint="Check the path, or wait until a file has landed.",
        )
    return found


def read_stored(inputs: Inputs, *, plan: Plan, node: PlannedNode, connections: Connections, engine: Engine) -> None:
    """Add what nodes outside this run wrote last, under the alias and, if it is of this pipeline, under the node's name."""
    for alias, stored in node.stored.items():
        scanned = engine.scan(Source(location=connections.locate(stored.connection, stored.path), format=stored.format))
        inputs.add(alias, scanned, DatasetRead(dataset=stored.dataset, format=stored.format, rows=scanned.rows, version=scanned.version))
    for alias, stored in node.stored.items():
        pipeline, _, name = stored.dataset.partition(".")
        if pipeline == plan.pipeline:
            inputs.named.setdefault(name.lower(), inputs.named[alias.lower()])


def read_upstream(
    inputs: Inputs, *, plan: Plan, node: PlannedNode, config: NodeConfig, upstream: Upstream, take: Callable[[str, FrameAt], Scanned]
) -> None:
    """Add the outputs of the nodes above, under the node's name and under every alias in `inputs:`; then the primary input is known."""
    aliases: dict[str, list[str]] = {}
    for alias, reference in _references(config, plan).items():
        aliases.setdefault(reference, []).append(alias)
    for name in node.frames:
        outcome = upstream(name)
        if outcome is None or outcome.result.output is None:
            raise FrameLostError(f"node '{name}' left no output for '{node.name}'")
        scanned = take(name, outcome.result.output)
        read = DatasetRead(
            dataset=f"{plan.pipeline}.{name}", format="frame", rows=outcome.result.rows_out, version=outcome.result.output.version
        )
        for alias in (*aliases.get(name, ()), name):
            if alias.lower() not in inputs.named:
                inputs.named[alias.lower()] = scanned.frame
        inputs.reads.append(read)
        inputs.frames.append(scanned.frame)
    order = [name for name in ("df", *(config.inputs or {}), *config.depends_on, *node.frames) if name.lower() in inputs.named]
    inputs.primary = inputs.named[order[0].lower()] if order else inputs.primary


def _references(config: NodeConfig, plan: Plan) -> Mapping[str, str]:
    prefix = f"${plan.pipeline}."
    return {
        alias: reference.removeprefix(prefix)
        for alias, reference in (config.inputs or {}).items()
        if isinstance(reference, str) and reference.startswith(prefix)
    }
