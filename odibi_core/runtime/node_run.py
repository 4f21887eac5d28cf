"""
Run one node: read → transform → validate → write. The write is the only effect; everything else may happen twice.

The target is opened before anything is read. So whatever changes between the reading and the commit is seen by the commit.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError, ServiceError
from odibi_core.events import (
    FrameAt,
    NodeResult,
)
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import (
    Cached,
    Clock,
    FencedError,
    FileChangedError,
    Frame,
    Scalar,
    Sink,
    Target,
    WriteConflictError,
    WriteReceipt,
)
from odibi_core.runtime.accounting import less
from odibi_core.runtime.compute import Computed, Computer, mark_key, source_of
from odibi_core.runtime.contracts import ContractBrokenError
from odibi_core.runtime.deadline import refuse_late
from odibi_core.runtime.drift import with_users
from odibi_core.runtime.gating import Past, gate_of, passes_valid_only, refuse_shut, warnings_of
from odibi_core.runtime.loading import Load, window_over
from odibi_core.runtime.outgoing import content_of, outgoing
from odibi_core.runtime.pattern_targets import OpenedTarget, PatternRun, write_pending
from odibi_core.runtime.progress import Progress, changed, ended
from odibi_core.runtime.quarantine import Quarantine
from odibi_core.runtime.rescuing import rescue_warnings, unparsed_warnings
from odibi_core.runtime.retry import error_record
from odibi_core.runtime.sampling import sample_of
from odibi_core.runtime.targets import CommitFacts, dataset_write, frame_in_table, has_transactions, target_of
from odibi_core.runtime.transforming import step_records
from odibi_core.runtime.validating import check_context, refuse, told, validate
from odibi_core.runtime.watermark import FrozenWindow, MarkKey, Watermarks, transaction_of

if TYPE_CHECKING:
    from odibi_core.checks import Evaluation

_log = logging.getLogger("odibi.node")
CONFLICT_ROUNDS = 8  # then the attempt fails and the retry policy takes over


class _Opened(Frozen):
    """A node about to work: its configuration and its opened targets."""

    plan: Plan
    node: PlannedNode
    config: NodeConfig
    target: Target | None  # what decides whether the node has written: its `write:`, or the last target of its patterns
    sink: Sink | None
    key: MarkKey | None
    patterns: PatternRun | None = None
    quarantine: Quarantine | None = None

    @property
    def before(self) -> tuple[OpenedTarget, ...]:
        """The targets of patterns that are written before the one that decides."""
        return () if self.patterns is None else tuple(one for one in self.patterns.targets if one.sink is not self.sink)


class _Due(Frozen):
    """What the target that decides is to get."""

    frame: Frame
    marks: Mapping[str, int]


class _Committed(Frozen):
    """A write that is in."""

    target: Target
    receipt: WriteReceipt

    @property
    def output(self) -> FrameAt:
        """The table itself as the node's output, at exactly the version that was written."""
        return FrameAt(kind="delta", path=self.target.location.name, version=self.receipt.version)


class NodeRunner(Frozen):
    """Executes planned nodes and always comes back with a result."""

    computer: Computer
    watermarks: Watermarks
    clock: Clock
    pause: Callable[[float], None] = time.sleep
    release: Callable[[], None] = lambda: None  # lets go of the engine's temporary files
    redact: Callable[[CommitFacts], CommitFacts] = lambda facts: facts  # what a commit says is read by many

    def __call__(self, plan: Plan, node: PlannedNode, attempt: int) -> NodeResult:
        """Run a node. Raises only what ends the process: KeyboardInterrupt, SystemExit, GeneratorExit."""
        del attempt
        started_at, clock = self.clock(), time.perf_counter()
        progress = Progress()
        try:
            result = self._without_rewritten(plan, node, progress)
        except FileChangedError as error:
            result = changed(error, progress)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  # the border of a node: Polars panics derive from BaseException
            result = ended(progress, status="failed", error=error_record(with_users(error, plan, node)))
        finally:
            self.release()
        return result.model_copy(
            update={"started_at": started_at, "finished_at": self.clock(), "seconds": round(time.perf_counter() - clock, 6)}
        )

    def close(self, plan: Plan, node: PlannedNode) -> NodeResult | None:
        """Make sure that nobody writes a node any more, or learn that it has been written: then its result comes back."""
        for earlier in range(CONFLICT_ROUNDS):
            try:
                opened = self._open(plan, node)
                receipt = _fenced(opened.target, opened.sink)
                if receipt is not None:
                    now = self.clock()
                    return self._recovered(opened, receipt).model_copy(update={"started_at": now, "finished_at": now})
                # The last target first: what was fenced there cannot be completed, so what is in before it stays as it is.
                for one in reversed(opened.before):
                    _fenced(one.target, one.sink)
                if opened.quarantine is not None:
                    opened.quarantine.close()
                return None
            except WriteConflictError:
                if earlier == CONFLICT_ROUNDS - 1:
                    raise
                self.pause(random.uniform(0, 0.05 * 2**earlier))  # noqa: S311  # full jitter, not a secret
        raise AssertionError

    def _without_rewritten(self, plan: Plan, node: PlannedNode, progress: Progress) -> NodeResult:
        """A file that was rewritten is the business of its newer version's run; the others that came with it are ours."""
        while True:
            try:
                return self._until_no_conflict(plan, node, progress)
            except FileChangedError as error:
                left = tuple(file for file in node.files or () if file != error.file)
                if error.gone or not left or left == node.files:
                    raise
                progress.left_out.append(f"left out: {error.message}; the newer version has its own run")
                node = node.model_copy(update={"files": left})

    def _until_no_conflict(self, plan: Plan, node: PlannedNode, progress: Progress) -> NodeResult:
        """Somebody else may commit between our opening and our commit: open again, read again, compute again."""
        for earlier in range(CONFLICT_ROUNDS):
            try:
                return self._once(plan, node, progress)
            except WriteConflictError:
                if earlier == CONFLICT_ROUNDS - 1:
                    raise
                self.pause(random.uniform(0, min(0.05 * 2**earlier, 2.0)))  # noqa: S311  # full jitter, not a secret
        raise AssertionError

    def _once(self, plan: Plan, node: PlannedNode, progress: Progress) -> NodeResult:
        opened = self._open(plan, node)
        progress.steps = step_records(opened.config, node)
        if opened.sink is not None:
            receipt = opened.sink.committed()
            if receipt is not None:
                return self._recovered(opened, receipt)
        load = Load(first=opened.sink is not None and not opened.sink.exists, frozen=self._freeze(opened))
        try:
            computed = self.computer.compute(plan, node, opened.config, load, opened.patterns)
        except ContractBrokenError as broken:
            progress.reads, progress.checks, progress.failing = broken.reads, broken.found.results, broken.found.failing
            raise
        progress.reads, progress.rows_in, progress.rows_out = computed.reads, computed.rows_in, computed.cached.rows
        progress.warnings = [*computed.warnings, *(() if opened.patterns is None else opened.patterns.warnings)]
        progress.account = computed.account
        kept, evaluation = self._judged(opened, computed, progress)
        moved = None
        if load.moves is not None and opened.config.read is not None and opened.config.read.incremental is not None:
            moved = self.watermarks.moved(load.moves, opened.config.read.incremental.column)
        frame = kept.frame
        in_table = self._frame_in_table(opened, will_write=_will_write(opened, load.moves))
        if node.keep_frame and not in_table:
            frame = self.computer.shelf.keep(plan, node, kept)
        # Before the commit: after it nothing may fail the node.
        sample = sample_of(frame, opened.config, rows=plan.max_sample_rows, personal=(*node.personal, *node.masked))
        refuse_late(node.name, opened.config.timeout, seconds=time.perf_counter() - progress.since)
        for archive in computed.archives:
            archive.write(self.computer.connections(plan), node)
        due = self._due(opened, frame, progress, load.moves)
        self._set_aside(opened, evaluation, due, progress)
        facts = progress.facts(moved)
        also = write_pending(opened.patterns, kept.frame, self.redact(facts).as_metadata(), window=load.moves, but=opened.sink)
        write = self._commit(opened, due, facts, load.moves, progress.warnings)
        output = None
        if node.keep_frame:
            output = write.output if write is not None and in_table else self.computer.shelf.place(plan, node)
        return ended(
            progress,
            status="succeeded",
            write=None if write is None else dataset_write(write.target, write.receipt),
            watermark=moved,
            sample=sample,
            output=output,
        ).model_copy(update={"also_wrote": also})

    def _judged(self, opened: _Opened, computed: Computed, progress: Progress) -> tuple[Cached, Evaluation]:
        """The rows that may be written, and the judgement of all. What checks and gate say is in the progress, also if they refuse."""
        config, past, cached = opened.config, Past(self.computer.history, opened.plan, opened.node), computed.cached
        found = validate(
            cached, config, check_context(opened.plan, opened.node, config, self.computer.engine, past.made, datasets=computed.datasets)
        )
        results = told(found.results, config)
        progress.checks = (*computed.contracts.results, *results)
        progress.failing = computed.show(results, found.broken)
        refuse(progress.checks)
        progress.gate = gate_of(config, found, past)
        refuse_shut(progress.gate)
        rows = found.valid if passes_valid_only(progress.gate) else found.kept
        kept = cached if rows is cached.frame else self.computer.engine.cache(rows, {})
        held_back = found.rows - found.rejected_rows - kept.rows
        if progress.gate is not None:
            progress.gate = progress.gate.model_copy(update={"held_back": held_back})
            progress.warnings += warnings_of(progress.gate)
        progress.rows_out, progress.account = kept.rows, less(progress.account, quarantined=found.rejected_rows, gated=held_back)
        return kept, found

    def _frame_in_table(self, opened: _Opened, *, will_write: bool = True) -> bool:
        """Whether a later node finds the output in the table that was written."""
        if not will_write or not self.computer.shelf.reads_tables_back or not frame_in_table(opened.target):
            return False
        return opened.patterns is None or opened.patterns.output_is_in(opened.sink)

    def _open(self, plan: Plan, node: PlannedNode) -> _Opened:
        config = self.computer.configuration(plan, node)
        key = mark_key(plan, node, config)
        connections = self.computer.connections(plan)
        target = target_of(plan, node, config, connections)
        sink = None if target is None else self.computer.engine.open(target)
        if sink is not None and target is not None and config.write is not None and config.write.first_run_query and not sink.exists:
            # The first load is as its author wrote it: it is not merged with nothing. All else about the node goes by its own mode.
            sink = self.computer.engine.open(replace(target, mode="overwrite"))
        patterns = self.computer.open_patterns(plan, node, config, sink)
        if sink is None and patterns is not None and patterns.targets:
            target, sink = patterns.targets[-1].target, patterns.targets[-1].sink
        quarantine = Quarantine.opened(plan, node, config, connections, self.computer.engine)
        return _Opened(plan=plan, node=node, config=config, target=target, sink=sink, key=key, patterns=patterns, quarantine=quarantine)

    def _freeze(self, opened: _Opened) -> FrozenWindow | None:
        read = opened.config.read
        if opened.key is None or read is None or read.incremental is None:
            return None
        if opened.sink is None:
            raise ConfigError(f"node '{opened.node.name}' loads incrementally but writes nothing", hint="Add a 'write:'.")
        connections, first = self.computer.connections(opened.plan), not opened.sink.exists
        source = source_of(opened.plan, opened.node, opened.config, connections, alias="df", first=first)
        engine, incremental = self.computer.engine, read.incremental

        def maximum(after: Scalar) -> Scalar:
            window = window_over(incremental, after=after, until=None)
            return engine.maximum(engine.scan(replace(source, window=window)).frame, window)

        return self.watermarks.freeze(
            opened.key,
            run_id=opened.plan.run_id,
            node=opened.node.name,
            sink=opened.sink,
            maximum=maximum,
            lag=incremental.watermark_lag,
            is_gone=lambda: opened.target is None or not engine.open(opened.target).exists,
        )

    def _set_aside(self, opened: _Opened, evaluation: Evaluation, due: _Due | None, progress: Progress) -> None:
        """Write the rejected rows, before anything else is written, and only if nothing is known that would refuse the rest."""
        if opened.quarantine is None:
            return
        rejected = opened.quarantine.chosen(evaluation.rejected, evaluation.rejected_rows)
        if rejected is not None and due is not None and opened.sink is not None:
            opened.sink.rehearse(due.frame)
        facts = self.redact(progress.facts(None)).as_metadata()
        progress.quarantined = aside = opened.quarantine.write(rejected, evaluation.rejected_rows, facts)
        if aside.kept < aside.rows:
            progress.warnings.append(f"of {aside.rows} rejected rows {aside.kept} are kept in '{aside.dataset}', as its limits say")

    def _due(self, opened: _Opened, frame: Frame, progress: Progress, window: FrozenWindow | None) -> _Due | None:
        """What the target that decides gets; None if that is nothing."""
        if opened.sink is None or opened.target is None:
            return None
        marks: Mapping[str, int] = {}
        if opened.patterns is not None:
            due = opened.patterns.due(opened.sink, frame, window)
            if due is None:
                return None
            frame, marks = due
        if progress.rows_out == 0 and window is None and opened.target.mode != "overwrite":
            return None  # nothing to add: no commit, and no table with the guessed types of no rows
        content = content_of(opened.plan, opened.node.name, opened.config, frame, self.computer.engine) if window is None else None
        if content is not None and opened.sink.transaction(content[0]) == content[1]:
            progress.warnings.append("nothing was written: the rows are those of the last write (skip_if_unchanged)")
            return None
        frame = outgoing(frame, opened.config, opened.plan, progress.reads, present=opened.sink.present, tell=progress.warnings.append)
        return _Due(frame=frame, marks={**marks, **dict([content] if content is not None else ())})

    def _commit(
        self, opened: _Opened, due: _Due | None, facts: CommitFacts, window: FrozenWindow | None, warnings: list[str]
    ) -> _Committed | None:
        receipt: WriteReceipt | None = None
        if due is not None and opened.sink is not None and opened.target is not None:
            sequence = 1 if window is None else window.sequence
            receipt = opened.sink.write(due.frame, self.redact(facts).as_metadata(), sequence=sequence, marks=due.marks)
        if opened.quarantine is not None:
            told = opened.quarantine.sink.maintain()
            warnings += [told] if told else []
        if receipt is None or opened.sink is None or opened.target is None:
            return None
        if opened.key is not None and window is not None:
            # A file that was there already came from another worker of this run, which moved the mark itself.
            foreign = receipt.recovered and not has_transactions(opened.target)
            self._move_mark(opened.key, opened.plan.run_id, None if foreign else window.sequence)
        told = "" if receipt.recovered else opened.sink.maintain()
        warnings += [told] if told else []
        warnings += rescue_warnings(receipt, opened.target)
        return _Committed(target=opened.target, receipt=receipt)

    def _move_mark(self, key: MarkKey, run_id: str, written: int | None) -> None:
        """The data are in, so this may not fail the node: the next run finds the sequence number in the table and rolls forward."""
        try:
            self.watermarks.settle(key, run_id=run_id, written=written)
        except ServiceError:
            _log.warning("the high-water mark '%s' lags behind its data until the next run", key.name, exc_info=True)

    def _recovered(self, opened: _Opened, receipt: WriteReceipt) -> NodeResult:
        """An earlier attempt committed and died before its record: say what its commit says, and do what it did not get to."""
        if opened.target is None:
            raise AssertionError
        if opened.key is not None and opened.sink is not None:
            run_id = opened.plan.run_id
            written = opened.sink.transaction(transaction_of(run_id, opened.node.name))
            self._move_mark(opened.key, run_id, written if has_transactions(opened.target) else self.watermarks.open_window(opened.key))
        facts = CommitFacts.from_metadata(receipt.facts)
        output = None
        if opened.node.keep_frame:
            committed = _Committed(target=opened.target, receipt=receipt)
            output = committed.output if self._frame_in_table(opened) else self.computer.shelf.place(opened.plan, opened.node)
        told = "" if opened.quarantine is None else opened.quarantine.sink.maintain()
        progress = Progress.recalled(facts, step_records(opened.config, opened.node))
        progress.warnings += [*([told] if told else []), *unparsed_warnings(facts.reads)]
        return ended(
            progress,
            status="succeeded",
            write=dataset_write(opened.target, receipt),
            watermark=facts.watermark,
            output=output,
        )


def _will_write(opened: _Opened, window: FrozenWindow | None) -> bool:
    return opened.patterns is None or opened.sink is None or opened.patterns.is_due(opened.sink, window)


def _fenced(target: Target | None, sink: Sink | None) -> WriteReceipt | None:
    """Close a target to the node, unless it has been written: then its receipt comes back."""
    if sink is None or not has_transactions(target) or target is None:
        return None
    try:
        receipt = sink.committed()
        if receipt is None:
            sink.fence(target.transaction)
        return receipt
    except FencedError:
        return None
