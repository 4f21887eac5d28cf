"""
Window functions over a sorted frame.

For each order the frame is sorted once by partition and order; a function is then a matter of the rows before and behind. The
rows come back in the order in which they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from odibi_core.engines.polars.sql.aggregates import COUNTS, Sorting, aggregated, summable
from odibi_core.engines.polars.sql.casts import cast, double, flag
from odibi_core.engines.polars.sql.expressions import Reading, condition, translated
from odibi_core.engines.polars.sql.scope import Field, Relation, Work
from odibi_core.engines.polars.sql.typed import BIGINT, DOUBLE, INT, Typed, common, decimal, precision_scale, typed
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree

_RANKING = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"})
_CUMULATIVE = frozenset({"sum", "count", "count_if", "avg", "min", "max", "first", "last", "first_non_null", "any_value"})
_SPANS = {"WEEK": "w", "DAY": "d", "HOUR": "h", "MINUTE": "m", "SECOND": "s", "MILLISECOND": "ms", "MICROSECOND": "us", "MONTH": "mo",
          "QUARTER": "q", "YEAR": "y"}  # fmt: skip


class _Sorted(Frozen):
    """A frame in the order of a window, and the columns that say where a row stands."""

    frame: pl.LazyFrame
    partition: list[str]
    index: str  # of the row in the whole sorted frame
    peers: str  # counts the distinct order values of a partition, from 1
    order: list[Sorting]

    def over(self, expr: pl.Expr, *more: str) -> pl.Expr:
        """Computed for each partition alone."""
        names = [*self.partition, *more]
        return expr.over(names) if names else expr


def with_windows(relation: Relation, windows: Sequence[tree.Window], work: Work) -> tuple[Relation, dict[tree.Node, tree.Column]]:
    """The relation with a column for each window function, and which column that is."""
    if not windows:
        return relation, {}
    position = work.fresh("position")
    reading = Reading.of(relation, work)
    frame = relation.frame.with_row_index(position)
    fields = [*relation.fields]
    columns: dict[tree.Node, tree.Column] = {}
    groups: dict[tuple[tree.Node, ...], list[tree.Window]] = {}
    for window in windows:
        groups.setdefault((*window.partition, tree.Values(rows=()), *window.order), []).append(window)
    for same in groups.values():
        ready = _sorted(frame, same[0], reading, relation.row, work)
        frame = ready.frame
        for window in same:
            value, frame = _computed(window, replace(ready, frame=frame), reading, work)
            name = work.fresh(window.function.name)
            frame = frame.with_columns(value.expr.alias(name))
            found = Field(name=window.function.name, table="", physical=name, dtype=value.dtype, soft=value.soft, hidden=True)
            fields.append(found)
            columns[window] = found.column
    return Relation(frame=frame.sort(position), fields=tuple(fields), row=relation.row), columns


def _sorted(frame: pl.LazyFrame, window: tree.Window, reading: Reading, row: str | None, work: Work) -> _Sorted:
    partition = [work.fresh("partition") for _ in window.partition]
    keys = [translated(key, reading).expr.alias(name) for key, name in zip(window.partition, partition, strict=True)]
    order = [
        Sorting(expr=translated(term.value, reading).expr, descending=term.descending, nulls_first=term.nulls_first)
        for term in window.order
    ]
    names = [work.fresh("order") for _ in order]
    frame = frame.with_columns([*keys, *(key.expr.alias(name) for key, name in zip(order, names, strict=True))])
    partition += [row] if row else []
    index, peers = work.fresh("index"), work.fresh("peers")
    ready = _Sorted(frame=frame, partition=partition, index=index, peers=peers, order=[
        replace(key, expr=pl.col(name)) for key, name in zip(order, names, strict=True)
    ])  # fmt: skip
    if not order:
        return ready
    frame = frame.sort(
        [*partition, *names],
        descending=[*(False for _ in partition), *(key.descending for key in order)],
        nulls_last=[*(False for _ in partition), *(not key.nulls_first for key in order)],
        maintain_order=True,
    ).with_row_index(index)
    changes = pl.any_horizontal([pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names])
    first = pl.int_range(pl.len()) == 0
    frame = frame.with_columns(
        ready.over((changes | first).cast(pl.Int64).cum_sum()).alias(peers), pl.col(index).cast(pl.Int64).alias(index)
    )
    return replace(ready, frame=frame)


def _computed(window: tree.Window, ready: _Sorted, reading: Reading, work: Work) -> tuple[Typed, pl.LazyFrame]:
    function = window.function
    if function.distinct and window.order:
        raise ConfigError("DISTINCT in a window with ORDER BY does not run on Polars", hint="Leave ORDER BY out, or aggregate before.")
    args = [translated(arg, reading) for arg in function.args]
    if function.name in _RANKING:
        return _ranking(function, ready), ready.frame
    if function.name in ("lag", "lead"):
        return _neighbour(function, args, ready), ready.frame
    where = condition(function.where, reading) if function.where is not None else None
    frame, names = ready.frame, [work.fresh("value") for _ in args]
    frame = frame.with_columns([arg.expr.alias(name) for arg, name in zip(args, names, strict=True)])
    args = [arg.but(pl.col(name)) for arg, name in zip(args, names, strict=True)]
    if where is not None:
        kept = work.fresh("kept")
        frame, where = frame.with_columns(where.alias(kept)), pl.col(kept)
    ready = replace(ready, frame=frame)
    return _framed(window, args, where, ready, reading=reading, work=work)


def _place(ready: _Sorted) -> pl.Expr:
    """The number of a row in its partition, from 0."""
    return ready.over(pl.int_range(pl.len(), dtype=pl.Int64))


def _ranking(function: tree.Aggregate, ready: _Sorted) -> Typed:
    place, rows = _place(ready), ready.over(pl.len().cast(pl.Int64))
    first = ready.over(pl.col(ready.index).first(), ready.peers) - ready.over(pl.col(ready.index).first())
    match function.name:
        case "row_number":
            return typed((place + 1).cast(pl.Int32), INT)
        case "rank":
            return typed((first + 1).cast(pl.Int32), INT)
        case "dense_rank":
            return typed(pl.col(ready.peers).cast(pl.Int32), INT)
        case "percent_rank":
            return typed(pl.when(rows > 1).then(first / (rows - 1)).otherwise(0.0), DOUBLE)
        case "cume_dist":
            last = ready.over(pl.col(ready.index).last(), ready.peers) - ready.over(pl.col(ready.index).first())
            return typed((last + 1) / rows, DOUBLE)
        case _:
            buckets = _whole(function.args[0])
            size, larger = rows // buckets, rows % buckets
            edge = larger * (size + 1)
            small = larger + (place - edge) // pl.when(size > 0).then(size).otherwise(1)
            return typed((pl.when(place < edge).then(place // (size + 1)).otherwise(small) + 1).cast(pl.Int32), INT)


def _whole(node: tree.Expression) -> int:
    if isinstance(node, tree.Value) and node.text.lstrip("-").isdigit():
        return int(node.text)
    raise ConfigError("a window in SQL needs a literal whole number")


def _neighbour(function: tree.Aggregate, args: list[Typed], ready: _Sorted) -> Typed:
    """LAG and LEAD; the default stands only where there is no such row."""
    by = _whole(function.args[1]) if len(args) > 1 else 1
    by = by if function.name == "lag" else -by
    value = args[0]
    if function.ignore_nulls:
        if by not in (1, -1):
            raise ConfigError("LAG and LEAD with IGNORE NULLS take one row on Polars")
        near = value.expr.shift(by)
        return value.but(ready.over(near.forward_fill() if by > 0 else near.backward_fill()))
    if len(args) < 3:
        return value.but(ready.over(value.expr.shift(by)))
    target = common([value, args[2]])
    target = value if target.dtype.is_numeric() and value.dtype.is_numeric() and args[2].literal is not None else target
    shifted = ready.over(cast(value, target.dtype).expr.shift(by))
    place, rows = _place(ready), ready.over(pl.len().cast(pl.Int64))
    inside = (place >= by) if by > 0 else (place < rows + by)
    made = pl.when(inside).then(shifted).otherwise(cast(args[2], target.dtype).expr)
    return Typed(expr=made, dtype=target.dtype, soft=target.soft)


def _framed(
    window: tree.Window, args: list[Typed], where: pl.Expr | None, ready: _Sorted, *, reading: Reading, work: Work
) -> tuple[Typed, pl.LazyFrame]:
    """An aggregate over the frame of each row."""
    function, frame = window.function, window.frame
    order = [
        Sorting(expr=translated(term.value, reading).expr, descending=term.descending, nulls_first=term.nulls_first)
        for term in function.order
    ]
    whole_partition = frame is not None and frame.start.unbounded and frame.end.unbounded
    if not window.order or whole_partition:
        if function.name == "nth_value":
            return _nth(function, args, ready), ready.frame
        value = aggregated(function, args, where, order)
        return value.but(ready.over(value.expr)), ready.frame
    start, end = (frame.start, frame.end) if frame is not None else (tree.Bound(sign=-1, unbounded=True), tree.Bound(sign=0))
    by_rows = frame is not None and frame.unit == "rows"
    if function.name == "nth_value":
        if not start.unbounded or end.sign != 0 or not by_rows:
            raise ConfigError("NTH_VALUE takes ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, or UNBOUNDED FOLLOWING, on Polars")
        nth = _nth(function, args, ready)
        return nth.but(pl.when(_place(ready) >= _whole(function.args[1]) - 1).then(nth.expr)), ready.frame
    one_sided = (start.unbounded and end.sign == 0) or (end.unbounded and start.sign == 0)
    if one_sided and function.name in _CUMULATIVE:
        return _cumulative(function, args, where, ready, backwards=end.unbounded, by_rows=by_rows, work=work)
    if one_sided and not by_rows:  # up to the last row with the same order value
        value, rolled = _rolling(window, args, where, ready, start=start, end=end, by_rows=True, work=work)
        name = work.fresh("peer")
        last = value.expr.first() if end.unbounded else value.expr.last()
        return value.but(pl.col(name)), rolled.with_columns(ready.over(last, ready.peers).alias(name))
    return _rolling(window, args, where, ready, start=start, end=end, by_rows=by_rows, work=work)


def _nth(function: tree.Aggregate, args: list[Typed], ready: _Sorted) -> Typed:
    values = args[0].expr.drop_nulls() if function.ignore_nulls else args[0].expr
    return args[0].but(ready.over(values.slice(_whole(function.args[1]) - 1, 1).first()))


def _cumulative(
    function: tree.Aggregate, args: list[Typed], where: pl.Expr | None, ready: _Sorted, *, backwards: bool, by_rows: bool, work: Work
) -> tuple[Typed, pl.LazyFrame]:
    """From one end of the partition to the current row, or to the last one with the same order value."""
    value = args[0] if args else typed(pl.col(ready.index), BIGINT)
    if function.name == "count_if":
        value = typed(pl.when(flag(value)).then(1), INT)
    seen = pl.when(where).then(value.expr) if where is not None else value.expr
    flipped = seen.reverse() if backwards else seen
    made = _running(function, value.but(flipped), first=function.name.startswith(("first", "any")) != backwards)
    name = work.fresh("running")
    running = ready.over(made.expr.reverse() if backwards else made.expr)
    frame = ready.frame.with_columns(running.alias(name))
    column = pl.col(name)
    if not by_rows:
        column = ready.over(column.first() if backwards else column.last(), ready.peers)
    return made.but(column), frame


def _running(function: tree.Aggregate, value: Typed, *, first: bool) -> Typed:
    expr = value.expr
    seen = expr.is_not_null().cast(pl.Int64).cum_sum()
    match function.name:
        case "count" | "count_if":
            return typed(seen, BIGINT)
        case "sum":
            number = summable(value)
            total = number.expr.fill_null(0).cum_sum().cast(number.dtype)
            return Typed(expr=pl.when(seen > 0).then(total), dtype=number.dtype, soft=number.soft)
        case "avg":
            if value.is_decimal:
                precision, scale = precision_scale(value)
                target = decimal(precision + 4, scale + 4)
                wide = pl.Decimal(38, target.scale)
                total = expr.cast(wide).fill_null(0).cum_sum()
                mean = pl.when(seen > 0).then((total / pl.when(seen > 0).then(seen).cast(wide)).cast(target))
                return Typed(expr=mean, dtype=target, soft=value.soft)
            number = typed(double(value), DOUBLE)
            return typed(pl.when(seen > 0).then(number.expr.fill_null(0).cum_sum() / seen), DOUBLE)
        case "min":
            return value.but(expr.cum_min().forward_fill())
        case "max":
            return value.but(expr.cum_max().forward_fill())
        case _:
            ignore = function.ignore_nulls or function.name == "first_non_null"
            if first:
                return value.but(pl.when(seen > 0).then(expr.drop_nulls().first()) if ignore else _spread(expr))
            return value.but(expr.forward_fill() if ignore else expr)


def _spread(expr: pl.Expr) -> pl.Expr:
    """The first value on every row."""
    return pl.when(pl.int_range(pl.len()) >= 0).then(expr.first())


def _rolling(
    window: tree.Window,
    args: list[Typed],
    where: pl.Expr | None,
    ready: _Sorted,
    *,
    start: tree.Bound,
    end: tree.Bound,
    by_rows: bool,
    work: Work,
) -> tuple[Typed, pl.LazyFrame]:
    """A frame with a bound that moves: each row sees a slice of the sorted frame."""
    value = aggregated(window.function, args, where, [])
    name = work.fresh("rolled")
    if by_rows:
        index, low, high = ready.index, _offset(start, default=-_FAR), _offset(end, default=_FAR)
        period, shift, source = f"{high - low + 1}i", f"{low - 1}i", ready.frame
        if high < low:
            raise ConfigError("a window frame in SQL ends before it starts")
    else:
        index, period, shift, source = _by_value(ready, start, end, work)
    keys = ready.partition
    rolled = source.rolling(index, period=period, offset=shift, closed="right" if by_rows else "both", group_by=keys or None)
    made = rolled.agg(value.expr.alias(name))
    on = [index] if by_rows else [*keys, index]
    if not by_rows:
        made = made.unique(subset=on)
    made = made.select([*on, name])
    frame = source.join(made, on=on, how="left", nulls_equal=True, maintain_order="left")
    column = pl.col(name).fill_null(0) if window.function.name in COUNTS else pl.col(name)
    return value.but(column), frame


_FAR = 2**40  # rows; more than any partition has


def _offset(bound: tree.Bound, *, default: int) -> int:
    if bound.unbounded:
        return default
    return 0 if bound.offset is None else bound.sign * _whole(bound.offset)


def _by_value(ready: _Sorted, start: tree.Bound, end: tree.Bound, work: Work) -> tuple[str, str, str, pl.LazyFrame]:
    """RANGE with a number or an interval: the order value itself is the index."""
    if len(ready.order) != 1 or ready.order[0].descending or start.unbounded or end.unbounded:
        raise ConfigError(
            "a RANGE frame with a distance takes one ascending ORDER BY and two bounds on Polars", hint="Write ROWS, or a self join."
        )
    index = work.fresh("range")
    low, high = _distance(start), _distance(end)
    if low[1] != high[1] and low[0] and high[0]:
        raise ConfigError("both ends of a RANGE frame need the same unit on Polars")
    unit = low[1] if low[0] else high[1]
    if unit in ("mo", "q", "y"):
        raise ConfigError("a RANGE frame by months does not run on Polars", hint="Write INTERVAL n DAYS, or a self join.")
    key = ready.order[0].expr
    key = key.cast(pl.Int64() if unit == "i" else pl.Datetime("us"))
    source = ready.frame.with_columns(key.alias(index))
    return index, f"{high[0] - low[0]}{unit}" if high[0] > low[0] else f"1{unit}", f"{low[0]}{unit}", source


def _distance(bound: tree.Bound) -> tuple[int, str]:
    if bound.offset is None:
        return 0, "i"
    node = bound.offset
    if isinstance(node, tree.Call) and node.name == "interval" and isinstance(node.args[1], tree.Value):
        return bound.sign * _whole(node.args[0]), _SPANS[node.args[1].text]
    return bound.sign * _whole(node), "i"
