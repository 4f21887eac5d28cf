"""Plans, outcomes and events with only what a test cares about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from odibi_core.events import NodeFinished, NodeResult, NodeSkipped, NodeStatus, Outcome, RunFinished, RunStarted, RunStatus
from odibi_core.messages import Cause, Requested
from odibi_core.planning.plan import Plan, PlannedNode

RUN = "a" * 32
OTHER_RUN = "b" * 32
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the beginning of the test's time."""
    return START + timedelta(seconds=seconds)


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def plan(
    upstream: Mapping[str, Collection[str]] | None = None,
    *,
    run_id: str = RUN,
    cause: Cause | None = None,
    on_error: Mapping[str, str] | None = None,
    frames: Mapping[str, Collection[str]] | None = None,
    **fields: object,
) -> Plan:
    """A plan of nodes that need what stands above them; written in run order."""
    return Plan(
        run_id=run_id,
        project="shop",
        pipeline="p",
        cause=cause or Requested(key="k"),
        logical_time=START,
        planned_at=START,
        nodes=tuple(
            PlannedNode(
                name=name,
                upstream=tuple(above),
                frames=tuple((frames or {}).get(name, ())),
                config={},
                on_error=(on_error or {}).get(name, "fail_later"),
            )
            for name, above in (upstream or {}).items()
        ),
        facts=(),
        connections={},
        fingerprint="f",
    ).model_copy(update=fields)


def result(status: NodeStatus = "succeeded", **fields: object) -> NodeResult:
    """What a node says after a second."""
    return NodeResult(status=status, started_at=START, finished_at=at(1), seconds=1.0).model_copy(update=fields)


def outcome(node: str, status: NodeStatus = "succeeded", *, run_id: str = RUN, seconds: float = 1) -> Outcome:
    """How a node ended. One that did not run was skipped."""
    if status == "skipped":
        return NodeSkipped(run_id=run_id, node=node, reason="test", at=at(seconds))
    return NodeFinished(run_id=run_id, node=node, attempt=1, result=result(status), at=at(seconds))


def outcomes(**statuses: NodeStatus) -> dict[str, Outcome]:
    """Several of them, by node."""
    return {node: outcome(node, status) for node, status in statuses.items()}


def started(run_id: str = RUN, cause: Cause | None = None) -> RunStarted:
    return RunStarted(
        run_id=run_id,
        project="shop",
        pipeline="p",
        cause=cause or Requested(key="k"),
        logical_time=START,
        at=START,
        nodes=(),
        config_fingerprint="f",
    )


def finished(run_id: str = RUN, status: RunStatus = "succeeded", seconds: float = 9) -> RunFinished:
    return RunFinished(run_id=run_id, status=status, at=at(seconds), succeeded=0, failed=0, skipped=0)
