"""Which pipelines and nodes a command means: `--pipeline`, `--node N`, `--node +N`, `--tag`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject, PipelineConfig


class Chosen(Frozen):
    """A pipeline to run, and which of its nodes."""

    pipeline: PipelineConfig
    nodes: tuple[str, ...] | None = None  # in file order; None: all


def choose(project: LoadedProject, *, pipelines: Sequence[str], nodes: Sequence[str], tags: Sequence[str]) -> tuple[Chosen, ...]:
    """
    What to run, in the order of the file; pipelines in which nothing was selected are left out.

    Raises:
        ConfigError: If a name is unknown, means two nodes, or nothing is left.
    """
    if nodes and tags:
        raise ConfigError("'--node' and '--tag' exclude each other", code="usage", hint="Give one of them.")
    named = _pipelines(project, pipelines)
    if nodes:
        return _by_name(named, nodes)
    if tags:
        return _by_tag(named, tags)
    return tuple(Chosen(pipeline=pipeline) for pipeline in named)


def _pipelines(project: LoadedProject, names: Sequence[str]) -> tuple[PipelineConfig, ...]:
    from odibi_core.planning.node_inputs import find_pipeline

    for name in names:
        find_pipeline(project, name)
    return tuple(pipeline for pipeline in project.config.pipelines if not names or pipeline.pipeline in names)


def _by_name(pipelines: Sequence[PipelineConfig], wanted: Sequence[str]) -> tuple[Chosen, ...]:
    from odibi_core.config import suggestion
    from odibi_core.planning.graph import with_upstream

    selected: dict[str, set[str]] = {}
    for text in wanted:
        name = text.removeprefix("+")
        homes = [pipeline for pipeline in pipelines if any(node.name == name for node in pipeline.nodes)]
        if not homes:
            known = [node.name for pipeline in pipelines for node in pipeline.nodes]
            raise ConfigError(f"there is no node '{name}'", code="unknown_node", hint=suggestion(name, known))
        if len(homes) > 1:
            where = ", ".join(pipeline.pipeline for pipeline in homes)
            raise ConfigError(f"node '{name}' is in several pipelines: {where}", code="ambiguous_node", hint="Add '--pipeline NAME'.")
        (home,) = homes
        selected.setdefault(home.pipeline, set()).update(with_upstream([name], upstream_of(home)) if text.startswith("+") else {name})
    return _in_file_order(pipelines, selected)


def _by_tag(pipelines: Sequence[PipelineConfig], tags: Sequence[str]) -> tuple[Chosen, ...]:
    from odibi_core.config import suggestion

    known = {tag for pipeline in pipelines for node in pipeline.nodes for tag in node.tags}
    for tag in tags:
        if tag not in known:
            raise ConfigError(f"no node has the tag '{tag}'", code="unknown_tag", hint=suggestion(tag, known))
    selected = {pipeline.pipeline: {node.name for node in pipeline.nodes if set(node.tags) & set(tags)} for pipeline in pipelines}
    return _in_file_order(pipelines, selected)


def _in_file_order(pipelines: Sequence[PipelineConfig], selected: dict[str, set[str]]) -> tuple[Chosen, ...]:
    return tuple(
        Chosen(pipeline=pipeline, nodes=tuple(node.name for node in pipeline.nodes if node.name in selected[pipeline.pipeline]))
        for pipeline in pipelines
        if selected.get(pipeline.pipeline)
    )


def upstream_of(pipeline: PipelineConfig) -> dict[str, tuple[str, ...]]:
    """Of each node the nodes of its pipeline that it depends on: `depends_on`, and those that its `inputs` refer to."""
    own = f"${pipeline.pipeline}."
    return {
        node.name: (
            *node.depends_on,
            *(text.removeprefix(own) for text in (node.inputs or {}).values() if isinstance(text, str) and text.startswith(own)),
        )
        for node in pipeline.nodes
    }
