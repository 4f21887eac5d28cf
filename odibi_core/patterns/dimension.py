"""`dimension`: one table of the things that facts are about, each with a key of our own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import aligned, stacked
from odibi_core.patterns.audit import SOURCE_SYSTEM, Audit, audit_columns, with_audit, with_audit_columns
from odibi_core.patterns.contract import Made, PatternContext, Place, TargetParams, count, pattern
from odibi_core.patterns.history import Columns, history, marked
from odibi_core.patterns.surrogate import LONG_AGO, largest_key, numbered, with_unknown_member
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns
from odibi_core.transforms.native import Native, native_of

_FOUND = "__found"


class DimensionParams(TargetParams):
    """What names a thing in the source, what our key is called, and how changes are met: 0 never, 1 in place, 2 as a new version."""

    natural_key: ColumnNames
    surrogate_key: ColumnName
    scd_type: Literal[0, 1, 2] = 1
    track_cols: ColumnNames | None = None
    unknown_member: bool = False
    audit: Audit | None = None
    valid_from_col: ColumnName = "valid_from"
    valid_to_col: ColumnName = "valid_to"
    is_current_col: ColumnName = "is_current"

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> DimensionParams:
        if self.scd_type in (1, 2) and not self.track_cols:
            raise ValueError(f"'track_cols' is needed for scd_type: {self.scd_type}")
        if self.scd_type == 2 and not self.has_target:
            raise ValueError("'target' is needed for scd_type: 2")
        if self.surrogate_key in self.natural_key:
            raise ValueError("'surrogate_key' cannot be the natural key")
        return self

    def places(self) -> tuple[Place, ...]:
        return (self.the_target(),) if self.has_target else ()

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.natural_key, at="natural_key")
        around.need(given, self.track_cols or (), at="track_cols")
        times = [self.valid_from_col, self.valid_to_col, self.is_current_col] if self.scd_type == 2 else []
        source = given.without(name for name in given.names if name in (self.surrogate_key, *times))
        rows = source.with_columns(*(given.made(name) for name in (*times, self.surrogate_key)))
        return with_audit_columns(rows.opened() if self.has_target else rows, self.audit)


@pattern("dimension", DimensionParams)
def dimension(frame: Frame, params: DimensionParams, context: PatternContext) -> Made:
    """
    Keep one table of things, each with a surrogate key.

    New things get the keys after the largest there is, in the order of the natural key; a key stays with its thing, or its version.
    Type 0 only adds new things. Type 1 takes over what the source says of a known thing; what the source does not mention stays. Type 2
    begins a version when a column of `track_cols` changes, at the time the run was planned. Of rows with the same natural key type 0
    takes the first, the others the last. Without a target everything is new, and is numbered from 1 in each run.

    Shape: (rows, columns) → (things or versions, columns and the keys, times and audit columns).

    Example: `natural_key: id, surrogate_key: sk, scd_type: 2, track_cols: [city], target: gold.dim_customer`.

    Raises:
        SchemaMismatchError: If a column is missing here or in the target, or a type differs from the target's.
    """
    need_columns(frame, [*params.natural_key, *(params.track_cols or ())], who="dimension")
    native = native_of(frame, who="dimension")
    source = native.lazy.drop(_made_here(native, params))
    present = None if context.present is None else context.keep(context.present).to_native()
    if params.scd_type == 2:
        rows, changed = _versions(native, source, present, params, context)
    elif present is None:
        source = source.unique(params.natural_key, keep=_which(params), maintain_order=True)
        rows, changed = numbered(native, source, params.surrogate_key, params.natural_key, 0), True
    else:
        rows, changed = _known_and_new(native, source, present, params, context)
    rows = with_audit(native.pl, rows, params.audit, context.now)
    if params.unknown_member:
        given: dict[str, object] = {params.valid_from_col: LONG_AGO, params.valid_to_col: None, params.is_current_col: True}
        if params.audit is not None and params.audit.source_system is not None:
            given[SOURCE_SYSTEM] = params.audit.source_system
        names = {*rows.collect_schema().names()} if params.scd_type == 2 else {SOURCE_SYSTEM}
        given = {name: value for name, value in given.items() if name in names}
        rows = with_unknown_member(native, rows, surrogate=params.surrogate_key, naturals=params.natural_key, given=given, context=context)
    made = native.back(rows)
    stamped = bool(audit_columns(params.audit)) or params.unknown_member
    return Made(output=made, table=made if params.has_target else None, changed=changed or stamped)


def _made_here(native: Native, params: DimensionParams) -> list[str]:
    """Columns of the source that the pattern makes itself."""
    ours = [params.surrogate_key]
    if params.scd_type == 2:
        ours += [params.valid_from_col, params.valid_to_col, params.is_current_col]
    return [name for name in native.lazy.collect_schema().names() if name in ours]


def _which(params: DimensionParams) -> str:
    return "first" if params.scd_type == 0 else "last"


def _versions(native: Native, source: Any, present: Any | None, params: DimensionParams, context: PatternContext) -> tuple[Any, bool]:
    pl, surrogate = native.pl, params.surrogate_key
    columns = Columns(
        keys=params.natural_key,
        track=params.track_cols or (),
        start=params.valid_from_col,
        end=params.valid_to_col,
        flag=params.is_current_col,
    )
    new = marked(pl, source.with_columns(pl.lit(context.now, dtype=pl.Datetime("us", "UTC")).alias(columns.start)), None)
    if present is not None:
        new = aligned(pl, new, present.collect_schema(), who="dimension")
    found = history(native, present, new, columns, context, who="dimension")
    order = [*params.natural_key, columns.start]
    if present is None or surrogate not in present.collect_schema().names():
        return numbered(native, found.rows, surrogate, order, 0), True
    rows = context.keep(native.back(found.rows)).to_native()
    unnumbered = rows.filter(pl.col(surrogate).is_null())
    if not count(context, native.back(unnumbered)):
        return rows, found.changed
    fresh = numbered(native, unnumbered, surrogate, order, largest_key(native, present, surrogate, context))
    return stacked(native, [rows.filter(pl.col(surrogate).is_not_null()), fresh]).select(rows.collect_schema().names()), True


def _known_and_new(native: Native, source: Any, present: Any, params: DimensionParams, context: PatternContext) -> tuple[Any, bool]:
    pl, keys, surrogate = native.pl, list(params.natural_key), params.surrogate_key
    need_columns(native.back(present), [*keys, surrogate], who="the target of dimension")
    source = aligned(pl, source.unique(keys, keep=_which(params), maintain_order=True), present.collect_schema(), who="dimension")
    source = context.keep(native.back(source)).to_native()
    fresh = source.join(present.select(keys), on=keys, how="anti", nulls_equal=True)
    fresh = numbered(native, fresh, surrogate, keys, largest_key(native, present, surrogate, context))
    added = count(context, native.back(fresh)) > 0
    there = present
    if params.scd_type == 1:
        there = updated(native, present, source, keys)
    return stacked(native, [there, fresh]), added or params.scd_type == 1


def updated(native: Native, present: Any, source: Any, keys: list[str]) -> Any:
    """The present rows; those that the source knows with its values, but for columns that it does not have."""
    pl = native.pl
    names = present.collect_schema().names()
    values = [name for name in source.collect_schema().names() if name not in keys]
    given = source.select(*keys, *(pl.col(name).alias(f"__new_{name}") for name in values), pl.lit(value=True).alias(_FOUND))
    joined = present.join(given, on=keys, how="left", nulls_equal=True, maintain_order="left")
    found = pl.col(_FOUND).is_not_null()
    taken = [
        pl.when(found).then(pl.col(f"__new_{name}")).otherwise(pl.col(name) if name in names else pl.lit(None)).alias(name)
        for name in values
    ]
    return joined.with_columns(taken).select([*names, *(name for name in values if name not in names)])
