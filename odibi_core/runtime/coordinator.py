"""
The life of a run: two public methods that every host drives, and that may be called twice, late and in any order.

The order of effects is the protocol. Each step is repeatable, and each later step may be missing because a worker died before it:
record first, queue after, complete the message last. See docs/decisions/0003-run-protocol.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Protocol

from odibi_core.errors import ConfigError, TransientServiceError
from odibi_core.events import (
    AnyRunEvent,
    ErrorRecord,
    NodeClosing,
    NodeFinished,
    NodeResult,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    RunFinished,
    RunStarted,
    outcome_status,
)
from odibi_core.frozen import Frozen
from odibi_core.messages import FinishRun, Requested, RunNode, StartRun
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Clock, EventSink, MessageQueue
from odibi_core.runtime.followers import runs_behind
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import FileLedger, is_kept
from odibi_core.runtime.outbox import Outbox
from odibi_core.runtime.readiness import fail_fast_nodes, how_it_ended, stopped_by, what_is_next
from odibi_core.runtime.refused import refused_outcomes
from odibi_core.runtime.resume import take_over
from odibi_core.runtime.retry import delay_before_next, delay_in_outage
from odibi_core.runtime.rewrites import Admitted, Rewrites, refused_plan
from odibi_core.runtime.slots import Slots

_log = logging.getLogger("odibi.coordinator")
UNKNOWN_RUN_RESENDS = 6  # a message may overtake its plan by seconds, not by minutes
REPORT_RESENDS = 30  # half an hour; then the sweep keeps trying

Planner = Callable[[StartRun], Plan]  # raises ConfigError


class NodeExecutor(Protocol):
    """What runs nodes. Neither method raises but for what ends the process, and `close` when the target is away."""

    def __call__(self, plan: Plan, node: PlannedNode, attempt: int) -> NodeResult:
        """Run a node."""
        ...

    def close(self, plan: Plan, node: PlannedNode) -> NodeResult | None:
        """
        Make sure that nobody writes a node any more, or learn that it has been written: then its result comes back.

        Raises:
            ServiceError: If the target cannot be reached; call again later.
        """
        ...


class Coordinator(Frozen):
    """Drives runs over a journal and a queue. Holds no state of its own."""

    journal: Journal
    ledger: FileLedger
    outbox: Outbox
    queue: MessageQueue
    planner: Planner
    execute: NodeExecutor
    clock: Clock
    announce: EventSink = lambda _event: None
    versions: dict[str, str] | None = None
    worker: str = ""
    is_ours: Callable[[str, str], bool] = lambda _project, _environment: True  # others may share the journal
    rewrites: Rewrites | None = None  # None: each version of a file is taken
    slots: Slots | None = None  # None: runs do not wait for one another
    chains: bool = True  # whether a write starts the pipelines that follow it (`dataset:` triggers)

    def start_run(self, command: StartRun) -> Plan | None:
        """
        Plan, open the journal, queue the roots.

        The same cause again continues the same run. None if every file of the cause already belongs to another run.

        Raises:
            ConfigError: If the configuration refuses the run; no file was taken.
        """
        plan = self.journal.plan(command.run_id)
        if plan is None:
            new = self._planned(command)
            if new is None:
                self.ledger.planned(command.run_id)  # there is nothing to recover: others have its files
                return None
            plan = self.journal.open_run(new)
        if is_kept(command):
            self.ledger.planned(plan.run_id)
        take_over(self.journal, plan)
        self.ensure_started(plan)
        return plan

    def _planned(self, command: StartRun) -> Plan | None:
        """The plan of a command and the files that are its own; None if it has none of its files."""
        planned = self.planner(command)  # before a file is taken
        admitted = Admitted(command=command) if self.rewrites is None else self.rewrites.admit(command)
        resumes = isinstance(command.cause, Requested) and command.cause.resumes is not None  # that run has the files already
        mine = admitted.command if admitted.command is None or resumes else self.ledger.claim(admitted.command)
        if mine is None:
            return None
        plan = planned if mine == command else self.planner(mine)
        return plan if admitted.refused is None else refused_plan(plan, *admitted.refused)

    def recover(self, *, pipeline: str | None = None) -> int:
        """
        Start the runs of this project that are due and have no plan: their worker died, or could not plan them. `pipeline` keeps to one.

        Returns how many there were.
        """
        found = (command for command in self.ledger.unplanned() if pipeline in (None, command.pipeline))
        commands = [command for command in found if self.is_ours(command.project, command.environment)]
        for command in commands:
            try:
                self.start_run(command)
            except ConfigError as error:
                _log.warning("run %s cannot be planned now and waits: %s", command.run_id, error.message)
        return len(commands)

    def ensure_started(self, plan: Plan) -> bool:
        """
        Do, or finish, what follows the freezing of a plan: say so, skip what is not to run, queue the roots.

        False if the run has to wait for another one to end (`concurrency`); who ends then calls this again.
        """
        self._record(
            RunStarted(
                run_id=plan.run_id,
                project=plan.project,
                pipeline=plan.pipeline,
                environment=plan.environment,
                cause=plan.cause,
                logical_time=plan.logical_time,
                at=plan.planned_at,
                nodes=plan.facts,
                config_fingerprint=plan.fingerprint,
                versions=self.versions or {},
            )
        )
        if plan.refused is not None:
            for outcome in refused_outcomes(plan, at=self.clock()):
                self._record(outcome)
        elif self.slots is not None and not self.slots.enter(plan):
            return False
        for node in plan.nodes:
            if node.skip:
                self.journal.settle(NodeSkipped(run_id=plan.run_id, node=node.name, reason=node.skip, at=self.clock()))
        self.advance(plan)
        return True

    def run_node(self, command: RunNode, *, delivery: int = 1) -> None:
        """
        Run one node, record its outcome, queue what follows.

        Args:
            command: What to run.
            delivery: How often this message was delivered, counted from 1. A higher number is a new permission to work.

        Raises:
            TransientServiceError: If the journal or the queue is away: nothing is lost, bring the message back later.
            ConfigError: If the message names a run or node that does not exist.
        """
        plan = self._plan_of(command)
        node = _node_of(plan, command)
        outcomes = self.journal.outcomes(plan.run_id, {node.name, *node.upstream, *fail_fast_nodes(plan)})
        # Finished before, but that worker may have died before it queued the next nodes. Or the message is early, stale or blocked:
        # whoever ends the last upstream node queues it again.
        if node.name in outcomes or node.name not in what_is_next(plan, outcomes).ready:
            self.advance(plan, after=node.name)
            return
        stopper = stopped_by(plan, outcomes)
        if stopper is not None:
            self._skip(plan, node.name, reason=f"'{stopper}' failed and stops the run (on_error: fail_fast)", blocked_by=stopper)
            self.advance(plan, after=node.name)
            return
        started = NodeStarted(
            run_id=plan.run_id,
            node=node.name,
            attempt=command.attempt,
            resend=command.resend,
            delivery=delivery,
            at=self.clock(),
            worker=self.worker,
        )
        if not self._record(started):
            return  # another worker has this delivery
        if delivery > 1 or command.resend > 0:
            closing = self.journal.closing(plan.run_id, node.name)
            if closing is not None:  # by a worker that may have died before it could finish that
                self._close(plan, node, closing, alone=False)
                return
        self._finish_attempt(plan, node, command, self.execute(plan, node, command.attempt))

    def _finish_attempt(self, plan: Plan, node: PlannedNode, command: RunNode, result: NodeResult) -> None:
        if result.error is not None:
            delay = delay_before_next(node.retry, result.error, command.attempt)
            if delay is not None:
                self._try_again(plan, command, result.error, delay)
                return
        if result.write is None and node.writes:
            closing = NodeClosing(run_id=plan.run_id, node=node.name, attempt=command.attempt, result=result, at=self.clock())
            self._close(plan, node, closing)
            return
        outcome = NodeFinished(run_id=plan.run_id, node=node.name, attempt=command.attempt, result=result, at=self.clock())
        if self._record(outcome) and result.status == "succeeded" and plan.downstream(node.name):
            self._queue_behind(plan, node.name)
        else:
            self.advance(plan, after=node.name)
        self._start_followers(plan, [node.name])

    def _queue_behind(self, plan: Plan, name: str) -> None:
        """The common case of `advance`, with fewer reads: nothing behind this node can have an outcome, so the run goes on."""
        behind = plan.downstream(name)
        outcomes = self.journal.outcomes(plan.run_id, {name, *(upstream for node in behind for upstream in node.upstream)})
        coming = what_is_next(plan, outcomes)
        if any(node == blocked for blocked, _ in coming.blocked for node in (other.name for other in behind)):
            self.advance(plan, after=name)
            return
        commands = [RunNode(run_id=plan.run_id, node=node.name) for node in behind if node.name in coming.ready]
        if commands:
            self.queue.send(commands)

    def _close(self, plan: Plan, node: PlannedNode, closing: NodeClosing, *, alone: bool | None = None) -> None:
        """
        Record an outcome without a write (a failure, nothing new), once nobody else can write the node any more.

        Another worker may have taken a delivery and never been heard of again: it may have committed, or may yet. Say first that the
        node closes, then look for others; they say first that they start, then look for this. So at least one sees the other.
        """
        self._record(closing)
        if alone is None:
            alone = all(claim.delivery == 1 and claim.resend == 0 for claim in self.journal.claims(plan.run_id, node.name))
        written = None if alone else self.execute.close(plan, node)
        result = written or closing.result
        self._record(NodeFinished(run_id=plan.run_id, node=node.name, attempt=closing.attempt, result=result, at=self.clock()))
        self.advance(plan, after=node.name)

    def _try_again(self, plan: Plan, command: RunNode, error: ErrorRecord, delay: timedelta) -> None:
        # A new message, scheduled, and never an abandoned one: that comes back at once and burns the delivery count in seconds.
        self._record(
            NodeRetried(
                run_id=plan.run_id,
                node=command.node,
                attempt=command.attempt,
                delay_seconds=delay.total_seconds(),
                error=error,
                at=self.clock(),
            )
        )
        self.queue.send([RunNode(run_id=plan.run_id, node=command.node, attempt=command.attempt + 1)], delay=delay)

    def advance(self, plan: Plan, *, after: str | None = None) -> None:
        """
        Queue what can run now, skip what never will, and end the run if nothing is left. Repeatable.

        Read the outcomes only here, after one's own was stored: of two nodes that end together at least one sees both, so no
        join is lost and no counter is needed.

        Args:
            plan: The run's plan.
            after: Queue only what stands behind this node; None queues everything that is ready.
        """
        outcomes = self.journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
        coming = what_is_next(plan, outcomes)
        for name, blocker in coming.blocked:
            outcomes[name] = self._skip(plan, name, reason=f"'{blocker}' did not succeed", blocked_by=blocker)
        behind = {node.name for node in plan.downstream(after)} if after is not None else set(coming.ready)
        commands = [RunNode(run_id=plan.run_id, node=name) for name in coming.ready if name in behind]
        if commands:
            self.queue.send(commands)
        if coming.finished:
            self._end(plan, outcomes)

    def _end(self, plan: Plan, outcomes: dict[str, NodeFinished | NodeSkipped]) -> None:
        statuses = [outcome_status(outcome) for outcome in outcomes.values()]
        self._record(
            RunFinished(
                run_id=plan.run_id,
                status=how_it_ended(plan, outcomes),
                at=self.clock(),
                succeeded=statuses.count("succeeded"),
                failed=statuses.count("failed"),
                skipped=statuses.count("skipped"),
            )
        )
        self.hand_to_reports(plan.run_id)

    def _start_followers(self, plan: Plan, nodes: Collection[str], *, again: bool = False) -> None:
        """
        Start the runs of pipelines that follow what these nodes wrote; `again` those too that have a plan, whose starter may have died.

        Repeatable: such a run belongs to the write. One that is refused, because its pipeline is broken or gone, is kept for the sweep.
        """
        wanted = [name for name in nodes if name in plan.followers] if self.chains else []
        for command in runs_behind(plan, self.journal.outcomes(plan.run_id, wanted)):
            planned = self.journal.plan(command.run_id) is not None
            if planned and (not again or self.journal.final(command.run_id) is not None):
                continue
            if not planned:
                self.ledger.keep(command)
            try:
                self.start_run(command)
            except ConfigError as error:
                _log.warning("pipeline '%s' cannot follow '%s' now: %s", command.pipeline, plan.pipeline, error.message)

    def _let_in_after(self, run_id: str) -> None:
        """The run has ended: the next one that waits for its place goes on."""
        plan = self.journal.plan(run_id) if self.slots is not None else None
        for waiting in self.slots.leave(plan) if self.slots is not None and plan is not None else ():
            if not self.ensure_started(waiting):
                return

    def hand_to_reports(self, run_id: str) -> None:
        """
        Let the next run in, put the one that ended into the outbox, ask for its reports and see that the runs behind it are started.

        A run that was handed over before stays as it is.
        """
        self._let_in_after(run_id)
        if self.journal.is_open(run_id):
            self.outbox.add(run_id)
            self.queue.send([FinishRun(run_id=run_id)])
            plan = self.journal.plan(run_id)
            if plan is not None:  # before the run is forgotten: whoever died at the end of a node did not get to them
                self._start_followers(plan, plan.followers, again=True)
            self.journal.close_run(run_id)

    def finish_run(self, command: FinishRun) -> None:
        """
        Write the reports that wait: this run's, and those of every other run that ended.

        A flusher that died may hold the lease for a while, and a report may be away: then the message is sent again, later.
        """
        waiting = self.outbox.flush()
        if command.resend < REPORT_RESENDS and command.run_id in waiting:
            again = command.model_copy(update={"resend": command.resend + 1})
            self.queue.send([again], delay=delay_in_outage(command.resend + 1))

    def give_up(self, command: RunNode, error: ErrorRecord) -> None:
        """Record that a node failed because its message cannot be processed, so that the run ends."""
        plan = self.journal.plan(command.run_id)
        if plan is None:
            return
        known = {node.name for node in plan.nodes}
        waiting = [command.node] if command.node in known else list(self._unfinished(plan))
        now = self.clock()
        for name in waiting:
            failed = NodeResult(status="failed", started_at=now, finished_at=now, seconds=0.0, error=error)
            closing = NodeClosing(run_id=plan.run_id, node=name, attempt=command.attempt, result=failed, at=now)
            self._close(plan, plan.node(name), closing, alone=False)

    def _unfinished(self, plan: Plan) -> tuple[str, ...]:
        outcomes = self.journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
        return what_is_next(plan, outcomes).ready

    def _skip(self, plan: Plan, node: str, *, reason: str, blocked_by: str) -> NodeFinished | NodeSkipped:
        event = NodeSkipped(run_id=plan.run_id, node=node, reason=reason, blocked_by=blocked_by, at=self.clock())
        standing = self.journal.settle(event)
        if standing is event:
            self.announce(event)
        return standing

    def _record(self, event: AnyRunEvent) -> bool:
        first = self.journal.record(event)
        if first:
            self.announce(event)
        return first

    def _plan_of(self, command: RunNode) -> Plan:
        plan = self.journal.plan(command.run_id)
        if plan is not None:
            return plan
        if command.resend < UNKNOWN_RUN_RESENDS:
            raise TransientServiceError(f"run {command.run_id} has no plan yet", code="unknown_run")
        raise ConfigError(
            f"run {command.run_id} does not exist", code="unknown_run", hint="Its message was sent by hand or its state deleted."
        )


def _node_of(plan: Plan, command: RunNode) -> PlannedNode:
    try:
        return plan.node(command.node)
    except KeyError:
        known = ", ".join(node.name for node in plan.nodes)
        raise ConfigError(f"run {plan.run_id} has no node '{command.node}'", code="unknown_node", hint=f"Its nodes: {known}.") from None
