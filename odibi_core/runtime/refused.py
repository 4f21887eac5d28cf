"""Runs that only say why nothing can run: one node fails with the reason, the others are skipped, and nothing is read or written."""

from __future__ import annotations

from datetime import datetime

from odibi_core.events import NodeFinished, NodeResult, NodeSkipped, Outcome
from odibi_core.planning.plan import Plan


def refused_outcomes(plan: Plan, *, at: datetime) -> tuple[Outcome, ...]:
    """The outcomes of all nodes of a refused plan; none if it is not refused."""
    if plan.refused is None:
        return ()
    reason, found = plan.refused, list[Outcome]()
    for node in plan.nodes:
        if node.name == reason.node:
            result = NodeResult(status="failed", started_at=at, finished_at=at, seconds=0.0, error=reason.error)
            found.append(NodeFinished(run_id=plan.run_id, node=node.name, attempt=1, result=result, at=at))
        else:
            found.append(NodeSkipped(run_id=plan.run_id, node=node.name, reason="the run was refused", blocked_by=reason.node, at=at))
    return tuple(found)
