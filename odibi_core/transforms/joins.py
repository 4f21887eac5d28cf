"""Bring another dataset of the node in: beside the rows, below them, or as a dictionary."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Known, Outline, made
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, need_columns, transform
from odibi_core.transforms.literals import fits
from odibi_core.transforms.native import native_of

if TYPE_CHECKING:
    import narwhals as nw

How = Literal["inner", "left", "right", "full", "cross", "anti", "semi"]
DatasetName = Annotated[str, Field(min_length=1)]
DatasetNames = Annotated[
    tuple[DatasetName, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]
Scalar = bool | int | float | str

_ORDER = {"right": "right_left", "semi": "left", "anti": "left"}
_LEFT, _RIGHT, _VALUE = "__left_key_", "__right_key_", "__mapped"


class JoinParams(Params):
    """The other dataset, the key (one name, several, or `{left: right}`), the kind, and what a doubled name gets behind it."""

    right_dataset: DatasetName
    on: ColumnName | tuple[ColumnName, ...] | dict[ColumnName, ColumnName] | None = None
    how: How = "left"
    prefix: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_a_key(self) -> JoinParams:
        if self.how != "cross" and not self.on:
            raise ValueError(f"'on' is needed for how: {self.how}")
        if self.how == "cross" and self.on:
            raise ValueError("a cross join has no 'on'")
        return self

    @property
    def keys(self) -> Mapping[str, str]:
        """Column of the left → column of the right."""
        if isinstance(self.on, dict):
            return self.on
        return {name: name for name in ((self.on,) if isinstance(self.on, str) else self.on or ())}

    def reads(self) -> tuple[str, ...]:
        return (self.right_dataset,)

    def row_effect(self) -> RowEffect:
        return "joined_out" if self.how in ("semi", "anti") else "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        right = around.dataset(self.right_dataset)
        around.need(given, self.keys, at="on")
        around.need(right, self.keys.values(), at="on", of=self.right_dataset)
        if self.how in ("semi", "anti"):
            return given
        same = {left for left, key in self.keys.items() if left == key}
        keys = [made(name, (given.column(name), right.column(name)), how="value") for name in sorted(same)]
        return _beside(given, right, same, self.prefix or "right").with_columns(*keys)


class UnionParams(Params):
    """The datasets to add, and whether columns are matched by name or by position."""

    datasets: DatasetNames
    by_name: bool = True

    def reads(self) -> tuple[str, ...]:
        return self.datasets

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        others = [around.dataset(name) for name in self.datasets]
        return _below(given, others) if self.by_name else _below_by_place(given, others)


class ApplyMappingParams(Params):
    """The column to translate, where its dictionary is, and what stands there for a value that the dictionary does not have."""

    column: ColumnName
    mapping_source: DatasetName
    source_key: ColumnName
    source_value: ColumnName
    output: ColumnName | None = None
    default: Scalar | None = None

    @field_validator("default", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, Scalar):
            raise ValueError("expected text, a number, true or false")
        return value

    def reads(self) -> tuple[str, ...]:
        return (self.mapping_source,)

    def outline(self, given: Outline, around: Around) -> Outline:
        source = around.dataset(self.mapping_source)
        around.need(given, [self.column], at="column")
        around.need(source, [self.source_key], at="source_key", of=self.mapping_source)
        around.need(source, [self.source_value], at="source_value", of=self.mapping_source)
        return given.with_columns(made(self.output or self.column, [source.column(self.source_value)], how="value"))


@transform("join", JoinParams)
def join(frame: Frame, params: JoinParams, context: TransformContext) -> Frame:
    """
    Put the columns of another dataset beside those of the rows with the same key.

    A key of one name is there once, with the value of the side that has it; of a key with two names both stay. A column of the right whose
    name is taken becomes `{column}_{prefix}`, without a prefix `{column}_right`. NULL equals nothing, not even NULL. `semi` keeps the rows
    that have a match and `anti` those that have none, with the left columns only. Rows keep the order of the left; of `right` that of
    the right.

    Shape: (rows, columns) → (matches, columns of both).

    Example: `right_dataset: customers, on: customer_id` adds to each order what is known of its customer.

    Raises:
        SchemaMismatchError: If a key is missing, its types cannot be compared, or two columns would have the same name.
    """
    import narwhals as nw

    keys = params.keys
    columns, right = need_columns(frame, keys, who="join"), context.dataset(params.right_dataset)
    theirs = need_columns(right, keys.values(), who=f"join with {params.right_dataset}")
    if params.how in ("semi", "anti"):
        return joined(frame, right.select(*dict.fromkeys(keys.values())), keys, how=params.how, who="join").select(*columns)
    same = {left for left, key in keys.items() if left == key}
    names = {column: f"{column}_{params.prefix or 'right'}" if column in columns else column for column in theirs if column not in same}
    _refuse_doubled([*columns, *names.values()])
    added = [nw.col(column).alias(name) for column, name in names.items()]
    copies = [nw.col(key).alias(f"{_RIGHT}{number}") for number, key in enumerate(keys.values())]
    beside = right.select(*added, *copies)
    taken = {left: f"{_RIGHT}{number}" for number, left in enumerate(keys)}
    together = joined(frame, beside, taken, how=params.how, who="join", theirs=keys)
    outer = params.how in ("right", "full")
    return together.select(
        *(nw.coalesce(column, taken[column]).alias(column) if outer and column in same else nw.col(column) for column in columns),
        *names.values(),
    )


@transform("union", UnionParams)
def union(frame: Frame, params: UnionParams, context: TransformContext) -> Frame:
    """
    Put the rows of other datasets below.

    By name, a column that a dataset does not have is NULL there, and columns that only others have come last. By position, names are
    those of `df`. Types that differ become the type that holds both; equal rows all stay.

    Shape: (rows, columns) → (rows of all, columns of all).

    Example: `datasets: [sales_2025, sales_2026]`.

    Raises:
        SchemaMismatchError: If, by position, the numbers of columns differ.
    """
    native, names = native_of(frame, who="union"), frame.collect_schema().names()
    others = []
    for dataset in params.datasets:
        other = context.dataset(dataset)
        theirs = other.collect_schema().names()
        if not params.by_name:
            if len(theirs) != len(names):
                raise SchemaMismatchError(
                    f"'union' by position needs as many columns everywhere: 'df' has {len(names)}, '{dataset}' has {len(theirs)}",
                    hint="Select the same columns before, or set 'by_name: true'.",
                )
            other = other.rename(dict(zip(theirs, names, strict=True)))
        others.append(native_of(other, who="union").lazy)
    how = "diagonal_relaxed" if params.by_name else "vertical_relaxed"
    return native.back(native.pl.concat([native.lazy, *others], how=how))


@transform("apply_mapping", ApplyMappingParams)
def apply_mapping(frame: Frame, params: ApplyMappingParams, context: TransformContext) -> Frame:
    """
    Translate a column with the help of another dataset.

    The rows stay as many as they are: of several values for a key the smallest is taken. A value that is not in the dictionary, or NULL
    there, becomes `default`; NULL is in no dictionary. Without `output` the column itself is replaced, in its place.

    Shape: (rows, columns) → (rows, columns and `output`).

    Example: `column: status, mapping_source: codes, source_key: code, source_value: text, default: unknown`.

    Raises:
        SchemaMismatchError: If a column is missing, keys cannot be compared, or the default does not fit the type of the values.
    """
    import narwhals as nw

    columns, source = need_columns(frame, [params.column], who="apply_mapping"), context.dataset(params.mapping_source)
    need_columns(source, [params.source_key, params.source_value], who=f"apply_mapping from {params.mapping_source}")
    dtype, value = source.collect_schema()[params.source_value], nw.col(_VALUE)
    if isinstance(params.default, float) and dtype.is_integer():
        dtype, value = nw.Float64(), value.cast(nw.Float64())
    if params.default is not None and not fits(params.default, dtype):
        raise SchemaMismatchError(
            f"'apply_mapping' has {type(params.default).__name__} as default for '{params.source_value}' of type {dtype}",
            hint="Write a default of the values' type, or cast the values before.",
        )
    key = f"{_RIGHT}0"
    pairs = source.select(nw.col(params.source_key).alias(key), nw.col(params.source_value).alias(_VALUE))
    single = pairs.group_by(key).agg(value.min())
    found = joined(frame, single, {params.column: key}, how="left", who="apply_mapping", theirs={params.column: params.source_key})
    mapped = value if params.default is None else nw.coalesce(value, nw.lit(params.default, dtype=dtype))
    output = params.output or params.column
    together = found.with_columns(mapped.alias(output))
    return together.select(*columns, *([] if output in columns else [output]))


def _beside(left: Outline, right: Outline, same: Collection[str], suffix: str) -> Outline:
    """The columns of both. Behind a left side that is not known, a column of the right has one of two names."""
    if left.others is not None:
        return left.opened()
    taken = left.names
    doubtful = any(
        one.name != other.name and (one.is_called(other.name) or other.is_called(one.name))
        for one in left.columns
        for other in right.columns
    )
    added = [column.called(f"{column.name}_{suffix}" if column.name in taken else column.name) for column in right.columns]
    wanted = [new for new, column in zip(added, right.columns, strict=True) if column.name not in same]
    if doubtful:
        return left.opened()
    beside = Outline(columns=(*left.columns, *wanted))
    return beside if right.others is None else replace(beside, others=right.others.without((*taken, *same))).opened()


def _below(given: Outline, others: Sequence[Outline]) -> Outline:
    columns: dict[str, Known] = {column.name: column for column in given.columns}
    everything = given.others
    for other in others:
        for column in other.columns:
            name = next((name for name, there in columns.items() if there.is_called(column.name) or column.is_called(name)), column.name)
            columns[name] = made(name, (columns[name], column), how="value") if name in columns else column
        if other.others is not None:
            everything = other.others if everything is None else everything.also(other.others)
    return Outline(columns=tuple(columns.values()), others=everything)


def _below_by_place(given: Outline, others: Sequence[Outline]) -> Outline:
    if given.others is not None or any(other.others is not None or len(other.columns) != len(given.columns) for other in others):
        return Outline(columns=tuple(replace(column, traced=False) for column in given.columns), others=given.others)
    rows = zip(given.columns, *(other.columns for other in others), strict=True)
    return Outline(columns=tuple(made(first.name, (first, *rest), how="value") for first, *rest in rows))


def joined(left: Frame, right: Frame, keys: Mapping[str, str], *, how: str, who: str, theirs: Mapping[str, str] | None = None) -> Frame:
    """
    Both frames joined on `{left: right}` by copies of the keys in a common type, so that every column of both is as it was.

    Polars' own join is used: narwhals knows no `right` and no order.

    `theirs` are the names of the right keys for people, if they were renamed.

    Raises:
        SchemaMismatchError: If the types of a key cannot be compared.
    """
    import narwhals as nw

    ours, others = left.collect_schema(), right.collect_schema()
    lefts, rights = [], []
    for number, (column, key) in enumerate(keys.items()):
        common = _common(ours[column], others[key])
        if common is None:
            name = (theirs or keys)[column]
            raise SchemaMismatchError(
                f"'{who}' cannot compare '{column}' of type {ours[column]} with '{name}' of type {others[key]}",
                hint="Cast one of them to the other's type before.",
            )
        lefts.append(nw.col(column).cast(common).alias(f"{_LEFT}{number}"))
        rights.append(nw.col(key).cast(common).alias(f"{_RIGHT}key_{number}"))
    if keys:
        left, right = left.with_columns(*lefts), right.with_columns(*rights)
    mine, other = native_of(left, who=who), native_of(right, who=who)
    options: dict[str, Any] = {"maintain_order": _ORDER.get(how, "left_right")}
    if keys:
        options["left_on"] = [f"{_LEFT}{number}" for number in range(len(keys))]
        options["right_on"] = [f"{_RIGHT}key_{number}" for number in range(len(keys))]
    if how in ("inner", "left", "right", "full"):
        options["coalesce"] = False
    return mine.back(mine.lazy.join(other.lazy, how=how, **options))


def _common(left: nw.dtypes.DType, right: nw.dtypes.DType) -> nw.dtypes.DType | None:
    """A type in which keys of two types can be compared; None if there is none without a cast that the author should decide."""
    import narwhals as nw

    if nw.Unknown in (left, right):  # a column of nothing but NULL
        return next((dtype for dtype in (left, right) if dtype != nw.Unknown), nw.String())
    if left == right:
        return left
    if left.is_numeric() and right.is_numeric():
        return nw.Int64() if left.is_integer() and right.is_integer() else nw.Float64()
    if left in (nw.String, nw.Categorical, nw.Enum) and right in (nw.String, nw.Categorical, nw.Enum):
        return nw.String()
    zones = {dtype.time_zone for dtype in (left, right) if isinstance(dtype, nw.Datetime)}
    if left in (nw.Date, nw.Datetime) and right in (nw.Date, nw.Datetime) and len(zones) == 1:
        zone = zones.pop()
        return nw.Datetime("us", zone) if zone is None or nw.Date not in (left, right) else None
    return None


def _refuse_doubled(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaMismatchError(f"'join' gives several columns the name: {', '.join(twice)}", hint="Set another 'prefix', or rename one.")
