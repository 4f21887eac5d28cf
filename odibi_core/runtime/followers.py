"""`dataset:` triggers: which runs a run starts because it wrote a node. No input or output here."""

from __future__ import annotations

from collections.abc import Mapping

from odibi_core.events import NodeFinished, Outcome
from odibi_core.messages import DatasetWritten, StartRun
from odibi_core.planning.plan import Plan


def runs_behind(plan: Plan, outcomes: Mapping[str, Outcome]) -> tuple[StartRun, ...]:
    """
    The commands of the pipelines that follow what was written, in the order of the nodes.

    They depend on the plan and the outcomes alone, so whoever looks, however often, starts the same runs. An outcome that was taken
    over from the run that this one resumes was that run's write.
    """
    return tuple(
        StartRun(
            project=plan.project,
            environment=plan.environment,
            pipeline=pipeline,
            cause=DatasetWritten(dataset=f"{plan.pipeline}.{node.name}", run_id=plan.run_id, logical_time=plan.logical_time),
        )
        for node in plan.nodes
        if _has_written(outcomes.get(node.name))
        for pipeline in plan.followers.get(node.name, ())
    )


def _has_written(outcome: Outcome | None) -> bool:
    if not isinstance(outcome, NodeFinished) or outcome.taken_from:
        return False
    return outcome.result.status == "succeeded" and (outcome.result.write is not None or bool(outcome.result.also_wrote))
