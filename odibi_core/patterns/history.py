"""Versions of things over time: `[valid_from, valid_to)` without gaps or overlaps, however the rows arrive."""

from __future__ import annotations

from typing import Any

from odibi_core.errors import DataError
from odibi_core.frozen import Frozen
from odibi_core.patterns.alignment import differs, stacked
from odibi_core.patterns.contract import PatternContext, count
from odibi_core.transforms.contract import need_columns
from odibi_core.transforms.native import Native

_ORDER, _GONE, _OLD, _KIND = "__order", "__gone", "__old", "__kind"
_CURRENT, _CLOSED, _COUNT, _END = "__is_current_there", "__is_closed_there", "__rows_of_key", "__new_end"
_THERE = "__there_"
_OURS = frozenset({_ORDER, _GONE, _OLD, _KIND, _CURRENT, _CLOSED, _COUNT, _END})


class Columns(Frozen):
    """Which columns play which part."""

    keys: tuple[str, ...]
    track: tuple[str, ...]
    start: str
    end: str
    flag: str


class History(Frozen):
    """All versions from now on, and whether they differ from the present ones."""

    rows: Any  # a native frame
    changed: bool


def history(native: Native, present: Any | None, new: Any, columns: Columns, context: PatternContext, *, who: str) -> History:
    """
    The versions of the target after new rows, which hold `start` and `_GONE`-marked deletions (see `marked`).

    A row whose tracked values are those of the version before it is no version. A row at the very time of a version takes its place. A
    late row is put where its time belongs. A deletion ends the version before it; the next row of that key begins one, after a gap. Of
    rows of one key and one time the last as read counts. Versions that lie in the target side by side are never merged.

    Nearly all keys of a batch have one row, later than what is there: they are matched by one join. The rest is sorted and compared.

    Raises:
        DataError: If a row has no time.
        SchemaMismatchError: If the target lacks a column.
    """
    pl = native.pl
    if present is not None:
        need_columns(
            native.back(present), [*columns.keys, *columns.track, columns.start, columns.end, columns.flag], who=f"the target of {who}"
        )
        present = present.with_columns(pl.col(columns.flag).fill_null(value=False))
    new = _kept(native, _matched(native, present, new, columns), context)
    new = _with_ended(native, present, new, columns, context)
    _refuse_without_time(native, new, columns, context, who)
    known, later = pl.col(_CURRENT).is_not_null(), pl.col(columns.start) > pl.col(_THERE + columns.start)
    changes = _any(pl, [differs(pl, pl.col(name), pl.col(_THERE + name), dtype) for name, dtype in _track_types(new, columns).items()])
    alone = (pl.col(_COUNT) == 1) & ~pl.col(_GONE)
    same = alone & known & ~changes & (later | (pl.col(columns.start) == pl.col(_THERE + columns.start)))
    plain = alone & ((known & changes & later) | (~known & pl.col(_CLOSED).is_null()))
    names = _names(present, new, columns)
    tangled = new.filter(~(same | plain))
    if count(context, native.back(tangled)):
        tangled = _kept(native, _tangled(native, present, tangled, columns), context)
    added = new.filter(plain).with_columns(_open_end(pl, columns, new), pl.lit(value=True).alias(columns.flag))
    there, tangles = count(context, native.back(new.filter(plain))), count(context, native.back(tangled))
    parts = [added]
    if tangles:
        parts.append(_walked(native, present, tangled, columns))
    if present is not None:
        rest = present.join(tangled.select(columns.keys), on=columns.keys, how="anti", nulls_equal=True) if tangles else present
        parts.insert(0, _closed(pl, rest, new.filter(plain & known), columns) if there else rest)
    rows = stacked(native, [_plain(part) for part in parts]).select(names)
    return History(rows=rows, changed=present is None or bool(there or tangles))


def marked(pl: Any, lazy: Any, delete_column: str | None) -> Any:
    """The rows with their order as read, and which of them say that the thing is gone."""
    gone = pl.lit(value=False)
    if delete_column is not None:
        dtype, column = lazy.collect_schema()[delete_column], pl.col(delete_column)
        if isinstance(dtype, pl.String):
            gone = column.str.to_lowercase().str.strip_chars().is_in(["true", "1", "yes", "y", "t"])
        else:
            gone = column if isinstance(dtype, pl.Boolean) else column != 0
    return lazy.with_row_index(_ORDER).with_columns(gone.fill_null(value=False).alias(_GONE))


def _matched(native: Native, present: Any | None, new: Any, columns: Columns) -> Any:
    """Each new row with the current version of its key, and how many rows there are of that pair of keys."""
    pl, keys = native.pl, list(columns.keys)
    if present is None:
        schema = new.collect_schema()
        new = new.with_columns(
            pl.lit(None, dtype=pl.Boolean).alias(_CURRENT),
            *(pl.lit(None, dtype=schema[name]).alias(_THERE + name) for name in (*columns.track, columns.start)),
        )
    else:
        values = dict.fromkeys((*columns.track, columns.start))
        current = present.filter(pl.col(columns.flag)).select(
            *keys, *(pl.col(name).alias(_THERE + name) for name in values), pl.lit(value=True).alias(_CURRENT)
        )
        new = new.join(current, on=keys, how="left", nulls_equal=True)
    return new.with_columns(pl.len().over(keys).alias(_COUNT))


def _with_ended(native: Native, present: Any | None, new: Any, columns: Columns, context: PatternContext) -> Any:
    """The new rows, those marked whose key has no current version but had one: most batches have no row without a current one."""
    pl, keys = native.pl, list(columns.keys)
    unknown = present is not None and count(context, native.back(new.filter(pl.col(_CURRENT).is_null())))
    if present is None or not unknown:
        return new.with_columns(pl.lit(None, dtype=pl.Boolean).alias(_CLOSED))
    closed = present.filter(~pl.col(columns.flag)).select(keys).unique().with_columns(pl.lit(value=True).alias(_CLOSED))
    return _kept(native, new.join(closed, on=keys, how="left", nulls_equal=True), context)


def _kept(native: Native, lazy: Any, context: PatternContext) -> Any:
    return context.keep(native.back(lazy)).to_native()


def _refuse_without_time(native: Native, new: Any, columns: Columns, context: PatternContext, who: str) -> None:
    timeless = count(context, native.back(new.filter(native.pl.col(columns.start).is_null())))
    if timeless:
        raise DataError(
            f"{timeless} rows of '{who}' have no effective time",
            code="no_effective_time",
            hint="Filter them, or set a time in the node before.",
        )


def _track_types(new: Any, columns: Columns) -> dict[str, Any]:
    schema = new.collect_schema()
    return {name: schema[name] for name in columns.track}


def _any(pl: Any, conditions: list[Any]) -> Any:
    return pl.any_horizontal(*conditions) if conditions else pl.lit(value=False)


def _names(present: Any | None, new: Any, columns: Columns) -> list[str]:
    """The columns of the result: those that are there, then new ones, the three of the history behind those of the source."""
    own = [name for name in new.collect_schema().names() if name not in _OURS and not name.startswith(_THERE)]
    ours = (columns.start, columns.end, columns.flag)
    there = [] if present is None else present.collect_schema().names()
    return list(dict.fromkeys([*there, *(name for name in own if name not in ours), *ours]))


def _plain(lazy: Any) -> Any:
    """Without the columns that only this module needs."""
    return lazy.drop(name for name in lazy.collect_schema().names() if name in _OURS or name.startswith(_THERE))


def _open_end(pl: Any, columns: Columns, new: Any) -> Any:
    return pl.lit(None, dtype=new.collect_schema()[columns.start]).alias(columns.end)


def _closed(pl: Any, present: Any, followers: Any, columns: Columns) -> Any:
    """The present versions, those that got a follower ended by it."""
    ends = followers.select(*columns.keys, pl.col(columns.start).alias(_END))
    ended = pl.col(columns.flag) & pl.col(_END).is_not_null()
    return (
        present.join(ends, on=columns.keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            pl.when(ended).then(pl.col(_END)).otherwise(pl.col(columns.end)).alias(columns.end),
            (pl.col(columns.flag) & ~ended).alias(columns.flag),
        )
        .drop(_END)
    )


def _walked(native: Native, present: Any | None, new: Any, columns: Columns) -> Any:
    """The versions of some keys anew: everything that is known of them in the order of time, and each compared with the one before."""
    pl, keys, start = native.pl, list(columns.keys), columns.start
    parts = [new.with_columns(pl.lit(value=False).alias(_OLD), pl.lit(2).alias(_KIND))]
    if present is not None:
        old = present.join(new.select(keys).unique(), on=keys, how="semi", nulls_equal=True)
        ended = old.filter(~pl.col(columns.flag) & pl.col(columns.end).is_not_null())
        parts += [
            old.with_columns(pl.lit(value=True).alias(_OLD), pl.lit(value=False).alias(_GONE), pl.lit(1).alias(_KIND)),
            # Where a version ended and no other began at that time, the thing was gone.
            ended.select(*keys, pl.col(columns.end).alias(start)).with_columns(
                pl.lit(value=True).alias(_OLD), pl.lit(value=True).alias(_GONE), pl.lit(0).alias(_KIND)
            ),
        ]
    rows = stacked(native, parts).sort([*keys, start, _KIND], maintain_order=True)
    rows = rows.unique([*keys, start], keep="last", maintain_order=True)
    track = _track_types(rows, columns)
    before = {name: pl.col(name).shift(1) for name in (*track, _GONE, _OLD)}
    follows = pl.int_range(pl.len()) > 0
    for key in keys:
        follows = follows & pl.col(key).eq_missing(pl.col(key).shift(1))
    unchanged = ~_any(pl, [differs(pl, pl.col(name), before[name], dtype) for name, dtype in track.items()])
    repeats = follows & ((pl.col(_GONE) & before[_GONE]) | (~pl.col(_GONE) & ~before[_GONE] & unchanged))
    rows = rows.filter(~(repeats & ~pl.col(_OLD)).fill_null(value=False))
    rows = rows.filter(~(repeats & pl.col(_OLD) & ~before[_OLD]).fill_null(value=False))
    followed = pl.int_range(pl.len()) < pl.len() - 1
    for key in keys:
        followed = followed & pl.col(key).eq_missing(pl.col(key).shift(-1))
    names = rows.collect_schema().names()
    end, flag = pl.lit(None), pl.lit(value=True)
    if columns.flag in names:
        # What ended it stands behind it here, unless a new row that says the same has taken that place: then it goes on.
        reopened = pl.col(_OLD) & ~pl.col(columns.flag) & pl.col(columns.end).is_not_null()
        end = pl.when(reopened).then(None).otherwise(pl.col(columns.end))
        flag = pl.when(pl.col(_OLD)).then(pl.col(columns.flag) | reopened).otherwise(pl.lit(value=True))
    return rows.with_columns(
        pl.when(followed).then(pl.col(start).shift(-1)).otherwise(end).alias(columns.end), (~followed & flag).alias(columns.flag)
    ).filter(~pl.col(_GONE))


def _tangled(native: Native, present: Any | None, new: Any, columns: Columns) -> Any:
    """
    The rows that have to be sorted and compared: one of a key and a time, the last as read.

    A row that says again what a version of that very time says is left out: the version stays, with all its columns.
    """
    pl, keys = native.pl, [*columns.keys, columns.start]
    names = [name for name in new.collect_schema().names() if name == _GONE or not (name in _OURS or name.startswith(_THERE))]
    new = new.sort(_ORDER).select(names).unique(keys, keep="last", maintain_order=True)
    if present is None:
        return new
    types = {name: dtype for name, dtype in _track_types(new, columns).items() if name not in keys}
    there = present.join(new.select(columns.keys), on=columns.keys, how="semi", nulls_equal=True)
    there = there.select(*keys, *(pl.col(name).alias(_THERE + name) for name in types), pl.lit(value=True).alias(_CURRENT))
    joined = new.join(there.unique(keys, keep="last"), on=keys, how="left", nulls_equal=True, maintain_order="left")
    changes = _any(pl, [differs(pl, pl.col(name), pl.col(_THERE + name), dtype) for name, dtype in types.items()])
    return joined.filter(pl.col(_CURRENT).is_null() | changes | pl.col(_GONE)).select(names)
