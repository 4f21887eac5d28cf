"""Aggregate functions: Spark's types, and NULL where there is nothing to aggregate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, double, flag, text
from odibi_core.engines.polars.sql.typed import BIGINT, BOOLEAN, DOUBLE, TEXT, Typed, decimal, precision_scale, type_name, typed
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql.tree import Aggregate, Value

COUNTS = frozenset({"count", "count_if", "approx_count_distinct"})  # 0 where there is nothing


class Sorting(Frozen):
    """A key of an order, computed."""

    expr: pl.Expr
    descending: bool
    nulls_first: bool


def aggregated(node: Aggregate, args: Sequence[Typed], where: pl.Expr | None, order: Sequence[Sorting]) -> Typed:
    """
    The aggregate of some columns.

    Raises:
        SchemaMismatchError: If their types do not fit.
    """
    if node.name == "count" and not args:
        count = pl.len() if where is None else where.fill_null(value=False).sum()
        return typed(count.cast(pl.Int64), BIGINT)
    seen = [arg.but(_seen(arg.expr, where, order)) for arg in args]
    if node.distinct:
        if len(seen) > 1:
            return _count_distinct(seen)
        seen = [seen[0].but(seen[0].expr.unique(maintain_order=True)), *seen[1:]]
    if node.name == "count" and len(seen) > 1:
        every = pl.all_horizontal([arg.expr.is_not_null() for arg in seen])
        return typed(every.sum().cast(pl.Int64), BIGINT)
    build = _BUILDERS.get(node.name)
    if build is None:
        raise ConfigError(f"function {node.name.upper()} in SQL needs a window", hint="Write OVER (…) behind it.")
    return build(node, seen)


def _seen(expr: pl.Expr, where: pl.Expr | None, order: Sequence[Sorting]) -> pl.Expr:
    """The rows that count, in their order."""
    keep = None if where is None else where.fill_null(value=False)
    expr = expr if keep is None else expr.filter(keep)
    if not order:
        return expr
    keys = [key.expr if keep is None else key.expr.filter(keep) for key in order]
    return expr.sort_by(
        keys, descending=[key.descending for key in order], nulls_last=[not key.nulls_first for key in order], maintain_order=True
    )


def _count_distinct(seen: Sequence[Typed]) -> Typed:
    every = pl.all_horizontal([arg.expr.is_not_null() for arg in seen])
    rows = pl.struct([arg.expr.alias(str(place)) for place, arg in enumerate(seen)]).filter(every)
    return typed(rows.n_unique().cast(pl.Int64), BIGINT)


def _if_any(values: pl.Expr, made: pl.Expr) -> pl.Expr:
    """NULL if there is no value."""
    return pl.when(values.count() > 0).then(made)


def summable(value: Typed) -> Typed:
    """A number in the type in which Spark sums it."""
    if value.is_text or value.dtype.is_float():
        return cast(value, DOUBLE)
    if value.is_decimal:
        precision, scale = precision_scale(value)
        target = decimal(precision + 10, scale)
        return Typed(expr=value.expr.cast(pl.Decimal(38, scale)), dtype=target, soft=value.soft)
    if value.dtype == BOOLEAN or value.is_whole or value.is_null:
        return typed(value.expr.cast(pl.Int64), BIGINT)
    raise SchemaMismatchError(f"SQL cannot sum {type_name(value.dtype)}", hint="CAST it to a number.")


def _sum(_: Aggregate, args: Sequence[Typed]) -> Typed:
    value = summable(args[0])
    if value.dtype == BIGINT and args[0].dtype in (pl.Int64(), pl.UInt64()):
        total = value.expr.cast(pl.Int128).sum().cast(pl.Int64)  # too large is an error, not a number of the other sign
    else:
        total = value.expr.sum()
    return Typed(expr=_if_any(value.expr, total.cast(value.dtype)), dtype=value.dtype, soft=value.soft)


def _avg(_: Aggregate, args: Sequence[Typed]) -> Typed:
    value = args[0]
    if value.is_decimal:
        precision, scale = precision_scale(value)
        target = decimal(precision + 4, scale + 4)
        wide = pl.Decimal(38, target.scale)
        total = value.expr.cast(pl.Decimal(38, scale)).sum().cast(wide)
        count = value.expr.count()
        return Typed(expr=pl.when(count > 0).then((total / count.cast(wide)).cast(target)), dtype=target, soft=value.soft)
    return typed(double(summable(value)).mean(), DOUBLE)


def _min(_: Aggregate, args: Sequence[Typed]) -> Typed:
    return args[0].but(args[0].expr.min())


def _max(_: Aggregate, args: Sequence[Typed]) -> Typed:
    """NaN is the largest number."""
    value = args[0]
    return value.but(value.expr.nan_max() if value.dtype.is_float() else value.expr.max())


def _share(node: Aggregate) -> float:
    share = node.args[1]
    number = float(share.text) if isinstance(share, Value) and share.type == "number" else -1.0
    if not 0 <= number <= 1:
        raise ConfigError("a percentile in SQL must be between 0 and 1")
    return number


def _percentile(node: Aggregate, args: Sequence[Typed]) -> Typed:
    return typed(double(args[0]).drop_nulls().quantile(_share(node), interpolation="linear"), DOUBLE)


def _discrete(node: Aggregate, args: Sequence[Typed]) -> Typed:
    """The smallest value of which so large a share is not larger."""
    share = _share(node)
    values = args[0].expr.drop_nulls()
    place = (values.len().cast(pl.Float64) * share).ceil().cast(pl.Int64) - 1
    return args[0].but(values.sort().slice(place.clip(0, None), 1).first())


def _first(node: Aggregate, args: Sequence[Typed]) -> Typed:
    value = args[0].expr.drop_nulls() if node.ignore_nulls or node.name == "first_non_null" else args[0].expr
    return args[0].but(value.first())


def _last(node: Aggregate, args: Sequence[Typed]) -> Typed:
    return args[0].but((args[0].expr.drop_nulls() if node.ignore_nulls else args[0].expr).last())


def _list(_: Aggregate, args: Sequence[Typed]) -> Typed:
    value = args[0].hard()
    return typed(value.expr.drop_nulls().implode(), pl.List(value.dtype))


def _list_with_nulls(_: Aggregate, args: Sequence[Typed]) -> Typed:
    value = args[0].hard()
    return typed(value.expr.implode(), pl.List(value.dtype))


def _set(_: Aggregate, args: Sequence[Typed]) -> Typed:
    value = args[0].hard()
    return typed(value.expr.drop_nulls().unique(maintain_order=True).implode(), pl.List(value.dtype))


def _joined(node: Aggregate, args: Sequence[Typed]) -> Typed:
    separator = node.args[1].text if len(node.args) > 1 and isinstance(node.args[1], Value) else ("" if len(node.args) > 1 else ",")
    value = text(args[0])
    return typed(_if_any(value, value.drop_nulls().str.join(separator)), TEXT)


def _by(node: Aggregate, args: Sequence[Typed]) -> Typed:
    known = args[1].expr.is_not_null()
    ordered = args[0].expr.filter(known).sort_by(args[1].expr.filter(known), descending=node.name == "min_by", maintain_order=True)
    return args[0].but(ordered.last())


def _pair(build: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[[Aggregate, Sequence[Typed]], Typed]:
    def made(_: Aggregate, args: Sequence[Typed]) -> Typed:
        a, b = double(args[0]), double(args[1])
        both = a.is_not_null() & b.is_not_null()
        return typed(build(a.filter(both), b.filter(both)), DOUBLE)

    return made


def _of_double(build: Callable[[pl.Expr], pl.Expr]) -> Callable[[Aggregate, Sequence[Typed]], Typed]:
    return lambda _, args: typed(build(double(args[0])), DOUBLE)


def _of_flags(build: Callable[[pl.Expr], pl.Expr]) -> Callable[[Aggregate, Sequence[Typed]], Typed]:
    return lambda _, args: typed(_if_any(flag(args[0]), build(flag(args[0]))), BOOLEAN)


_BUILDERS: dict[str, Callable[[Aggregate, Sequence[Typed]], Typed]] = {
    "count": lambda _, args: typed(args[0].expr.count().cast(pl.Int64), BIGINT),
    "count_if": lambda _, args: typed(flag(args[0]).sum().cast(pl.Int64), BIGINT),
    "approx_count_distinct": lambda _, args: typed(args[0].expr.drop_nulls().n_unique().cast(pl.Int64), BIGINT),
    "sum": _sum,
    "avg": _avg,
    "min": _min,
    "max": _max,
    "stddev": _of_double(lambda value: value.std(ddof=1)),
    "stddev_pop": _of_double(lambda value: value.std(ddof=0)),
    "variance": _of_double(lambda value: value.var(ddof=1)),
    "var_pop": _of_double(lambda value: value.var(ddof=0)),
    "skewness": _of_double(lambda value: value.skew(bias=True)),
    "kurtosis": _of_double(lambda value: value.kurtosis(fisher=True, bias=True)),
    "product": _of_double(lambda value: _if_any(value, value.product())),
    "median": _of_double(lambda value: value.median()),
    "percentile": _percentile,
    "percentile_cont": _percentile,
    "percentile_disc": _discrete,
    "percentile_approx": _discrete,
    "mode": lambda _, args: args[0].but(args[0].expr.drop_nulls().mode().min()),
    "first": _first,
    "first_non_null": _first,
    "any_value": _first,
    "last": _last,
    "collect_list": _list,
    "array_agg_nulls": _list_with_nulls,
    "collect_set": _set,
    "string_agg": _joined,
    "bool_and": _of_flags(lambda value: value.all(ignore_nulls=True)),
    "bool_or": _of_flags(lambda value: value.any(ignore_nulls=True)),
    "max_by": _by,
    "min_by": _by,
    "corr": _pair(pl.corr),
    "covar_samp": _pair(lambda a, b: pl.cov(a, b, ddof=1)),
    "covar_pop": _pair(lambda a, b: pl.cov(a, b, ddof=0)),
}
