"""Which nodes behind one name its columns: in SQL by what the query reads, elsewhere by the texts of parameters, checks and keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.sql import tree

# Sections of a node whose texts may name a column. SQL among them is in the plan as trees, wherever it stands.
_NAMING = ("params", "validation", "contracts", "columns", "privacy", "relationships")
_WRITE_KEYS = ("options", "partition_by", "zorder_by", "merge_keys", "skip_hash_columns", "skip_hash_sort_columns")


def users_behind(plan: Plan, node: PlannedNode, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """
    For each node that gets rows of this one, directly or through others, the columns of these that it names. In run order.

    Names have no case. A column that goes on under another name is lost from sight there.
    """
    wanted = {name.lower(): name for name in columns}
    found: dict[str, tuple[str, ...]] = {}
    for behind in _behind(plan, node):
        named = set(_names(behind))
        used = tuple(name for lower, name in wanted.items() if lower in named)
        if used:
            found[behind.name] = used
    return found


def _behind(plan: Plan, node: PlannedNode) -> Iterator[PlannedNode]:
    """The nodes that read its frame or its target, and those that read theirs."""
    reached, places = {node.name}, {_written(node)} - {None}
    for other in plan.nodes:
        if other.name in reached or not (reached & set(other.frames) or places & set(_read(other))):
            continue
        reached.add(other.name)
        places |= {_written(other)} - {None}
        yield other


def _place(section: JsonValue) -> tuple[str, str] | None:
    if not isinstance(section, dict):
        return None
    path = section.get("path") or section.get("table")
    return (str(section.get("connection")), path.strip("/")) if isinstance(path, str) else None


def _written(node: PlannedNode) -> tuple[str, str] | None:
    return _place(node.config.get("write"))


def _read(node: PlannedNode) -> Iterator[tuple[str, str]]:
    inputs = node.config.get("inputs")
    for section in (node.config.get("read"), *(inputs.values() if isinstance(inputs, dict) else ())):
        place = _place(section)
        if place is not None:
            yield place


def _names(node: PlannedNode) -> Iterator[str]:
    for query in node.sql.values():
        if query.polars:  # a query for Spark has no tree
            yield from _of_query(query.polars)
    write = node.config.get("write")
    sections = [node.config.get(name) for name in _NAMING]
    sections += [write.get(name) for name in _WRITE_KEYS] if isinstance(write, dict) else []
    transform = node.config.get("transform")
    steps = transform.get("steps") if isinstance(transform, dict) else None
    sections += [step.get("params") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    for section in sections:
        yield from _texts(section)


def _of_query(text: str) -> Iterator[str]:
    for part in tree.walk(tree.decoded(text), into_queries=True):
        if isinstance(part, tree.Column):
            yield part.name.lower()
            yield part.table.lower()  # it may turn out to be a struct
        elif isinstance(part, tree.Join):
            yield from (name.lower() for name in part.using)


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key.lower()
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
