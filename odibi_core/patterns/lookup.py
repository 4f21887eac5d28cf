"""Find the surrogate key of a fact's thing: by key, among current versions, or as of a time."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.outline import Around, Outline, made
from odibi_core.patterns.contract import PatternContext, count
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, need_columns
from odibi_core.transforms.native import Native, native_of

_KEY, _FOUND, _FROM, _TO, _AT, _ORDER = "__key", "__found", "__from", "__to", "__at", "__order"


class DimensionLookup(BaseModel):
    """Which column of the facts is looked up in which column of which dimension, and what is brought back."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source_column: ColumnName
    dimension_table: ColumnName
    dimension_key: ColumnName
    surrogate_key: ColumnName
    scd2: bool = False
    as_of: ColumnName | None = None  # ours: the fact's time; None takes the current version
    valid_from_col: ColumnName = "valid_from"
    valid_to_col: ColumnName = "valid_to"
    is_current_col: ColumnName = Field(default="is_current")

    @model_validator(mode="after")
    def _has_versions_to_choose_from(self) -> DimensionLookup:
        if self.as_of is not None and not self.scd2:
            raise ValueError("'as_of' needs scd2: true")
        return self

    @property
    def what(self) -> str:
        """How messages call it."""
        return f"dimension '{self.dimension_table}' by '{self.source_column}'"

    def outline(self, given: Outline, around: Around) -> Outline:
        """The facts with the key, and what is missing for it."""
        things = around.dataset(self.dimension_table)
        around.need(given, [self.source_column, *([self.as_of] if self.as_of else [])], at="dimensions")
        versions = [self.valid_from_col, self.valid_to_col] if self.as_of else [self.is_current_col] if self.scd2 else []
        around.need(things, [self.dimension_key, self.surrogate_key, *versions], at="dimensions", of=self.dimension_table)
        found = made(self.surrogate_key, [things.column(self.surrogate_key)], how="value")
        return given.without(name for name in given.names if name == self.surrogate_key).with_columns(found)


def looked_up(native: Native, facts: Any, lookup: DimensionLookup, context: PatternContext) -> Any:
    """
    The native facts, one row each as before, with the surrogate key behind their columns; NULL where there is no match.

    A key is compared in the type that the dimension has: text that holds a day finds that day, a time finds its day.

    Raises:
        SchemaMismatchError: If a column is missing, or the types cannot be compared.
        DataError: If a key is in the dimension more than once, so that facts would be doubled.
    """
    pl = native.pl
    things = _things(native, lookup, context)
    need_columns(native.back(facts), [lookup.source_column, *([lookup.as_of] if lookup.as_of else [])], who=f"fact, {lookup.what}")
    schema = facts.collect_schema()
    here, there = _comparable(pl, schema[lookup.source_column], things.collect_schema()[_KEY], lookup)
    bare = facts.drop(lookup.surrogate_key) if lookup.surrogate_key in schema.names() else facts
    value = facts.select(pl.col(lookup.source_column)) if lookup.source_column == lookup.surrogate_key else None
    asked = (facts if value is not None else bare).with_columns(here.alias(_KEY))
    things = things.with_columns(there.alias(_KEY))
    if lookup.as_of is None:
        _refuse_doubled(native, things, lookup, context)
        found = asked.join(things.select(_KEY, _FOUND), on=_KEY, how="left", maintain_order="left")
    else:
        found = _as_of(pl, asked, things, schema[lookup.as_of], lookup)
    names = [name for name in schema.names() if name != lookup.surrogate_key]
    return found.select(*names, pl.col(_FOUND).alias(lookup.surrogate_key))


def _things(native: Native, lookup: DimensionLookup, context: PatternContext) -> Any:
    frame: Frame = context.transforms.dataset(lookup.dimension_table)
    versions = [lookup.valid_from_col, lookup.valid_to_col] if lookup.as_of else [lookup.is_current_col] if lookup.scd2 else []
    need_columns(frame, [lookup.dimension_key, lookup.surrogate_key, *versions], who=f"fact, {lookup.what}")
    pl, lazy = native.pl, native_of(frame, who="fact").lazy
    if lookup.scd2 and lookup.as_of is None:
        lazy = lazy.filter(pl.col(lookup.is_current_col))
    columns = {_KEY: pl.col(lookup.dimension_key), _FOUND: pl.col(lookup.surrogate_key)}
    if lookup.as_of:
        columns |= {_FROM: pl.col(lookup.valid_from_col), _TO: pl.col(lookup.valid_to_col)}
    return lazy.select(**columns).filter(pl.col(_KEY).is_not_null())


def _refuse_doubled(native: Native, things: Any, lookup: DimensionLookup, context: PatternContext) -> None:
    pl = native.pl
    doubled = count(context, native.back(things.group_by(_KEY).len().filter(pl.col("len") > 1)))
    if doubled:
        raise DataError(
            f"{doubled} keys are more than once in {lookup.what}: facts would be doubled",
            code="doubled_dimension",
            hint="Set 'scd2: true' if it holds versions, or make its key unique.",
        )


def _comparable(pl: Any, fact: Any, thing: Any, lookup: DimensionLookup) -> tuple[Any, Any]:
    """Both keys in one type, which is the dimension's if possible. What cannot be read as it is NULL, and so has no match."""
    here, there = pl.col(lookup.source_column), pl.col(_KEY)
    if fact == thing or isinstance(fact, pl.Null):
        return here.cast(thing), there
    if fact.is_integer() and thing.is_integer():
        return here.cast(pl.Int64, strict=False), there.cast(pl.Int64, strict=False)
    if fact.is_numeric() and thing.is_numeric():
        return here.cast(pl.Float64), there.cast(pl.Float64)
    if isinstance(fact, pl.String) and isinstance(thing, pl.Date | pl.Datetime):
        read = here.str.strip_chars().str.to_datetime(time_unit="us", strict=False)
        days = here.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
        if isinstance(thing, pl.Date):
            return pl.coalesce(days, read.dt.date()), there
        return pl.coalesce(read, days.cast(pl.Datetime("us"))), _wall(pl, there, thing)
    if isinstance(fact, pl.String) and thing.is_numeric():
        return here.str.strip_chars().cast(thing, strict=False), there
    if fact.is_integer() and isinstance(thing, pl.String):
        return here.cast(pl.String), there
    if isinstance(fact, pl.Datetime) and isinstance(thing, pl.Date):
        return _wall(pl, here, fact).dt.date(), there
    if isinstance(fact, pl.Date | pl.Datetime) and isinstance(thing, pl.Date | pl.Datetime):
        return _wall(pl, here, fact), _wall(pl, there, thing)
    if isinstance(fact, pl.Date) and isinstance(thing, pl.String):
        return here.dt.to_string("%Y-%m-%d"), there
    if {type(fact), type(thing)} <= {pl.String, pl.Categorical, pl.Enum}:
        return here.cast(pl.String), there.cast(pl.String)
    raise SchemaMismatchError(
        f"'{lookup.source_column}' is {fact} and '{lookup.dimension_key}' of '{lookup.dimension_table}' is {thing}: no comparison",
        hint="Cast one of them in its node.",
    )


def _wall(pl: Any, column: Any, dtype: Any) -> Any:
    """A time as microseconds without a zone, which is UTC."""
    if isinstance(dtype, pl.Date):
        return column.cast(pl.Datetime("us"))
    aware = dtype.time_zone is not None
    return (column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else column).dt.cast_time_unit("us")


def _time(pl: Any, column: Any, dtype: Any, lookup: DimensionLookup) -> Any:
    if isinstance(dtype, pl.String):
        text = column.str.strip_chars()
        return pl.coalesce(
            text.str.to_datetime(time_unit="us", strict=False), text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
        )
    if isinstance(dtype, pl.Date | pl.Datetime):
        return _wall(pl, column, dtype)
    raise SchemaMismatchError(f"{lookup.what} is asked as of a time, and a column of it is {dtype}", hint="Name dates or timestamps.")


def _as_of(pl: Any, asked: Any, things: Any, time: Any, lookup: DimensionLookup) -> Any:
    """The version that began last before or at the fact's time, if it had not ended by then."""
    schema = things.collect_schema()
    versions = things.with_columns(
        _time(pl, pl.col(_FROM), schema[_FROM], lookup).alias(_FROM),
        (pl.lit(None, dtype=pl.Datetime("us")) if isinstance(schema[_TO], pl.Null) else _time(pl, pl.col(_TO), schema[_TO], lookup)).alias(
            _TO
        ),
    )
    versions = versions.filter(pl.col(_FROM).is_not_null()).sort(_FROM)
    at = asked.with_row_index(_ORDER).with_columns(_time(pl, pl.col(lookup.as_of), time, lookup).alias(_AT))
    known = at.filter(pl.col(_AT).is_not_null() & pl.col(_KEY).is_not_null()).sort(_AT)
    found = known.join_asof(versions, left_on=_AT, right_on=_FROM, by=_KEY, strategy="backward", check_sortedness=False)
    found = found.filter(pl.col(_TO).is_null() | (pl.col(_AT) < pl.col(_TO))).select(_ORDER, _FOUND)
    return at.join(found, on=_ORDER, how="left", maintain_order="left")
