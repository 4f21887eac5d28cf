"""`merge`: bring rows into a table by their keys."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from odibi_core.errors import DataError
from odibi_core.outline import UNKNOWN, Around, Outline
from odibi_core.patterns.alignment import aligned, stacked
from odibi_core.patterns.contract import Made, PatternContext, Place, TargetParams, count, pattern
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns
from odibi_core.transforms.native import Native, native_of

_PAIR, _FOUND, _NEW = "__pair", "__found", "__new_"


class MergeAudit(BaseModel):
    """Columns that say when a row came in and when it was last merged."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    created_col: ColumnName | None = None
    updated_col: ColumnName | None = None

    @model_validator(mode="after")
    def _names_one(self) -> MergeAudit:
        if self.created_col is None and self.updated_col is None:
            raise ValueError("name 'created_col' or 'updated_col'")
        return self


class MergeParams(TargetParams):
    """The target, the keys, what to do with a match, and conditions in SQL over the tables `source` and `target`."""

    gives_table: ClassVar[bool] = False

    keys: ColumnNames
    strategy: Literal["upsert", "append_only", "delete_match"] = "upsert"
    audit_cols: MergeAudit | None = None
    update_condition: str | None = None
    insert_condition: str | None = None
    delete_condition: str | None = None
    table_properties: dict[str, str] | None = None
    optimize_write: bool = False  # Spark
    vacuum_hours: int | None = None  # Spark
    zorder_by: ColumnNames | None = None  # Spark
    cluster_by: ColumnNames | None = None  # Spark
    register_table: str | None = None  # Spark

    @model_validator(mode="after")
    def _fits_together(self) -> MergeParams:
        if not self.has_target:
            raise ValueError("'target' is needed, or 'connection' and 'path'")
        if self.strategy == "delete_match" and self.audit_cols is not None:
            raise ValueError("'audit_cols' has no meaning with strategy: delete_match")
        return self

    def places(self) -> tuple[Place, ...]:
        return (self.the_target(properties=self.table_properties),)

    def pair_queries(self) -> tuple[str, ...]:
        texts = [pairs_query(condition) for condition in (self.update_condition, self.delete_condition) if condition]
        return (*texts, source_query(self.insert_condition)) if self.insert_condition else tuple(texts)

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.keys, at="keys")
        for query in self.pair_queries():
            around.query(query, {"source": given.with_columns(given.made(_PAIR)), "target": UNKNOWN})
        return given


def pairs_query(condition: str) -> str:
    """The numbers of the pairs for which a condition is true."""
    return f"SELECT source.{_PAIR} FROM source JOIN target ON source.{_PAIR} = target.{_PAIR} WHERE ({condition}\n)"  # noqa: S608  parsed, checked and read-only


def source_query(condition: str) -> str:
    """The source rows for which a condition is true."""
    return f"SELECT * FROM source WHERE ({condition}\n)"  # noqa: S608  parsed, checked and read-only


@pattern("merge", MergeParams)
def merge(frame: Frame, params: MergeParams, context: PatternContext) -> Made:
    """
    Bring the rows into the target by their keys; they go on unchanged.

    `upsert` updates matches and adds the rest, `append_only` only adds, `delete_match` deletes matches. A column that the source lacks
    keeps its value in the target. NULL is a key like any other. A match is deleted if `delete_condition` is true, else updated if
    `update_condition` is; without one each match is updated and none deleted. A condition that is NULL is not true. A target that is
    not there is made of all rows that `insert_condition` lets in; there is nothing to delete from.

    Shape: (rows, columns) → the same.

    Example: `target: silver.orders, keys: [id], update_condition: "source.changed > target.changed"`.

    Raises:
        SchemaMismatchError: If a key is missing, or a type differs from the target's.
        DataError: If two rows of an upsert have the same key.
    """
    keys = list(params.keys)
    need_columns(frame, keys, who="merge")
    frame = context.keep(frame)
    native = native_of(frame, who="merge")
    if params.strategy == "upsert":
        _refuse_doubled(native, native.lazy, params, context)
    if context.present is None:
        if params.strategy == "delete_match":
            return Made(output=frame)
        return Made(
            output=frame, table=native.back(_inserted(native, native.lazy.unique(keys, keep="first", maintain_order=True), params, context))
        )
    present = context.keep(context.present).to_native()
    need_columns(native.back(present), keys, who="the target of merge")
    source = aligned(native.pl, native.lazy, present.collect_schema(), who="merge")
    if params.strategy == "append_only":
        table = _with_new(native, present, source, params, context)
    elif params.strategy == "delete_match":
        table = _without(native, present, source, params, context)
    else:
        table = _upserted(native, present, source, params, context)
    return Made(output=frame, table=native.back(table))


def _refuse_doubled(native: Native, source: Any, params: MergeParams, context: PatternContext) -> None:
    rows = count(context, native.back(source))
    extra = rows - count(context, native.back(source.select(params.keys).unique()))
    if extra:
        raise DataError(
            f"{extra} of {rows} rows repeat a key of {', '.join(params.keys)}",
            code="duplicate_keys",
            hint="Add a 'deduplicate' step on these keys before the merge.",
        )


def _new_of(source: Any, present: Any, params: MergeParams) -> Any:
    keys = list(params.keys)
    return source.unique(keys, keep="first", maintain_order=True).join(present.select(keys), on=keys, how="anti", nulls_equal=True)


def _with_new(native: Native, present: Any, source: Any, params: MergeParams, context: PatternContext) -> Any:
    return stacked(native, [present, _inserted(native, _new_of(source, present, params), params, context)])


def _inserted(native: Native, rows: Any, params: MergeParams, context: PatternContext) -> Any:
    """New rows that the condition lets in, with the time at which they came."""
    if params.insert_condition:
        rows = _asked(context, source_query(params.insert_condition), source=native.back(rows)).to_native()
    return rows.with_columns(**_stamps(native, rows, params, context))


def _stamps(native: Native, rows: Any, params: MergeParams, context: PatternContext) -> dict[str, Any]:
    audit = params.audit_cols
    if audit is None:
        return {}
    now = native.pl.lit(context.now, dtype=native.pl.Datetime("us", "UTC"))
    stamps = {audit.updated_col: now} if audit.updated_col else {}
    if audit.created_col and audit.created_col not in rows.collect_schema().names():
        stamps[audit.created_col] = now
    return stamps


def _paired(present: Any, source: Any, keys: list[str]) -> tuple[Any, Any]:
    """The present rows by number, and the source rows with the numbers of their matches."""
    there = present.with_row_index(_PAIR)
    return there, source.join(there.select(*keys, _PAIR), on=keys, how="inner", nulls_equal=True)


def _true_pairs(native: Native, there: Any, matched: Any, condition: str, context: PatternContext) -> Any:
    """The numbers of the matches for which a condition is true."""
    found = _asked(context, pairs_query(condition), source=native.back(matched), target=native.back(there))
    return found.to_native().select(native.pl.col(_PAIR).cast(native.pl.UInt32)).unique()


def _asked(context: PatternContext, text: str, **tables: Frame) -> Frame:
    return context.transforms.sql(context.transforms.compile(text, tuple(tables if "target" in tables else ("source", "target"))), tables)


def _without(native: Native, present: Any, source: Any, params: MergeParams, context: PatternContext) -> Any:
    keys = list(params.keys)
    if not params.delete_condition:
        return present.join(source.select(keys), on=keys, how="anti", nulls_equal=True)
    there, matched = _paired(present, source, keys)
    return there.join(_true_pairs(native, there, matched, params.delete_condition, context), on=_PAIR, how="anti").drop(_PAIR)


def _upserted(native: Native, present: Any, source: Any, params: MergeParams, context: PatternContext) -> Any:
    pl, keys = native.pl, list(params.keys)
    fresh = _inserted(native, _new_of(source, present, params), params, context)
    there, matched = _paired(present, source, keys)
    if params.delete_condition:
        gone = _true_pairs(native, there, matched, params.delete_condition, context)
        there, matched = there.join(gone, on=_PAIR, how="anti"), matched.join(gone, on=_PAIR, how="anti")
    if params.update_condition:
        matched = matched.join(_true_pairs(native, there, matched, params.update_condition, context), on=_PAIR, how="semi")
    audit = params.audit_cols
    if audit is not None and audit.updated_col:
        matched = matched.with_columns(pl.lit(context.now, dtype=pl.Datetime("us", "UTC")).alias(audit.updated_col))
    kept = {*keys, _PAIR, *([audit.created_col] if audit is not None and audit.created_col else [])}
    values = [name for name in matched.collect_schema().names() if name not in kept]
    names = present.collect_schema().names()
    given = matched.select(_PAIR, *(pl.col(name).alias(_NEW + name) for name in values), pl.lit(value=True).alias(_FOUND))
    joined, found = there.join(given, on=_PAIR, how="left", maintain_order="left"), pl.col(_FOUND).is_not_null()
    taken = [
        pl.when(found).then(pl.col(_NEW + name)).otherwise(pl.col(name) if name in names else pl.lit(None)).alias(name) for name in values
    ]
    updated = joined.with_columns(taken).select([*names, *(name for name in values if name not in names)])
    return stacked(native, [updated, fresh])
