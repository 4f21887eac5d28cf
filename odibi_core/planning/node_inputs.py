"""What a node reads: outputs of nodes above it, tables of nodes that are not part of the run, and the files that arrived."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from odibi_core.config import BlobPattern, LoadedProject, NodeConfig, PipelineConfig, Scope, resolve
from odibi_core.errors import ConfigError
from odibi_core.messages import Cause, FileVersion
from odibi_core.planning.checking import check_sources
from odibi_core.planning.pattern_targets import nodes_named
from odibi_core.planning.plan import StoredInput
from odibi_core.planning.queries import text_of
from odibi_core.planning.triggers import blob_sources

if TYPE_CHECKING:
    from odibi_core.transforms import Params


def find_pipeline(project: LoadedProject, name: str) -> PipelineConfig:
    """
    Raises:
        ConfigError: If the project has no such pipeline.
    """
    known = [pipeline.pipeline for pipeline in project.config.pipelines]
    for pipeline in project.config.pipelines:
        if pipeline.pipeline == name:
            return pipeline
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise ConfigError(f"unknown pipeline '{name}'", hint=f"{hint}Known: {', '.join(known)}.")


def upstream_of(config: NodeConfig, pipeline: str) -> tuple[str, ...]:
    """The nodes of its pipeline that a node depends on: `depends_on`, and those that its `inputs` refer to."""
    prefix = f"${pipeline}."
    referenced = [
        reference.removeprefix(prefix)
        for reference in (config.inputs or {}).values()
        if isinstance(reference, str) and reference.startswith(prefix)
    ]
    return tuple(dict.fromkeys([*config.depends_on, *referenced]))


def frames_of(
    config: NodeConfig, upstream: Sequence[str], calls: Collection[Params], *, project: LoadedProject, pipeline: str, where: str
) -> tuple[str, ...]:
    """
    Upstream nodes whose output this node reads: its input, its `inputs:`, and those that SQL or a transform names.

    Raises:
        ConfigError: If a transform names something that is no input.
    """
    from odibi_core.transforms import unknown_dataset

    wanted = set(upstream_of(config.model_copy(update={"depends_on": ()}), pipeline))
    if config.read is None and config.inputs is None and upstream:
        wanted.add(upstream[0])
    known = {"df", *(name.lower() for name in upstream), *(alias.lower() for alias in config.inputs or {})}
    read = {name.lower(): name for params in calls for name in (*params.reads(), *nodes_named(params, upstream))}
    read |= {name.lower(): name for name in check_sources(config)}
    for name in sorted(read.keys() - known):
        error = unknown_dataset(read[name], known - {"df"})
        raise ConfigError(f"{where}: {error.message}", hint=error.hint)
    texts = [text for text in (text_of(step, project) for step in (config.transform.steps if config.transform is not None else ())) if text]
    everything = any(params.reads_everything for params in calls)
    for name in upstream:
        if everything or name.lower() in read or any(_mentions(text, name) for text in texts):
            wanted.add(name)
    return tuple(name for name in upstream if name in wanted)


def stored_of(
    config: NodeConfig, frames: Sequence[str], selected: frozenset[str], *, project: LoadedProject, home: PipelineConfig
) -> dict[str, StoredInput]:
    """Inputs from outside this run: nodes of other pipelines, and nodes above that were not selected."""
    own = f"${home.pipeline}."
    stored: dict[str, StoredInput] = {}
    for alias, reference in (config.inputs or {}).items():
        if isinstance(reference, str) and not reference.startswith(own):
            pipeline, _, name = reference.removeprefix("$").partition(".")
            stored[alias] = _output_of(find_pipeline(project, pipeline), name, wanted_by=config.name)
    for name in frames:
        if name not in selected:
            aliases = [alias for alias, reference in (config.inputs or {}).items() if reference == f"{own}{name}"]
            output = _output_of(home, name, wanted_by=config.name)
            stored |= dict.fromkeys(aliases or [name], output)
    return stored


def files_of(config: NodeConfig, pipeline: PipelineConfig, cause: Cause, scope: Scope) -> tuple[FileVersion, ...] | None:
    """The arrived files that this node reads: those its path matches, if it points into a trigger's pattern."""
    if config.read is None or config.read.path is None or not cause.files:
        return None
    if config.read.connection not in {source.connection for source in blob_sources(pipeline)}:
        return None
    path = str(resolve(config.read.path, scope))
    # A path made of a placeholder names one file; as data it may look like a pattern.
    pattern = BlobPattern.parse(path) if path == config.read.path else None
    arrived = tuple(
        file
        for file in cause.files
        if file.connection == config.read.connection and (file.path == path if pattern is None else pattern.matches(file.path) is not None)
    )
    return arrived or None


def _mentions(sql: str, name: str) -> bool:
    import re

    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", sql, re.IGNORECASE) is not None


def _output_of(pipeline: PipelineConfig, name: str, *, wanted_by: str) -> StoredInput:
    try:
        node = pipeline.node(name)
    except KeyError:
        known = ", ".join(node.name for node in pipeline.nodes)
        raise ConfigError(f"pipeline '{pipeline.pipeline}' has no node '{name}'", hint=f"Known: {known}.") from None
    path = None if node.write is None else node.write.path or node.write.table
    if node.write is None or path is None:
        raise ConfigError(
            f"node '{wanted_by}' reads '{name}', which writes nothing and is not part of this run", hint=f"Give '{name}' a 'write:'."
        )
    return StoredInput(dataset=f"{pipeline.pipeline}.{name}", connection=node.write.connection, path=path, format=node.write.format)
