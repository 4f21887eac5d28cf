"""Decide what comes next in a run, from the plan and the outcomes so far. No input or output here."""

from __future__ import annotations

from collections.abc import Mapping

from odibi_core.events import NodeStatus, Outcome, RunStatus, outcome_status
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode


class Next(Frozen):
    """What a run needs now."""

    ready: tuple[str, ...]  # nodes without an outcome, with all upstream done well: queue them
    blocked: tuple[tuple[str, str], ...]  # (node, the node that blocks it): skip them, in this order
    finished: bool  # nothing runs and nothing will, once `blocked` is recorded


def what_is_next(plan: Plan, outcomes: Mapping[str, Outcome]) -> Next:
    """
    Sort the nodes that have no outcome into ready, blocked and waiting.

    Skips are transitive: a node behind a blocked one is blocked too. The result depends on the arguments alone, so two workers
    that see the same outcomes decide the same.
    """
    status: dict[str, NodeStatus] = {node: outcome_status(outcome) for node, outcome in outcomes.items()}
    ready: list[str] = []
    blocked: list[tuple[str, str]] = []
    for node in plan.nodes:  # in run order, so upstream is decided before
        if node.name in status:
            continue
        blocker = _blocker(plan, node, status)
        if blocker is not None:
            blocked.append((node.name, blocker))
            status[node.name] = "skipped"
        elif all(upstream in status for upstream in node.upstream):
            ready.append(node.name)
    return Next(ready=tuple(ready), blocked=tuple(blocked), finished=all(node.name in status for node in plan.nodes))


def _blocker(plan: Plan, node: PlannedNode, status: Mapping[str, NodeStatus]) -> str | None:
    for upstream in node.upstream:
        match status.get(upstream):
            case None | "succeeded":
                continue
            case "failed" if plan.node(upstream).on_error == "ignore" and upstream not in node.frames:
                continue
            case _:
                return upstream
    return None


def fail_fast_nodes(plan: Plan) -> frozenset[str]:
    """The nodes whose failure stops the run."""
    return frozenset(node.name for node in plan.nodes if node.on_error == "fail_fast")


def stopped_by(plan: Plan, outcomes: Mapping[str, Outcome]) -> str | None:
    """The failed `on_error: fail_fast` node because of which nothing new may start, or None."""
    for node in plan.nodes:
        outcome = outcomes.get(node.name)
        if outcome is not None and node.on_error == "fail_fast" and outcome_status(outcome) == "failed":
            return node.name
    return None


def how_it_ended(plan: Plan, outcomes: Mapping[str, Outcome]) -> RunStatus:
    """Failed if the run was refused or a node failed whose failure counts, else succeeded."""
    if plan.refused is not None:
        return "failed"
    failed = (outcome_status(outcome) == "failed" and plan.node(name).on_error != "ignore" for name, outcome in outcomes.items())
    return "failed" if any(failed) else "succeeded"
