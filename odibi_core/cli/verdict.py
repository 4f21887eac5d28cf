"""How the run of a pipeline ended: for a person, for a program, and as an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from odibi_core.cli.exits import BUG, OK, STOPPED
from odibi_core.events import NodeFinished, Outcome, outcome_status
from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from odibi_core.cli.stories import StoryAt
    from odibi_core.events import RunStatus


class Verdict(Frozen):
    """What became of one pipeline."""

    pipeline: str
    status: RunStatus | Literal["no_new_files", "nothing_to_resume"]
    run_id: str | None = None
    seconds: float = 0.0  # wall clock of this command, reports included
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)  # in run order
    story: StoryAt | None = None  # None: not written

    @property
    def exit_code(self) -> int:
        """The one of the first node that failed; 0 if the run is as it should be."""
        if self.status == "cancelled":
            return STOPPED
        if self.status != "failed":
            return OK
        results = (outcome.result for outcome in self.outcomes.values() if isinstance(outcome, NodeFinished))
        return next((result.error.exit_code for result in results if result.status == "failed" and result.error), BUG)

    def text(self) -> str:
        """One line."""
        if self.status == "no_new_files":
            return f"{self.pipeline}: no new files"
        if self.status == "nothing_to_resume":
            return f"{self.pipeline}: nothing to resume, the last run ended well or there was none"
        statuses = [outcome_status(outcome) for outcome in self.outcomes.values()]
        failed, skipped = statuses.count("failed"), statuses.count("skipped")
        nodes = f"{len(statuses)} {'node' if len(statuses) == 1 else 'nodes'}"
        parts = [f"{failed} of {nodes} failed" if failed else nodes]
        parts += [f"{skipped} skipped"] if skipped else []
        parts += [f"{self.rows_written:,} {'row' if self.rows_written == 1 else 'rows'} written", f"{self.seconds:.2f} s"]
        return f"{self.pipeline}: {self.status}, {', '.join(parts)}"

    @property
    def rows_written(self) -> int:
        """Into all targets, as far as they were counted."""
        writes = (outcome.result.write for outcome in self.outcomes.values() if isinstance(outcome, NodeFinished))
        return sum(write.rows or 0 for write in writes if write is not None)

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "pipeline": self.pipeline,
            "status": self.status,
            "run_id": self.run_id,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
            "rows_written": self.rows_written,
            "nodes": [_node(name, outcome) for name, outcome in self.outcomes.items()],
            "story": self.story.page if self.story else None,
        }


def _node(name: str, outcome: Outcome) -> dict[str, Any]:
    if not isinstance(outcome, NodeFinished):
        return {"node": name, "status": "skipped", "reason": outcome.reason, "blocked_by": outcome.blocked_by}
    result = outcome.result
    return {
        "node": name,
        "status": result.status,
        "attempt": outcome.attempt,
        "rows_in": result.rows_in,
        "rows_out": result.rows_out,
        "gate": None if result.gate is None else result.gate.model_dump(mode="json"),
        "rows_left_out": None if result.account is None else result.account.left_out,
        "seconds": result.seconds,
        "target": result.write.dataset if result.write else None,
        "warnings": list(result.warnings),
        "error": result.error.model_dump() if result.error else None,
    }
