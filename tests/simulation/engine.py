"""An engine whose frames are tuples of numbers and whose tables conflict the way Delta tables do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from odibi_core.errors import DataError, TransientServiceError
from odibi_core.messages import FileVersion
from odibi_core.ports import (
    FENCED,
    Cached,
    CompiledSql,
    FencedError,
    Location,
    Scalar,
    Scanned,
    Source,
    Target,
    Window,
    WriteConflictError,
    WriteReceipt,
)
from tests.simulation.world import Commit, Crash, SimTable, World

Rows = tuple[int, ...]
KILLS = -2


@dataclass
class Rules:
    """The rules of the sink; a mutant switches one off."""

    check_first: bool = True
    same_handle: bool = True
    trust_errors: bool = False
    guard_creation: bool = True
    table_wide: bool = True
    write_transaction: bool = True
    check_patterns: bool = True


@dataclass
class Lake:
    """Files, tables and staged objects."""

    world: World
    files: dict[str, Rows] = field(default_factory=dict)  # path@etag → rows
    source: list[int] = field(default_factory=list)  # a table that grows outside
    tables: dict[str, SimTable] = field(default_factory=dict)
    staged: dict[str, Rows] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    refusals: float = 0.0
    broken: dict[str, int] = field(default_factory=dict)  # file path → how many scans fail; -1: all, for good

    def table(self, path: str) -> SimTable:
        return self.tables.setdefault(path, SimTable())


class SimConnections:
    def locate(self, connection: str, path: str) -> Location:
        return Location(connection=connection, path=path, uri=f"sim://{connection}/{path}")

    def files(self, connection: str, prefix: str) -> tuple[FileVersion, ...]:
        return ()

    def store(self, connection: str, path: str) -> None:
        raise AssertionError("nothing stores files here")


class SimEngine:
    """One per world; frames are immutable, so sharing it is safe."""

    name = "polars"

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def scan(self, source: Source) -> Scanned:
        world = self.lake.world
        world.step()
        path = source.location.path
        if path.endswith(".parquet"):
            return Scanned(frame=self.lake.staged[path], rows=len(self.lake.staged[path]))
        if source.files is not None:
            rows: Rows = ()
            for file in source.files:
                self._maybe_fail(file.path)
                rows += self.lake.files[f"{file.path}@{file.etag}"]
            return Scanned(frame=rows, rows=len(rows), files=source.files)
        if path == "source":
            self._maybe_refuse(source.window)
            frame = tuple(value for value in self.lake.source if _inside(value, source.window))
            return Scanned(frame=frame, rows=len(frame))
        table = self.lake.table(path)
        version = table.version if source.version is None else source.version
        return Scanned(frame=tuple(row for _, row in table.rows(version)), version=version)

    def _maybe_fail(self, path: str) -> None:
        left = self.lake.broken.get(path, 0)
        if left == KILLS:
            raise Crash  # a file that takes the process down each time
        if left < 0:
            raise DataError("the file is broken", code="unreadable_rows")
        if left > 0:
            self.lake.broken[path] = left - 1
            raise TransientServiceError("the file cannot be reached now")

    def _maybe_refuse(self, window: Window | None) -> None:
        """A source that refuses for good now and then, after the window was frozen."""
        world = self.lake.world
        if window is not None and window.until is not None and not world.calm and world.rng.random() < self.lake.refusals:
            raise DataError("the source refuses", code="refused")

    def sql(self, query: CompiledSql, tables: Mapping[str, Rows]) -> Rows:
        raise AssertionError("no SQL here")

    def cache(self, frame: Rows, counting: Mapping[str, Rows], asking: Rows | None = None) -> Cached:
        self.lake.world.executions += 1
        self.lake.world.step()
        return Cached(frame=frame, rows=len(frame), counts={name: len(other) for name, other in counting.items()}, columns=())

    def maximum(self, frame: Rows, window: Window) -> Scalar:
        self.lake.world.step()
        return max(frame, default=None)

    def open(self, target: Target) -> SimSink:
        self.lake.world.step()
        return SimSink(self.lake, target)


def _inside(value: int, window: Window | None) -> bool:
    if window is None:
        return True
    after, until = window.after, window.until
    return (after is None or value > after) and (until is None or value <= until)  # type: ignore[operator]  # numbers here


class SimSink:
    """The contract of `ports.Sink`, with the conflicts that were measured for delta-rs."""

    def __init__(self, lake: Lake, target: Target) -> None:
        self.lake = lake
        self.target = target
        self.table = lake.table(target.location.path)
        self.version = self.table.version

    @property
    def exists(self) -> bool:
        return self.version > 0

    def transaction(self, application: str) -> int | None:
        return self.table.transactions(self.version).get(application)

    def committed(self) -> WriteReceipt | None:
        state = self.transaction(self.target.transaction)
        asked = self.lake.rules.check_patterns or not self.target.transaction.endswith(".target")
        if not self.lake.rules.check_first or not asked or state is None:
            return None
        if state == FENCED:
            raise FencedError("this node was given up")
        place, mine = next(
            (place, commit) for place, commit in enumerate(self.table.commits, 1) if self.target.transaction in commit.transactions
        )
        return WriteReceipt(rows=None, version=place, facts=mine.facts, recovered=True)

    def present(self) -> Scanned | None:
        self.lake.world.step()
        if not self.exists:
            return None
        return Scanned(frame=tuple(row for _, row in self.table.rows(self.version)), version=self.version)

    def rehearse(self, frame: Rows) -> None:
        self.lake.world.step()

    def write(self, frame: Rows, facts: Mapping[str, str], *, sequence: int = 1, marks: Mapping[str, int] | None = None) -> WriteReceipt:
        if self.target.format == "parquet":
            return self._stage(frame)
        rules, table = self.lake.rules, self.table
        if not rules.same_handle:
            self.version = table.version
        mine = {} if not rules.write_transaction else {self.target.transaction: sequence}
        if self.target.mode == "overwrite" and rules.table_wide:
            mine["odibi/table"] = self.version + 1
        return self._commit(frame, mine, dict(facts))

    def _commit(self, frame: Rows, mine: dict[str, int], facts: dict[str, str]) -> WriteReceipt:
        rules, table, world = self.lake.rules, self.table, self.lake.world
        batch = f"{self.target.transaction}#{world.executions}"
        rows = tuple((batch, row) for row in frame)

        def apply() -> bool:
            base = table.rows(self.version)
            since = table.commits[self.version :]
            # Two creations of one table do not see each other: measured. The guard makes the loser open the winner's table.
            blind = self.version == 0 and not rules.guard_creation
            if not blind and any(set(commit.transactions) & set(mine) for commit in since):
                raise WriteConflictError("concurrent transaction")
            overwrites = self.target.mode == "overwrite"
            if overwrites and base and any(commit.overwrites for commit in since):
                raise WriteConflictError("concurrent delete")
            kept = tuple(row for row in table.rows() if row not in set(base)) if overwrites else table.rows()
            table.commits.append(Commit(rows=kept + rows, transactions=mine, batch=batch, overwrites=overwrites, facts=facts))
            return True

        try:
            world.effect(apply)
        except TransientServiceError as error:
            if isinstance(error, WriteConflictError) or rules.trust_errors:
                raise
            # An error does not mean "not committed": look again.
            world.step()
            if table.transactions(table.version).get(self.target.transaction) in (None, FENCED):
                raise
        self.version = table.version
        return WriteReceipt(rows=len(frame), version=_version_of(table, batch))

    def _stage(self, frame: Rows) -> WriteReceipt:
        staged = self.lake.staged
        path = self.target.location.path
        recovered = path in staged
        self.lake.world.effect(lambda: staged.setdefault(path, frame) and None)
        return WriteReceipt(rows=len(frame), version=None, recovered=recovered or staged[path] != frame)

    def maintain(self) -> str:
        return ""

    def fence(self, application: str) -> None:
        def apply() -> None:
            since = self.table.commits[self.version :]
            if any(application in commit.transactions for commit in since):
                raise WriteConflictError("concurrent transaction")
            rows = self.table.rows()
            self.table.commits.append(Commit(rows=rows, transactions={application: FENCED}, batch="fence"))

        self.lake.world.effect(apply)


def _version_of(table: SimTable, batch: str) -> int:
    for place, commit in enumerate(table.commits):
        if commit.batch == batch:
            return place + 1
    return table.version
