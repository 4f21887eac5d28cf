"""JOIN: equal keys are joined, everything else in ON is a filter over the pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.casts import to_common
from odibi_core.engines.polars.sql.expressions import Reading, condition, translated
from odibi_core.engines.polars.sql.scope import Field, Relation, Work, bound_names, find, resolved
from odibi_core.engines.polars.sql.typed import common
from odibi_core.errors import SchemaMismatchError
from odibi_core.sql import tree

Keys = list[tuple[tree.Expression, tree.Expression]]  # of the left side, and of the right


def conjuncts(expression: tree.Expression | None) -> Iterator[tree.Expression]:
    """What AND joins together."""
    if isinstance(expression, tree.Call) and expression.name == "and":
        for part in expression.args:
            yield from conjuncts(part)
    elif expression is not None:
        yield expression


def split_keys(parts: Sequence[tree.Expression], left: Relation, right: Relation) -> tuple[Keys, list[tree.Expression]]:
    """The equalities between one side and the other, and the rest. `parts` are bound."""
    mine, others = {field.physical for field in left.fields}, {field.physical for field in right.fields}
    keys: Keys = []
    rest = []
    for part in parts:
        if isinstance(part, tree.Call) and part.name == "eq" and _is_plain(part):
            a, b = bound_names(part.args[0]), bound_names(part.args[1])
            if a and b and a <= mine and b <= others:
                keys.append((part.args[0], part.args[1]))
                continue
            if a and b and a <= others and b <= mine:
                keys.append((part.args[1], part.args[0]))
                continue
        rest.append(part)
    return keys, rest


def _is_plain(part: tree.Node) -> bool:
    return not any(isinstance(node, tree.InQuery | tree.Exists | tree.Scalar) for node in tree.walk(part))


def joined(left: Relation, join: tree.Join, right: Relation, work: Work) -> Relation:
    """
    Two relations as one.

    Raises:
        SchemaMismatchError: If a key of USING is not on both sides.
    """
    using = join.using
    if join.natural:
        names = {field.name.lower() for field in right.visible}
        using = tuple(field.name for field in left.visible if field.name.lower() in names)
    pairs = [(_side(name, left, "left"), _side(name, right, "right")) for name in using]
    both = (*left.fields, *right.fields)
    parts = [resolved(part, both, work) for part in conjuncts(join.on)]
    keys, rest = split_keys(parts, left, right)
    keys += [(mine.column, other.column) for mine, other in pairs]
    frame = _frame(left, right, keys, rest, how=join.how, work=work)
    if join.how in ("semi", "anti"):
        return replace(left, frame=frame)
    if not pairs:
        return replace(left, frame=frame, fields=both)
    return _with_shared_keys(replace(left, frame=frame, fields=both), pairs, join.how, work)


def _side(name: str, relation: Relation, side: str) -> Field:
    found = find(tree.Column(name=name), relation.visible)
    if found is None:
        known = ", ".join(field.name for field in relation.visible)
        raise SchemaMismatchError(f"the key '{name}' of USING is missing on the {side} side", hint=f"Known: {known}.")
    return found


def _with_shared_keys(relation: Relation, pairs: list[tuple[Field, Field]], how: str, work: Work) -> Relation:
    """The keys of USING once, in front."""
    shared, exprs = [], []
    for mine, other in pairs:
        target = common([mine.value, other.value])
        a, b = to_common([mine.value, other.value], target)
        name = work.fresh(mine.name)
        exprs.append((b if how == "right" else pl.coalesce(a, b) if how == "full" else a).alias(name))
        shared.append(Field(name=mine.name, table="", physical=name, dtype=target.dtype, soft=target.soft))
    keys = {field.physical for pair in pairs for field in pair}
    others = tuple(replace(field, hidden=field.hidden or field.physical in keys) for field in relation.fields)
    return replace(relation, frame=relation.frame.with_columns(exprs), fields=(*shared, *others))


def _frame(left: Relation, right: Relation, keys: Keys, rest: list[tree.Expression], *, how: str, work: Work) -> pl.LazyFrame:
    if how == "cross" or (how == "inner" and not keys):
        pairs = left.frame.join(right.frame, how="cross", maintain_order="left_right")
        return _filtered(pairs, left, right, [*rest, *(tree.Call(name="eq", args=key) for key in keys)], work=work)
    if not rest and keys:
        return _by_keys(left, right, keys, how, work)
    if how == "inner":
        return _filtered(_by_keys(left, right, keys, how, work), left, right, rest, work=work)
    return _by_rows(left, right, keys, rest, how=how, work=work)


def _by_keys(left: Relation, right: Relation, keys: Keys, how: str, work: Work) -> pl.LazyFrame:
    """On equal keys of a common type; NULL equals nothing."""
    names = [work.fresh("key") for _ in keys]
    ours, theirs = Reading.of(left, work), Reading.of(right, work)
    mine, others = [], []
    for (a, b), name in zip(keys, names, strict=True):
        one, other = translated(a, ours), translated(b, theirs)
        first, second = to_common([one, other], common([one, other], comparing=True))
        mine.append(first.alias(name))
        others.append(second.alias(name))
    order = "right_left" if how == "right" else "left_right" if how in ("inner", "left", "full") else "left"
    made = left.frame.with_columns(mine).join(
        right.frame.with_columns(others),
        on=names,
        how=how,  # type: ignore[arg-type]  # the names of the joins are Polars' names
        coalesce=None if how in ("semi", "anti") else False,
        maintain_order=order,  # type: ignore[arg-type]  # one of the three orders
    )
    kept = left.fields if how in ("semi", "anti") else (*left.fields, *right.fields)
    rows = [left.row] if left.row else []
    return made.select([*rows, *dict.fromkeys(field.physical for field in kept)])


def _filtered(pairs: pl.LazyFrame, left: Relation, right: Relation, parts: list[tree.Expression], *, work: Work) -> pl.LazyFrame:
    reading = Reading.of(Relation(frame=pairs, fields=(*left.fields, *right.fields)), work)
    return pairs.filter([condition(part, reading) for part in parts]) if parts else pairs


def _by_rows(left: Relation, right: Relation, keys: Keys, rest: list[tree.Expression], *, how: str, work: Work) -> pl.LazyFrame:
    """An outer join with a condition beyond equal keys: the pairs that match, and then the rows without one."""
    mine, theirs = work.fresh("left_row"), work.fresh("right_row")
    ours = replace(left, frame=left.frame.with_row_index(mine))
    others = replace(right, frame=right.frame.with_row_index(theirs))
    marked_left = replace(ours, fields=(*left.fields, Field(name="", table="", physical=mine, dtype=pl.UInt32())))
    marked_right = replace(others, fields=(*right.fields, Field(name="", table="", physical=theirs, dtype=pl.UInt32())))
    pairs = (
        _by_keys(marked_left, marked_right, keys, "inner", work)
        if keys
        else marked_left.frame.join(marked_right.frame, how="cross", maintain_order="left_right")
    )
    matches = _filtered(pairs, left, right, rest, work=work)
    if how in ("semi", "anti"):
        found = matches.select(mine).unique()
        return ours.frame.join(found, on=mine, how=how, maintain_order="left").drop(mine)  # type: ignore[arg-type]  # semi or anti
    links = matches.select(mine, theirs)
    wanted = [*([left.row] if left.row else []), *(field.physical for field in (*left.fields, *right.fields))]
    if how in ("left", "full"):
        made = ours.frame.join(links, on=mine, how="left", maintain_order="left").join(
            others.frame, on=theirs, how="left", maintain_order="left"
        )
        if how == "left":
            return made.select(wanted)
        lonely = others.frame.join(links, on=theirs, how="anti", maintain_order="left")
        return pl.concat([made.select(wanted), lonely.select([field.physical for field in right.fields])], how="diagonal").select(wanted)
    made = others.frame.join(links, on=theirs, how="left", maintain_order="left").join(
        ours.frame, on=mine, how="left", maintain_order="left"
    )
    return made.select(wanted)
