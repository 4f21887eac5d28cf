"""The list of a SELECT: what its columns are, what they are called, and what GROUP BY and ORDER BY mean by a number or an alias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.expressions import Reading, translated
from odibi_core.engines.polars.sql.grouping import aggregates_in
from odibi_core.engines.polars.sql.intervals import is_interval
from odibi_core.engines.polars.sql.pivots import exploded
from odibi_core.engines.polars.sql.scope import Field, Relation, Work, resolved
from odibi_core.engines.polars.sql.typed import Typed
from odibi_core.errors import SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree

_GENERATORS = ("explode", "explode_outer", "posexplode", "posexplode_outer")


class Projection(Frozen):
    """The bound expressions of a SELECT."""

    columns: tuple[tree.Named, ...]
    having: tree.Expression | None
    qualify: tree.Expression | None
    order: tuple[tree.Expression, ...]
    on: tuple[tree.Expression, ...]  # DISTINCT ON
    aliases: dict[str, tree.Expression]

    @classmethod
    def of(cls, node: tree.Select, relation: Relation, work: Work) -> Projection:
        """
        The list of a SELECT over a relation.

        Raises:
            UnknownColumnError: If it reads what is not there.
        """
        columns: list[tree.Named] = []
        aliases: dict[str, tree.Expression] = {}
        for named in node.columns:
            if isinstance(named.value, tree.Star):
                columns += _starred(named.value, relation, work)
                continue
            value = resolved(named.value, relation.fields, work, aliases=aliases)
            columns.append(tree.Named(value=value, name=_spelled(named, value, relation)))
            if named.given:
                aliases.setdefault(named.name.lower(), value)

        def bound(expression: tree.Expression | None, *, first: bool = False) -> tree.Expression | None:
            return None if expression is None else resolved(expression, relation.fields, work, aliases=aliases, aliases_first=first)

        def term(expression: tree.Expression) -> tree.Expression:
            place = _ordinal(expression)
            if place is not None:
                return _at(columns, place, "ORDER BY")
            return resolved(expression, relation.fields, work, aliases=aliases, aliases_first=True)

        return cls(
            columns=tuple(columns),
            having=bound(node.having),
            qualify=bound(node.qualify),
            order=tuple(term(one.value) for one in node.order),
            on=tuple(term(one) for one in node.distinct_on),
            aliases=aliases,
        )

    @property
    def expressions(self) -> list[tree.Expression]:
        """All of them."""
        others = [one for one in (self.having, self.qualify) if one is not None]
        return [*(named.value for named in self.columns), *others, *self.order, *self.on]

    def changed(self, change: Callable[[tree.Expression], tree.Expression]) -> Projection:
        """With every expression replaced."""
        return replace(
            self,
            columns=tuple(replace(named, value=change(named.value)) for named in self.columns),
            having=None if self.having is None else change(self.having),
            qualify=None if self.qualify is None else change(self.qualify),
            order=tuple(change(one) for one in self.order),
            on=tuple(change(one) for one in self.on),
        )

    def keys(
        self, group: tree.Grouping | None, relation: Relation, work: Work
    ) -> tuple[list[tree.Expression], tuple[tuple[int, ...], ...]]:
        """The keys of GROUP BY, bound, and the grouping sets over them."""
        if group is None:
            return [], ()
        if group.all:
            plain = [named.value for named in self.columns if not aggregates_in([named.value])]
            return list(dict.fromkeys(one for one in plain if not isinstance(one, tree.Value))), ()
        keys: list[tree.Expression] = []
        places = []
        for key in group.keys:
            place = _ordinal(key)
            if place is not None:
                bound = _at(self.columns, place, "GROUP BY")
            else:
                bound = resolved(key, relation.fields, work, aliases=self.aliases)
            if aggregates_in([bound]):
                raise SchemaMismatchError("GROUP BY in SQL names an aggregate", hint="Group by the columns that are not aggregated.")
            if bound not in keys:
                keys.append(bound)
            places.append(keys.index(bound))
        return keys, tuple(tuple(places[place] for place in chosen) for chosen in group.sets)


def _ordinal(expression: tree.Expression) -> int | None:
    return (
        int(expression.text) if isinstance(expression, tree.Value) and expression.type == "number" and expression.text.isdigit() else None
    )


def _at(columns: Sequence[tree.Named], place: int, clause: str) -> tree.Expression:
    if not 1 <= place <= len(columns):
        raise SchemaMismatchError(f"{clause} {place} in SQL is not among the {len(columns)} columns")
    return columns[place - 1].value


def _spelled(named: tree.Named, value: tree.Expression, relation: Relation) -> str:
    """A column that is written in lower case is spelled as in the input; everything else as it is written."""
    if named.given or not isinstance(value, tree.Column) or named.name != named.name.lower():
        return named.name
    return next((one.name for one in relation.fields if one.physical == value.name and one.name.lower() == named.name), named.name)


def _starred(star: tree.Star, relation: Relation, work: Work) -> list[tree.Named]:
    table = star.table.lower()
    fields = [one for one in relation.visible if not table]
    if table:
        fields = [one for one in relation.fields if one.table.lower() == table and one.physical in _own(relation)]
        if not fields:
            raise SchemaMismatchError(
                f"'{star.table}.*' in SQL names no input", hint="Write the name or alias that stands behind FROM or JOIN."
            )
    gone = {name.lower() for name in star.leave_out}
    known = {one.name.lower() for one in fields}
    missing = [name for name in star.leave_out if name.lower() not in known]
    if missing:
        raise work.unknown(tree.Column(name=missing[0]), fields)
    replaced = {named.name.lower(): resolved(named.value, relation.fields, work) for named in star.replace}
    new_names = {old.lower(): new for old, new in star.rename}
    return [
        tree.Named(value=replaced.get(one.name.lower(), one.column), name=new_names.get(one.name.lower(), one.name))
        for one in fields
        if one.name.lower() not in gone
    ]


def _own(relation: Relation) -> set[str]:
    """`t.*` shows the keys of USING, too; what comes from a query around is not among them."""
    return {one.physical for one in relation.fields if one.table}


def projected(node: tree.Select, relation: Relation, selection: Projection, work: Work) -> Relation:
    """The result: columns under their names, without repeats, in order, and as many as wanted."""
    relation, columns, made = _generated(relation, selection.columns, work)
    selection = selection.changed(lambda one: made.get(one, one))
    reading = Reading.of(relation, work)
    values = [(named, translated(named.value, reading)) for named in columns]
    fields = [
        Field(name=named.name, table="", physical=work.fresh(named.name), dtype=value.dtype, soft=value.soft) for named, value in values
    ]
    outputs = [value.expr.alias(one.physical) for (_, value), one in zip(values, fields, strict=True)]
    row = [relation.row] if relation.row else []
    names = [*row, *(one.physical for one in fields)]
    keys = [work.fresh("order") for _ in selection.order]
    on = [work.fresh("on") for _ in selection.on]
    helpers = [translated(one, reading).expr.alias(name) for one, name in zip((*selection.order, *selection.on), (*keys, *on), strict=True)]
    frame = relation.frame.with_columns([*outputs, *helpers]) if relation.fields or row else relation.frame.select([*outputs, *helpers])
    if node.distinct:
        frame, keys = _distinct(frame, names, selection, columns, fields)
    if node.order:
        frame = frame.sort(
            keys,
            descending=[one.descending for one in node.order],
            nulls_last=[not one.nulls_first for one in node.order],
            maintain_order=True,
        )
    if on:
        frame = frame.unique(subset=[*row, *on], keep="first", maintain_order=True)
    if node.limit is not None or node.offset:
        frame = _cut(frame, relation.row, node)
    return Relation(frame=frame.select(names), fields=tuple(fields), row=relation.row)


def _generated(
    relation: Relation, columns: Sequence[tree.Named], work: Work
) -> tuple[Relation, Sequence[tree.Named], dict[tree.Expression, tree.Expression]]:
    """SELECT explode(x): the rows are exploded, and the column is one of them."""
    made = []
    stands_for: dict[tree.Expression, tree.Expression] = {}
    for named in columns:
        call = named.value
        if not isinstance(call, tree.Call) or call.name not in _GENERATORS:
            made.append(named)
            continue
        position = call.name.startswith("pos")
        outer = call.name.endswith("_outer")
        relation = exploded(relation, call.args[0], (), "", work, outer=outer, position=position)
        new = relation.fields[-2 if position else -1 :]
        made += [tree.Named(value=one.column, name=one.name if position else named.name) for one in new]
        stands_for[call] = new[-1].column
    return relation, made, stands_for


def _distinct(
    frame: pl.LazyFrame, names: list[str], selection: Projection, columns: Sequence[tree.Named], fields: Sequence[Field]
) -> tuple[pl.LazyFrame, list[str]]:
    """Without repeats; what it is ordered by must be among the columns."""
    by_value = {named.value: one.physical for named, one in zip(columns, fields, strict=True)}
    missing = [one for one in selection.order if one not in by_value]
    if missing:
        raise SchemaMismatchError("SELECT DISTINCT in SQL is ordered by what it does not select", hint="Select it, too.")
    return frame.select(names).unique(maintain_order=True), [by_value[one] for one in selection.order]


def _cut(frame: pl.LazyFrame, row: str | None, node: tree.Select) -> pl.LazyFrame:
    if row is None:
        return frame.slice(node.offset, node.limit)
    place = pl.int_range(pl.len()).over(row)
    kept = place >= node.offset
    return frame.filter(kept if node.limit is None else kept & (place < node.offset + node.limit))


def result(relation: Relation) -> pl.LazyFrame:
    """
    The frame with the names of its columns.

    Raises:
        SchemaMismatchError: If two columns have one name.
    """
    seen: set[str] = set()
    for one in relation.visible:
        if one.name.lower() in seen:
            raise SchemaMismatchError(f"SQL gives two columns '{one.name}'", hint="Name the columns with AS, or write USING in the JOIN.")
        if is_interval(one.value):
            raise SchemaMismatchError(f"SQL gives an interval as the column '{one.name}'", hint="Add it to a date, or use DATEDIFF.")
        seen.add(one.name.lower())
    return relation.frame.select([_delivered(one).alias(one.name) for one in relation.visible])


def _delivered(one: Field) -> pl.Expr:
    value: Typed = one.value.hard()
    return value.expr
