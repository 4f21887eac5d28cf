"""
A checked query as data: what the compiler hands to an engine, without a parser and without an engine.

Names are as written, functions under one name each (`functions`), and every default that dialects disagree about is spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

BOUND = "#"  # the table of a column that an engine has already found: its name is the engine's own


class Node(Frozen):
    """What a query is made of."""

    kind: ClassVar[str] = ""  # its name in JSON, where a field may hold one of several


class Column(Node):
    """A column, or a field of one: `table` may turn out to be a struct."""

    kind = "column"
    name: str
    table: str = ""
    at: int = -1  # where it stands in the text; -1: nowhere


class Value(Node):
    """A constant."""

    kind = "value"
    type: Literal["null", "boolean", "number", "text"]
    text: str = ""


class Call(Node):
    """A scalar function or an operator."""

    kind = "call"
    name: str
    args: tuple[Expression, ...] = ()


class Case(Node):
    """CASE WHEN: the first condition that is true."""

    kind = "case"
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None = None


class Cast(Node):
    """CAST, or TRY_CAST if `safe`."""

    kind = "cast"
    value: Expression
    to: str  # a type as Spark writes it
    safe: bool = False
    rounded: bool = False  # DuckDB rounds a number with a fraction to a whole one, Spark cuts it


class Order(Node):
    """A term of ORDER BY."""

    value: Expression
    descending: bool = False
    nulls_first: bool = True


class Aggregate(Node):
    """An aggregate function, or one that needs a window."""

    kind = "aggregate"
    name: str
    args: tuple[Expression, ...] = ()  # empty for COUNT(*)
    distinct: bool = False
    where: Expression | None = None
    order: tuple[Order, ...] = ()
    ignore_nulls: bool = False


class Bound(Node):
    """One side of a frame, relative to the current row: negative is before it, None is without an end."""

    offset: Expression | None = None
    sign: Literal[-1, 0, 1]
    unbounded: bool = False


class Frame(Node):
    """The rows that a window function sees."""

    unit: Literal["rows", "range"]
    start: Bound
    end: Bound


class Window(Node):
    """A function over a window."""

    kind = "window"
    function: Aggregate
    partition: tuple[Expression, ...] = ()
    order: tuple[Order, ...] = ()
    frame: Frame | None = None


class Lambda(Node):
    """x -> expression."""

    kind = "lambda"
    names: tuple[str, ...]
    body: Expression


class Star(Node):
    """All columns, or all of a table, but for some."""

    kind = "star"
    table: str = ""
    leave_out: tuple[str, ...] = ()
    replace: tuple[Named, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()


class InQuery(Node):
    """value IN (query)."""

    kind = "in_query"
    value: Expression
    query: Query


class Exists(Node):
    """EXISTS (query)."""

    kind = "exists"
    query: Query


class Scalar(Node):
    """The one value of a query."""

    kind = "scalar"
    query: Query


Expression = Column | Value | Call | Case | Cast | Aggregate | Window | Lambda | Star | InQuery | Exists | Scalar


class Named(Node):
    """An expression and the name of its result."""

    value: Expression
    name: str = ""
    given: bool = False  # by the author, with AS


class Table(Node):
    """An input or a CTE."""

    kind = "table"
    name: str  # lower case
    alias: str


class Derived(Node):
    """A query in FROM."""

    kind = "derived"
    query: Query
    alias: str = ""
    columns: tuple[str, ...] = ()


class Values(Node):
    """VALUES (…), (…)."""

    kind = "values"
    rows: tuple[tuple[Expression, ...], ...]
    alias: str = ""
    columns: tuple[str, ...] = ()


class Explode(Node):
    """LATERAL VIEW explode(…), or CROSS JOIN UNNEST(…)."""

    kind = "explode"
    value: Expression
    outer: bool = False
    position: bool = False
    alias: str = ""
    columns: tuple[str, ...] = ()


class Pivot(Node):
    """PIVOT: one column for each value and aggregate; it groups by all other columns."""

    kind = "pivot"
    source: Relation
    aggregates: tuple[Named, ...]
    column: Expression
    values: tuple[Named, ...]
    alias: str = ""


class Unpivot(Node):
    """UNPIVOT: one row for each of some columns."""

    kind = "unpivot"
    source: Relation
    value: str
    name: str
    columns: tuple[Named, ...]
    keep_nulls: bool = False
    alias: str = ""


class Join(Node):
    """What follows FROM."""

    kind = "join"
    how: Literal["inner", "left", "right", "full", "cross", "semi", "anti"]
    right: Relation
    on: Expression | None = None
    using: tuple[str, ...] = ()
    natural: bool = False


Relation = Table | Derived | Values | Pivot | Unpivot
Joined = Join | Explode


class Cte(Node):
    """name (columns) AS (query)."""

    name: str  # lower case
    query: Query
    columns: tuple[str, ...] = ()


class Grouping(Node):
    """GROUP BY: its keys, and which of them make each of the grouping sets."""

    keys: tuple[Expression, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()  # empty: all keys
    all: bool = False


class Select(Node):
    """One SELECT."""

    kind = "select"
    ctes: tuple[Cte, ...] = ()
    source: Relation | None = None
    joins: tuple[Joined, ...] = ()
    where: Expression | None = None
    group: Grouping | None = None
    having: Expression | None = None
    qualify: Expression | None = None
    columns: tuple[Named, ...]
    distinct: bool = False
    distinct_on: tuple[Expression, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


class SetOperation(Node):
    """UNION, INTERSECT or EXCEPT."""

    kind = "set"
    ctes: tuple[Cte, ...] = ()
    operator: Literal["union", "intersect", "except"]
    all: bool = False
    by_name: bool = False
    left: Query
    right: Query
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


Query = Select | SetOperation


# The classes of the nodes that say their kind, and of those that need not: in these fields stands nothing else.
_BY_KIND: dict[str, type[Node]] = {
    one.kind: one
    for one in (
        *(Column, Value, Call, Case, Cast, Aggregate, Window, Lambda, Star, InQuery, Exists, Scalar),
        *(Table, Derived, Values, Explode, Pivot, Unpivot, Join, Select, SetOperation),
    )
}
_BY_FIELD: dict[str, type[Node]] = {
    "columns": Named,
    "replace": Named,
    "aggregates": Named,
    "values": Named,
    "order": Order,
    "group": Grouping,
    "ctes": Cte,
    "frame": Frame,
    "start": Bound,
    "end": Bound,
}


def encoded(query: Query) -> str:
    """A query as JSON."""
    return json.dumps(query, default=_written, separators=(",", ":"), ensure_ascii=False)


def _written(node: Node) -> dict[str, Any]:
    said = {one.name: getattr(node, one.name) for one in fields(node)}
    return {"kind": node.kind, **said} if node.kind else said


@lru_cache(maxsize=256)
def decoded(text: str) -> Query:
    """
    A query from JSON.

    Raises:
        ConfigError: If it is none: a plan of another release.
    """
    try:
        query = _read(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        query = None
    if not isinstance(query, Select | SetOperation):
        raise ConfigError("a compiled query is not understood", code="sql", hint="The plan is of another release: start the run again.")
    return query


def _read(value: Any, field: str = "") -> Any:
    if isinstance(value, list):
        return tuple([_read(item, field) for item in value])
    if not isinstance(value, dict):
        return value
    parts = {name: _read(part, name) for name, part in value.items() if name != "kind"}
    return (_BY_KIND[value["kind"]] if "kind" in value else _BY_FIELD[field])(**parts)


def parts(node: Node) -> Iterator[Node]:
    """What stands directly in a node."""
    for one in fields(node):
        yield from _nodes(getattr(node, one.name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node: Node, *, into_queries: bool = False) -> Iterator[Node]:
    """A node and everything in it; other queries only if asked for."""
    yield node
    for part in parts(node):
        if into_queries or not isinstance(part, Select | SetOperation):
            yield from walk(part, into_queries=into_queries)


def changed(node: Any, change: Callable[[Node], Node | None]) -> Any:
    """The tree with every node for which `change` gives another one replaced; other queries in it stay as they are."""
    if isinstance(node, tuple):
        return tuple(changed(item, change) for item in node)
    if not isinstance(node, Node) or isinstance(node, Select | SetOperation):
        return node
    other = change(node)
    if other is not None:
        return other
    update = {}
    for one in fields(node):
        before = getattr(node, one.name)
        after = changed(before, change) if isinstance(before, Node | tuple) else before
        if after is not before and after != before:
            update[one.name] = after
    return replace(node, **update) if update else node
