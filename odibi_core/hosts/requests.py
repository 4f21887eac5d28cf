"""Turn a request for a pipeline into the command that runs it now, on the files that wait in its landing zones."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from odibi_core.bootstrap import App
from odibi_core.config import PipelineConfig
from odibi_core.messages import FileVersion, Requested, StartRun
from odibi_core.planning.planner import find_pipeline
from odibi_core.planning.triggers import blob_sources, landed_files


def requested(app: App, pipeline: str, *, key: str | None = None, nodes: Sequence[str] | None = None) -> StartRun | None:
    """
    The command for a pipeline; None if it lives on files and none is new.

    A pipeline with a blob trigger takes every file that no run has taken. Single nodes read what was written last instead.

    Raises:
        ConfigError: If the project is broken or has no such pipeline.
    """
    project = app.loaded()
    config = find_pipeline(project, pipeline)
    command = StartRun(
        project=project.config.project,
        environment=project.environment,
        pipeline=config.pipeline,
        cause=Requested(key=key or uuid4().hex, nodes=None if nodes is None else tuple(nodes)),
    )
    if not blob_sources(config) or nodes is not None or app.coordinator.journal.plan(command.run_id) is not None:
        return command
    files = app.coordinator.ledger.unclaimed(command, landed(app, config))
    return command.model_copy(update={"cause": command.cause.model_copy(update={"files": files})}) if files else None


def landed(app: App, config: PipelineConfig) -> tuple[FileVersion, ...]:
    """The files that lie in a pipeline's landing zones, taken or not, by path."""
    zones = {(source.connection, source.pattern.prefix) for source in blob_sources(config)}
    return landed_files(config, [file for connection, prefix in sorted(zones) for file in app.connections.files(connection, prefix)])
