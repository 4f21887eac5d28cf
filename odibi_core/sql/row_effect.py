"""What a query does to the number of rows, as far as its text tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from odibi_core.ports import RowEffect
from odibi_core.sql import tree


def row_effect(query: tree.Query, rows: Collection[str]) -> RowEffect:
    """
    What becomes of the rows of an input.

    Args:
        query: A compiled query.
        rows: The names that the input has in it, lower case.
    """
    return _effect(query, dict.fromkeys(rows, "same"))


def _effect(query: tree.Query, known: Mapping[str, RowEffect]) -> RowEffect:
    """`known` says of each table or CTE how its rows came from those of the input; what is not in it has other rows."""
    if not isinstance(query, tree.Select):
        return "changed"
    named = dict(known)
    for cte in query.ctes:
        named[cte.name] = _effect(cte.query, named)
    found = _of_source(query.source, named)
    for joined in query.joins:
        leaves_out = isinstance(joined, tree.Join) and joined.how in ("semi", "anti")
        found = _then(found, "joined_out" if leaves_out else "changed")
    if query.group is not None or query.having is not None or _makes_rows(query):
        return "changed"
    if query.where is not None or query.qualify is not None:
        found = _then(found, "filtered")
    if query.distinct or query.distinct_on:
        found = _then(found, "deduplicated")
    return _then(found, "filtered") if query.limit is not None or query.offset else found


def _of_source(source: tree.Relation | None, known: Mapping[str, RowEffect]) -> RowEffect:
    match source:
        case tree.Table():
            return known.get(source.name, "changed")
        case tree.Derived():
            return _effect(source.query, known)
        case _:
            return "changed"


def _makes_rows(query: tree.Select) -> bool:
    """An aggregate makes one row of many; a function that unfolds a list makes many of one."""
    for column in query.columns:
        for part in _outside_windows(column.value):
            if isinstance(part, tree.Aggregate) or (isinstance(part, tree.Call) and part.name in _UNFOLDING):
                return True
    return False


def _outside_windows(node: tree.Node) -> list[tree.Node]:
    if isinstance(node, tree.Window | tree.Scalar | tree.Exists | tree.InQuery):
        return []
    return [node, *(inner for part in tree.parts(node) for inner in _outside_windows(part))]


def _then(first: RowEffect, second: RowEffect) -> RowEffect:
    """Two effects within one query cannot be told apart: what leaves rows out in more than one way is a filter."""
    if "changed" in (first, second):
        return "changed"
    if first in ("same", second):
        return second
    return first if second == "same" else "filtered"


_UNFOLDING = frozenset({"explode", "explode_outer", "posexplode", "posexplode_outer"})
