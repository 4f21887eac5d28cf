"""The gate between a node's checks and its write; and the node's past, by which gates and checks measure its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from odibi_core.config import NodeConfig
from odibi_core.events import GateResult
from odibi_core.past import NodeId, PastRun, RowHistory
from odibi_core.planning.plan import Plan, PlannedNode

if TYPE_CHECKING:
    from odibi_core.checks import Evaluation


class Past:
    """The runs of a node that succeeded; looked up once, and only if somebody asks."""

    def __init__(self, history: RowHistory, plan: Plan, node: PlannedNode) -> None:
        self._history = history
        self._id = NodeId(project=plan.project, environment=plan.environment, pipeline=plan.pipeline, node=node.name)

    @cached_property
    def runs(self) -> Sequence[PastRun]:
        """The newest first."""
        return self._history(self._id)

    def made(self) -> Sequence[PastRun]:
        """With the rows that the node made."""
        return self.runs

    def taken(self) -> Sequence[PastRun]:
        """With the rows that the node read."""
        return [replace(run, rows=run.rows_in, kept=run.rows_in) for run in self.runs if run.rows_in is not None]


def gate_of(config: NodeConfig, found: Evaluation, past: Past) -> GateResult | None:
    """What the node's gate says; None if it has none."""
    gate = None if config.validation is None else config.validation.gate
    if gate is None:
        return None
    from odibi_core.checks import judge

    compares = gate.row_count is not None and gate.row_count.change_threshold is not None
    runs = past.made() if compares else ()
    return judge(gate, found, last_rows=runs[0].rows if runs else None)


def refuse_shut(gate: GateResult | None) -> None:
    """
    Raises:
        GateFailedError: If the gate is shut and says that nothing is written.
    """
    if gate is None or gate.passed:
        return
    from odibi_core.checks import gate_error

    error = gate_error(gate)
    if error is not None:
        raise error


def passes_valid_only(gate: GateResult | None) -> bool:
    """Whether rows that break a check stay behind."""
    return gate is not None and not gate.passed and gate.action == "write_valid_only"


def warnings_of(gate: GateResult | None) -> tuple[str, ...]:
    """What the reader of the story must know of a gate that let rows pass."""
    if gate is None:
        return ()
    shut = [] if gate.passed else [f"the gate is shut, and rows were written all the same ({gate.action}): {'; '.join(gate.reasons)}"]
    return (*shut, *gate.notes)
