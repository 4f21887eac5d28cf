"""What a node run says about itself, gathered on the way, so that a failure can still tell what was known before it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from odibi_core.events import (
    CheckResult,
    DatasetRead,
    DatasetWrite,
    ErrorRecord,
    FailingRows,
    FrameAt,
    GateResult,
    NodeResult,
    NodeStatus,
    Quarantined,
    RowAccount,
    Sample,
    StepRecord,
    WatermarkMoved,
)
from odibi_core.ports import FileChangedError
from odibi_core.runtime.retry import error_record
from odibi_core.runtime.targets import CommitFacts

_UNSET = datetime(1970, 1, 1, tzinfo=UTC)  # the runner sets the times of every result in one place


@dataclass(kw_only=True)
class Progress:
    """What is known so far."""

    reads: tuple[DatasetRead, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    failing: tuple[FailingRows, ...] = ()
    gate: GateResult | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    account: RowAccount | None = None
    quarantined: Quarantined | None = None
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # files that were rewritten, as warnings
    steps: tuple[StepRecord, ...] = ()
    since: float = field(default_factory=time.perf_counter)

    def facts(self, moved: WatermarkMoved | None) -> CommitFacts:
        """What goes into the commit."""
        return CommitFacts(
            reads=self.reads,
            rows_in=self.rows_in,
            rows_out=self.rows_out,
            account=self.account,
            checks=self.checks,
            gate=self.gate,
            quarantined=self.quarantined,
            watermark=moved,
        )

    @classmethod
    def recalled(cls, facts: CommitFacts, steps: tuple[StepRecord, ...]) -> Progress:
        """Of an earlier attempt, from its commit."""
        return cls(
            reads=facts.reads,
            checks=facts.checks,
            gate=facts.gate,
            quarantined=facts.quarantined,
            rows_in=facts.rows_in,
            rows_out=facts.rows_out,
            account=facts.account,
            steps=steps,
            warnings=["an earlier attempt had written this node and died before it could say so; nothing was written twice"],
        )


def ended(
    progress: Progress,
    *,
    status: NodeStatus,
    write: DatasetWrite | None = None,
    watermark: WatermarkMoved | None = None,
    sample: Sample | None = None,
    output: FrameAt | None = None,
    error: ErrorRecord | None = None,
    reason: str = "",
) -> NodeResult:
    """The result of a node that has ended, but for its times."""
    return NodeResult(
        status=status,
        started_at=_UNSET,
        finished_at=_UNSET,
        seconds=0.0,
        reads=progress.reads,
        rows_in=progress.rows_in,
        rows_out=progress.rows_out,
        account=progress.account,
        checks=progress.checks,
        failing=progress.failing,
        gate=progress.gate,
        quarantined=progress.quarantined,
        warnings=(*progress.left_out, *progress.warnings),
        write=write,
        steps=progress.steps,
        watermark=watermark,
        sample=sample,
        output=output,
        error=error,
        reason=reason,
    )


def changed(error: FileChangedError, progress: Progress) -> NodeResult:
    """A rewritten file is the business of the run that its newer version starts; a deleted one is a failure to tell."""
    if error.gone:
        return ended(progress, status="failed", error=error_record(error))
    return ended(progress, status="skipped", reason=f"superseded: {error.message}")
