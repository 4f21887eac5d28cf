"""The tables that foreign keys point into: nodes of this run, which then go before, or what a node outside it wrote last."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from odibi_core.config import NodeConfig, PipelineConfig
from odibi_core.errors import ConfigError
from odibi_core.planning.plan import StoredInput
from odibi_core.planning.refusals import keeps_a_table


def dimensions_above(config: NodeConfig, pipeline: PipelineConfig) -> tuple[str, ...]:
    """The nodes of this pipeline that must have written before the keys of a node can be looked for."""
    names = {node.name for node in pipeline.nodes} - {config.name}
    own = [one.dimension.removeprefix(f"{pipeline.pipeline}.") for one in config.relationships]
    return tuple(dict.fromkeys(name for name in own if name in names))


def dimensions_of(
    config: NodeConfig, pipeline: PipelineConfig, find: Callable[[str], PipelineConfig], selected: Collection[str], *, where: str
) -> dict[str, StoredInput | None]:
    """
    Where each dimension lies, by the name that the author gives it; None: where a pattern of a node in this run writes.

    Raises:
        ConfigError: If there is no such node, or it writes nothing.
    """
    found: dict[str, StoredInput | None] = {}
    for one in config.relationships:
        of, name = _home(one.dimension, pipeline)
        home = pipeline if of == pipeline.pipeline else find(of)
        node = next((node for node in home.nodes if node.name == name), None)
        if node is None:
            names = [node.name for node in home.nodes]
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise ConfigError(f"{where}: unknown dimension '{one.dimension}'", hint=f"{hint}Known: {', '.join(names)}.")
        path = None if node.write is None else node.write.path or node.write.table
        if node.write is not None and path is not None:
            stored = StoredInput(dataset=f"{of}.{name}", connection=node.write.connection, path=path, format=node.write.format)
            found[one.dimension] = stored
        elif home is pipeline and name in selected and keeps_a_table(node):
            found[one.dimension] = None
        else:
            raise ConfigError(f"{where}: dimension '{one.dimension}' writes no table to look in", hint=f"Give '{name}' a 'write:'.")
    return found


def _home(dimension: str, pipeline: PipelineConfig) -> tuple[str, str]:
    of, _, name = dimension.removeprefix("$").rpartition(".")
    return of or pipeline.pipeline, name
