"""Values that a row has among other rows: its number, a window function, its session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, transform
from odibi_core.transforms.conversions import texts_of
from odibi_core.transforms.dates import with_time
from odibi_core.transforms.expressions import SqlText
from odibi_core.transforms.frames import find_column, find_columns, in_place

_NEW = "__new"
_READ = "__read"
_BY = "__by"
_ORDER = "__order"
_COLUMN = "__column"
_TIME = "__time"
_TERM = re.compile(r"(?P<column>.+?)(?:\s+(?P<way>ASC|DESC))?(?:\s+NULLS\s+(?P<nulls>FIRST|LAST))?\s*", re.IGNORECASE)

_SeveralColumns = Annotated[
    tuple[ColumnName, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else () if value is None else value)
]


def _terms(value: object) -> object:
    if value is None:
        return ()
    return [term.strip() for term in value.split(",")] if isinstance(value, str) else value


class RowNumberParams(Params):
    """Where the number goes, where it starts again, and in which order rows are counted."""

    output: ColumnName = Field(default="row_num", description="the column that gets the number")
    partition_by: _SeveralColumns = Field(default=(), description="columns; each group of equal values is numbered for itself")
    order_by: Annotated[tuple[Annotated[str, Field(pattern=_TERM.pattern)], ...], BeforeValidator(_terms)] = Field(
        default=(), description="columns, each with ASC or DESC if need be: `[day DESC, id]`"
    )

    def queries(self) -> tuple[str, ...]:
        order = [*(f"{_ORDER}_{number}{rest}" for number, (_, rest) in enumerate(map(_parsed, self.order_by))), _READ]
        return (f"SELECT *, ROW_NUMBER() OVER ({_window(self.partition_by, ', '.join(order))}) AS {_NEW} FROM df",)  # noqa: S608  parsed and checked

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.partition_by, at="partition_by")
        around.need(given, [column for column, _ in map(_parsed, self.order_by)], at="order_by")
        return given.with_columns(given.made(self.output))


class WindowCalculationParams(Params):
    """A window function and its window."""

    target_col: ColumnName = Field(description="the column that gets the value")
    function: SqlText = Field(description="a function in SQL, for example `sum(amount)`, `rank()`, `lag(price, 1)`")
    partition_by: _SeveralColumns = Field(default=(), description="columns; each group of equal values is a window of its own")
    order_by: Annotated[SqlText | None, BeforeValidator(lambda value: ", ".join(value) if isinstance(value, list) else value)] = Field(
        default=None, description="the order in the window, in SQL: `day DESC, id`; a frame may follow it"
    )

    def queries(self) -> tuple[str, ...]:
        window = _window(self.partition_by, self.order_by or "")
        return (f"SELECT *, {self.function}\n OVER ({window}) AS {_NEW} FROM df",)  # noqa: S608  parsed and checked

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.partition_by, at="partition_by")
        keys = _named(_BY, self.partition_by)
        keyed = given.with_columns(*(given.column(column).called(name) for name, column in keys.items()))
        return given.with_columns(around.query(self.queries()[0], {"df": keyed}).column(_NEW).called(self.target_col))


class SessionizeParams(Params):
    """Whose events, when they happened, and how long a pause ends a session."""

    timestamp_col: ColumnName = Field(description="the column with the time of an event")
    user_col: ColumnName = Field(description="the column that says whose event it is")
    threshold_seconds: int | float = Field(default=1800, ge=0, description="a longer pause than this begins a new session")
    session_col: ColumnName = Field(default="session_id", description="the column that gets the session, `{user}-{number}`")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.timestamp_col], at="timestamp_col")
        around.need(given, [self.user_col], at="user_col")
        return given.with_columns(given.made(self.session_col, of=[self.user_col], how="value"))


@transform("row_number", RowNumberParams)
def row_number(frame: Frame, params: RowNumberParams, context: TransformContext) -> Frame:
    """
    Number the rows from 1, each group for itself.

    In the order NULL comes first, with DESC last, unless NULLS FIRST or NULLS LAST is written. Rows that are equal in it, or all rows
    without `order_by`, are counted as they were read.

    Shape: (rows, columns) → (rows, columns and `output`).

    Example: `partition_by: [department], order_by: [hired DESC]` gives 1 to the newest of each department.

    Raises:
        SchemaMismatchError: If a column is missing.

    Source: SQL `row_number() over (partition by … order by …)`.
    """
    import narwhals as nw

    who = "row_number"
    columns = frame.collect_schema().names()
    order = find_columns(frame, [column for column, _ in map(_parsed, params.order_by)], who=who)
    keys = _named(_BY, find_columns(frame, params.partition_by, who=who)) | _named(_ORDER, order)
    plain = {column: f"{_COLUMN}_{number}" for number, column in enumerate(columns)}  # SQL would not tell `id` from `ID`
    renamed = _as_read(_with_keys(frame, keys).rename(plain))
    numbered = context.query(renamed, params.queries()[0]).rename({name: column for column, name in plain.items()})
    numbered = numbered.with_columns(nw.col(_NEW).cast(nw.Int64))
    return in_place(numbered, {params.output: _NEW}, columns)


@transform("window_calculation", WindowCalculationParams)
def window_calculation(frame: Frame, params: WindowCalculationParams, context: TransformContext) -> Frame:
    """
    Compute a window function.

    With `order_by` and no frame the window reaches from the first row to the current one and those that are equal to it in the order,
    as in SQL. In the order NULL comes first, with DESC last, unless NULLS FIRST or NULLS LAST is written.

    Shape: (rows, columns) → (rows, columns and `target_col`).

    Example: `target_col: so_far, function: sum(sales), partition_by: [region], order_by: day`.

    Raises:
        SchemaMismatchError: If a column is missing.

    Source: SQL `function over (partition by … order by …)`.
    """
    columns = frame.collect_schema().names()
    keys = _named(_BY, find_columns(frame, params.partition_by, who="window_calculation"))
    return in_place(context.query(_with_keys(frame, keys), params.queries()[0]), {params.target_col: _NEW}, columns)


@transform("sessionize", SessionizeParams)
def sessionize(frame: Frame, params: SessionizeParams, _: TransformContext) -> Frame:
    """
    Number the sessions of each user: a pause longer than `threshold_seconds` begins the next one.

    A session is called `{user}-{number}`, from 1. An event without a time is a session of its own, after the others; one without a
    user has none.

    Shape: (rows, columns) → (rows, ordered by user and time, columns and `session_col`).

    Example: `timestamp_col: at, user_col: user, threshold_seconds: 1800` gives `u1-1, u1-2` for two events an hour apart.

    Raises:
        SchemaMismatchError: If a column is missing, or the time is no date, timestamp or text.
    """
    import narwhals as nw

    who = "sessionize"
    columns = frame.collect_schema().names()
    user = find_column(frame, params.user_col, who=who)
    timed = with_time(frame, params.timestamp_col, _TIME, who=who, at_midnight=True)
    timed = _as_read(timed.sort(user, _TIME, nulls_last=True))
    pause = (nw.col(_TIME) - nw.col(_TIME).shift(1).over(user, order_by=[_READ])).dt.total_microseconds()
    begins = (pause.is_null() | (pause > params.threshold_seconds * 1_000_000)).cast(nw.Int64)
    counted = timed.with_columns(begins.alias(_NEW)).with_columns(nw.col(_NEW).cum_sum().over(user, order_by=[_READ]))
    (name,) = texts_of(counted, [user], who=who)
    session = nw.concat_str(name, nw.lit("-"), nw.col(_NEW).cast(nw.String))
    return in_place(counted.with_columns(session.alias(_NEW)), {params.session_col: _NEW}, columns)


def _parsed(term: str) -> tuple[str, str]:
    """A term of an order: its column, and the rest as SQL."""
    found = _TERM.fullmatch(term)
    if found is None:
        return term, ""
    nulls = f" NULLS {found['nulls'].upper()}" if found["nulls"] else ""
    return found["column"].strip().strip('`"'), (f" {found['way'].upper()}" if found["way"] else "") + nulls


def _window(partition_by: Sequence[str], order_by: str) -> str:
    """The inside of OVER. The keys are called by numbers, because a column's name cannot be quoted alike in every dialect."""
    keys = ", ".join(f"{_BY}_{number}" for number in range(len(partition_by)))
    return " ".join([*([f"PARTITION BY {keys}"] if keys else []), *([f"ORDER BY {order_by}\n"] if order_by else [])])


def _named(prefix: str, columns: Sequence[str]) -> dict[str, str]:
    return {f"{prefix}_{number}": column for number, column in enumerate(columns)}


def _with_keys(frame: Frame, keys: Mapping[str, str]) -> Frame:
    import narwhals as nw

    return frame.with_columns(*(nw.col(column).alias(name) for name, column in keys.items())) if keys else frame


def _as_read(frame: Frame) -> Frame:
    """The frame with a column that counts the rows as they come; narwhals knows no order of a lazy frame."""
    import narwhals as nw

    if frame.implementation.is_polars():
        numbered: Frame = nw.from_native(frame.to_native().with_row_index(_READ))
        return numbered
    of_spark: Frame = nw.from_native(frame.to_native().selectExpr("*", f"monotonically_increasing_id() AS {_READ}"))
    return of_spark
