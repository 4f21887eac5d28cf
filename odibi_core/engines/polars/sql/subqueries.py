"""Queries inside expressions: their values become columns of the outer relation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.aggregates import COUNTS
from odibi_core.engines.polars.sql.casts import to_common
from odibi_core.engines.polars.sql.expressions import Reading, translated
from odibi_core.engines.polars.sql.scope import Field, Relation, UnknownColumnError, Work
from odibi_core.engines.polars.sql.typed import BOOLEAN, Typed, common, typed
from odibi_core.errors import SchemaMismatchError
from odibi_core.sql import tree

Run = Callable[[tree.Query, Relation | None], Relation]  # a query, and the rows around it if it is correlated
_KINDS = (tree.InQuery, tree.Exists, tree.Scalar)


def has_queries(expression: tree.Node) -> bool:
    """Whether there is a query in an expression."""
    return any(isinstance(node, _KINDS) for node in tree.walk(expression))


def attached(relation: Relation, expressions: Sequence[tree.Expression], run: Run, work: Work) -> tuple[Relation, list[tree.Expression]]:
    """The relation with a column for each query in the bound expressions, and the expressions that read them."""
    columns: dict[tree.Node, tree.Column] = {}
    for expression in expressions:
        for node in _queries(expression):
            if node not in columns:
                relation, columns[node] = _attached(relation, node, run, work)
    return relation, [tree.changed(expression, columns.get) for expression in expressions]


def _queries(expression: tree.Node) -> list[tree.InQuery | tree.Exists | tree.Scalar]:
    found: list[tree.InQuery | tree.Exists | tree.Scalar] = []
    if isinstance(expression, tree.Select | tree.SetOperation):
        return found
    for part in tree.parts(expression):
        found += _queries(part)
    if isinstance(expression, _KINDS):
        found.append(expression)
    return found


def _attached(relation: Relation, node: tree.InQuery | tree.Exists | tree.Scalar, run: Run, work: Work) -> tuple[Relation, tree.Column]:
    value: Typed | None = None
    if isinstance(node, tree.InQuery):
        if has_queries(node.value):
            relation, (inner,) = attached(relation, [node.value], run, work)
            value = translated(inner, Reading.of(relation, work))
        else:
            value = translated(node.value, Reading.of(relation, work))
    try:
        found = run(node.query, None)
        correlated = False
    except UnknownColumnError as unknown:
        row = work.fresh("row")
        marked = replace(relation, frame=relation.frame.with_row_index(row))
        try:
            found = run(node.query, replace(marked, row=row))
        except UnknownColumnError:
            raise unknown from None
        relation, correlated = marked, True
    name = work.fresh("query")
    if correlated:
        frame, made = _per_row(relation, node, found, row=row, value=value, name=name, work=work)
    else:
        frame, made = _once(relation, node, found, value=value, name=name, work=work)
    field = Field(name=name, table="", physical=name, dtype=made.dtype, soft=made.soft, hidden=True)
    return replace(relation, frame=frame, fields=(*relation.fields, field)), field.column


def _only(found: Relation) -> Field:
    shown = found.visible
    if len(shown) != 1:
        raise SchemaMismatchError(f"a query inside an expression in SQL gives {len(shown)} columns, expected one")
    return shown[0]


def _once(
    relation: Relation, node: tree.Node, found: Relation, *, value: Typed | None, name: str, work: Work
) -> tuple[pl.LazyFrame, Typed]:
    """A query that knows nothing of the rows around it."""
    if isinstance(node, tree.Exists):
        flag = found.frame.select((pl.len() > 0).alias(name))
        return relation.frame.join(flag, how="cross"), typed(pl.col(name), BOOLEAN)
    column = _only(found)
    if isinstance(node, tree.Scalar) or value is None:
        one = found.frame.select(pl.col(column.physical).item(allow_empty=True).alias(name))
        return relation.frame.join(one, how="cross"), replace(column.value, expr=pl.col(name))
    mine, theirs = to_common([value, column.value], common([value, column.value], comparing=True))
    key, count, gap = work.fresh("key"), work.fresh("count"), work.fresh("gap")
    listed = found.frame.select(theirs.alias(key))
    facts = listed.select(pl.len().alias(count), pl.col(key).is_null().any().alias(gap))
    matches = listed.drop_nulls().unique().with_columns(pl.lit(value=True).alias(name))
    frame = relation.frame.with_columns(mine.alias(key)).join(matches, on=key, how="left", maintain_order="left").join(facts, how="cross")
    return _three_valued(frame, name, pl.col(count) == 0, pl.col(key).is_null() | pl.col(gap)), typed(pl.col(name), BOOLEAN)


def _three_valued(frame: pl.LazyFrame, name: str, empty: pl.Expr, unknown: pl.Expr) -> pl.LazyFrame:
    """x IN (…): true, false, or NULL where a NULL leaves it open."""
    made = pl.when(pl.col(name)).then(statement=True).when(empty).then(statement=False).when(unknown).then(None).otherwise(statement=False)
    return frame.with_columns(made.cast(pl.Boolean).alias(name))


def _per_row(
    relation: Relation, node: tree.Node, found: Relation, *, row: str, value: Typed | None, name: str, work: Work
) -> tuple[pl.LazyFrame, Typed]:
    """A query that reads the row around it: it was run for all rows at once, with the number of the row."""
    inner = found.row or row
    if isinstance(node, tree.Exists):
        matches = found.frame.select(pl.col(inner).alias(row)).unique().with_columns(pl.lit(value=True).alias(name))
        frame = relation.frame.join(matches, on=row, how="left", maintain_order="left")
        return frame.with_columns(pl.col(name).fill_null(value=False)), typed(pl.col(name), BOOLEAN)
    column = _only(found)
    if isinstance(node, tree.Scalar) or value is None:
        each = found.frame.group_by(pl.col(inner).alias(row)).agg(pl.col(column.physical).item(allow_empty=True).alias(name))
        frame = relation.frame.join(each, on=row, how="left", maintain_order="left")
        if isinstance(node, tree.Scalar) and _counts(node.query):
            frame = frame.with_columns(pl.col(name).fill_null(0))
        return frame, replace(column.value, expr=pl.col(name))
    mine, theirs = to_common([value, column.value], common([value, column.value], comparing=True))
    key, other, count, gap = work.fresh("key"), work.fresh("other"), work.fresh("count"), work.fresh("gap")
    frame = relation.frame.with_columns(mine.alias(key))
    pairs = found.frame.select(pl.col(inner).alias(row), theirs.alias(other)).join(frame.select(row, key), on=row)
    facts = pairs.group_by(row).agg(
        pl.len().alias(count), pl.col(other).is_null().any().alias(gap), (pl.col(key) == pl.col(other)).any().alias(name)
    )
    frame = frame.join(facts, on=row, how="left", maintain_order="left")
    return _three_valued(frame, name, pl.col(count).is_null(), pl.col(key).is_null() | pl.col(gap)), typed(pl.col(name), BOOLEAN)


def _counts(query: tree.Query) -> bool:
    """Whether a query gives a number even where it has no rows."""
    if not isinstance(query, tree.Select) or query.group is not None or len(query.columns) != 1:
        return False
    value = query.columns[0].value
    return isinstance(value, tree.Aggregate) and value.name in COUNTS
