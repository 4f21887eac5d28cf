"""GROUP BY: keys and aggregates become columns of a new relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.aggregates import Sorting, aggregated
from odibi_core.engines.polars.sql.casts import cast
from odibi_core.engines.polars.sql.expressions import Reading, condition, translated
from odibi_core.engines.polars.sql.operators import constant
from odibi_core.engines.polars.sql.scope import Field, Relation, Work
from odibi_core.engines.polars.sql.typed import BIGINT, Typed, typed
from odibi_core.errors import SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree

_GROUPING = ("grouping", "grouping_id")


class Grouped(Frozen):
    """A relation of groups, and what stands for the keys and aggregates in expressions over it."""

    relation: Relation
    keys: Mapping[tree.Node, tree.Column]
    aggregates: Mapping[tree.Node, tree.Column]

    def rewritten(self, expression: tree.Expression) -> tree.Expression:
        """
        The expression over the groups.

        Raises:
            SchemaMismatchError: If it reads a column that is neither a key nor in an aggregate.
        """

        def change(node: tree.Node) -> tree.Node | None:
            if isinstance(node, tree.Window):
                return self._inside(node)
            return self.keys.get(node) or self.aggregates.get(node)

        made: tree.Expression = tree.changed(expression, change)
        known = {found.physical for found in self.relation.fields}
        for node in tree.walk(made):
            if isinstance(node, tree.Column) and node.table == tree.BOUND and node.name not in known:
                name = node.name.rpartition("#")[0]
                raise SchemaMismatchError(
                    f"SQL reads the column '{name}' of a group, which is neither a key nor in an aggregate",
                    hint=f"Add '{name}' to GROUP BY, or write MAX({name}).",
                )
        return made

    def _inside(self, window: tree.Window) -> tree.Window:
        function = window.function
        return replace(
            window,
            function=replace(
                function,
                args=tuple(self.rewritten(arg) for arg in function.args),
                where=self.rewritten(function.where) if function.where is not None else None,
            ),
            partition=tuple(self.rewritten(key) for key in window.partition),
            order=tuple(replace(term, value=self.rewritten(term.value)) for term in window.order),
        )


def aggregates_in(expressions: Sequence[tree.Expression]) -> list[tree.Aggregate]:
    """The aggregates in some expressions; a function with a window is none, what is inside it may be."""
    found: dict[tree.Aggregate, None] = {}

    def visit(node: tree.Node) -> None:
        if isinstance(node, tree.Select | tree.SetOperation):
            return
        if isinstance(node, tree.Aggregate):
            found[node] = None
            return
        inner = tree.parts(node.function) if isinstance(node, tree.Window) else ()
        for part in [*inner, *(part for part in tree.parts(node) if not (isinstance(node, tree.Window) and part is node.function))]:
            visit(part)

    for expression in expressions:
        visit(expression)
    return list(found)


def grouped(
    relation: Relation, keys: Sequence[tree.Expression], sets: Sequence[Sequence[int]], used: Sequence[tree.Expression], work: Work
) -> Grouped:
    """
    One row for each group. `keys` and `used` are bound; `used` is everything that is computed over the groups.

    Without keys there is one group, even of no rows; a grouping set leaves the keys NULL that it does not have.
    """
    reading = Reading.of(relation, work)
    nodes = aggregates_in(used)
    key_values = {key: translated(key, reading) for key in keys}
    key_fields = [
        Field(name=_name(key, relation), table="", physical=work.fresh(_name(key, relation)), dtype=value.dtype, soft=value.soft)
        for key, value in key_values.items()
    ]
    frame, prepared = _prepared(relation, nodes, reading, work)
    frame = frame.with_columns([value.expr.alias(field.physical) for value, field in zip(key_values.values(), key_fields, strict=True)])
    made = [(node, aggregated(node, *prepared[node])) for node in nodes if node.name not in _GROUPING]
    fields = [Field(name=node.name, table="", physical=work.fresh(node.name), dtype=value.dtype, soft=value.soft) for node, value in made]
    outputs = [value.expr.alias(field.physical) for (_, value), field in zip(made, fields, strict=True)]
    marks = {node: work.fresh(node.name) for node in nodes if node.name in _GROUPING}
    row = [relation.row] if relation.row else []
    parts = []
    for chosen in sets or [range(len(key_fields))]:
        names = [*row, *(key_fields[place].physical for place in dict.fromkeys(chosen))]
        part = frame.group_by(names).agg(outputs) if names else frame.select(outputs or [pl.len().alias(work.fresh())])
        missing = [field for place, field in enumerate(key_fields) if place not in chosen]
        extra = [pl.lit(None, dtype=field.dtype).alias(field.physical) for field in missing]
        extra += [_mark(node, list(key_values), set(chosen)).alias(name) for node, name in marks.items()]
        part = part.with_columns(extra)
        parts.append(
            part.select([*row, *(f.physical for f in key_fields), *(f.physical for f in fields), *marks.values()]) if sets else part
        )
    mark_fields = [Field(name=node.name, table="", physical=name, dtype=_mark_type(node)) for node, name in marks.items()]
    return Grouped(
        relation=Relation(
            frame=pl.concat(parts) if len(parts) > 1 else parts[0], fields=(*key_fields, *fields, *mark_fields), row=relation.row
        ),
        keys={key: field.column for key, field in zip(key_values, key_fields, strict=True)},
        aggregates={
            **{node: field.column for (node, _), field in zip(made, fields, strict=True)},
            **{node: field.column for node, field in zip(marks, mark_fields, strict=True)},
        },
    )


def _name(key: tree.Expression, relation: Relation) -> str:
    if isinstance(key, tree.Column):
        return next((field.name for field in relation.fields if field.physical == key.name), key.name)
    return "key"


def _prepared(
    relation: Relation, nodes: Sequence[tree.Aggregate], reading: Reading, work: Work
) -> tuple[pl.LazyFrame, dict[tree.Aggregate, tuple[list[Typed], pl.Expr | None, list[Sorting]]]]:
    """The frame with a column for every argument that is computed: a constant would not be repeated for each row."""
    columns: dict[tree.Expression, tuple[str, pl.Expr]] = {}

    def column(node: tree.Expression, value: Typed) -> Typed:
        if isinstance(node, tree.Column):
            return value
        name, _ = columns.setdefault(node, (work.fresh("value"), value.expr))
        return value.but(pl.col(name))

    ready = {}
    for node in nodes:
        if node.name in _GROUPING:
            continue
        args = [column(arg, translated(arg, reading)) for arg in node.args]
        where = column(node.where, typed(condition(node.where, reading), pl.Boolean())).expr if node.where is not None else None
        order = [
            Sorting(expr=column(term.value, translated(term.value, reading)).expr, descending=term.descending, nulls_first=term.nulls_first)
            for term in node.order
        ]
        ready[node] = (args, where, order)
    return relation.frame.with_columns([expr.alias(name) for name, expr in columns.values()]), ready


def _mark_type(node: tree.Aggregate) -> pl.DataType:
    return pl.Int8() if node.name == "grouping" else BIGINT


def _mark(node: tree.Aggregate, keys: list[tree.Expression], chosen: set[int]) -> pl.Expr:
    """Which keys a grouping set leaves out: GROUPING(key), and all of them as bits."""
    wanted = [keys.index(arg) for arg in node.args if arg in keys] if node.args else list(range(len(keys)))
    if len(wanted) < len(node.args):
        raise SchemaMismatchError(f"{node.name.upper()} in SQL takes keys of GROUP BY")
    bits = 0
    for place in wanted:
        bits = bits * 2 + (place not in chosen)
    return cast(constant(bits), _mark_type(node)).expr
