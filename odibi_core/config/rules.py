"""Rules that span sections: names that must be unique, names that must exist, and graphs that must not turn back on themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import JsonValue

from odibi_core.config.connection import FILE_TYPES, KNOWN_TYPES, TYPE_SPELLINGS
from odibi_core.config.cycles import a_cycle
from odibi_core.config.marks import Absent, MarkedList, MarkedMapping, Path, child
from odibi_core.config.places import suggestion
from odibi_core.frozen import Frozen

Report = Callable[[Path, str, str], None]  # path, message, hint


class _Item(Frozen):
    """A pipeline or node of the tree, whatever else is wrong with it."""

    name: str
    path: Path
    settings: MarkedMapping


def check_rules(tree: MarkedMapping, report: Report) -> None:
    """
    Check the resolved tree, which may still break the rules of single sections.

    Reports every breach with the path of the value that is wrong.
    """
    pipelines = list(_named(tree.get("pipelines"), "pipeline", ("pipelines",)))
    nodes = {item.path: list(_named(item.settings.get("nodes"), "name", (*item.path, "nodes"))) for item in pipelines}
    _check_unique(pipelines, "pipeline", report)
    outputs = {item.name: {node.name for node in nodes[item.path]} for item in pipelines}
    for pipeline in pipelines:
        _check_unique(nodes[pipeline.path], "node", report)
        _check_graph(pipeline, nodes[pipeline.path], outputs, report)
        _check_triggers(pipeline, outputs, report)
    _check_trigger_cycle(pipelines, report)
    everything = [node for found in nodes.values() for node in found]
    _check_connections(tree, pipelines, everything, report)
    _check_state_keys(everything, report)
    for node in everything:
        _check_gate(node, report)


def _named(value: JsonValue, key: str, path: Path) -> Iterator[_Item]:
    for index, item in enumerate(value if isinstance(value, MarkedList) else ()):
        if isinstance(item, MarkedMapping):
            name = item.get(key)
            yield _Item(name=name if isinstance(name, str) else "", path=(*path, index), settings=item)


def _texts(value: JsonValue) -> list[tuple[int, str]]:
    return [(index, item) for index, item in enumerate(value) if isinstance(item, str)] if isinstance(value, list) else []


def _mapping(value: JsonValue) -> MarkedMapping | None:
    return value if isinstance(value, MarkedMapping) else None


def _check_unique(items: list[_Item], what: str, report: Report) -> None:
    first: dict[str, _Item] = {}
    for item in items:
        if item.name and first.setdefault(item.name, item) is not item:
            key = "pipeline" if what == "pipeline" else "name"
            mark = first[item.name].settings.values_at[key]
            report((*item.path, key), f"{what} '{item.name}' is defined twice", f"The first one is at {mark.file}:{mark.line}.")


def _check_graph(pipeline: _Item, nodes: list[_Item], outputs: Mapping[str, set[str]], report: Report) -> None:
    known = {node.name for node in nodes}
    edges: dict[str, list[str]] = {node.name: [] for node in nodes}
    places: dict[tuple[str, str], Path] = {}
    for node in nodes:
        for index, name in _texts(node.settings.get("depends_on")):
            path = (*node.path, "depends_on", index)
            if name not in known:
                report(path, f"unknown node '{name}'", suggestion(name, known - {node.name}, what="Nodes of this pipeline"))
                continue
            edges[node.name].append(name)
            places.setdefault((node.name, name), path)
        for alias, reference in (_mapping(node.settings.get("inputs")) or {}).items():
            if not isinstance(reference, str) or not reference.startswith("$"):
                continue
            path = (*node.path, "inputs", alias)
            upstream, _, name = reference[1:].partition(".")
            if upstream not in outputs:
                report(path, f"unknown pipeline '{upstream}'", suggestion(upstream, outputs))
            elif name not in outputs[upstream]:
                report(path, f"pipeline '{upstream}' has no node '{name}'", suggestion(name, outputs[upstream]))
            elif upstream == pipeline.name:
                edges[node.name].append(name)
                places.setdefault((node.name, name), path)
    cycle = a_cycle(edges)
    if cycle:
        report(places[cycle[0], cycle[1]], f"nodes depend on each other: {' → '.join(cycle)}", "Take one of these dependencies out.")


def _triggers(pipeline: _Item) -> Iterator[tuple[Path, MarkedMapping]]:
    triggers = pipeline.settings.get("triggers")
    for index, trigger in enumerate(triggers if isinstance(triggers, MarkedList) else ()):
        if isinstance(trigger, MarkedMapping):
            yield (*pipeline.path, "triggers", index), trigger


def _check_triggers(pipeline: _Item, outputs: Mapping[str, set[str]], report: Report) -> None:
    for path, trigger in _triggers(pipeline):
        dataset = trigger.get("dataset")
        if not isinstance(dataset, str) or "." not in dataset:
            continue
        upstream, _, node = dataset.partition(".")
        if upstream not in outputs:
            report((*path, "dataset"), f"unknown pipeline '{upstream}'", suggestion(upstream, outputs))
        elif node not in outputs[upstream]:
            report((*path, "dataset"), f"pipeline '{upstream}' has no node '{node}'", suggestion(node, outputs[upstream]))


def _check_trigger_cycle(pipelines: list[_Item], report: Report) -> None:
    edges: dict[str, list[str]] = {pipeline.name: [] for pipeline in pipelines}
    places: dict[tuple[str, str], Path] = {}
    for pipeline in pipelines:
        for path, trigger in _triggers(pipeline):
            dataset = trigger.get("dataset")
            upstream = dataset.partition(".")[0] if isinstance(dataset, str) and "." in dataset else ""
            if upstream in edges:
                edges[pipeline.name].append(upstream)
                places.setdefault((pipeline.name, upstream), (*path, "dataset"))
    cycle = a_cycle(edges)
    if cycle:
        report(
            places[cycle[0], cycle[1]], f"pipelines trigger each other without end: {' → '.join(cycle)}", "Take one of these triggers out."
        )


def _check_connections(tree: MarkedMapping, pipelines: list[_Item], nodes: list[_Item], report: Report) -> None:
    declared = _mapping(tree.get("connections")) or MarkedMapping(tree.mark)
    for name, settings in declared.items():
        kind = settings.get("type") if isinstance(settings, dict) else None
        if isinstance(kind, str) and TYPE_SPELLINGS.get(kind, kind) not in KNOWN_TYPES and tree.get("strict") is not False:
            report(("connections", name, "type"), f"unknown connection type '{kind}'", suggestion(kind, {*KNOWN_TYPES, *TYPE_SPELLINGS}))
    for path, name in _connection_names(tree, pipelines, nodes):
        if name in declared:
            settings = declared[name]
            kind = settings.get("type") if isinstance(settings, dict) else None
            if path[0] in ("story", "system") and len(path) == 2 and isinstance(kind, str):
                _check_holds_files(path, name, TYPE_SPELLINGS.get(kind, kind), report)
        elif "${" not in name:
            report(path, f"unknown connection '{name}'", suggestion(name, declared, what="Known connections"))


def _check_holds_files(path: Path, name: str, kind: str, report: Report) -> None:
    if kind in KNOWN_TYPES and kind not in FILE_TYPES:
        report(path, f"connection '{name}' of type '{kind}' cannot hold files", f"Use one of type {', '.join(FILE_TYPES)}.")


def _connection_names(tree: MarkedMapping, pipelines: list[_Item], nodes: list[_Item]) -> Iterator[tuple[Path, str]]:
    """Every place that names a connection, and the name."""
    sections: list[Path] = [("story",), ("system",), ("system", "sync_to"), ("system", "sync_from")]
    for pipeline in pipelines:
        sections += [(*path, "blob") for path, _ in _triggers(pipeline)]
    inner: tuple[Path, ...] = (
        ("read",),
        ("write",),
        ("validation", "quarantine"),
        ("params",),
        ("params", "quarantine"),
        ("pattern", "params"),
        ("pattern", "params", "quarantine"),
    )
    for node in nodes:
        sections += [(*node.path, *path) for path in inner]
        sections += [(*node.path, "inputs", alias) for alias in _mapping(node.settings.get("inputs")) or {}]
    for path in sections:
        section = _at(tree, path)
        for key in ("connection", "source_connection") if path[-1] == "params" else ("connection",):
            name = section.get(key) if section is not None else None
            if isinstance(name, str):
                yield (*path, key), name


def _at(tree: JsonValue, path: Path) -> MarkedMapping | None:
    here = tree
    for part in path:
        below = child(here, part)
        if isinstance(below, Absent):
            return None
        here = below
    return _mapping(here)


def _check_state_keys(nodes: list[_Item], report: Report) -> None:
    first: dict[str, Path] = {}
    for node in nodes:
        aliases = list(_mapping(node.settings.get("inputs")) or ())
        for path in [(*node.path, "read"), *((*node.path, "inputs", alias) for alias in aliases)]:
            incremental = _section(node, path, "incremental")
            key = incremental.get("state_key") if incremental is not None else None
            here = (*path, "incremental", "state_key")
            if isinstance(key, str) and first.setdefault(key, here) != here:
                report(here, f"state key '{key}' is used by two reads", "Each needs its own watermark; leave the key out to get one.")


def _section(node: _Item, path: Path, key: str) -> MarkedMapping | None:
    inner = _at(node.settings, path[len(node.path) :])
    return _mapping(inner.get(key)) if inner is not None else None


def _check_gate(node: _Item, report: Report) -> None:
    validation = _mapping(node.settings.get("validation"))
    gate = _mapping(validation.get("gate")) if validation is not None else None
    if validation is None or gate is None:
        return
    tests = validation.get("tests")
    checks = [item for item in tests if isinstance(item, dict)] if isinstance(tests, list) else []
    known = {str(check[key]) for check in checks for key in ("name", "type") if isinstance(check.get(key), str)}
    thresholds = gate.get("thresholds")
    for index, threshold in enumerate(thresholds if isinstance(thresholds, list) else ()):
        name = threshold.get("test") if isinstance(threshold, dict) else None
        if isinstance(name, str) and name not in known:
            path = (*node.path, "validation", "gate", "thresholds", index, "test")
            report(path, f"unknown test '{name}'", suggestion(name, known, what="Tests of this node"))
