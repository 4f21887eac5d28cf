"""A parsed YAML tree that remembers where each key and each value stood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple, cast

from pydantic import JsonValue

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """A position in a file. Lines and columns start at 1."""

    file: str  # as shown to people: relative to the project folder, with forward slashes
    line: int
    column: int


class MarkedMapping(dict[str, JsonValue]):
    """A mapping that knows where it starts, and where each of its keys and values does. Not changed once it is built."""

    __slots__ = ("keys_at", "mark", "values_at")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.keys_at: dict[str, Mark] = {}
        self.values_at: dict[str, Mark] = {}

    def put(self, key: str, value: JsonValue, *, key_at: Mark, value_at: Mark) -> None:
        """Set a key while the mapping is being built."""
        self[key] = value
        self.keys_at[key] = key_at
        self.values_at[key] = value_at

    def take(self, key: str, source: MarkedMapping) -> None:
        """Set a key to what another mapping holds under it, marks included."""
        self.put(key, source[key], key_at=source.keys_at[key], value_at=source.values_at[key])

    def copied(self, *, leaving_out: Sequence[str] = ()) -> MarkedMapping:
        """The same keys, values and marks in a new mapping that may be changed."""
        result = MarkedMapping(self.mark)
        for key in self:
            if key not in leaving_out:
                result.take(key, self)
        return result


class MarkedList(list[JsonValue]):
    """A list that knows where it starts and where each item does. Not changed once it is built."""

    __slots__ = ("items_at", "mark")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.items_at: list[Mark] = []

    def add(self, value: JsonValue, at: Mark) -> None:
        """Append an item while the list is being built."""
        self.append(value)
        self.items_at.append(at)


def children(value: JsonValue) -> Iterator[tuple[str | int, JsonValue, Mark]]:
    """What stands directly in a marked mapping or list: key or index, value, mark of the value."""
    if isinstance(value, MarkedMapping):
        for key, item in value.items():
            yield key, item, value.values_at[key]
    elif isinstance(value, MarkedList):
        for index, item in enumerate(value):
            yield index, item, value.items_at[index]


def mapped(value: JsonValue, change: Callable[[JsonValue, Mark, Path], JsonValue], at: Mark, path: Path = ()) -> JsonValue:
    """The same tree with every scalar replaced by `change(scalar, mark, path)`; marks and the order of keys stay."""
    if isinstance(value, MarkedMapping):
        mapping = MarkedMapping(value.mark)
        for key, item, mark in children(value):
            name = str(key)
            mapping.put(name, mapped(item, change, mark, (*path, name)), key_at=value.keys_at[name], value_at=mark)
        return mapping
    if isinstance(value, MarkedList):
        items = MarkedList(value.mark)
        for index, item, mark in children(value):
            items.add(mapped(item, change, mark, (*path, index)), mark)
        return items
    return change(value, at, path)


class Absent(Enum):
    """What stands at a path that does not exist."""

    ABSENT = "absent"


def child(value: JsonValue, part: str | int) -> JsonValue | Absent:
    """What stands directly under a key or an index."""
    match value, part:
        case dict(), str():
            return value.get(part, Absent.ABSENT)
        case list(), int() if 0 <= part < len(value):
            return value[part]
        case _:
            return Absent.ABSENT


def locate(tree: JsonValue, path: Sequence[str | int], default: Mark, *, on_key: bool = False) -> Mark:
    """
    Where a path stands. Parts that are not in the tree are passed over, so the answer is the nearest thing that exists.

    With `on_key` the mark of the last key is given instead of its value's.
    """
    here, mark = tree, default
    for part in path:
        if isinstance(here, MarkedMapping) and isinstance(part, str) and part in here:
            mark = here.keys_at[part] if on_key else here.values_at[part]
            here = here[part]
        elif isinstance(here, MarkedList) and isinstance(part, int) and 0 <= part < len(here):
            mark = here.items_at[part]
            here = here[part]
    return mark


def having(mapping: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """The mapping with another value under a key; marks are kept when it has some."""
    if not isinstance(mapping, MarkedMapping):
        return {**mapping, key: value}
    result = mapping.copied()
    at = mapping.values_at.get(key, mapping.mark)
    result.put(key, cast("JsonValue", value), key_at=mapping.keys_at.get(key, at), value_at=at)
    return result


def picked(mapping: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Those of the keys that the mapping has; marks are kept when it has some."""
    if isinstance(mapping, MarkedMapping):
        return mapping.copied(leaving_out=[key for key in mapping if key not in keys])
    return {key: value for key, value in mapping.items() if key in keys}


def marked(value: JsonValue, at: Mark) -> JsonValue:
    """A plain tree as a marked one in which everything stands at one place."""
    if isinstance(value, MarkedMapping | MarkedList):
        return value
    if isinstance(value, dict):
        mapping = MarkedMapping(at)
        for key, item in value.items():
            mapping.put(key, marked(item, at), key_at=at, value_at=at)
        return mapping
    if isinstance(value, list):
        items = MarkedList(at)
        for item in value:
            items.add(marked(item, at), at)
        return items
    return value


def plain(value: JsonValue) -> JsonValue:
    """The tree without its marks: ordinary dicts and lists that share nothing."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def canonical(value: JsonValue) -> str:
    """One text for equal trees, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
