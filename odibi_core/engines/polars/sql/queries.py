"""A whole query as a Polars frame: FROM, WHERE, GROUP BY, HAVING, windows, QUALIFY, SELECT, DISTINCT, ORDER BY, LIMIT, in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

import polars as pl

from odibi_core.engines.polars.sql.casts import cast
from odibi_core.engines.polars.sql.expressions import Reading, condition, translated
from odibi_core.engines.polars.sql.grouping import Grouped, aggregates_in, grouped
from odibi_core.engines.polars.sql.joins import conjuncts, joined, split_keys
from odibi_core.engines.polars.sql.pivots import exploded, pivoted, unpivoted
from odibi_core.engines.polars.sql.projection import Projection, projected
from odibi_core.engines.polars.sql.scope import Field, Relation, Work, renamed, resolved
from odibi_core.engines.polars.sql.set_operations import combined
from odibi_core.engines.polars.sql.subqueries import attached, has_queries
from odibi_core.engines.polars.sql.typed import Typed, common
from odibi_core.engines.polars.sql.windows import with_windows
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree


class Runner(Frozen):
    """What a query can read."""

    tables: Mapping[str, Relation]  # inputs and CTEs, by lower-case name
    work: Work
    outer: Relation | None = None  # the rows around a correlated query
    seen: list[Field] = field(default_factory=list)

    def run(self, query: tree.Query) -> Relation:
        """
        The relation that a query gives.

        Raises:
            SchemaMismatchError: If a column is missing, or types do not fit.
        """
        inner = self._with(query.ctes)
        if isinstance(query, tree.SetOperation):
            made = combined(query, replace(inner, outer=None).run(query.left), replace(inner, outer=None).run(query.right), self.work)
            return _limited(inner.ordered(made, query.order), query.limit, query.offset)
        return inner.select(query)

    def _with(self, ctes: Sequence[tree.Cte]) -> Runner:
        runner = self
        for cte in ctes:
            made = renamed(replace(runner, outer=None).run(cte.query), cte.name, self.work, cte.columns)
            runner = replace(runner, tables={**runner.tables, cte.name: made})
        return runner

    def _inside(self, query: tree.Query, outer: Relation | None) -> Relation:
        return replace(self, outer=outer).run(query)

    def _relation(self, node: tree.Relation) -> Relation:
        match node:
            case tree.Table():
                if node.name not in self.tables:
                    raise ConfigError(f"SQL reads '{node.name}', which is not an input")
                return renamed(self.tables[node.name], node.alias, self.work)
            case tree.Derived():
                made = replace(self, outer=None).run(node.query)
                if not node.alias:  # joins in parentheses keep the names of their tables
                    return made
                return renamed(made, node.alias, self.work, node.columns)
            case tree.Values():
                return self._values(node)
            case tree.Pivot():
                return pivoted(node, self._relation(node.source), self.work)
            case _:
                return unpivoted(node, self._relation(node.source), self.work)

    def _values(self, node: tree.Values) -> Relation:
        reading = Reading(columns={}, work=self.work)
        width = len(node.rows[0])
        if any(len(row) != width for row in node.rows):
            raise SchemaMismatchError("the rows of VALUES in SQL have different lengths")
        cells = [[translated(cell, reading) for cell in row] for row in node.rows]
        fields = []
        for place in range(width):
            shared = common([row[place] for row in cells])
            name = node.columns[place] if node.columns else f"col{place + 1}"
            fields.append(Field(name=name, table=node.alias, physical=self.work.fresh(name), dtype=shared.dtype, soft=shared.soft))
        rows = [
            pl.LazyFrame({"": [0]}).select(
                [cast(cell, found.dtype).expr.alias(found.physical) for cell, found in zip(row, fields, strict=True)]
            )
            for row in cells
        ]
        return Relation(frame=pl.concat(rows) if len(rows) > 1 else rows[0], fields=tuple(fields))

    def _from(self, node: tree.Select) -> Relation:
        relation = Relation(frame=pl.LazyFrame({"": [0]}), fields=()) if node.source is None else self._relation(node.source)
        for join in node.joins:
            if isinstance(join, tree.Join):
                relation = joined(relation, join, self._relation(join.right), self.work)
            else:
                value = resolved(join.value, relation.fields, self.work)
                relation = exploded(relation, value, join.columns, join.alias, self.work, outer=join.outer, position=join.position)
        return relation

    def _filtered(self, relation: Relation, parts: Sequence[tree.Expression]) -> Relation:
        """WHERE, HAVING and QUALIFY; the parts are bound."""
        plain = [part for part in parts if not has_queries(part)]
        if plain:
            reading = Reading.of(relation, self.work)
            relation = replace(relation, frame=relation.frame.filter([condition(part, reading) for part in plain]))
        others = [part for part in parts if has_queries(part)]
        if others:
            relation, others = attached(relation, others, self._inside, self.work)
            reading = Reading.of(relation, self.work)
            relation = replace(relation, frame=relation.frame.filter([condition(part, reading) for part in others]))
        return relation

    def _around(self, relation: Relation, where: tree.Expression | None) -> tuple[Relation, list[tree.Expression]]:
        """FROM together with the rows around a correlated query, and what is left of WHERE."""
        if self.outer is None:
            return relation, [resolved(part, relation.fields, self.work) for part in conjuncts(where)]
        hidden = tuple(replace(found, hidden=True) for found in self.outer.fields)
        around = replace(self.outer, fields=hidden)
        both = (*relation.fields, *hidden)
        parts = [resolved(part, both, self.work) for part in conjuncts(where)]
        keys, rest = split_keys(parts, around, relation)
        on: tree.Expression | None = None
        for key in keys:
            same = tree.Call(name="eq", args=key)
            on = same if on is None else tree.Call(name="and", args=(on, same))
        made = joined(around, tree.Join(how="inner" if keys else "cross", right=tree.Table(name="", alias=""), on=on), relation, self.work)
        return replace(made, fields=both, row=self.outer.row), rest

    def select(self, node: tree.Select) -> Relation:
        """One SELECT."""
        relation, where = self._around(self._from(node), node.where)
        relation = self._filtered(relation, where)
        selection = Projection.of(node, relation, self.work)
        used = selection.expressions
        if node.group is not None or aggregates_in(used):
            relation, selection = self._grouped(relation, node, selection)
        if selection.having is not None:
            relation = self._filtered(relation, list(conjuncts(selection.having)))
        relation, selection = self._attached(relation, selection)
        windows = [part for expression in selection.expressions for part in tree.walk(expression) if isinstance(part, tree.Window)]
        relation, columns = with_windows(relation, list(dict.fromkeys(windows)), self.work)
        selection = selection.changed(lambda expression: _changed(expression, columns))
        if selection.qualify is not None:
            relation = self._filtered(relation, list(conjuncts(selection.qualify)))
        return projected(node, relation, selection, self.work)

    def _grouped(self, relation: Relation, node: tree.Select, selection: Projection) -> tuple[Relation, Projection]:
        keys, sets = selection.keys(node.group, relation, self.work)
        inside = [part for aggregate in aggregates_in(selection.expressions) for part in tree.parts(aggregate)]
        if any(has_queries(part) for part in [*keys, *inside]):
            raise SchemaMismatchError("a query inside an aggregate does not run on Polars", hint="Compute it in a SELECT in FROM.")
        made: Grouped = grouped(relation, keys, sets, selection.expressions, self.work)
        return made.relation, selection.changed(made.rewritten)

    def _attached(self, relation: Relation, selection: Projection) -> tuple[Relation, Projection]:
        expressions = selection.expressions
        if not any(has_queries(expression) for expression in expressions):
            return relation, selection
        relation, changed = attached(relation, expressions, self._inside, self.work)
        return relation, selection.changed(dict(zip(expressions, changed, strict=True)).__getitem__)

    def ordered(self, relation: Relation, order: Sequence[tree.Order]) -> Relation:
        """ORDER BY over the result of a set operation."""
        if not order:
            return relation
        reading = Reading.of(relation, self.work)
        keys = []
        for term in order:
            value = term.value
            if isinstance(value, tree.Value) and value.text.isdigit():
                keys.append(relation.visible[int(value.text) - 1].value)
            else:
                keys.append(translated(resolved(value, relation.fields, self.work), reading))
        return replace(relation, frame=sorted_by(relation.frame, keys, order))


def _changed(expression: tree.Expression, columns: Mapping[tree.Node, tree.Column]) -> tree.Expression:
    made: tree.Expression = tree.changed(expression, columns.get)
    return made


def sorted_by(frame: pl.LazyFrame, keys: Sequence[Typed], order: Sequence[tree.Order]) -> pl.LazyFrame:
    """Rows in an order; equal ones stay as they were."""
    return frame.sort(
        [key.expr for key in keys],
        descending=[term.descending for term in order],
        nulls_last=[not term.nulls_first for term in order],
        maintain_order=True,
    )


def _limited(relation: Relation, limit: int | None, offset: int) -> Relation:
    if limit is None and not offset:
        return relation
    return replace(relation, frame=relation.frame.slice(offset, limit))
