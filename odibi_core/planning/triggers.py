"""From events to commands: which pipelines an arrived file or a due timer starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from odibi_core.config import (
    BatchConfig,
    BlobPattern,
    BlobSource,
    BlobTrigger,
    DatasetTrigger,
    LoadedProject,
    NodeConfig,
    PipelineConfig,
    ScheduleTrigger,
)
from odibi_core.frozen import Frozen
from odibi_core.messages import BlobArrived, FileVersion, StartRun, TimerTicked

COMPLETE_UPLOADS = frozenset({"PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"})  # others announce half a file


class Schedule(Frozen):
    """A pipeline and when it is due."""

    pipeline: str
    expression: str  # six fields, seconds first, UTC


def schedules(project: LoadedProject) -> tuple[Schedule, ...]:
    """Every schedule of the project."""
    return tuple(
        Schedule(pipeline=pipeline.pipeline, expression=trigger.schedule)
        for pipeline in project.config.pipelines
        for trigger in pipeline.triggers
        if isinstance(trigger, ScheduleTrigger)
    )


def blob_sources(pipeline: PipelineConfig) -> tuple[BlobSource, ...]:
    """The landing zones that start a pipeline."""
    return tuple(trigger.blob for trigger in pipeline.triggers if isinstance(trigger, BlobTrigger))


class Wanted(Frozen):
    """A pipeline wants an arrived file version."""

    command: StartRun  # of a run of this file alone
    source: BlobSource  # the trigger that wants it
    batch: BatchConfig | None  # how its trigger wants it together with others; None: as a run of its own


def wanted_by(project: LoadedProject, file: FileVersion) -> tuple[Wanted, ...]:
    """Who wants an arrived file version; nobody if no trigger does or it is empty of meaning."""
    return tuple(
        Wanted(
            command=StartRun(
                project=project.config.project,
                environment=project.environment,
                pipeline=pipeline.pipeline,
                cause=BlobArrived(files=(file.model_copy(update={"parts": parts}),)),
            ),
            source=source,
            batch=source.batch,
        )
        for pipeline, source, parts in _wanting(project, file)
    )


def commands_for_file(project: LoadedProject, file: FileVersion) -> tuple[StartRun, ...]:
    """The runs of an arrived file version, if it is a run of its own in each pipeline that wants it."""
    return tuple(wanted.command for wanted in wanted_by(project, file))


def batch_of(pipeline: PipelineConfig) -> BatchConfig | None:
    """How a pipeline takes its files together: the first of its triggers that says so."""
    return next((source.batch for source in blob_sources(pipeline) if source.batch is not None), None)


def rewrite_rule(project: LoadedProject | None, pipeline: str, file: FileVersion) -> Literal["process", "ignore", "fail"]:
    """What a pipeline's trigger says of a file that is written again."""
    found = (source for config, source, _ in _wanting(project, file) if config.pipeline == pipeline) if project is not None else ()
    return next((source.on_rewrite for source in found), "process")


def _wanting(project: LoadedProject, file: FileVersion) -> Iterator[tuple[PipelineConfig, BlobSource, dict[str, object]]]:
    for pipeline in project.config.pipelines:
        for source in blob_sources(pipeline):
            parts = source.pattern.matches(file.path) if source.connection == file.connection else None
            if parts is not None:
                yield pipeline, source, dict(parts)
                break


def reads_arrivals(node: NodeConfig, pipeline: PipelineConfig, files: Iterable[FileVersion]) -> bool:
    """Whether a node reads such files, so that a run gives it those that are new and no others."""
    read = node.read
    if read is None or read.path is None or read.connection not in {source.connection for source in blob_sources(pipeline)}:
        return False
    if "${trigger." in read.path:
        return True
    pattern = BlobPattern.parse(read.path)
    return any(file.connection == read.connection and pattern.matches(file.path) is not None for file in files)


def command_for_tick(project: LoadedProject, pipeline: str, scheduled_time: datetime) -> StartRun:
    """The run that a due timer starts. The same time is the same run, however often and late the timer fires."""
    return StartRun(
        project=project.config.project,
        environment=project.environment,
        pipeline=pipeline,
        cause=TimerTicked(scheduled_time=scheduled_time),
    )


def followers(project: LoadedProject, pipeline: str) -> dict[str, tuple[str, ...]]:
    """By node of a pipeline: the pipelines that run when it was written."""
    found: dict[str, dict[str, None]] = {}
    for other in project.config.pipelines:
        for trigger in other.triggers:
            if isinstance(trigger, DatasetTrigger) and trigger.pipeline == pipeline:
                found.setdefault(trigger.node, {})[other.pipeline] = None
    return {node: tuple(pipelines) for node, pipelines in found.items()}


def landed_files(pipeline: PipelineConfig, listing: Iterable[FileVersion], *, of: BlobSource | None = None) -> tuple[FileVersion, ...]:
    """Those files of a listing that a pipeline's triggers want, or one `of` them, in the order of their paths."""
    wanted: dict[tuple[str, str], FileVersion] = {}
    for file in listing:
        for source in blob_sources(pipeline) if of is None else (of,):
            parts = source.pattern.matches(file.path) if source.connection == file.connection else None
            if parts is not None:
                wanted[file.connection, file.path] = file.model_copy(update={"parts": parts})
                break
    return tuple(wanted[key] for key in sorted(wanted))
