"""PIVOT, UNPIVOT and EXPLODE: rows become columns, columns rows, and lists rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.casts import cast
from odibi_core.engines.polars.sql.expressions import Reading, translated
from odibi_core.engines.polars.sql.grouping import aggregates_in, grouped
from odibi_core.engines.polars.sql.scope import Field, Relation, Work, bound_names, resolved
from odibi_core.engines.polars.sql.typed import INT, TEXT, common, inner_type
from odibi_core.errors import SchemaMismatchError
from odibi_core.sql import tree


def exploded(
    relation: Relation, value: tree.Expression, names: Sequence[str], table: str, work: Work, *, outer: bool, position: bool
) -> Relation:
    """One row for each element of a list; `outer` keeps the rows without any."""
    made = translated(value, Reading.of(relation, work))
    element = inner_type(made.dtype)
    count = 2 if position else 1
    defaults = ("pos", "col")[-count:]
    if names and len(names) != count:
        raise SchemaMismatchError(f"EXPLODE in SQL gives {count} column{'s' if count > 1 else ''}, and {len(names)} are named")
    named = tuple(names) or defaults
    item, place = work.fresh(named[-1]), work.fresh(named[0])
    listed = made.expr.alias(item)
    frame = relation.frame.with_columns(listed)
    if not outer:
        frame = frame.filter(pl.col(item).list.len() > 0)
    fields = [Field(name=named[-1], table=table, physical=item, dtype=element)]
    if position:
        empty = pl.col(item).list.len() == 0
        numbers = pl.int_ranges(pl.col(item).list.len(), dtype=pl.Int32)
        frame = frame.with_columns(pl.when(~empty).then(numbers).alias(place), pl.when(~empty).then(pl.col(item)).alias(item))
        frame = frame.explode(place, item, keep_nulls=True, empty_as_null=True)
        fields.insert(0, Field(name=named[0], table=table, physical=place, dtype=INT))
    else:
        frame = frame.explode(item, keep_nulls=True, empty_as_null=True)
    return replace(relation, frame=frame, fields=(*relation.fields, *fields))


def pivoted(node: tree.Pivot, source: Relation, work: Work) -> Relation:
    """A column for each value and aggregate, grouped by all columns that neither of them reads."""
    column = resolved(node.column, source.fields, work)
    aggregates = [(resolved(named.value, source.fields, work), named) for named in node.aggregates]
    read = bound_names(column).union(*(bound_names(value) for value, _ in aggregates))
    keys = [field for field in source.visible if field.physical not in read]
    used: list[tree.Expression] = []
    names = []
    for value in node.values:
        for aggregate, named in aggregates:
            used.append(_only_for(aggregate, column, value.value))
            alone = len(aggregates) == 1 and not named.given
            names.append(value.name if len(aggregates) == 1 and (alone or not named.given) else f"{value.name}_{named.name}")
    if len(aggregates) == 1:
        names = [value.name for value in node.values]
    made = grouped(source, [field.column for field in keys], (), used, work)
    reading = Reading.of(made.relation, work)
    outputs, fields = [], []
    for expression, name in zip(used, names, strict=True):
        result = translated(made.rewritten(expression), reading)
        physical = work.fresh(name)
        outputs.append(result.expr.alias(physical))
        fields.append(Field(name=name, table=node.alias, physical=physical, dtype=result.dtype, soft=result.soft))
    kept = tuple(
        Field(name=field.name, table=node.alias, physical=made.keys[field.column].name, dtype=field.dtype, soft=field.soft)
        for field in keys
    )
    return Relation(frame=made.relation.frame.with_columns(outputs), fields=(*kept, *fields))


def _only_for(aggregate: tree.Expression, column: tree.Expression, value: tree.Expression) -> tree.Expression:
    """The aggregate over the rows with a value of the pivot column, and NULL if there are none."""
    same = tree.Call(name="equal_null", args=(column, value))

    def change(node: tree.Node) -> tree.Node | None:
        if isinstance(node, tree.Aggregate):
            where = same if node.where is None else tree.Call(name="and", args=(node.where, same))
            return replace(node, where=where)
        return None

    narrowed: tree.Expression = tree.changed(aggregate, change)
    if not any(inner.name.startswith(("count", "approx_count")) for inner in aggregates_in([aggregate])):
        return narrowed
    rows = tree.Aggregate(name="count", where=same)
    some = tree.Call(name="gt", args=(rows, tree.Value(type="number", text="0")))
    return tree.Case(branches=((some, narrowed),))


def unpivoted(node: tree.Unpivot, source: Relation, work: Work) -> Relation:
    """A row for each of the columns, with its name and its value."""
    reading = Reading.of(source, work)
    chosen = [(resolved(named.value, source.fields, work), named.name) for named in node.columns]
    values = [translated(value, reading) for value, _ in chosen]
    read = frozenset().union(*(bound_names(value) for value, _ in chosen))
    kept = [field for field in source.visible if field.physical not in read]
    shared = common(values)
    label, item = work.fresh(node.name), work.fresh(node.value)
    position, place = work.fresh("position"), work.fresh("place")
    indexed = source.frame.with_row_index(position)
    parts = [
        indexed.select(
            [
                pl.col(position),
                pl.lit(number).alias(place),
                *(field.physical for field in kept),
                pl.lit(name).alias(label),
                cast(value, shared.dtype).expr.alias(item),
            ]
        )
        for number, ((_, name), value) in enumerate(zip(chosen, values, strict=True))
    ]
    frame = pl.concat(parts).sort(position, place).drop(position, place)
    if not node.keep_nulls:
        frame = frame.filter(pl.col(item).is_not_null())
    fields = [replace(field, table=node.alias or field.table) for field in kept]
    fields.append(Field(name=node.name, table=node.alias, physical=label, dtype=TEXT))
    fields.append(Field(name=node.value, table=node.alias, physical=item, dtype=shared.dtype, soft=shared.soft))
    return Relation(frame=frame, fields=tuple(fields))
