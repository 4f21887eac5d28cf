"""UNION, INTERSECT and EXCEPT; NULL equals NULL in them."""

from __future__ import annotations

import polars as pl

from odibi_core.engines.polars.sql.casts import cast
from odibi_core.engines.polars.sql.operators import constant
from odibi_core.engines.polars.sql.scope import Field, Relation, Work
from odibi_core.engines.polars.sql.typed import common
from odibi_core.errors import SchemaMismatchError
from odibi_core.sql import tree


def combined(node: tree.SetOperation, left: Relation, right: Relation, work: Work) -> Relation:
    """
    Two relations as one, column by column, under the names of the left one.

    Raises:
        SchemaMismatchError: If they have different numbers of columns.
    """
    pairs = _by_name(left, right) if node.by_name else _by_place(left, right, node)
    fields: list[Field] = []
    mine, others = [], []
    for one, other in pairs:
        values = [found.value if found is not None else constant(None) for found in (one, other)]
        shared = common(values)
        named = one if one is not None else other
        assert named is not None
        made = Field(name=named.name, table="", physical=work.fresh(named.name), dtype=shared.dtype, soft=shared.soft)
        fields.append(made)
        mine.append(cast(values[0], shared.dtype).expr.alias(made.physical))
        others.append(cast(values[1], shared.dtype).expr.alias(made.physical))
    first, second = left.frame.select(mine), right.frame.select(others)
    return Relation(frame=_frame(node, first, second, [made.physical for made in fields], work), fields=tuple(fields))


def _by_place(left: Relation, right: Relation, node: tree.SetOperation) -> list[tuple[Field | None, Field | None]]:
    if len(left.visible) != len(right.visible):
        raise SchemaMismatchError(
            f"{node.operator.upper()} in SQL has {len(left.visible)} columns on its left and {len(right.visible)} on its right",
            hint="Name the same columns on both sides, or write UNION BY NAME.",
        )
    return list(zip(left.visible, right.visible, strict=True))


def _by_name(left: Relation, right: Relation) -> list[tuple[Field | None, Field | None]]:
    known = {found.name.lower(): found for found in right.visible}
    pairs: list[tuple[Field | None, Field | None]] = [(found, known.pop(found.name.lower(), None)) for found in left.visible]
    return [*pairs, *((None, found) for found in known.values())]


def _frame(node: tree.SetOperation, first: pl.LazyFrame, second: pl.LazyFrame, names: list[str], work: Work) -> pl.LazyFrame:
    if node.operator == "union":
        both = pl.concat([first, second])
        return both if node.all else both.unique(maintain_order=True)
    how = "semi" if node.operator == "intersect" else "anti"
    if not node.all:
        return first.join(second, on=names, how=how, nulls_equal=True, maintain_order="left").unique(maintain_order=True)  # type: ignore[arg-type]  # one of the two
    copy = work.fresh("copy")  # the how-manieth of its equals a row is
    numbered = [frame.with_columns(pl.int_range(pl.len()).over(names).alias(copy)) for frame in (first, second)]
    return numbered[0].join(numbered[1], on=[*names, copy], how=how, nulls_equal=True, maintain_order="left").drop(copy)  # type: ignore[arg-type]  # one of the two
