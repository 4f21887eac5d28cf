"""
Values of one type as values of another, with one meaning for every source type.

A value that cannot be converted fails the computation; it never becomes NULL by itself. NULL stays NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame
from odibi_core.transforms.sql_types import SqlType

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.dtypes import DType

TIMESTAMP = SqlType(kind="timestamp")
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M",
)  # fmt: skip
_FIRST_YEAR = 1000  # a shorter one is rather a day: `05-01-20`
_REST = "__rest"
_FRACTION = "%Y-%m-%d %H:%M:%S%.6f"
_ULP = 1.0000000000000002  # lifts a double whose decimal form ends in 5 and is stored just below it, as 1.005


def converted(frame: Frame, wanted: Mapping[str, tuple[str, SqlType]], *, who: str) -> Frame:
    """
    The frame with new columns: name → (the column that it is made of, its type).

    Text is read as people write it: spaces around it do not count; a number may have a point, a truth is `true`, `yes`, `1` …; a
    time is ISO 8601, with or without its time of day, and one with an offset becomes UTC. A number with a fraction is cut to a
    whole one and rounded half up to a decimal.

    Raises:
        SchemaMismatchError: If there is no conversion between the types, as from a date to a number.
    """
    import narwhals as nw

    schema = frame.collect_schema()
    for name, (column, target) in wanted.items():
        source = schema[column]
        if _impossible(source, target):
            raise SchemaMismatchError(
                f"'{who}' cannot make {target} of column '{column}' of type {source}", hint="Derive the value with SQL instead."
            )
        if target.kind == "text":
            frame = frame.with_columns(as_text(source, column).alias(name))
        elif frame.implementation.is_polars():
            frame = nw.from_native(_converted(frame, column, target, name))
        else:
            frame = frame.with_columns(nw.col(column).cast(target.dtype).alias(name))
    return frame


def as_text(source: DType, column: str) -> nw.Expr:
    """
    A column as text: `true`, `2024-01-31`, `2024-01-31 13:05:10.12`, `1.50` for a decimal, `1.0` for a double.

    A timestamp with a zone is written in UTC, so that one instant has one text.
    """
    import narwhals as nw

    value = nw.col(column)
    if not isinstance(source, nw.Datetime):
        return value.cast(nw.String)
    if source.time_zone is not None:
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    written = value.dt.to_string(_FRACTION)
    return written.str.replace_all(r"(\.\d*?)0+$", "${1}").str.replace_all(r"\.$", "")


def texts_of(frame: Frame, columns: Collection[str], *, who: str) -> list[nw.Expr]:
    """
    Columns as text, see `as_text`.

    Raises:
        SchemaMismatchError: If one holds lists, structs or spans of time.
    """
    schema = frame.collect_schema()
    others = [column for column in columns if not _has_text(schema[column])]
    if others:
        raise SchemaMismatchError(
            f"'{who}' needs plain values, and column '{others[0]}' is {schema[others[0]]}", hint="Unpack it before, or leave it out."
        )
    return [as_text(schema[column], column) for column in columns]


def is_temporal(source: DType) -> bool:
    """Whether it is a date or a timestamp."""
    import narwhals as nw

    return source in (nw.Date, nw.Datetime)


def is_text(source: DType) -> bool:
    """Whether its values are text."""
    import narwhals as nw

    return source in (nw.String, nw.Categorical, nw.Enum)


def _has_text(source: DType) -> bool:
    """Whether there is a text for each of its values."""
    import narwhals as nw

    return not source.is_nested() and source != nw.Duration


def _impossible(source: DType, target: SqlType) -> bool:
    import narwhals as nw

    if source == nw.Unknown or (target.kind == "text" and _has_text(source)):
        return False
    if source.is_nested() or target.kind == "list":
        return not (source == nw.List and target.kind == "list")
    if is_temporal(source):
        return target.kind not in ("date", "timestamp")
    if target.kind in ("date", "timestamp"):
        return not is_text(source)
    return not (is_text(source) or source.is_numeric() or source == nw.Boolean)


def _converted(frame: Frame, column: str, target: SqlType, name: str) -> Any:
    import narwhals as nw

    pl: Any = nw.get_native_namespace(frame)
    native, source = frame.to_native(), frame.collect_schema()[column]
    if is_text(source) and target.kind in ("date", "timestamp"):
        timed = _with_times(pl, native, column, name)
        return timed.with_columns(pl.col(name).cast(pl.Date)) if target.kind == "date" else timed
    return native.with_columns(_of_polars(pl, source, column, target).alias(name))


def _of_polars(pl: Any, source: DType, column: str, target: SqlType) -> Any:
    import narwhals as nw

    value = pl.col(column)
    if is_text(source):
        value = value.cast(pl.String)
        return _of_text(pl, value, target)
    if target.kind == "decimal" and source != nw.Unknown:
        number = value.cast(pl.Int8) if source == nw.Boolean else value
        return _rounded(pl, number * _ULP if source.is_float() else number, target)
    if target.kind == "timestamp" and isinstance(source, nw.Datetime) and source.time_zone is not None:
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return value.cast(_polars_type(pl, target))


def _of_text(pl: Any, text: Any, target: SqlType) -> Any:
    match target.kind:
        case "bool":
            return _truth(pl, text)
        case "decimal":
            return _rounded(pl, text.str.strip_chars().cast(pl.Decimal(38, min(target.scale + 10, 38))), target)
        case "float32" | "float64":
            return text.str.strip_chars().cast(_polars_type(pl, target))
        case _:
            return _whole(pl, text.str.strip_chars(), target)


def _whole(pl: Any, text: Any, target: SqlType) -> Any:
    """A whole number; `5.7` is cut to 5, and what is no number fails."""
    whole = _polars_type(pl, target)
    exact = text.cast(whole, strict=False)
    cut = pl.when(exact.is_null()).then(text).cast(pl.Float64, strict=False).cast(whole)
    left = pl.when(exact.is_null() & cut.is_null()).then(text).cast(whole)
    return pl.coalesce(exact, cut, left)


def _truth(pl: Any, text: Any) -> Any:
    word = text.str.strip_chars().str.to_lowercase()
    # What is no truth meets a cast that cannot succeed: an error with the column's name, as of every other conversion.
    other = pl.when(~word.is_in([*_TRUE, *_FALSE])).then(text + " is no truth").cast(pl.Int8).cast(pl.Boolean)
    return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False).otherwise(other)


def _with_times(pl: Any, native: Any, column: str, name: str) -> Any:
    """
    The frame with a column of text read as timestamps.

    Form after form, each on what the one before left: NULL costs nothing. Every step is a column of its own, because Polars would
    compute an expression again wherever it occurs in another one.
    """
    text, found, rest = pl.col(column).cast(pl.String), pl.col(name), pl.col(_REST)
    frame = native.with_columns(pl.lit(None, dtype=pl.Datetime("us")).alias(name))
    for form in _TIME_FORMATS:
        time = rest.str.strptime(pl.Datetime("us", "UTC" if "z" in form else None), form, strict=False).dt.replace_time_zone(None)
        frame = frame.with_columns(pl.when(found.is_null()).then(text.str.strip_chars()).alias(_REST))
        frame = frame.with_columns(pl.coalesce(found, time).alias(name))
    # What is left fails, with the error of every other conversion.
    wrong = found.is_null() | (found.dt.year() < _FIRST_YEAR)
    left = pl.when(wrong).then(text).str.strptime(pl.Datetime("us"), "not a time: %Y", strict=True)
    return frame.with_columns(pl.coalesce(left, found).alias(name)).drop(_REST)


def _rounded(pl: Any, number: Any, target: SqlType) -> Any:
    return number.round(target.scale, mode="half_away_from_zero").cast(pl.Decimal(target.precision, target.scale))


def _polars_type(pl: Any, target: SqlType) -> Any:
    simple = {
        "int8": pl.Int8, "int16": pl.Int16, "int32": pl.Int32, "int64": pl.Int64,
        "uint8": pl.UInt8, "uint16": pl.UInt16, "uint32": pl.UInt32, "uint64": pl.UInt64,
        "float32": pl.Float32, "float64": pl.Float64, "text": pl.String, "bool": pl.Boolean, "date": pl.Date,
    }  # fmt: skip
    match target.kind:
        case "decimal":
            return pl.Decimal(target.precision, target.scale)
        case "timestamp":
            return pl.Datetime("us")
        case "list":
            return pl.List(pl.String if target.inner is None else _polars_type(pl, target.inner))
        case kind:
            return simple[kind]
