"""Lay one part of the configuration over another: imports and environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from odibi_core.config.marks import MarkedList, MarkedMapping, Path

Why = Literal["import", "environment", "recipe"]
_APPENDED: tuple[Path, ...] = (
    ("pipelines",),
    ("semantic", "metrics"),
    ("semantic", "dimensions"),
    ("semantic", "views"),
    ("semantic", "materializations"),
)


def merged(base: JsonValue, over: JsonValue, why: Why, path: Path = ()) -> JsonValue:
    """
    `over` laid over `base`: mappings merge key by key, everything else is replaced.

    Lists of pipelines are appended; an environment that defines a pipeline again replaces it. A connection that gets another
    `type`, or an `auth` that gets another `mode`, is replaced as a whole: keys of the old kind would make no sense in it.
    """
    if isinstance(base, MarkedMapping) and isinstance(over, MarkedMapping):
        if _is_another_kind(base, over, path):
            return over
        result = base.copied()
        for key in over:
            if key in base:
                value = merged(base[key], over[key], why, (*path, key))
                result.put(key, value, key_at=over.keys_at[key], value_at=over.values_at[key])
            else:
                result.take(key, over)
        return result
    if isinstance(base, MarkedList) and isinstance(over, MarkedList) and why != "recipe" and path in _APPENDED:
        return _appended(base, over, replace=why == "environment" and path == ("pipelines",))
    return over


def _appended(base: MarkedList, over: MarkedList, *, replace: bool) -> MarkedList:
    redefined = {_pipeline_name(item) for item in over} - {None} if replace else set()
    result = MarkedList(base.mark)
    for items in (base, over):
        for item, at in zip(items, items.items_at, strict=True):
            if items is over or _pipeline_name(item) not in redefined:
                result.add(item, at)
    return result


def _pipeline_name(item: JsonValue) -> str | None:
    name = item.get("pipeline") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _is_another_kind(base: MarkedMapping, over: MarkedMapping, path: Path) -> bool:
    if path[:1] != ("connections",) or len(path) == 1:
        return False
    # Their models take long to load, and a cold start, which comes through here, needs no model.
    from odibi_core.config.auth import MODE_SPELLINGS
    from odibi_core.config.connection import TYPE_SPELLINGS

    if len(path) == 2:
        return _differ(base.get("type"), over.get("type"), TYPE_SPELLINGS)
    return path[2:] == ("auth",) and _differ(base.get("mode"), over.get("mode"), MODE_SPELLINGS)


def _differ(before: JsonValue, after: JsonValue, spellings: Mapping[str, str]) -> bool:
    if not isinstance(before, str) or not isinstance(after, str):
        return False
    return spellings.get(before, before) != spellings.get(after, after)
