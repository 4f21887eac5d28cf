"""Find the run that stopped and the way to go on with it."""

from __future__ import annotations

from odibi_core.events import RunFinished
from odibi_core.frozen import Frozen
from odibi_core.messages import Requested, StartRun
from odibi_core.planning.plan import Plan
from odibi_core.runtime.journal import Journal


class Interrupted(Frozen):
    """A run that never ended: the same run goes on by its frozen plan."""

    plan: Plan


class Failed(Frozen):
    """A run that ended badly: a new run takes over what succeeded, and does the rest by today's configuration."""

    plan: Plan
    command: StartRun


def last_run(journal: Journal, pipeline: str, *, project: str, environment: str = "") -> Plan | None:
    """The run of a pipeline that was planned last. Projects and environments may share a journal."""
    plans = (plan for run_id in journal.run_ids() if (plan := journal.plan(run_id)) is not None)
    mine = [plan for plan in plans if (plan.project, plan.environment, plan.pipeline) == (project, environment, pipeline)]
    return max(mine, key=lambda plan: plan.planned_at, default=None)


def how_to_resume(journal: Journal, plan: Plan) -> Interrupted | Failed | None:
    """What to do with a run; None if it succeeded."""
    final = journal.final(plan.run_id)
    if final is None:
        return Interrupted(plan=plan)
    return None if final.status == "succeeded" else Failed(plan=plan, command=_again(plan, final))


def _again(plan: Plan, final: RunFinished) -> StartRun:
    nodes = plan.cause.nodes if isinstance(plan.cause, Requested) else None
    cause = Requested(
        # The key names the end of the run that is resumed: asking twice is one resumption.
        key=f"resume {plan.run_id} {final.at.isoformat()}",
        files=plan.cause.files,
        nodes=nodes,
        resumes=plan.run_id,
        logical_time=plan.logical_time,
    )
    return StartRun(project=plan.project, environment=plan.environment, pipeline=plan.pipeline, cause=cause)
