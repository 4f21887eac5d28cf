"""The plan of a run that only tells that no file came: its nodes are named, and none of them is compiled."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import JsonValue

from odibi_core.config import LoadedProject, PipelineConfig
from odibi_core.events import ErrorRecord, PlannedNodeFacts
from odibi_core.messages import FilesMissing, StartRun
from odibi_core.planning.plan import Plan, PlannedNode, Refusal


def plan_of_missing_files(
    project: LoadedProject,
    pipeline: PipelineConfig,
    command: StartRun,
    cause: FilesMissing,
    *,
    connections: dict[str, JsonValue],
    now: datetime,
) -> Plan:
    """A refused plan. What fails is the first node that reads where the file should have come to."""
    names = [node.name for node in pipeline.nodes]
    reading = [node.name for node in pipeline.nodes if node.read is not None and node.read.connection == cause.connection]
    story = project.tree.get("story")
    return Plan(
        run_id=command.run_id,
        project=command.project,
        pipeline=pipeline.pipeline,
        environment=command.environment,
        cause=cause,
        logical_time=now,
        planned_at=now,
        nodes=tuple(PlannedNode(name=name, config={"name": name}) for name in names),
        facts=tuple(PlannedNodeFacts(name=node.name, description=node.description or "") for node in pipeline.nodes),
        refused=Refusal(node=(reading or names)[0], error=_overdue(cause)),
        connections=connections,
        story=story if project.config.story is not None and isinstance(story, dict) else None,
        fingerprint=project.fingerprint,
    )


def _overdue(cause: FilesMissing) -> ErrorRecord:
    return ErrorRecord(
        code="file_overdue",
        message=(
            f"no file '{cause.path}' came to connection '{cause.connection}' since {cause.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC; "
            f"one was expected by {cause.due.astimezone(UTC):%Y-%m-%d %H:%M}"
        ),
        hint="Ask whoever delivers it, or change 'expect' of the trigger.",
        exit_code=3,
    )
