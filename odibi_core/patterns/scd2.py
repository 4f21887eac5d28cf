"""`scd2`: a table that keeps every version of each thing."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import aligned
from odibi_core.patterns.contract import Made, PatternContext, Place, TargetParams, pattern
from odibi_core.patterns.history import Columns, history, marked
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns
from odibi_core.transforms.native import native_of


class Scd2Params(TargetParams):
    """The target, what names a thing, what is watched for changes, when a row became true, and the names of the three columns."""

    keys: ColumnNames
    track_cols: ColumnNames
    effective_time_col: ColumnName = Field(validation_alias=AliasChoices("effective_time_col", "time_col"))
    start_time_col: ColumnName = Field(default="valid_from", validation_alias=AliasChoices("start_time_col", "valid_from_col"))
    end_time_col: ColumnName = Field(default="valid_to", validation_alias=AliasChoices("end_time_col", "valid_to_col"))
    current_flag_col: ColumnName = Field(default="is_current", validation_alias=AliasChoices("current_flag_col", "is_current_col"))
    delete_col: ColumnName | None = None
    use_delta_merge: bool = True  # how Spark writes it
    register_table: str | None = None  # Spark
    vacuum_hours: int | None = None  # Spark

    def places(self) -> tuple[Place, ...]:
        return (self.the_target(),)

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.keys, at="keys")
        around.need(given, self.track_cols, at="track_cols")
        around.need(given, [self.effective_time_col], at="effective_time_col")
        around.need(given, [self.delete_col] if self.delete_col else [], at="delete_col")
        ours = (self.start_time_col, self.end_time_col, self.current_flag_col)
        source = given.without(name for name in given.names if name in ours)
        return source.with_columns(*(given.made(name) for name in ours)).opened()


@pattern("scd2", Scd2Params)
def scd2(frame: Frame, params: Scd2Params, context: PatternContext) -> Made:
    """
    Keep every version of each thing: from when to when it was so, and which one is current.

    The three columns stand behind those of the source, which stay. A new key begins a version; a change in `track_cols` ends the current
    one at `effective_time_col` and begins the next. What is unchanged, or absent from the source, stays untouched. NULL equals NULL,
    NaN equals NaN, and floats a hair apart are equal. Several rows of a key become versions in the order of their time, and so does a late
    row: batches in any order give the same history, as long as no value comes back. `delete_col` ends a version without a next one.

    Shape: (rows, columns) → (all versions, columns and three).

    Example: `target: silver.customers, keys: [id], track_cols: [city], effective_time_col: updated_at`.

    Raises:
        SchemaMismatchError: If a column is missing here or in the target, or a type differs from the target's.
        DataError: If a row has no time.
    """
    need = [*params.keys, *params.track_cols, params.effective_time_col, *([params.delete_col] if params.delete_col else [])]
    need_columns(frame, need, who="scd2")
    native = native_of(frame, who="scd2")
    pl = native.pl
    columns = Columns(
        keys=params.keys, track=params.track_cols, start=params.start_time_col, end=params.end_time_col, flag=params.current_flag_col
    )
    own = [name for name in (columns.end, columns.flag) if name in frame.collect_schema().names()]
    new = marked(pl, native.lazy.with_columns(pl.col(params.effective_time_col).alias(columns.start)).drop(own), params.delete_col)
    present = None if context.present is None else context.keep(context.present).to_native()
    if present is not None:
        new = aligned(pl, new, present.collect_schema(), who="scd2")
    found = history(native, present, new, columns, context, who="scd2")
    rows = native.back(found.rows)
    return Made(output=rows, table=rows, changed=found.changed)
