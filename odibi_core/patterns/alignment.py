"""Bring new rows to the types of the present ones, where no value changes by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odibi_core.errors import SchemaMismatchError
from odibi_core.transforms.native import Native


def aligned(pl: Any, new: Any, present: Mapping[str, Any], *, who: str) -> Any:
    """
    The native frame with the types that the columns of the same name have in the target.

    Raises:
        SchemaMismatchError: If a value could change: names each such column with both types.
    """
    casts, wrong = [], []
    for name, have in new.collect_schema().items():
        want = present.get(name)
        if want is None or have == want or isinstance(want, pl.Null):
            continue
        cast = _cast(pl, pl.col(name), have, want)
        if cast is None:
            wrong.append(f"'{name}' is {have} and the target has {want}")
        else:
            casts.append(cast.alias(name))
    if wrong:
        raise SchemaMismatchError(f"'{who}' would change values: {'; '.join(wrong[:10])}", hint="Cast these columns in the node before.")
    return new.with_columns(casts) if casts else new


def _cast(pl: Any, column: Any, have: Any, want: Any) -> Any | None:
    if isinstance(have, pl.Null):
        return column.cast(want)
    if have.is_integer():
        return column.cast(want) if want.is_numeric() else None
    if isinstance(have, pl.Float32) and isinstance(want, pl.Float64):
        return column.cast(want)
    if isinstance(have, pl.Decimal) and isinstance(want, pl.Decimal):
        return column.cast(want) if have.scale <= want.scale else None
    if isinstance(have, pl.Categorical | pl.Enum) and isinstance(want, pl.String):
        return column.cast(want)
    if isinstance(have, pl.Duration) and want == pl.Int64():
        return column.cast(pl.Duration("us")).cast(want)
    if isinstance(have, pl.Time) and isinstance(want, pl.String):
        return column.cast(want)
    if isinstance(want, pl.Datetime):
        return _instant(pl, column, have, want)
    return column.cast(want) if have.is_nested() and type(have) is type(want) else None


def _instant(pl: Any, column: Any, have: Any, want: Any) -> Any | None:
    """A wall clock without a zone is UTC: as Delta tables store it."""
    if isinstance(have, pl.Date):
        have, column = pl.Datetime("us"), column.cast(pl.Datetime("us"))
    if not isinstance(have, pl.Datetime):
        return None
    if have.time_zone is None and want.time_zone is not None:
        column = column.dt.replace_time_zone("UTC")
    if want.time_zone is None:
        column = column if have.time_zone is None else column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    else:
        column = column.dt.convert_time_zone(want.time_zone)
    return column.dt.cast_time_unit(want.time_unit)


def stacked(native: Native, frames: list[Any]) -> Any:
    """Rows below one another, by name; what a part lacks is null there. Types agree, or one of them is the type of no values."""
    return native.pl.concat(frames, how="diagonal_relaxed")


def differs(pl: Any, left: Any, right: Any, dtype: Any) -> Any:
    """
    Whether two cells differ. NULL equals NULL, and of floats NaN equals NULL.

    Floats are equal within a relative 1e-9, or 1e-12: a sum that was computed in another order is no change.
    Source of the bounds: Python's `math.isclose` and its default.
    """
    if not dtype.is_float():
        return left.ne_missing(right)
    left, right = left.fill_nan(None), right.fill_nan(None)
    apart = (left - right).abs()
    near = apart.is_finite() & (apart <= pl.max_horizontal(pl.max_horizontal(left.abs(), right.abs()) * 1e-9, pl.lit(1e-12)))
    return ~(((left == right) | near).fill_null(False) | (left.is_null() & right.is_null()))
