"""Which rows there are, and in which order."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from odibi_core.errors import ConfigError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.columns import SomeColumns
from odibi_core.transforms.contract import ColumnNames, Params, TransformContext, need_columns, quoted, transform
from odibi_core.transforms.expressions import SqlText
from odibi_core.transforms.first_rows import first_by, plain_order
from odibi_core.transforms.frames import find_columns

_RANK = "__row_of_key"
_NULL = "__null_"


class FilterRowsParams(Params):
    """Which rows stay."""

    condition: SqlText = Field(description="a condition in SQL, for example `amount > 0 AND status = 'paid'`")

    def queries(self) -> tuple[str, ...]:
        return (f"SELECT * FROM df WHERE ({self.condition}\n)",)  # noqa: S608  parsed, checked and read-only over `df`

    def row_effect(self) -> RowEffect:
        return "filtered"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.query(self.queries()[0], {"df": given})
        return given


class DeduplicateParams(Params):
    """The key, and which of its rows comes first: `updated_at DESC, id`, or a list of such terms."""

    keys: ColumnNames
    order_by: Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value or ())] = ()

    def queries(self) -> tuple[str, ...]:
        if not self.order_by:
            return ()
        keys = ", ".join(quoted(key) for key in self.keys)
        window = f"PARTITION BY {keys} ORDER BY {', '.join(self.order_by)}"
        return (f"SELECT *, ROW_NUMBER() OVER ({window}) AS {_RANK} FROM df",)  # noqa: S608  parsed, checked and read-only over `df`

    def row_effect(self) -> RowEffect:
        return "deduplicated"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.keys, at="keys")
        for query in self.queries():
            around.query(query, {"df": given.assuming(self.keys)})
        return given


class LimitParams(Params):
    """How many rows, after how many others."""

    n: int = Field(ge=0, description="how many rows")
    offset: int = Field(default=0, ge=0, description="how many rows are passed over before")

    def queries(self) -> tuple[str, ...]:
        return (f"SELECT * FROM df LIMIT {self.n} OFFSET {self.offset}",) if self.offset else ()  # noqa: S608  two numbers

    def row_effect(self) -> RowEffect:
        return "filtered"

    def outline(self, given: Outline, _: Around) -> Outline:
        return given


class SortParams(Params):
    """The columns, most significant first, and one direction for all of them."""

    by: ColumnNames = Field(description="the columns, most significant first")
    ascending: bool = Field(default=True, description="the direction of all of them")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.by, at="by")
        return given


class DistinctParams(Params):
    """The columns to keep; all of them if none are named."""

    columns: SomeColumns = Field(default=None, description="the columns to keep; all if none are named")

    def row_effect(self) -> RowEffect:
        return "deduplicated"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns or (), at="columns")
        return given.select(self.columns) if self.columns else given


@transform("filter_rows", FilterRowsParams)
def filter_rows(frame: Frame, params: FilterRowsParams, context: TransformContext) -> Frame:
    """
    Keep the rows for which the condition is true.

    A row for which it is NULL goes, as in SQL.

    Shape: (rows, columns) → (rows that match, columns).

    Example: `condition: "age > 18"` keeps 19, drops 18 and NULL.
    """
    return context.query(frame, params.queries()[0])


@transform("deduplicate", DeduplicateParams)
def deduplicate(frame: Frame, params: DeduplicateParams, context: TransformContext) -> Frame:
    """
    Keep one row per key: the first by `order_by`.

    NULL is a key like any other. In the order NULL comes first, with DESC last, unless NULLS FIRST or NULLS LAST is written.
    Ties are broken by the engine, so name enough columns. Without `order_by` it is the first row as read (on Spark: any row).

    Shape: (rows, columns) → (distinct keys, columns).

    Example: `keys: [id], order_by: "updated_at DESC"` keeps the newest row of each id.

    Raises:
        SchemaMismatchError: If a key is missing.

    Source: SQL `row_number() over (partition by keys order by …) = 1`.
    """
    need_columns(frame, params.keys, who="deduplicate")
    if not params.order_by:
        return first_of_each(frame, params.keys)
    import narwhals as nw

    query = context.compile(params.queries()[0], ("df",))
    order = plain_order(frame, params.keys, query.polars)
    if order is not None:
        return first_by(frame, params.keys, order, who="deduplicate")
    ranked = context.sql(query, {"df": frame})
    return ranked.filter(nw.col(_RANK) == 1).drop(_RANK)


@transform("limit", LimitParams)
def limit(frame: Frame, params: LimitParams, context: TransformContext) -> Frame:
    """
    Keep the first `n` rows after `offset` others.

    Shape: (rows, columns) → (at most n, columns).

    Example: `n: 2, offset: 1` keeps the second and the third row.
    """
    if not params.offset:
        return frame.head(params.n)
    if not frame.implementation.is_polars():
        return context.query(frame, params.queries()[0])
    import narwhals as nw

    rows: Frame = nw.from_native(frame.to_native().slice(params.offset, params.n))
    return rows


@transform("sort", SortParams)
def sort(frame: Frame, params: SortParams, _: TransformContext) -> Frame:
    """
    Put the rows in order.

    NULL comes first when ascending, last when descending.

    Shape: (rows, columns) → the same rows, ordered.

    Example: `by: [day], ascending: false` puts the newest day first.

    Raises:
        SchemaMismatchError: If a column is missing.

    Source: https://spark.apache.org/docs/latest/sql-ref-null-semantics.html, "ORDER BY".
    """
    return in_order(frame, params.by, [params.ascending] * len(params.by), who="sort")


@transform("distinct", DistinctParams)
def distinct(frame: Frame, params: DistinctParams, _: TransformContext) -> Frame:
    """
    Keep one of equal rows.

    NULL equals NULL. With `columns` only those remain.

    Shape: (rows, columns) → (distinct rows, columns or those named).

    Example: `columns: [country]` gives each country once.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    if params.columns:
        frame = frame.select(*find_columns(frame, params.columns, who="distinct"))
    return first_of_each(frame, frame.collect_schema().names())


def in_order(frame: Frame, by: Sequence[str], ascending: Sequence[bool], *, who: str) -> Frame:
    """
    The frame sorted with a direction for each column, NULL as in Spark: first when ascending, last when descending.

    Raises:
        ConfigError: If there is not one direction per column.
        SchemaMismatchError: If a column is missing.
    """
    if len(by) != len(ascending):
        raise ConfigError(f"'{who}' has {len(by)} columns and {len(ascending)} directions", hint="Give one direction, or one per column.")
    by = find_columns(frame, by, who=who)
    if len(set(ascending)) == 1:
        return frame.sort(*by, descending=not ascending[0], nulls_last=not ascending[0])
    import narwhals as nw

    # One sort takes one rule for NULL, so each column is led by a flag that puts its NULLs where they belong.
    flags = {f"{_NULL}{number}": nw.col(column).is_null() for number, column in enumerate(by)}
    keys = [key for pair in zip(flags, by, strict=True) for key in pair]
    descending = [way for up in ascending for way in (up, not up)]
    return frame.with_columns(**flags).sort(*keys, descending=descending).drop(*flags)


def first_of_each(frame: Frame, keys: Sequence[str]) -> Frame:
    """One row per key: the first as read."""
    return one_of_each(frame, keys, keep="first")


def one_of_each(frame: Frame, keys: Sequence[str], *, keep: Literal["first", "last", "none"]) -> Frame:
    """
    One row per key in the order read, or with `none` only those whose key occurs once.

    narwhals knows no order of a lazy frame, so on Polars this is Polars' own `unique`.
    """
    import narwhals as nw

    if not frame.implementation.is_polars():
        return frame.unique(list(keys), keep="none" if keep == "none" else "any")
    kept: Frame = nw.from_native(frame.to_native().unique(list(keys), keep=keep, maintain_order=True))
    return kept
