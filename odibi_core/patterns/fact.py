"""`fact`: events with the keys of the things that they are about."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from odibi_core.errors import DataError
from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import stacked
from odibi_core.patterns.audit import Audit, with_audit, with_audit_columns
from odibi_core.patterns.contract import Made, PatternContext, PatternParams, Place, count, pattern
from odibi_core.patterns.lookup import DimensionLookup, looked_up
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.columns import renamed
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns
from odibi_core.transforms.native import Native, native_of
from odibi_core.transforms.rows import first_of_each

_NEW = "__new"
_CALCULATES = re.compile(r"[()]| [+\-*/] ")  # a name with a hyphen is a name


class OrphanColumns(BaseModel):
    """What is told about an orphan in the quarantine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    rejection_reason: bool = Field(default=False, validation_alias=AliasChoices("rejection_reason", "_rejection_reason"))
    rejected_at: bool = Field(default=False, validation_alias=AliasChoices("rejected_at", "_rejected_at"))
    source_dimension: bool = Field(default=False, validation_alias=AliasChoices("source_dimension", "_source_dimension"))


class OrphanQuarantine(BaseModel):
    """Where orphans go: a table in Delta, a path in Parquet."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connection: ColumnName
    path: ColumnName | None = None
    table: ColumnName | None = None
    add_columns: OrphanColumns = OrphanColumns()

    @model_validator(mode="after")
    def _names_one(self) -> OrphanQuarantine:
        if (self.path is None) == (self.table is None):
            raise ValueError("name either 'path' or 'table'")
        return self


class FactParams(PatternParams):
    """What names a fact, which dimensions are looked up, what happens to a fact without a match, and the measures."""

    grain: ColumnNames | None = None
    dimensions: tuple[DimensionLookup, ...] = ()
    orphan_handling: Literal["unknown", "reject", "quarantine"] = "unknown"
    quarantine: OrphanQuarantine | None = None
    measures: tuple[ColumnName | dict[ColumnName, ColumnName], ...] = ()
    deduplicate: bool = False
    keys: ColumnNames | None = None
    audit: Audit | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> FactParams:
        if self.deduplicate and not self.keys:
            raise ValueError("'keys' is needed with deduplicate: true")
        if self.orphan_handling == "quarantine" and self.quarantine is None:
            raise ValueError("'quarantine' is needed with orphan_handling: quarantine")
        names = [lookup.surrogate_key for lookup in self.dimensions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several dimensions bring the column: {', '.join(twice)}")
        return self

    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(lookup.dimension_table for lookup in self.dimensions))

    def queries(self) -> tuple[str, ...]:
        return tuple(_query(expression) for expression in self.calculations.values())

    def places(self) -> tuple[Place, ...]:
        away = self.quarantine
        if away is None or self.orphan_handling != "quarantine":
            return ()
        kind: Literal["delta", "parquet"] = "delta" if away.table is not None else "parquet"
        return (Place(role="quarantine", use="append", connection=away.connection, path=away.path or away.table, format=kind),)

    @property
    def calculations(self) -> dict[str, str]:
        """New column → expression."""
        return {
            name: expression
            for measure in self.measures
            if isinstance(measure, dict)
            for name, expression in measure.items()
            if _CALCULATES.search(expression)
        }

    def row_effect(self) -> RowEffect:
        return "deduplicated" if self.deduplicate else "same"  # less the orphans that are set aside

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.keys or () if self.deduplicate else (), at="keys")
        rows = given
        for lookup in self.dimensions:
            rows = lookup.outline(rows, around)
        rows = self._measured(rows, around)
        around.need(rows, self.grain or (), at="grain")
        return with_audit_columns(rows, self.audit)

    def _measured(self, rows: Outline, around: Around) -> Outline:
        for measure in self.measures:
            if isinstance(measure, str):
                around.need(rows, [measure], at="measures")
                continue
            for name, expression in measure.items():
                if _CALCULATES.search(expression):
                    rows = rows.with_columns(around.query(_query(expression), {"df": rows}).column(_NEW).called(name))
                elif name != expression:
                    around.need(rows, [expression], at="measures")
                    rows = rows.renamed({expression: name})
        return rows


def _query(expression: str) -> str:
    return f"SELECT *, ({expression}\n) AS {_NEW} FROM df"  # noqa: S608  parsed, checked and read-only over `df`


@pattern("fact", FactParams)
def fact(frame: Frame, params: FactParams, context: PatternContext) -> Made:
    """
    Give each fact the keys of its things.

    In this order: `deduplicate` keeps the first row of each of `keys`; each dimension is looked up; measures are renamed and calculated;
    `grain` is checked; audit columns are added. With `scd2: true` the current version is found, with `as_of` the one that was valid at
    that time. A fact without a match gets key 0 (`unknown`), fails the node (`reject`) or is set aside with the first dimension that
    lacks it (`quarantine`).

    Shape: (rows, columns) → (rows that stay, columns, keys and measures).

    Example: `dimensions: [{source_column: id, dimension_table: dim_customer, dimension_key: id, surrogate_key: customer_sk}]`.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
        DataError: If facts have no match and are rejected, or rows are doubled at the grain.
    """
    if params.deduplicate and params.keys:
        need_columns(frame, params.keys, who="fact")
        frame = first_of_each(frame, params.keys)
    native = native_of(frame, who="fact")
    rows, aside = native.lazy, []
    for lookup in params.dimensions:
        rows = looked_up(native, rows, lookup, context)
        if params.orphan_handling == "unknown":
            rows = _with_unknown(native.pl, rows, lookup.surrogate_key)
            continue
        rows = context.keep(native.back(rows)).to_native()
        orphans = rows.filter(native.pl.col(lookup.surrogate_key).is_null())
        if params.orphan_handling == "reject":
            _refuse_orphans(count(context, native.back(orphans)), lookup)
        elif params.quarantine is not None:
            aside.append(_labelled(native, orphans, lookup, params.quarantine.add_columns, context))
            rows = rows.filter(native.pl.col(lookup.surrogate_key).is_not_null())
    made = _measured(native.back(rows), params, context)
    if params.grain:
        made = _refuse_doubled(made, params.grain, context)
    output = native.back(with_audit(native.pl, native_of(made, who="fact").lazy, params.audit, context.now))
    return Made(output=output, aside=native.back(stacked(native, aside)) if aside else None)


def _with_unknown(pl: Any, rows: Any, name: str) -> Any:
    dtype = rows.collect_schema()[name]
    zero = pl.lit("0") if isinstance(dtype, pl.String) else pl.lit(0)
    return rows.with_columns(pl.col(name).fill_null(zero.cast(dtype) if not isinstance(dtype, pl.Null) else zero))


def _refuse_orphans(orphans: int, lookup: DimensionLookup) -> None:
    if orphans:
        raise DataError(
            f"{orphans} facts have no match in {lookup.what}",
            code="orphans",
            hint="Load the dimension first, or set 'orphan_handling: unknown' or 'quarantine'.",
        )


def _labelled(native: Native, orphans: Any, lookup: DimensionLookup, wanted: OrphanColumns, context: PatternContext) -> Any:
    pl = native.pl
    labels: dict[str, Any] = {}
    if wanted.rejection_reason:
        reason = f"Orphan record: no match in dimension '{lookup.dimension_table}' on column '{lookup.source_column}'"
        labels["_rejection_reason"] = pl.lit(reason)
    if wanted.rejected_at:
        labels["_rejected_at"] = pl.lit(context.now, dtype=pl.Datetime("us", "UTC"))
    if wanted.source_dimension:
        labels["_source_dimension"] = pl.lit(lookup.dimension_table)
    return orphans.with_columns(**labels)


def _measured(frame: Frame, params: FactParams, context: PatternContext) -> Frame:
    import narwhals as nw

    for measure in params.measures:
        if isinstance(measure, str):
            need_columns(frame, [measure], who="fact")
            continue
        for name, expression in measure.items():
            if not _CALCULATES.search(expression):
                frame = frame if name == expression else renamed(frame, {expression: name}, who="fact")
                continue
            columns = frame.collect_schema().names()
            frame = context.transforms.query(frame, _query(expression))
            kept = [column for column in columns if column != name]
            frame = frame.select(*kept, nw.col(_NEW).alias(name)) if name not in columns else frame.select(
                *(nw.col(_NEW if column == name else column).alias(column) for column in columns)
            )  # fmt: skip
    return frame


def _refuse_doubled(frame: Frame, grain: tuple[str, ...], context: PatternContext) -> Frame:
    need_columns(frame, grain, who="fact")
    frame = context.keep(frame)
    rows = count(context, frame)
    doubled = rows - count(context, frame.select(*grain).unique())
    if doubled:
        raise DataError(
            f"{doubled} of {rows} facts are duplicates at the grain {', '.join(grain)}",
            code="grain",
            hint="Deduplicate them, or name the columns that tell them apart.",
        )
    return frame
