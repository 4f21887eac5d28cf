"""Plans that nobody runs: compiled to be looked at, or to be refused, without opening a store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject, NodeConfig, PipelineConfig
    from odibi_core.messages import Cause, StartRun
    from odibi_core.planning.outlines import Looked
    from odibi_core.planning.plan import Plan
    from odibi_core.planning.planner import PlannerContext
    from odibi_core.transforms import Library

UNKNOWN_COLUMN = "unknown_column"


def plan_of(project: LoadedProject, pipeline: PipelineConfig, nodes: Sequence[str] | None = None) -> Plan:
    """
    The plan that a run of the pipeline would have now.

    Raises:
        ConfigError: If such a run would be refused.
    """
    from odibi_core.planning.planner import compile_plan

    return compile_plan(project, command_for(project, pipeline, nodes), _context(project), now=datetime.now(UTC))


def command_for(project: LoadedProject, pipeline: PipelineConfig, nodes: Sequence[str] | None = None) -> StartRun:
    """A command as the pipeline's own trigger would give it: so that `${trigger.…}` has values."""
    from odibi_core.messages import Requested, StartRun

    cause = _typical_cause(pipeline) if nodes is None else Requested(key="plan", nodes=tuple(nodes))
    return StartRun(project=project.config.project, environment=project.environment, pipeline=pipeline.pipeline, cause=cause)


def refusals_of(
    project: LoadedProject, pipeline: PipelineConfig, looked: Looked | None = None
) -> tuple[tuple[str | None, ConfigError], ...]:
    """
    Why a run would be refused: every node that is at fault with its error, not only the first. None: the pipeline itself.

    `looked` says which columns were found in the sources that somebody has opened.
    """
    try:
        plan_of(project, pipeline)
    except ConfigError as error:
        if _refusal_of(project, pipeline.model_copy(update={"nodes": ()})):
            return ((None, error),)
        found = [(node.name, fault) for node in pipeline.nodes if (fault := _fault_of(project, pipeline, node)) is not None]
        return (*found, *_column_faults(project, pipeline, looked)) or ((None, error),)
    return tuple(_column_faults(project, pipeline, looked)) if looked is not None else ()


def personal_of(project: LoadedProject, pipeline: PipelineConfig, node: str) -> tuple[str, ...]:
    """The columns of a node that are personal, by its own flags and those of the nodes above."""
    from odibi_core.planning import planner

    return planner.personal_of(project, command_for(project, pipeline), _context(project), now=datetime.now(UTC), node=node)


def _column_faults(project: LoadedProject, pipeline: PipelineConfig, looked: Looked | None) -> Iterator[tuple[str, ConfigError]]:
    from odibi_core.planning.outlines import nobody_looked
    from odibi_core.planning.planner import unknown_columns

    found = unknown_columns(
        project, command_for(project, pipeline), _context(project), now=datetime.now(UTC), looked=looked or nobody_looked
    )
    for fault in found:
        yield fault.node, ConfigError.of((fault.problem,), code=UNKNOWN_COLUMN)


def _fault_of(project: LoadedProject, pipeline: PipelineConfig, node: NodeConfig) -> ConfigError | None:
    """What is wrong with one node, whatever is wrong with those above it: in their places stand nodes that do nothing."""
    from odibi_core.cli.selection import upstream_of
    from odibi_core.config import NodeConfig

    above = [NodeConfig.model_construct(name=name) for name in dict.fromkeys(upstream_of(pipeline)[node.name])]
    error = _refusal_of(project, pipeline.model_copy(update={"nodes": (*above, node)}))
    return None if error is not None and error.error_code == UNKNOWN_COLUMN else error  # those are looked for with all that is known


def _refusal_of(project: LoadedProject, pipeline: PipelineConfig) -> ConfigError | None:
    """Why a run would be refused if the pipeline were this one."""
    pipelines = tuple(pipeline if other.pipeline == pipeline.pipeline else other for other in project.config.pipelines)
    try:
        plan_of(replace(project, config=project.config.model_copy(update={"pipelines": pipelines})), pipeline)
    except ConfigError as error:
        return error
    return None


def _context(project: LoadedProject) -> PlannerContext:
    from odibi_core.config import environment_of
    from odibi_core.planning.planner import PlannerContext
    from odibi_core.sql import compile_sql

    return PlannerContext(
        environment=environment_of(project.directory, os.environ),
        compile_sql=lambda text, tables: compile_sql(text, tables=tables, dialect=project.config.sql_dialect),
        library=lambda: library_of(project),
    )


def library_of(project: LoadedProject) -> Library:
    """The functions that the project's nodes may call."""
    from odibi_core.planning.refusals import patterns_known
    from odibi_core.transforms import Library

    return Library(lambda: project.code, project.directory, taken=patterns_known())


def _typical_cause(pipeline: PipelineConfig) -> Cause:
    from odibi_core.cli.arrivals import typical_files
    from odibi_core.config import BlobTrigger, DatasetTrigger, ScheduleTrigger
    from odibi_core.messages import BlobArrived, DatasetWritten, Requested, TimerTicked

    match pipeline.triggers[:1]:
        case (BlobTrigger(),):
            return BlobArrived(files=typical_files(pipeline)[:1])
        case (ScheduleTrigger(),):
            return TimerTicked(scheduled_time=datetime.now(UTC))
        case (DatasetTrigger(dataset=dataset),):
            return DatasetWritten(dataset=dataset, run_id="0" * 32, logical_time=datetime.now(UTC))
        case _:
            return Requested(key="plan")
