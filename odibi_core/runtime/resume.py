"""Find the run that stopped and the way to go on with it."""

from __future__ import annotations

from odibi_core.events import NodeFinished, RunFinished
from odibi_core.frozen import Frozen
from odibi_core.messages import FilesMissing, Requested, StartRun
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
    """What to do with a run; None if it succeeded, or was about a file that did not come."""
    final = journal.final(plan.run_id)
    if final is None:
        return Interrupted(plan=plan)
    return None if final.status == "succeeded" or isinstance(plan.cause, FilesMissing) else Failed(plan=plan, command=_again(plan, final))


def take_over(journal: Journal, plan: Plan) -> None:
    """Nodes that succeeded in the run that this one resumes are done: their outcomes are this run's too."""
    resumed = plan.cause.resumes if isinstance(plan.cause, Requested) else None
    if resumed is None:
        return
    for outcome in journal.outcomes(resumed, [node.name for node in plan.nodes]).values():
        if isinstance(outcome, NodeFinished) and outcome.result.status == "succeeded":
            journal.settle(outcome.model_copy(update={"run_id": plan.run_id, "taken_from": outcome.taken_from or resumed}))


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
