"""The targets of a node's patterns: opened before anything is read, and written before the node's own `write:`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from odibi_core.config import NodeConfig
from odibi_core.errors import DataError
from odibi_core.events import DatasetWrite
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode, PlannedTarget
from odibi_core.planning.refusals import bind_call, calls_by_place
from odibi_core.ports import Connections, Engine, Frame, Sink, Source, Target
from odibi_core.runtime.targets import dataset_write
from odibi_core.runtime.watermark import FrozenWindow, transaction_of

if TYPE_CHECKING:
    from odibi_core.patterns import Made, PatternContext
    from odibi_core.transforms import Library, TransformContext


class OpenedTarget(Frozen):
    """A target of a pattern, as it was when it was opened."""

    key: str  # "place.role"
    planned: PlannedTarget
    target: Target
    sink: Sink


class Pending(Frozen):
    """Rows that wait for their commit, until nothing more can refuse the node."""

    opened: OpenedTarget
    frame: Frame
    changed: bool  # False: the rows are those that are there
    marks: Mapping[str, int]


@dataclass(kw_only=True)
class PatternRun:
    """The patterns of one execution of a node: what they start from, and what they want written."""

    plan: Plan
    node: PlannedNode
    engine: Engine
    connections: Connections
    targets: tuple[OpenedTarget, ...] = ()  # in the order in which they are written
    paths: Mapping[str, str] = field(default_factory=dict)  # of targets whose path stands in their params
    queries: Mapping[str, str] = field(default_factory=dict)  # of places that are read by one, which stands in their params
    own: Sink | None = None  # the sink of the node's `write:`, for patterns whose target it is
    pending: list[Pending] = field(default_factory=list)
    for_own: Frame | None = None  # what `write:` gets instead of the output
    marks: dict[str, int] = field(default_factory=dict)  # for the commit of `write:`
    warnings: list[str] = field(default_factory=list)
    made: Frame | None = None  # what the last pattern gave
    rows_aside: int = 0

    def __call__(self, place: str, function: Callable[..., Made], params: Any, frame: Frame | None, *, context: TransformContext) -> Frame:
        """The output of one pattern. One that an earlier attempt has committed is not applied again: its target says what it made."""
        target = self._opened(f"{place}.target")
        if target is not None and target.sink.committed() is not None:
            return self._as_committed(target) if params.gives_table or frame is None else frame
        made = function(frame, params, self._context(place, context))
        self._remember(place, made, gives_table=params.gives_table)
        self.made = made.output
        return made.output

    def output_is_in(self, sink: Sink | None) -> bool:
        """Whether what a sink holds after its commit is the node's output."""
        for target in self.targets:
            if target.sink is sink:
                return target.planned.is_output
        return self.for_own is None

    def is_computed(self, one: Pending) -> bool:
        """Whether rows that wait are the node's output."""
        return one.opened.planned.is_output and one.frame is self.made

    def is_due(self, sink: Sink, window: FrozenWindow | None) -> bool:
        """Whether there is something to commit with a sink. A window is closed by a commit, also of the rows that are there."""
        if not any(target.sink is sink for target in self.targets):
            return True
        return any(one.opened.sink is sink and (one.changed or window is not None) for one in self.pending)

    def due(self, sink: Sink, output: Frame, window: FrozenWindow | None) -> tuple[Frame, Mapping[str, int]] | None:
        """What the deciding target gets, with its marks; None if that is nothing."""
        if not any(target.sink is sink for target in self.targets):
            return output if self.for_own is None else self.for_own, self.marks
        for one in self.pending:
            if one.opened.sink is sink and (one.changed or window is not None):
                return output if self.is_computed(one) else one.frame, one.marks
        return None

    def _remember(self, place: str, made: Made, *, gives_table: bool) -> None:
        target = self._opened(f"{place}.target")
        planned = self.node.targets.get(f"{place}.target")
        if made.table is not None and target is not None:
            self.pending.append(Pending(opened=target, frame=made.table, changed=made.changed, marks=made.marks))
        elif planned is not None and planned.is_write:
            self.marks |= made.marks
            if not gives_table:
                self.for_own = made.table
        aside = self._opened(f"{place}.quarantine")
        if made.aside is not None and aside is not None:
            kept = self.engine.cache(made.aside, {})
            self.rows_aside += kept.rows
            if kept.rows and aside.sink.committed() is None:
                self.pending.append(Pending(opened=aside, frame=kept.frame, changed=True, marks={}))

    def _context(self, place: str, context: TransformContext) -> PatternContext:
        from odibi_core.patterns import PatternContext

        planned = self.node.targets.get(f"{place}.target")
        sink = self._sink(f"{place}.target")
        present = None if sink is None else sink.present()
        if planned is not None and planned.node:
            rows: Frame | None = context.dataset(planned.node)
        else:
            rows = None if present is None else present.frame

        return PatternContext(
            transforms=context,
            now=self.plan.planned_at,
            present=rows,
            keep=lambda frame: self.engine.cache(frame, {}).frame,
            one_row=self._one_row,
            mark=lambda name: None if sink is None else sink.transaction(name),
            warn=self.warnings.append,
            places={role: self._rows_at(f"{place}.{role}") for role in ("snapshot", "source") if f"{place}.{role}" in self.node.targets},
        )

    def _one_row(self) -> Frame:
        import narwhals as nw

        backend: Any = self.engine.name
        frame: Frame = nw.from_dict({"__one": [1]}, backend=backend).lazy()
        return frame

    def _rows_at(self, key: str) -> Frame | None:
        """The rows of a place that is only read; None if there is nothing yet."""
        planned = self.node.targets[key]
        if planned.is_write and self.own is not None:
            present = self.own.present()
            return None if present is None else present.frame
        location = self.connections.locate(planned.connection, self._path(key, planned))
        try:
            return self.engine.scan(Source(location=location, format=planned.format, query=self.queries.get(key))).frame
        except DataError as error:
            if planned.role == "snapshot" and error.error_code in ("missing_table", "missing_file"):
                return None
            raise

    def _path(self, key: str, planned: PlannedTarget) -> str:
        return planned.path if planned.path is not None else self.paths[key]

    def _opened(self, key: str) -> OpenedTarget | None:
        return next((target for target in self.targets if target.key == key), None)

    def _sink(self, key: str) -> Sink | None:
        planned = self.node.targets.get(key)
        if planned is not None and planned.is_write:
            return self.own
        opened = self._opened(key)
        return None if opened is None else opened.sink

    def _as_committed(self, target: OpenedTarget) -> Frame:
        """
        The output of a pattern that is in: what the target holds now.

        Others may have added to it since. What comes behind is then made of the newer rows, so that of two runs the one that writes
        last has them all.
        """
        present = target.sink.present()
        if present is None:
            raise DataError(f"'{target.target.location.name}' is gone since this node wrote it", code="missing_table")
        return present.frame


def write_pending(
    patterns: PatternRun | None, output: Frame | None, facts: Mapping[str, str], *, window: FrozenWindow | None, but: Sink | None
) -> tuple[DatasetWrite, ...]:
    """
    Commit what patterns want written, each target once, but for the one that decides.

    `output` is the node's, already computed, if nothing was added to it.
    """
    written: list[DatasetWrite] = []
    if patterns is None:
        return ()
    for one in patterns.pending:
        if one.opened.sink is but or not one.changed:
            continue
        sequence = 1 if window is None else window.sequence
        frame = output if output is not None and patterns.is_computed(one) else one.frame
        receipt = one.opened.sink.write(frame, facts, sequence=sequence, marks=one.marks)
        written.append(dataset_write(one.opened.target, receipt))
    return tuple(written)


def places_in_params(config: NodeConfig, node: PlannedNode, library: Library) -> tuple[dict[str, str], dict[str, str]]:
    """The paths and the queries that stand in the params of patterns, by the key of their target."""
    paths: dict[str, str] = {}
    queries: dict[str, str] = {}
    if not node.targets:
        return paths, queries
    from odibi_core.patterns import PatternParams

    for place, kind, name, given in calls_by_place(config):
        params = bind_call(kind, name, given, library)[1]
        for wanted in params.places() if isinstance(params, PatternParams) else ():
            key = f"{place}.{wanted.role}"
            paths |= {key: wanted.path} if wanted.path is not None else {}
            queries |= {key: wanted.query} if wanted.query is not None else {}
    return paths, queries


def pattern_targets(
    plan: Plan, node: PlannedNode, connections: Connections, paths: Mapping[str, str]
) -> tuple[tuple[str, PlannedTarget, Target], ...]:
    """The targets that patterns of a node write besides its `write:`, in order. The last one decides if there is no `write:`."""
    written = [(key, planned) for key, planned in node.targets.items() if planned.use != "read" and not planned.is_write]
    decides = "write" not in node.config
    found: list[tuple[str, PlannedTarget, Target]] = []
    for number, (key, planned) in enumerate(written, 1):
        own = transaction_of(plan.run_id, node.name)
        target = Target(
            location=connections.locate(planned.connection, planned.path if planned.path is not None else paths[key]),
            format=planned.format,
            mode="overwrite" if planned.use == "replace" else "append",
            transaction=own if decides and number == len(written) else f"{own}/{key}",
            merge_schema=True,
            properties=planned.properties,
            over_present=planned.use == "replace",
        )
        found.append((key, planned, target))
    return tuple(found)
