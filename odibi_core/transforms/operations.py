"""The built-in operations of an `operation:` step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.columns import SomeColumns, renamed
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, operation
from odibi_core.transforms.frames import find_columns
from odibi_core.transforms.literals import Value, fits
from odibi_core.transforms.rows import in_order, one_of_each
from odibi_core.transforms.sampling import draw
from odibi_core.transforms.values import filled


class DropDuplicatesParams(Params):
    """The columns that make a row a duplicate, and which of the duplicates stays."""

    subset: SomeColumns = Field(default=None, description="the columns that are compared; all if none are named")
    keep: Literal["first", "last", False] = Field(default="first", description="first, last, or false for none of them")

    def row_effect(self) -> RowEffect:
        return "deduplicated"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.subset or (), at="subset")
        return given


class FillNaParams(Params):
    """One value for all columns that it fits, or column → value."""

    value: Value | dict[ColumnName, Value] = Field(description="the value in place of NULL, or column → value")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.value if isinstance(self.value, dict) else (), at="value")
        return given


class DropParams(Params):
    """The columns to remove."""

    columns: ColumnNames = Field(description="the columns to remove")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.without(self.columns)


class RenameParams(Params):
    """Old name → new name."""

    columns: dict[ColumnName, ColumnName] = Field(description="old name → new name")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.renamed(self.columns)


class SortOperationParams(Params):
    """The columns, most significant first, and one direction for all or one for each."""

    by: ColumnNames = Field(description="the columns, most significant first")
    ascending: Annotated[tuple[bool, ...], BeforeValidator(lambda value: [value] if isinstance(value, bool) else value)] = Field(
        default=(True,), description="one direction for all columns, or a list with one for each"
    )

    @model_validator(mode="after")
    def _one_direction_each(self) -> SortOperationParams:
        if len(self.ascending) not in (1, len(self.by)):
            raise ValueError("give one direction, or one per column")
        return self

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.by, at="by")
        return given


class SampleParams(Params):
    """How many rows, as a number or as a share."""

    n: int | None = Field(default=None, ge=0, description="how many rows")
    frac: float | None = Field(default=None, ge=0, le=1, description="which share of the rows, from 0 to 1")
    random_state: int | None = Field(default=None, ge=0, description="draws the same rows of the same input every time")

    @model_validator(mode="after")
    def _one_of_two(self) -> SampleParams:
        if (self.n is None) == (self.frac is None):
            raise ValueError("give either n or frac")
        return self

    def row_effect(self) -> RowEffect:
        return "filtered"

    def outline(self, given: Outline, _: Around) -> Outline:
        return given


@operation("drop_duplicates", DropDuplicatesParams)
def drop_duplicates(frame: Frame, params: DropDuplicatesParams, _: TransformContext) -> Frame:
    """
    Keep the first of rows that are equal in `subset`, or the last, or none of them.

    NULL equals NULL. On Spark, where rows have no order, any of them is kept.

    Shape: (rows, columns) → (distinct rows, columns).

    Example: `subset: [email]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    columns = frame.collect_schema().names()
    keys = find_columns(frame, columns if not params.subset else params.subset, who="drop_duplicates")
    return one_of_each(frame, keys, keep=params.keep or "none")


@operation("fillna", FillNaParams)
def fillna(frame: Frame, params: FillNaParams, _: TransformContext) -> Frame:
    """
    Put a value where a column is NULL.

    A single value goes into the columns of its type and leaves the others alone.

    Shape: (rows, columns) → (rows, columns).

    Example: `value: 0` fills every number column; `value: {amount: 0, note: ""}` these two.

    Raises:
        SchemaMismatchError: If a named column is missing, or its value does not fit its type.

    Source: https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame.fillna.html.
    """
    if isinstance(params.value, dict):
        return filled(frame, params.value, who="fillna")
    schema = frame.collect_schema()
    return filled(frame, {column: params.value for column, dtype in schema.items() if fits(params.value, dtype)}, who="fillna")


@operation("drop", DropParams)
def drop(frame: Frame, params: DropParams, _: TransformContext) -> Frame:
    """
    Remove these columns.

    Shape: (rows, columns) → (rows, columns without those named).

    Example: `columns: [password]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    return frame.drop(*find_columns(frame, params.columns, who="drop"))


@operation("rename", RenameParams)
def rename(frame: Frame, params: RenameParams, _: TransformContext) -> Frame:
    """
    Give columns new names; their place stays.

    Shape: (rows, columns) → (rows, columns).

    Example: `columns: {cust_id: customer_id}`.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    return renamed(frame, params.columns, who="rename")


@operation("sort", SortOperationParams)
def sort(frame: Frame, params: SortOperationParams, _: TransformContext) -> Frame:
    """
    Put the rows in order, with a direction per column.

    NULL comes first when ascending, last when descending.

    Shape: (rows, columns) → the same rows, ordered.

    Example: `by: [day, id], ascending: [false, true]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    ascending = params.ascending if len(params.ascending) > 1 else params.ascending * len(params.by)
    return in_order(frame, params.by, ascending, who="sort")


@operation("sample", SampleParams)
def sample(frame: Frame, params: SampleParams, _: TransformContext) -> Frame:
    """
    Draw rows without putting any back: `n` of them, or each with probability `frac`.

    With `random_state` the same rows of the same input every time on one engine; the engines draw different ones.

    Shape: (rows, columns) → (n or about frac · rows, columns), in no particular order.

    Example: `frac: 0.1, random_state: 7`.
    """
    return draw(frame, rows=params.n, share=params.frac, seed=params.random_state)
