"""Check that `${trigger.…}` names something that the pipeline's triggers can say."""

from __future__ import annotations

from pydantic import JsonValue

from odibi_core.config.blob_pattern import BlobPattern
from odibi_core.config.imports import ProjectFiles
from odibi_core.config.marks import Mark, MarkedList, MarkedMapping, children
from odibi_core.config.placeholders import names_of
from odibi_core.config.places import suggestion
from odibi_core.errors import ConfigError


def check_trigger_values(tree: MarkedMapping, files: ProjectFiles) -> None:
    """Report every `${trigger.…}` outside of pipelines, and every one that no trigger of its pipeline gives."""
    for key, value, at in children(tree):
        if key != "pipelines":
            _check(value, at, frozenset(), "stands outside of a pipeline", files)
    pipelines = tree.get("pipelines")
    for pipeline in pipelines if isinstance(pipelines, MarkedList) else ():
        if isinstance(pipeline, MarkedMapping):
            _check(pipeline, pipeline.mark, frozenset(_known(pipeline)), "is not given by a trigger of this pipeline", files)


def _known(pipeline: MarkedMapping) -> set[str]:
    """What the triggers say: the logical time always; of a blob its path, name and address, and the parts of the pattern."""
    known = {"scheduled_time"}
    triggers = pipeline.get("triggers")
    for trigger in triggers if isinstance(triggers, list) else ():
        blob = trigger.get("blob") if isinstance(trigger, dict) else None
        path = blob.get("path") if isinstance(blob, dict) else None
        if not isinstance(path, str):
            continue
        known |= {"path", "name", "url"}
        try:
            known |= set(BlobPattern.parse(path).parts)
        except ConfigError:
            continue  # reported where the pattern is read
    return known


def _check(value: JsonValue, at: Mark, known: frozenset[str], wrong: str, files: ProjectFiles) -> None:
    if not isinstance(value, str):
        for _, item, mark in children(value):
            _check(item, mark, known, wrong, files)
        return
    try:
        found = names_of(value)
    except ConfigError:
        return  # reported where the text is resolved
    for placeholder in found:
        if placeholder.kind == "trigger" and placeholder.name not in known:
            hint = suggestion(placeholder.name, known, what="Given") if known else ""
            files.report(f"'{placeholder.text}' {wrong}", at, hint=hint)
