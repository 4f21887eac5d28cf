"""The protocol with one rule switched off at a time. Each of these must be caught by the histories."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from odibi_core.events import AnyRunEvent, NodeClosing, NodeFinished, NodeResult, NodeSkipped, Outcome
from odibi_core.messages import DatasetWritten, RunNode, StartRun
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Scalar, Sink
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.followers import runs_behind
from odibi_core.runtime.journal import Journal, path_of
from odibi_core.runtime.ledger import FileLedger
from odibi_core.runtime.outbox import FlushState, Outbox, _Lease
from odibi_core.runtime.retry import delay_before_next
from odibi_core.runtime.watermark import FrozenWindow, Intent, Mark, MarkKey, Watermarks, format_scalar, parse_scalar
from tests.simulation.scenario import Parts


class OutcomesOverwritten(Journal):
    """Rule off: every journal write is put-if-absent; a node has one outcome object."""

    def record(self, event: AnyRunEvent) -> bool:
        if isinstance(event, NodeFinished | NodeSkipped):
            self._store.put(path_of(event), event.model_dump_json().encode())
            return True
        return super().record(event)

    def outcome(self, run_id: str, node: str) -> Outcome | None:
        return super().outcome(run_id, node)


class ReadsThenStores(Coordinator):
    """Rule off: store your own outcome, then read the others'."""

    def _finish_attempt(self, plan: Plan, node: PlannedNode, command: RunNode, result: NodeResult) -> None:
        if result.error is not None and delay_before_next(node.retry, result.error, command.attempt) is not None:
            super()._finish_attempt(plan, node, command, result)
            return
        before = self.journal.outcomes(plan.run_id, [other.name for other in plan.nodes])
        mine = NodeFinished(run_id=plan.run_id, node=node.name, attempt=command.attempt, result=result, at=self.clock())
        stale = replace(self, journal=_Stale(self.journal, {**before, node.name: mine}))
        self._record(mine)
        stale.advance(plan, after=node.name)


class _Stale(Journal):
    """A journal that knows only the outcomes of before."""

    def __init__(self, journal: Journal, outcomes: dict[str, Outcome]) -> None:
        self.__dict__.update(journal.__dict__)
        self._outcomes = outcomes

    def outcomes(self, run_id: str, nodes: object) -> dict[str, Outcome]:
        return dict(self._outcomes)


class NoRepair(Coordinator):
    """Rule off: a finished node's message queues what follows once more."""

    def run_node(self, command: RunNode, *, delivery: int = 1) -> None:
        if self.journal.outcome(command.run_id, command.node) is None:
            super().run_node(command, delivery=delivery)


class ClaimsForgetDeliveries(Coordinator):
    """Rule off: a claim is keyed by the delivery too, so that a redelivery may work."""

    def run_node(self, command: RunNode, *, delivery: int = 1) -> None:
        super().run_node(command, delivery=1)


class WindowRecomputed(Watermarks):
    """Rule off: a frozen window is never computed again."""

    def freeze(self, key: MarkKey, *, run_id: str, maximum: Callable[[Scalar], Scalar], **more: Any) -> FrozenWindow:
        mark, etag = self._load(key)
        if mark.intent is not None and mark.intent.run_id == run_id:
            until = maximum(parse_scalar(mark.value))
            again = mark.model_copy(update={"intent": Intent(run_id=run_id, until=format_scalar(until), after=mark.value)})
            self._save(key, again, etag)
        return super().freeze(key, run_id=run_id, maximum=maximum, **more)


class NoIntent(Watermarks):
    """Rule off: the mark moves with the data. Here it moves before them."""

    def freeze(self, key: MarkKey, *, maximum: Callable[[Scalar], Scalar], **_: Any) -> FrozenWindow:
        mark, etag = self._load(key)
        after = parse_scalar(mark.value)
        until = maximum(after)
        if until is not None:
            self._save(key, Mark(sequence=mark.sequence + 1, value=format_scalar(until)), etag)
        return FrozenWindow(key=key, sequence=mark.sequence + 1, after=after, until=until, empty=until is None)


class ForeignIntentTaken(Watermarks):
    """Rule off: an open window of a run at work is left alone."""

    def _settle_foreign(self, key: MarkKey, mark: Mark, etag: str | None, *, node: str, sink: Sink) -> None:
        self._save(key, Mark(sequence=mark.sequence, value=mark.value), etag)


class NoReportedMark(Outbox):
    """Rule off: a run that was reported is never put into another batch."""

    def _mark_done(self, name: str, run_ids: object) -> None:
        for run_id in run_ids:  # type: ignore[attr-defined]  # a sequence of ids
            self._store.delete(f"outbox/{name}/{run_id}")


class BatchNotFrozen(Outbox):
    """Rule off: a batch that is tried again is the same batch with the same number."""

    def _take_lease(self, name: str, together: Sequence[str]) -> _Lease | None:
        lease = super()._take_lease(name, together)
        if lease is not None and lease.state.batch:
            lease.save(FlushState(sequence=lease.state.sequence + 1, owner=lease.state.owner, until=lease.state.until))
        return lease


class EndsWithoutClosing(Coordinator):
    """Rule off: a node that did not write is recorded only when nobody else can write it any more."""

    def _close(self, plan: Plan, node: PlannedNode, closing: NodeClosing, *, alone: bool | None = None) -> None:
        super()._close(plan, node, closing, alone=True)


class FollowsAtOnceOnly(Coordinator):
    """Rule off: a run is forgotten only when the runs that follow it are started."""

    def _start_followers(self, plan: Plan, nodes: Collection[str], *, again: bool = False) -> None:
        if not again:
            super()._start_followers(plan, nodes)


class FollowersNotKept(FileLedger):
    """Rule off: a run that must follow is kept until it is planned."""

    def keep(self, command: StartRun) -> None:
        if not isinstance(command.cause, DatasetWritten):
            super().keep(command)


class FollowerOfTheMoment(Coordinator):
    """Rule off: a run that follows belongs to the write; here it belongs to whoever looked."""

    def _start_followers(self, plan: Plan, nodes: Collection[str], *, again: bool = False) -> None:
        for command in runs_behind(plan, self.journal.outcomes(plan.run_id, [name for name in nodes if name in plan.followers])):
            self.start_run(command.model_copy(update={"cause": command.cause.model_copy(update={"run_id": uuid4().hex})}))


def _random_run_id(command: StartRun) -> str:
    return uuid4().hex


class RandomRunIds(Coordinator):
    """Rule off: the run id comes from the cause."""

    def start_run(self, command: StartRun) -> Plan | None:
        plan = self.journal.open_run(self.planner(command))
        self.ensure_started(plan)
        return plan


# name → (parts, whether the sweep runs, the kinds of history). Without the sweep where the sweep would heal it: both nets hold alone.
MUTANTS: dict[str, tuple[Parts, bool, tuple[str, ...]]] = {
    "run id is random": (Parts(run_id=_random_run_id, coordinator=RandomRunIds), True, ("mixed",)),
    "outcomes can be overwritten": (Parts(journal=OutcomesOverwritten), True, ("mixed",)),
    "reads the others, then stores": (Parts(coordinator=ReadsThenStores), False, ("mixed",)),
    "a finished node's message repairs nothing": (Parts(coordinator=NoRepair), False, ("mixed",)),
    "a redelivery has no claim of its own": (Parts(coordinator=ClaimsForgetDeliveries), False, ("mixed",)),
    "transaction not checked first": (Parts(rules={"check_first": False}), True, ("mixed",)),
    "no transaction at all": (Parts(rules={"check_first": False, "write_transaction": False}), True, ("mixed",)),
    "a pattern is applied again": (Parts(rules={"check_patterns": False}), True, ("patterns",)),
    "checked and committed on two handles": (Parts(rules={"same_handle": False}), True, ("mixed", "windows")),
    "a commit error is believed": (Parts(rules={"trust_errors": True, "check_first": False}), True, ("mixed",)),
    "first creation unguarded": (Parts(rules={"guard_creation": False}), True, ("mixed", "windows")),
    "no table-wide transaction for overwrite": (Parts(rules={"table_wide": False}), True, ("rivals",)),
    "window computed again": (Parts(watermarks=WindowRecomputed), True, ("windows",)),
    "mark moves before the data": (Parts(watermarks=NoIntent), True, ("mixed", "windows")),
    "open window of another run taken": (Parts(watermarks=ForeignIntentTaken), True, ("windows",)),
    "ended without being closed": (Parts(coordinator=EndsWithoutClosing), True, ("windows",)),
    "message completed first": (Parts(settle_first=True), False, ("mixed",)),
    "followers are started at once or never": (Parts(coordinator=FollowsAtOnceOnly), False, ("chains",)),
    "followers are not kept": (Parts(ledger=FollowersNotKept), True, ("chains",)),
    "a follower has an id of its own": (Parts(coordinator=FollowerOfTheMoment), True, ("chains",)),
    "no dead-letter handler": (Parts(dead_letter_handler=False), False, ("mixed",)),
    "a report forgets what it wrote": (Parts(outbox=NoReportedMark), True, ("mixed",)),
    "a report batch changes when tried again": (Parts(outbox=BatchNotFrozen), True, ("mixed",)),
}
