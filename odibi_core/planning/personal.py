"""Which columns are personal: flagged here, or in a node above under the same name; and the salts that a plan must not hold."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from odibi_core.config import NodeConfig, PipelineConfig, ProjectConfig
from odibi_core.errors import ConfigError
from odibi_core.planning.reading import reads_of

_WITHHELD = "withheld: see the YAML"
_SECRETS = ("salt", "key")


def personal_columns(pipelines: Mapping[str, PipelineConfig], pipeline: str, node: str) -> tuple[str, ...]:
    """
    The columns of a node's output that are personal, sorted.

    A flag goes along `depends_on` and `inputs`, into other pipelines too, until `privacy.declassify` names the column. A column that
    gets another name loses it. Names have no case. Where there is one, a column with texts that did not parse is personal, too: nobody
    knows what is in it.
    """
    found = _personal(pipelines, pipeline, node, {})
    config = _node(pipelines, pipeline, node)
    declassified = _declassified(config) if config is not None else set()
    raw = _raw_columns(pipelines, pipeline, node, {}) if found else frozenset()
    return tuple(sorted({*found, *(name for name in raw if name.lower() not in declassified)}))


def _raw_columns(
    pipelines: Mapping[str, PipelineConfig], pipeline: str, name: str, known: dict[tuple[str, str], frozenset[str]]
) -> frozenset[str]:
    """The columns of a read, here or above, that hold what did not parse."""
    here = pipeline, name
    if here in known:
        return known[here]
    known[here] = frozenset()
    config = _node(pipelines, pipeline, name)
    if config is None:
        return known[here]
    rescues = [read.rescue for read in reads_of(config).values()]
    found = frozenset(column for rescue in rescues if rescue is not None for column in rescue.columns)
    known[here] = found.union(*(_raw_columns(pipelines, *above, known) for above in _upstream(config, pipeline)))
    return known[here]


def _declassified(config: NodeConfig) -> set[str]:
    return {column.lower() for column in (config.privacy.declassify if config.privacy is not None else ())}


def _personal(
    pipelines: Mapping[str, PipelineConfig], pipeline: str, name: str, known: dict[tuple[str, str], frozenset[str]]
) -> frozenset[str]:
    here = pipeline, name
    if here in known:
        return known[here]
    known[here] = frozenset()  # pipelines may read from one another in a circle
    config = _node(pipelines, pipeline, name)
    if config is None:
        return known[here]
    found = {column for column, about in config.columns.items() if about.pii}
    for above in _upstream(config, pipeline):
        found |= _personal(pipelines, *above, known)
    known[here] = frozenset(column for column in found if column.lower() not in _declassified(config))
    return known[here]


def _node(pipelines: Mapping[str, PipelineConfig], pipeline: str, name: str) -> NodeConfig | None:
    found = pipelines.get(pipeline)
    return None if found is None else next((node for node in found.nodes if node.name == name), None)


def _upstream(config: NodeConfig, pipeline: str) -> list[tuple[str, str]]:
    references = [reference[1:].partition(".") for reference in (config.inputs or {}).values() if isinstance(reference, str)]
    return [(pipeline, name) for name in config.depends_on] + [(other, name) for other, _, name in references]


def salts_of(project: ProjectConfig) -> tuple[str, ...]:
    """Every salt and key of a project. Nothing that leaves the process may show one."""
    sections = [node.privacy for pipeline in project.pipelines for node in pipeline.nodes if node.privacy is not None]
    return tuple(text for privacy in sections for text in (privacy.salt, privacy.key) if text and "${" not in text)


def without_salt(node: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A node as it is written, without a salt or key that stands in it as plain text. What is `${…}` stays: it says no value."""
    privacy = node.get("privacy")
    if not isinstance(privacy, dict):
        return dict(node)
    kept = {key: _WITHHELD if key in _SECRETS and isinstance(text, str) and "${" not in text else text for key, text in privacy.items()}
    return {**node, "privacy": kept}


def with_salt(node: Mapping[str, JsonValue], written: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    """
    The node of a plan with its salt put back from the YAML of today.

    Raises:
        ConfigError: If it has none: another text in its place would give other hashes.
    """
    privacy = node.get("privacy")
    if not isinstance(privacy, dict) or _WITHHELD not in privacy.values():
        return dict(node)
    today = (written or {}).get("privacy")
    texts = today if isinstance(today, dict) else {}
    missing = [key for key, text in privacy.items() if text == _WITHHELD and not isinstance(texts.get(key), str)]
    if missing:
        raise ConfigError(
            f"'privacy.{missing[0]}' of node '{node.get('name')}' was taken out of the YAML while its run was under way",
            hint="Write it as '${secret:name}': then a run that was planned finds it, whatever is deployed.",
        )
    return {**node, "privacy": {key: texts[key] if text == _WITHHELD else text for key, text in privacy.items()}}
