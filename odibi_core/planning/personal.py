"""Which columns are personal: flagged here, or made of what is flagged in a node above; and the salts that a plan must not hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from odibi_core.config import NodeConfig, PipelineConfig, ProjectConfig
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.outline import How, Origin
from odibi_core.planning.outlines import NodeOutline
from odibi_core.planning.reading import reads_of

_WITHHELD = "withheld: see the YAML"
_SECRETS = ("salt", "key")
EVERYTHING = "*"  # stands for all columns


OutlineOf = Callable[[str, str], NodeOutline | None]  # pipeline, node


class Flagged(Frozen):
    """What of a node's output is personal, and what else no report may show."""

    personal: tuple[str, ...] = ()  # `privacy` makes these anonymous
    masked: tuple[str, ...] = ()  # made of personal or sensitive columns; EVERYTHING if nobody knows which


def flagged_columns(pipelines: Mapping[str, PipelineConfig], pipeline: str, node: str, outline_of: OutlineOf) -> Flagged:
    """
    The columns of a node's output that are personal, and those that are made of personal or sensitive ones, sorted.

    A flag goes along `depends_on` and `inputs`, into other pipelines too, to the column of the same name and to those that take over its
    value, whatever they are called, until `privacy.declassify` names the column. Names have no case. What is computed of a personal
    column is masked in reports, and a number of rows is not. Where something is personal, a column with texts that did not parse is, too:
    nobody knows what is in it.
    """
    if not any(_says_something(one) for each in pipelines.values() for one in each.nodes):
        return Flagged()
    return _Flags(pipelines=pipelines, outline_of=outline_of).of(pipeline, node)


def _says_something(node: NodeConfig) -> bool:
    return bool(node.sensitive) or any(about.pii for about in node.columns.values())


@dataclass(kw_only=True)
class _Flags:
    """The flags of nodes, each computed once, from those of the nodes above."""

    pipelines: Mapping[str, PipelineConfig]
    outline_of: OutlineOf
    known: dict[tuple[str, str], Flagged] = field(default_factory=dict)

    def of(self, pipeline: str, name: str) -> Flagged:
        here = pipeline, name
        if here in self.known:
            return self.known[here]
        self.known[here] = Flagged()  # pipelines may read from one another in a circle
        config = _node(self.pipelines, pipeline, name)
        if config is not None:
            above = {f"{other}.{node}": self.of(other, node) for other, node in _upstream(config, pipeline)}
            self.known[here] = self._flagged(config, above, pipeline)
        return self.known[here]

    def _flagged(self, config: NodeConfig, above: Mapping[str, Flagged], pipeline: str) -> Flagged:
        declassified = _declassified(config)
        own = {column for column, about in config.columns.items() if about.pii}
        secret = set() if isinstance(config.sensitive, bool) else set(config.sensitive)
        personal = own.union(*(flags.personal for flags in above.values()))
        masked = secret.union(*(flags.masked for flags in above.values())) - {EVERYTHING}
        outline = self.outline_of(pipeline, config.name) if personal or masked or config.sensitive or _hidden(above) else None
        if outline is not None:
            personal |= _made_of(
                outline, own, {node: flags.personal for node, flags in above.items()}, declassified, hows=frozenset({"value"})
            )
            every = {node: (*flags.personal, *flags.masked) for node, flags in above.items()}
            masked |= _made_of(outline, own | secret, every, declassified, hows=frozenset({"value", "computed"}))
        if personal:
            personal |= _raw_columns(self.pipelines, pipeline, config.name, {})
        if config.sensitive is True or (_hidden(above) and (outline is None or outline.output.others is not None)):
            masked = {EVERYTHING}
        return Flagged(
            personal=tuple(sorted(column for column in personal if column.lower() not in declassified)),
            masked=tuple(sorted(column for column in masked - personal if column.lower() not in declassified)),
        )


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


def _hidden(above: Mapping[str, Flagged]) -> bool:
    return any(EVERYTHING in flags.masked for flags in above.values())


def _made_of(
    outline: NodeOutline,
    own: Collection[str],
    above: Mapping[str, Collection[str]],
    declassified: Collection[str],
    *,
    hows: frozenset[How],
) -> set[str]:
    """The columns of the output that are made of flagged ones: of inputs, or of what a flag of the node itself means."""
    flags = {node: {name.lower() for name in names} for node, names in above.items()}
    meant = _meant(outline, own)

    def is_flagged(origin: Origin) -> bool:
        if origin.how not in hows or origin.column in declassified:
            return False
        there = flags.get(origin.source, set())
        return origin.column in there or EVERYTHING in there or (origin.source, origin.column) in meant

    return {column.name for column in outline.output.columns if any(map(is_flagged, column.origins))}


def _meant(outline: NodeOutline, own: Collection[str]) -> set[tuple[str, str]]:
    """
    The columns of inputs that a flag of the node itself is about: those that the output's column of that name takes over.

    If the output has no such column, it is about the inputs' columns of that name.
    """
    meant: set[tuple[str, str]] = set()
    for name in own:
        there = outline.output.find(name)
        if there is not None:
            meant |= {(origin.source, origin.column) for origin in there.origins if origin.how == "value"}
        elif outline.output.lacks(name):
            origins = (origin for one in outline.inputs.values() for origin in one.column(name).origins)
            meant |= {(origin.source, origin.column) for origin in origins}
    return meant


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
