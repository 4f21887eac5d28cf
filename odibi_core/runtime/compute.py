"""Read a node's inputs and transform them, in one pass over the data. Nothing is written here, so it may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from odibi_core.config import NodeConfig
from odibi_core.events import DatasetRead, DatasetWrite, FrameAt, NodeFinished, RowAccount
from odibi_core.frozen import Frozen
from odibi_core.past import RowHistory
from odibi_core.planning.compiling import compiled_here
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.planning.reading import reads_of
from odibi_core.planning.refusals import calls_by_place, patterns_known
from odibi_core.ports import Cached, CompiledSql, Connections, Engine, Frame, Scanned, SecretSource, Sink, Source
from odibi_core.runtime.anonymising import without_personal_values
from odibi_core.runtime.contracts import ContractsFound, contracts_of
from odibi_core.runtime.datasets import (
    FILE_FORMATS,
    SOURCE_FILE,
    FrameLostError,
    FrameShelf,
    Inputs,
    read_stored,
    read_upstream,
    scan_source,
)
from odibi_core.runtime.dimensions import read_dimensions
from odibi_core.runtime.failing import Show, shows_nothing
from odibi_core.runtime.gating import Past, passes_valid_only
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.loading import Load
from odibi_core.runtime.outgoing import wants_file_of_each_row, without_origin
from odibi_core.runtime.pattern_targets import OpenedTarget, PatternRun, pattern_targets, places_in_params
from odibi_core.runtime.quarantine import quarantine_of
from odibi_core.runtime.rescuing import Archive, archive_of, unparsed_warnings, with_place
from odibi_core.runtime.targets import target_of
from odibi_core.runtime.transforming import transform
from odibi_core.runtime.validating import check_context, validate
from odibi_core.runtime.watermark import FrozenWindow, MarkKey, parse_scalar

if TYPE_CHECKING:
    from odibi_core.transforms import Library


class Computed(Frozen):
    """A node's output before validation, and what was read for it."""

    cached: Cached
    reads: tuple[DatasetRead, ...]
    patterns: PatternRun | None = None  # what its patterns want written
    warnings: tuple[str, ...] = ()
    account: RowAccount | None = None
    archives: tuple[Archive, ...] = ()  # of rows that did not parse; they are written before the commit
    contracts: ContractsFound = field(default_factory=ContractsFound)
    datasets: Mapping[str, Frame] = field(default_factory=dict)  # for the checks of the output
    asides: int = 0  # how many of `reads` are no input of the node: dimensions of its foreign keys
    show: Show = shows_nothing  # some of the rows that break checks, with those that break contracts

    @property
    def rows_in(self) -> int | None:
        """Rows of all inputs together; None if one of them is not known."""
        counts = [read.rows for read in self.reads[: len(self.reads) - self.asides]]
        return None if None in counts else sum(count for count in counts if count is not None)


class Computer(Frozen):
    """Computes nodes of a plan with one engine."""

    engine: Engine
    shelf: FrameShelf
    journal: Journal
    configuration: Callable[[Plan, PlannedNode], NodeConfig]
    connections: Callable[[Plan], Connections]
    secret: SecretSource
    history: RowHistory = lambda _node: ()
    library: Callable[[], Library] | None = None  # None: the built-in functions

    def open_patterns(self, plan: Plan, node: PlannedNode, config: NodeConfig, own: Sink | None) -> PatternRun | None:
        """The targets of a node's patterns, opened; None if it calls none."""
        calls = calls_by_place(config)
        if not calls or not any(call[2] in patterns_known() for call in calls):
            return None
        connections = self.connections(plan)
        paths, queries = places_in_params(config, node, self._library())
        opened = tuple(
            OpenedTarget(key=key, planned=planned, target=target, sink=self.engine.open(target))
            for key, planned, target in pattern_targets(plan, node, connections, paths)
        )
        return PatternRun(
            plan=plan, node=node, engine=self.engine, connections=connections, targets=opened, paths=paths, queries=queries, own=own
        )

    def compute(self, plan: Plan, node: PlannedNode, config: NodeConfig, load: Load, patterns: PatternRun | None = None) -> Computed:
        """
        The output of a node, and what its patterns want written.

        Raises:
            ConfigError: If it has no input.
            ContractBrokenError: If the input breaks a contract.
            OdibiError: Whatever the engine finds wrong with the data or the store.
        """
        inputs = self._read(plan, node, config, load)
        dimensions = read_dimensions(
            plan, node, connections=self.connections(plan), engine=self.engine, written=lambda name: self._written(plan, name)
        )
        library, trail = self._library(), inputs.trail()
        contracts = contracts_of(
            plan, node, config, primary=inputs.primary, reads=tuple(inputs.reads), engine=self.engine, past=Past(self.history, plan, node)
        )
        with contracts.first(), library.blaming():
            frame = transform(
                config,
                node,
                engine=self.engine,
                primary=inputs.primary,
                named=inputs.named,
                now=plan.logical_time,
                dialect=plan.sql_dialect,
                library=library,
                patterns=patterns,
                trail=trail,
            )
            frame, warnings = without_personal_values(frame, config, node.personal, self.secret)
            cached = self.engine.cache(frame, {**inputs.uncounted, **trail.counting()}, contracts.question)
        promised = contracts.judged(cached.answer)
        account = trail.account(cached.counts, rows=cached.rows, aside=0 if patterns is None else patterns.rows_aside)
        reads = tuple(
            read if read.rows is not None else read.model_copy(update={"rows": cached.counts.get(read.dataset)}) for read in inputs.reads
        )
        told = (*warnings, *self._changes(plan, config), *unparsed_warnings(reads))
        return Computed(
            cached=cached,
            reads=(*reads, *dimensions.reads),
            patterns=patterns,
            warnings=told,
            account=account,
            archives=tuple(inputs.archives),
            contracts=promised,
            datasets={**inputs.datasets(), **dimensions.frames},
            asides=len(dimensions.reads),
            show=partial(contracts.show, before=promised.failing),
        )

    def _written(self, plan: Plan, name: str) -> DatasetWrite | None:
        outcome = finished(self.journal, plan, name)
        return None if outcome is None else outcome.result.write

    def _library(self) -> Library:
        from odibi_core.transforms import Library

        return Library() if self.library is None else self.library()

    def _changes(self, plan: Plan, config: NodeConfig) -> tuple[str, ...]:
        """What a reader must know if the authors' code is not the one that the run was planned with."""
        if not plan.code:
            return ()
        names = self._library().changed_since(plan.code, {name: kind for _, kind, name, _ in calls_by_place(config)})
        return tuple(f"the files of function '{name}' changed after the run was planned; it ran as it is now" for name in names)

    def _read(self, plan: Plan, node: PlannedNode, config: NodeConfig, load: Load) -> Inputs:
        connections, inputs = self.connections(plan), Inputs()
        for alias, source in _sources(plan, node, config, connections, load).items():
            scanned = self.engine.scan(source)
            archive = archive_of(reads_of(config)[alias], alias, plan, scanned)
            inputs.archives.extend([] if archive is None else [archive])
            read = DatasetRead(
                dataset=source.location.name,
                format=source.format,
                rows=scanned.rows,
                version=scanned.version,
                files=scanned.files,
                unparsed=with_place(scanned.unparsed, archive),
            )
            inputs.add(alias, scanned, read)
        read_stored(inputs, plan=plan, node=node, connections=connections, engine=self.engine)
        read_upstream(
            inputs,
            plan=plan,
            node=node,
            config=config,
            upstream=lambda name: finished(self.journal, plan, name),
            take=lambda name, at: self._take(plan, name, at),
        )
        return inputs

    def _take(self, plan: Plan, upstream: str, at: FrameAt) -> Scanned:
        if at.kind == "delta":
            connection, _, path = at.path.partition("/")
            source = Source(location=self.connections(plan).locate(connection, path), format="delta", version=at.version)
            return self.engine.scan(source)
        node = plan.node(upstream)
        config = self.configuration(plan, node)
        scanned = self._kept(plan, node, config, at)
        return replace(scanned, frame=without_origin(scanned.frame, config))

    def _kept(self, plan: Plan, node: PlannedNode, config: NodeConfig, at: FrameAt) -> Scanned:
        try:
            return self.shelf.take(plan, node.name, at)
        except FrameLostError:
            # A resumed run: what the node computed is gone with its process, but its inputs are frozen. Its write stays as it is.
            outcome = finished(self.journal, plan, node.name)
            own = target_of(plan, node, config, self.connections(plan)) if any(one.is_write for one in node.targets.values()) else None
            patterns = self.open_patterns(plan, node, config, None if own is None else self.engine.open(own))
            computed = self.compute(plan, node, config, _same_load(plan, node, config, outcome), patterns)
            cached = self._as_judged(plan, node, config, computed, outcome)
            self.shelf.keep(plan, node, cached)
            return Scanned(frame=cached.frame, rows=cached.rows)

    def _as_judged(self, plan: Plan, node: PlannedNode, config: NodeConfig, computed: Computed, outcome: NodeFinished | None) -> Cached:
        """What quarantine and gate had left of the rows."""
        gate = None if outcome is None else outcome.result.gate
        if quarantine_of(config) is None and not passes_valid_only(gate):
            return computed.cached
        past = Past(self.history, plan, node)
        found = validate(computed.cached, config, check_context(plan, node, config, self.engine, past.made, datasets=computed.datasets))
        rows = found.valid if passes_valid_only(gate) else found.kept
        return computed.cached if rows is computed.cached.frame else self.engine.cache(rows, {})


def source_of(plan: Plan, node: PlannedNode, config: NodeConfig, connections: Connections, *, alias: str, first: bool) -> Source:
    """What one read of a node scans, whole."""
    query = config.write.first_run_query if config.write is not None and first and alias == "df" else None

    def compile_text(text: str, tables: Collection[str]) -> CompiledSql:
        return compiled_here(text, tables, plan.sql_dialect, plan.logical_time)

    source = scan_source(reads_of(config)[alias], node, connections, alias=alias, first_run_query=query, compile_text=compile_text)
    if source.format != "api":
        return source
    return replace(source, landing=f"runs/{plan.run_id}/landed/{node.name}/{alias}", at=plan.logical_time)


def _sources(plan: Plan, node: PlannedNode, config: NodeConfig, connections: Connections, load: Load) -> dict[str, Source]:
    wants_file = wants_file_of_each_row(config)
    sources: dict[str, Source] = {}
    for alias, read in reads_of(config).items():
        source = source_of(plan, node, config, connections, alias=alias, first=load.first)
        window = None if read.incremental is None else load.window(read.incremental, plan.logical_time)
        column = SOURCE_FILE if wants_file and read is config.read and source.format in FILE_FORMATS else None
        sources[alias] = replace(source, window=window, file_column=column)
    return sources


def _same_load(plan: Plan, node: PlannedNode, config: NodeConfig, outcome: NodeFinished | None) -> Load:
    """What a node took that has run already."""
    if outcome is None:
        return Load()
    result, key = outcome.result, mark_key(plan, node, config)
    first = result.write is not None and result.write.created
    if key is None or result.watermark is None:
        return Load(first=first)
    moved = result.watermark
    after, until = parse_scalar(moved.since), parse_scalar(moved.after)
    return Load(first=first, frozen=FrozenWindow(key=key, sequence=moved.sequence, after=after, until=until, empty=moved.after is None))


def mark_key(plan: Plan, node: PlannedNode, config: NodeConfig) -> MarkKey | None:
    """The high-water mark of a stateful incremental node."""
    incremental = config.read.incremental if config.read is not None else None
    if incremental is None or incremental.mode != "stateful":
        return None
    return MarkKey(project=plan.project, environment=plan.environment, pipeline=plan.pipeline, name=incremental.state_key or node.name)


def finished(journal: Journal, plan: Plan, node: str) -> NodeFinished | None:
    """The outcome of a node that ran."""
    outcome = journal.outcome(plan.run_id, node)
    return outcome if isinstance(outcome, NodeFinished) else None
