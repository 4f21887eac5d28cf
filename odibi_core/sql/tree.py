"""
A checked query as data: what the compiler hands to an engine, without a parser and without an engine.

Names are as written, functions under one name each (`functions`), and every default that dialects disagree about is spelled out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from odibi_core.errors import ConfigError
from odibi_core.model import Record

BOUND = "#"  # the table of a column that an engine has already found: its name is the engine's own


class Column(Record):
    """A column, or a field of one: `table` may turn out to be a struct."""

    kind: Literal["column"] = "column"
    name: str
    table: str = ""
    at: int = -1  # where it stands in the text; -1: nowhere


class Value(Record):
    """A constant."""

    kind: Literal["value"] = "value"
    type: Literal["null", "boolean", "number", "text"]
    text: str = ""


class Call(Record):
    """A scalar function or an operator."""

    kind: Literal["call"] = "call"
    name: str
    args: tuple[Expression, ...] = ()


class Case(Record):
    """CASE WHEN: the first condition that is true."""

    kind: Literal["case"] = "case"
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None = None


class Cast(Record):
    """CAST, or TRY_CAST if `safe`."""

    kind: Literal["cast"] = "cast"
    value: Expression
    to: str  # a type as Spark writes it
    safe: bool = False
    rounded: bool = False  # DuckDB rounds a number with a fraction to a whole one, Spark cuts it


class Order(Record):
    """A term of ORDER BY."""

    value: Expression
    descending: bool = False
    nulls_first: bool = True


class Aggregate(Record):
    """An aggregate function, or one that needs a window."""

    kind: Literal["aggregate"] = "aggregate"
    name: str
    args: tuple[Expression, ...] = ()  # empty for COUNT(*)
    distinct: bool = False
    where: Expression | None = None
    order: tuple[Order, ...] = ()
    ignore_nulls: bool = False


class Bound(Record):
    """One side of a frame, relative to the current row: negative is before it, None is without an end."""

    offset: Expression | None = None
    sign: Literal[-1, 0, 1]
    unbounded: bool = False


class Frame(Record):
    """The rows that a window function sees."""

    unit: Literal["rows", "range"]
    start: Bound
    end: Bound


class Window(Record):
    """A function over a window."""

    kind: Literal["window"] = "window"
    function: Aggregate
    partition: tuple[Expression, ...] = ()
    order: tuple[Order, ...] = ()
    frame: Frame | None = None


class Lambda(Record):
    """x -> expression."""

    kind: Literal["lambda"] = "lambda"
    names: tuple[str, ...]
    body: Expression


class Star(Record):
    """All columns, or all of a table, but for some."""

    kind: Literal["star"] = "star"
    table: str = ""
    leave_out: tuple[str, ...] = ()
    replace: tuple[Named, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()


class InQuery(Record):
    """value IN (query)."""

    kind: Literal["in_query"] = "in_query"
    value: Expression
    query: Query


class Exists(Record):
    """EXISTS (query)."""

    kind: Literal["exists"] = "exists"
    query: Query


class Scalar(Record):
    """The one value of a query."""

    kind: Literal["scalar"] = "scalar"
    query: Query


Expression = Annotated[
    Column | Value | Call | Case | Cast | Aggregate | Window | Lambda | Star | InQuery | Exists | Scalar, Field(discriminator="kind")
]


class Named(Record):
    """An expression and the name of its result."""

    value: Expression
    name: str = ""
    given: bool = False  # by the author, with AS


class Table(Record):
    """An input or a CTE."""

    kind: Literal["table"] = "table"
    name: str  # lower case
    alias: str


class Derived(Record):
    """A query in FROM."""

    kind: Literal["derived"] = "derived"
    query: Query
    alias: str = ""
    columns: tuple[str, ...] = ()


class Values(Record):
    """VALUES (…), (…)."""

    kind: Literal["values"] = "values"
    rows: tuple[tuple[Expression, ...], ...]
    alias: str = ""
    columns: tuple[str, ...] = ()


class Explode(Record):
    """LATERAL VIEW explode(…), or CROSS JOIN UNNEST(…)."""

    kind: Literal["explode"] = "explode"
    value: Expression
    outer: bool = False
    position: bool = False
    alias: str = ""
    columns: tuple[str, ...] = ()


class Pivot(Record):
    """PIVOT: one column for each value and aggregate; it groups by all other columns."""

    kind: Literal["pivot"] = "pivot"
    source: Relation
    aggregates: tuple[Named, ...]
    column: Expression
    values: tuple[Named, ...]
    alias: str = ""


class Unpivot(Record):
    """UNPIVOT: one row for each of some columns."""

    kind: Literal["unpivot"] = "unpivot"
    source: Relation
    value: str
    name: str
    columns: tuple[Named, ...]
    keep_nulls: bool = False
    alias: str = ""


class Join(Record):
    """What follows FROM."""

    kind: Literal["join"] = "join"
    how: Literal["inner", "left", "right", "full", "cross", "semi", "anti"]
    right: Relation
    on: Expression | None = None
    using: tuple[str, ...] = ()
    natural: bool = False


Relation = Annotated[Table | Derived | Values | Pivot | Unpivot, Field(discriminator="kind")]
Joined = Annotated[Join | Explode, Field(discriminator="kind")]


class Cte(Record):
    """name (columns) AS (query)."""

    name: str  # lower case
    query: Query
    columns: tuple[str, ...] = ()


class Grouping(Record):
    """GROUP BY: its keys, and which of them make each of the grouping sets."""

    keys: tuple[Expression, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()  # empty: all keys
    all: bool = False


class Select(Record):
    """One SELECT."""

    kind: Literal["select"] = "select"
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


class SetOperation(Record):
    """UNION, INTERSECT or EXCEPT."""

    kind: Literal["set"] = "set"
    ctes: tuple[Cte, ...] = ()
    operator: Literal["union", "intersect", "except"]
    all: bool = False
    by_name: bool = False
    left: Query
    right: Query
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


Query = Annotated[Select | SetOperation, Field(discriminator="kind")]
Node = TypeVar("Node", bound=Record)


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Query)


def encoded(query: Query) -> str:
    """A query as JSON."""
    return _adapter().dump_json(query).decode()


@lru_cache(maxsize=256)
def decoded(text: str) -> Query:
    """
    A query from JSON.

    Raises:
        ConfigError: If it is none: a plan of another release.
    """
    try:
        query: Query = _adapter().validate_json(text)
    except ValidationError:
        raise ConfigError(
            "a compiled query is not understood", code="sql", hint="The plan is of another release: start the run again."
        ) from None
    return query


def parts(node: Record) -> Iterator[Record]:
    """What stands directly in a node."""
    for name in type(node).model_fields:
        yield from _records(getattr(node, name))


def _records(value: Any) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _records(item)


def walk(node: Record, *, into_queries: bool = False) -> Iterator[Record]:
    """A node and everything in it; other queries only if asked for."""
    yield node
    for part in parts(node):
        if into_queries or not isinstance(part, Select | SetOperation):
            yield from walk(part, into_queries=into_queries)


def changed(node: Any, change: Callable[[Record], Record | None]) -> Any:
    """The tree with every node for which `change` gives another one replaced; other queries in it stay as they are."""
    if isinstance(node, tuple):
        return tuple(changed(item, change) for item in node)
    if not isinstance(node, Record) or isinstance(node, Select | SetOperation):
        return node
    other = change(node)
    if other is not None:
        return other
    update = {}
    for name in type(node).model_fields:
        before = getattr(node, name)
        after = changed(before, change) if isinstance(before, Record | tuple) else before
        if after is not before and after != before:
            update[name] = after
    return node.model_copy(update=update) if update else node
