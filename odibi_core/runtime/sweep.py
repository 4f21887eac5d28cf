"""
The safety net under the messages: bring forward what stopped moving.

Everything it does is what a lost message would have done, so it may run at any time, twice, and beside the workers.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from odibi_core.errors import OdibiError
from odibi_core.events import NodeStarted
from odibi_core.frozen import Frozen
from odibi_core.messages import RunNode
from odibi_core.planning.plan import Plan
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.readiness import what_is_next

_log = logging.getLogger("odibi.sweep")


class Swept(Frozen):
    """What a sweep did."""

    runs: int = 0  # open runs looked at
    woken: int = 0  # nodes queued again
    ended: int = 0  # runs handed to the reports
    failed: int = 0  # runs that could not be looked at now


def sweep(coordinator: Coordinator, *, patience: timedelta) -> Swept:
    """
    Look at every open run once, then flush the outbox.

    Args:
        coordinator: What drives the runs.
        patience: A node is taken for lost when its run had no event for this long. At least the function time-out: a sooner
            wake-up does no harm to the data, it only wastes work.
    """
    coordinator.recover()
    swept = Swept()
    for run_id in coordinator.journal.open_runs():
        try:
            swept = _add(swept, _sweep_run(coordinator, run_id, patience))
        except OdibiError as error:
            _log.warning("run %s could not be swept: %s", run_id, error)
            swept = _add(swept, Swept(runs=1, failed=1))
    coordinator.outbox.flush()
    return swept


def _sweep_run(coordinator: Coordinator, run_id: str, patience: timedelta) -> Swept:
    plan = coordinator.journal.plan(run_id)
    if plan is not None and not coordinator.is_ours(plan.project, plan.environment):
        return Swept()
    if plan is None:
        return Swept(runs=1)  # its planner died before the plan: the event comes again, or the landing zone is listed
    if coordinator.journal.final(run_id) is not None:
        coordinator.hand_to_reports(run_id)
        return Swept(runs=1, ended=1)
    events = coordinator.journal.events(run_id)
    latest = max((event.at for event in events), default=plan.planned_at)
    if coordinator.clock() - latest < patience:
        return Swept(runs=1)
    if not coordinator.ensure_started(plan):
        return Swept(runs=1)  # it waits for another run to end
    return Swept(runs=1, woken=wake(coordinator, plan))


def wake(coordinator: Coordinator, plan: Plan) -> int:
    """Queue ready nodes again, as new messages: a claim of a worker that died would swallow the old ones."""
    outcomes = coordinator.journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
    commands = []
    for name in what_is_next(plan, outcomes).ready:
        claims = coordinator.journal.claims(plan.run_id, name)
        commands.append(_again(plan.run_id, name, claims))
    if commands:
        coordinator.queue.send(commands)
    return len(commands)


def _again(run_id: str, node: str, claims: tuple[NodeStarted, ...]) -> RunNode:
    attempt = max((claim.attempt for claim in claims), default=1)
    resend = max((claim.resend for claim in claims if claim.attempt == attempt), default=0)
    return RunNode(run_id=run_id, node=node, attempt=attempt, resend=resend + 1)


def _add(left: Swept, right: Swept) -> Swept:
    return Swept(
        runs=left.runs + right.runs, woken=left.woken + right.woken, ended=left.ended + right.ended, failed=left.failed + right.failed
    )
