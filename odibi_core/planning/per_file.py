"""Which values of a pipeline belong to one file: a run of several files has no single answer for them."""

from __future__ import annotations

import json

from odibi_core.config import LoadedProject, PipelineConfig
from odibi_core.errors import ConfigError

_OF_THE_RUN = "scheduled_time"


def values_of_one_file(project: LoadedProject, pipeline: PipelineConfig) -> tuple[str, ...]:
    """The placeholders in a pipeline's nodes and SQL files that name a file or a part of its path, each once."""
    from odibi_core.config.placeholders import names_of

    trees = project.tree.get("pipelines")
    written = [tree for tree in trees if isinstance(tree, dict)] if isinstance(trees, list) else []
    texts = [json.dumps(tree.get("nodes")) for tree in written if tree.get("pipeline") == pipeline.pipeline]
    for node in pipeline.nodes:
        steps = () if node.transform is None else node.transform.steps
        texts += [project.files.get(step.sql_file, "") for step in steps if step.sql_file is not None]
    found = [found for text in texts for found in names_of(text) if found.kind == "trigger" and found.name != _OF_THE_RUN]
    return tuple(dict.fromkeys(placeholder.text for placeholder in found))


def refuse_batches_of_one_file(project: LoadedProject, pipeline: PipelineConfig) -> None:
    """
    Raises:
        ConfigError: If a trigger makes batches and a node asks for the file of the run.
    """
    from odibi_core.planning.triggers import blob_sources

    if all(source.batch is None for source in blob_sources(pipeline)):
        return
    for text in values_of_one_file(project, pipeline):
        raise ConfigError(
            f"pipeline '{pipeline.pipeline}' takes its files in batches and reads '{text}', which each of them answers differently",
            hint="Remove 'batch', so that each file is a run; or take the path from the column that 'add_metadata' writes.",
        )
