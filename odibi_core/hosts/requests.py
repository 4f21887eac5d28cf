"""Turn a request for a pipeline into the commands that run it now, on the files that wait in its landing zones."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from pydantic import TypeAdapter

from odibi_core.bootstrap import App
from odibi_core.config import PipelineConfig
from odibi_core.messages import FileVersion, Requested, StartRun
from odibi_core.planning.node_inputs import find_pipeline
from odibi_core.planning.per_file import values_of_one_file
from odibi_core.planning.triggers import blob_sources, command_for_tick, landed_files, reads_arrivals
from odibi_core.runtime.batches import version_of
from odibi_core.runtime.expectations import Expectations


def requested(app: App, pipeline: str, *, key: str | None = None, nodes: Sequence[str] | None = None) -> tuple[StartRun, ...]:
    """
    The commands for a pipeline; none if it lives on files and none is new.

    A pipeline with a blob trigger takes every file that no run has: all in one run, or, where a node asks for *the* file of the run,
    each in its own. Chosen nodes get new files only, too: those that read a landing zone are left out when nothing is new, and what
    stands below them reads what they wrote last.

    Raises:
        ConfigError: If the project is broken or has no such pipeline.
    """
    project = app.loaded()
    config = find_pipeline(project, pipeline)
    cause = Requested(key=key or uuid4().hex, nodes=None if nodes is None else tuple(nodes))
    command = StartRun(project=project.config.project, environment=project.environment, pipeline=config.pipeline, cause=cause)
    if not blob_sources(config) or app.coordinator.journal.plan(command.run_id) is not None:
        return (command,)
    here = landed(app, config)
    rest = None if nodes is None else _without_arrivals(config, nodes, here)
    if rest is not None and rest == cause.nodes:
        return (command,)
    if key is not None and (before := app.store.get(_place(command))) is not None:
        return tuple(_COMMANDS.validate_json(before.data))
    files = app.coordinator.ledger.unclaimed(command, here)
    for source in blob_sources(config):
        if landed_files(config, files, of=source):
            Expectations(app.store, app.clock).arrived(command, source)
    if not files:
        return (_with(command, cause.model_copy(update={"nodes": rest})),) if rest else ()
    if len(files) == 1 or not values_of_one_file(project, config):
        return (_with(command, cause.model_copy(update={"files": files})),)
    each = tuple(_with(command, cause.model_copy(update={"key": f"{cause.key}/{version_of(file)}", "files": (file,)})) for file in files)
    return each if key is None else _frozen(app, command, each)


def _without_arrivals(config: PipelineConfig, nodes: Sequence[str], here: Sequence[FileVersion]) -> tuple[str, ...]:
    """Those of the chosen nodes that read no landing zone. A name that does not exist is kept: the planner refuses it."""
    known = {node.name: node for node in config.nodes}
    return tuple(name for name in nodes if name not in known or not reads_arrivals(known[name], config, here))


def _with(command: StartRun, cause: Requested) -> StartRun:
    return command.model_copy(update={"cause": cause})


_COMMANDS: TypeAdapter[list[StartRun]] = TypeAdapter(list[StartRun])


def _place(command: StartRun) -> str:
    return f"requests/{command.run_id}.json"


def _frozen(app: App, command: StartRun, each: tuple[StartRun, ...]) -> tuple[StartRun, ...]:
    """The commands that a key stands for, as they were when it was used first: the same key is the same runs."""
    place = _place(command)
    if app.store.put_if_absent(place, _COMMANDS.dump_json(list(each))):
        return each
    stored = app.store.get(place)
    return each if stored is None else tuple(_COMMANDS.validate_json(stored.data))


def overdue(app: App, expectations: Expectations, pipeline: str | None = None) -> tuple[StartRun, ...]:
    """The runs that have to tell that a file did not come in time (`expect`) and have not told it; `pipeline` keeps to one."""
    project, found = app.loaded(), []
    for config in project.config.pipelines:
        if pipeline in (None, config.pipeline):
            probe = command_for_tick(project, config.pipeline, app.clock())
            found += [command for source in blob_sources(config) if (command := expectations.overdue(probe, source)) is not None]
    return tuple(command for command in found if app.coordinator.journal.plan(command.run_id) is None)


def landed(app: App, config: PipelineConfig) -> tuple[FileVersion, ...]:
    """The files that lie in a pipeline's landing zones, taken or not, by path."""
    zones = {(source.connection, source.pattern.prefix) for source in blob_sources(config)}
    return landed_files(config, [file for connection, prefix in sorted(zones) for file in app.connections.files(connection, prefix)])
