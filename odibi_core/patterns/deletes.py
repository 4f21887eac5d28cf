"""`detect_deletes`: find what is no longer in a source that never says so."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from odibi_core.errors import ConfigError, DataError
from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import aligned, stacked
from odibi_core.patterns.contract import Made, PatternContext, PatternParams, Place, count, pattern
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns
from odibi_core.transforms.native import Native, native_of


class DetectDeletesParams(PatternParams):
    """How deletions are found, the keys, where to compare with, and how many may be gone at once."""

    mode: Literal["none", "snapshot_diff", "sql_compare"] = "none"
    keys: ColumnNames | None = None
    connection: ColumnName | None = None
    path: ColumnName | None = None
    soft_delete_col: ColumnName | None = "_is_deleted"
    source_connection: ColumnName | None = None
    source_table: ColumnName | None = None
    source_query: ColumnName | None = None
    snapshot_column: ColumnName | None = None
    on_first_run: Literal["skip", "error"] = "skip"
    max_delete_percent: float | None = Field(default=50.0, ge=0, le=100)
    on_threshold_breach: Literal["warn", "error", "skip"] = "warn"

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> DetectDeletesParams:
        if self.mode != "none" and not self.keys:
            raise ValueError(f"'keys' is needed for mode: {self.mode}")
        if (self.connection is None) != (self.path is None):
            raise ValueError("'connection' and 'path' belong together")
        if self.mode == "sql_compare" and self.source_connection is None:
            raise ValueError("'source_connection' is needed for mode: sql_compare")
        if self.mode == "sql_compare" and self.source_table is None and self.source_query is None:
            raise ValueError("'source_table' or 'source_query' is needed for mode: sql_compare")
        return self

    def places(self) -> tuple[Place, ...]:
        match self.mode:
            case "snapshot_diff":
                return (Place(role="snapshot", use="read", connection=self.connection, path=self.path, or_write=True),)
            case "sql_compare":
                table = None if self.source_query is not None else self.source_table
                return (Place(role="source", use="read", connection=self.source_connection, path=table, query=self.source_query),)
            case _:
                return ()

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.keys or (), at="keys")
        if self.mode == "none" or self.soft_delete_col is None:
            return given
        return given.with_columns(given.made(self.soft_delete_col))


@pattern("detect_deletes", DetectDeletesParams)
def detect_deletes(frame: Frame, params: DetectDeletesParams, context: PatternContext) -> Made:
    """
    Find what is no longer in the source.

    `snapshot_diff`: the frame is the whole source, and what the target (`connection` and `path`, or the node's `write:`) holds besides is
    gone; those rows are added, flagged. `sql_compare`: the frame is what we hold, and what `source_table` or the result of `source_query`
    lacks is gone; those rows are flagged. With `soft_delete_col: null` they are left out instead. Rows that were flagged before stay
    flagged and count no more. If more than `max_delete_percent` of the rows that were alive are gone, that is a warning, an error, or
    nothing is deleted at all.

    Shape: (rows, columns) → (rows, and in a snapshot those that are gone; columns and the flag).

    Example: `mode: snapshot_diff, keys: [id], connection: silver, path: customers`.

    Raises:
        SchemaMismatchError: If a key is missing.
        DataError: If too much is gone, or there is nothing to compare with and `on_first_run: error`.
    """
    if params.mode == "none":
        return Made(output=frame)
    keys = list(params.keys or ())
    need_columns(frame, keys, who="detect_deletes")
    frame = context.keep(frame)
    native = native_of(frame, who="detect_deletes")
    role = "snapshot" if params.mode == "snapshot_diff" else "source"
    other = context.places.get(role)
    if other is None:
        _refuse_first_run(params)
        return Made(output=native.back(_flagged(native, native.lazy, params)))
    need_columns(other, keys, who=f"the {role} of detect_deletes")
    there = context.keep(other).to_native()
    if params.mode == "snapshot_diff":
        return Made(output=native.back(_snapshot(native, there, params, keys, context)))
    return Made(output=native.back(_compared(native, there, params, keys, context)))


def _refuse_first_run(params: DetectDeletesParams) -> None:
    if params.mode == "sql_compare":
        raise ConfigError("'detect_deletes' has no source to compare with", code="internal")
    if params.on_first_run == "error":
        raise DataError(
            "'detect_deletes' has nothing to compare with: the target is not there yet",
            code="no_snapshot",
            hint="Set 'on_first_run: skip' for the first run.",
        )


def _flagged(native: Native, rows: Any, params: DetectDeletesParams, flag: Any = None) -> Any:
    if params.soft_delete_col is None:
        return rows
    return rows.with_columns((native.pl.lit(value=False) if flag is None else flag).alias(params.soft_delete_col))


def _snapshot(native: Native, there: Any, params: DetectDeletesParams, keys: list[str], context: PatternContext) -> Any:
    pl, flag = native.pl, params.soft_delete_col
    if params.snapshot_column is not None:
        need_columns(native.back(there), [params.snapshot_column], who="the snapshot of detect_deletes")
        there = there.filter(pl.col(params.snapshot_column) == pl.col(params.snapshot_column).max())
    source = aligned(pl, native.lazy, {name: dtype for name, dtype in there.collect_schema().items() if name in keys}, who="detect_deletes")
    here = _flagged(native, source, params)
    missing = there.join(source.select(keys), on=keys, how="anti", nulls_equal=True)
    named = flag is not None and flag in there.collect_schema().names()
    alive = ~pl.col(flag).fill_null(value=False) if named else pl.lit(value=True)
    gone = count(context, native.back(missing.filter(alive).select(keys).unique()))
    total = count(context, native.back(there.filter(alive).select(keys).unique()))
    if not _may_delete(gone, total, params, context):
        missing = missing.filter(~alive)
    if flag is None:
        return here
    names = here.collect_schema().names()
    kept = [name for name in there.collect_schema().names() if name in names and name != flag]
    return stacked(native, [here, missing.select(*kept, pl.lit(value=True).alias(flag))]).select(names)


def _compared(native: Native, there: Any, params: DetectDeletesParams, keys: list[str], context: PatternContext) -> Any:
    pl, ours = native.pl, native.lazy
    schema = {name: dtype for name, dtype in ours.collect_schema().items() if name in keys}
    live = aligned(pl, there.select(keys), schema, who="detect_deletes").unique().with_columns(pl.lit(value=True).alias("__alive"))
    joined = context.keep(native.back(ours.join(live, on=keys, how="left", nulls_equal=True, maintain_order="left"))).to_native()
    missing = pl.col("__alive").is_null()
    flag = params.soft_delete_col
    alive = ~pl.col(flag).fill_null(value=False) if flag is not None and flag in ours.collect_schema().names() else pl.lit(value=True)
    gone = count(context, native.back(joined.filter(missing & alive).select(keys).unique()))
    total = count(context, native.back(ours.filter(alive).select(keys).unique()))
    if not _may_delete(gone, total, params, context):
        missing = pl.lit(value=False)
    if params.soft_delete_col is None:
        return joined.filter(~missing).drop("__alive")
    return _flagged(native, joined, params, missing).drop("__alive")


def _may_delete(gone: int, total: int, params: DetectDeletesParams, context: PatternContext) -> bool:
    """
    Whether so many deletions are believed.

    Raises:
        DataError: If they are too many and that is an error.
    """
    percent = 100 * gone / total if total else 0.0
    if params.max_delete_percent is None or percent <= params.max_delete_percent:
        return True
    told = f"{gone} of {total} rows are gone ({percent:.1f} %, at most {params.max_delete_percent:g} % are expected)"
    if params.on_threshold_breach == "error":
        raise DataError(
            f"'detect_deletes': {told}", code="too_many_deletes", hint="Check that the source is complete, or raise 'max_delete_percent'."
        )
    context.warn(f"detect_deletes: {told}" + ("; nothing was deleted" if params.on_threshold_breach == "skip" else ""))
    return params.on_threshold_breach == "warn"
