"""Dates and timestamps. A column of text is read as ISO 8601, as by `cast_columns`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, transform
from odibi_core.transforms.conversions import TIMESTAMP, converted, is_temporal, is_text
from odibi_core.transforms.frames import find_column, find_columns, in_place

if TYPE_CHECKING:
    import narwhals as nw

_TIME = "__time"
_END = "__end"
_OUT = "__out"
_SECONDS = {"hour": 3600.0, "minute": 60.0, "second": 1.0}
_OFFSETS = {"year": "y", "month": "mo", "day": "d", "hour": "h", "minute": "m", "second": "s"}
_DAY_OR_MORE = ("year", "month", "day")

Unit = Literal["day", "month", "year", "hour", "minute", "second"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("is no time zone: write a name such as 'UTC' or 'Europe/Berlin'") from None
    return name


Zone = Annotated[str, Field(min_length=1), AfterValidator(_known_zone)]


class ExtractDatePartsParams(Params):
    """The column, and which parts of it."""

    source_col: ColumnName = Field(description="the column with dates or timestamps")
    prefix: ColumnName | None = Field(
        default=None, description="the parts are called `{prefix}_{part}`; the name of the column if none is given"
    )
    parts: tuple[Literal["year", "month", "day", "hour"], ...] = Field(
        default=("year", "month", "day"), min_length=1, description="year, month, day, hour"
    )

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.source_col], at="source_col")
        prefix = self.prefix or self.source_col
        return given.with_columns(*(given.made(f"{prefix}_{part}", of=[self.source_col]) for part in self.parts))


class DateAddParams(Params):
    """The column, and what to add."""

    col: ColumnName = Field(description="the column with dates or timestamps")
    value: int = Field(description="how many units; a negative number goes back")
    unit: Unit = Field(description="year, month, day, hour, minute or second")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.col], at="col")
        return given.with_columns(given.made(f"{self.col}_future", of=[self.col]))


class DateTruncParams(Params):
    """The column, and down to which unit."""

    col: ColumnName = Field(description="the column with dates or timestamps")
    unit: Unit = Field(description="year, month, day, hour, minute or second")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.col], at="col")
        return given.with_columns(given.made(f"{self.col}_trunc", of=[self.col]))


class DateDiffParams(Params):
    """Two columns, and the unit of their difference."""

    start_col: ColumnName = Field(description="the column with the earlier times")
    end_col: ColumnName = Field(description="the column with the later times")
    unit: Literal["day", "hour", "minute", "second"] = Field(default="day", description="day, hour, minute or second")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.start_col], at="start_col")
        around.need(given, [self.end_col], at="end_col")
        return given.with_columns(given.made(f"diff_{self.unit}", of=[self.start_col, self.end_col]))


class ConvertTimezoneParams(Params):
    """The column, and from which zone to which."""

    col: ColumnName = Field(description="the column with timestamps")
    source_tz: Zone = Field(default="UTC", description="the zone in which the timestamps are")
    target_tz: Zone = Field(description="the zone in which they shall be")
    output_col: ColumnName | None = Field(default=None, description="the new column; `{col}_converted` if none is named")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.col], at="col")
        return given.with_columns(given.made(self.output_col or f"{self.col}_converted", of=[self.col], how="value"))


@transform("extract_date_parts", ExtractDatePartsParams)
def extract_date_parts(frame: Frame, params: ExtractDatePartsParams, _: TransformContext) -> Frame:
    """
    Add parts of a date as numbers, one column each: `{prefix}_year`, `{prefix}_month` …

    A timestamp with a zone has the parts that its clock shows. The hour of a date is 0.

    Shape: (rows, columns) → (rows, columns and one for each part).

    Example: `source_col: created_at, prefix: created, parts: [year, hour]` adds `created_year` and `created_hour`.

    Raises:
        SchemaMismatchError: If the column is missing, or no date, timestamp or text.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    timed = with_time(frame, params.source_col, _TIME, who="extract_date_parts", at_midnight="hour" in params.parts)
    prefix = params.prefix or params.source_col
    time = nw.col(_TIME).dt
    values = {"year": time.year, "month": time.month, "day": time.day, "hour": time.hour}
    parts = {f"{prefix}_{part}": f"{_OUT}_{part}" for part in params.parts}
    timed = timed.with_columns(*(values[part]().cast(nw.Int64).alias(f"{_OUT}_{part}") for part in dict.fromkeys(params.parts)))
    return in_place(timed, parts, columns)


@transform("date_add", DateAddParams)
def date_add(frame: Frame, params: DateAddParams, _: TransformContext) -> Frame:
    """
    Add a span of time, as the column `{col}_future`.

    A month later than January 31 is the last day of February. A date stays a date, unless hours, minutes or seconds are added.

    Shape: (rows, columns) → (rows, columns and `{col}_future`).

    Example: `col: due, value: -1, unit: month` adds `due_future`, a month before.

    Raises:
        SchemaMismatchError: If the column is missing, or no date, timestamp or text.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    timed = with_time(frame, params.col, _TIME, who="date_add", at_midnight=params.unit not in _DAY_OR_MORE)
    later = nw.col(_TIME).dt.offset_by(f"{params.value}{_OFFSETS[params.unit]}")
    return in_place(timed.with_columns(later.alias(_OUT)), {f"{params.col}_future": _OUT}, columns)


@transform("date_trunc", DateTruncParams)
def date_trunc(frame: Frame, params: DateTruncParams, _: TransformContext) -> Frame:
    """
    Set everything below a unit to its beginning, as the column `{col}_trunc`.

    A date stays a date, unless the unit is smaller than a day. A timestamp with a zone is cut by its own clock.

    Shape: (rows, columns) → (rows, columns and `{col}_trunc`).

    Example: `col: ordered_at, unit: month` makes 2024-03-15 10:30 into 2024-03-01 00:00.

    Raises:
        SchemaMismatchError: If the column is missing, or no date, timestamp or text.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    timed = with_time(frame, params.col, _TIME, who="date_trunc", at_midnight=params.unit not in _DAY_OR_MORE)
    cut = nw.col(_TIME).dt.truncate(f"1{_OFFSETS[params.unit]}")
    return in_place(timed.with_columns(cut.alias(_OUT)), {f"{params.col}_trunc": _OUT}, columns)


@transform("date_diff", DateDiffParams)
def date_diff(frame: Frame, params: DateDiffParams, _: TransformContext) -> Frame:
    """
    Tell the time from one column to another, as the column `diff_{unit}`.

    Days are whole days of the calendar: from 23:59 to 00:01 is one. Hours, minutes and seconds are elapsed time, with a fraction.

    Shape: (rows, columns) → (rows, columns and `diff_{unit}`).

    Example: `start_col: ordered_at, end_col: shipped_at, unit: hour` adds `diff_hour`, 1.5 for ninety minutes.

    Raises:
        SchemaMismatchError: If a column is missing, or no date, timestamp or text.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    start, end = find_columns(frame, [params.start_col, params.end_col], who="date_diff")
    timed = with_time(frame, start, _TIME, who="date_diff", at_midnight=True, in_utc=params.unit != "day")
    timed = with_time(timed, end, _END, who="date_diff", at_midnight=True, in_utc=params.unit != "day")
    if params.unit == "day":
        days = nw.col(_END).dt.date() - nw.col(_TIME).dt.date()  # by the clock of each: a cast would take the day in UTC
        difference = days.dt.total_seconds() // (24 * 60 * 60)
    else:
        difference = (nw.col(_END) - nw.col(_TIME)).dt.total_microseconds() / (1_000_000 * _SECONDS[params.unit])
    return in_place(timed.with_columns(difference.alias(_OUT)), {f"diff_{params.unit}": _OUT}, columns)


@transform("convert_timezone", ConvertTimezoneParams)
def convert_timezone(frame: Frame, params: ConvertTimezoneParams, _: TransformContext) -> Frame:
    """
    Tell what the clock shows in another zone, as a timestamp without a zone.

    Summer time is heeded. An hour that occurs twice in the source zone is taken as the later one, one that is skipped is counted on
    from the clock before the change. A timestamp that carries a zone is an instant already: for it `source_tz` does not matter.

    Shape: (rows, columns) → (rows, columns and `{col}_converted` or `output_col`).

    Example: `col: utc_time, target_tz: America/New_York` makes 2024-07-01 12:00 into 2024-07-01 08:00.

    Raises:
        SchemaMismatchError: If the column is missing, or no date, timestamp or text.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    column = find_column(frame, params.col, who="convert_timezone")
    aware = getattr(frame.collect_schema()[column], "time_zone", None) is not None
    timed = with_time(frame, column, _TIME, who="convert_timezone", at_midnight=True)
    if not aware:
        timed = _localised(timed, params.source_tz)
    shown = nw.col(_TIME).dt.convert_time_zone(params.target_tz).dt.replace_time_zone(None)
    return in_place(timed.with_columns(shown.alias(_OUT)), {params.output_col or f"{params.col}_converted": _OUT}, columns)


def with_time(frame: Frame, name: str, as_name: str, *, who: str, at_midnight: bool, in_utc: bool = False) -> Frame:
    """
    The frame with a column of dates or timestamps under another name; text becomes timestamps.

    `at_midnight` makes dates timestamps, too; `in_utc` takes the zones off, so that two columns can be compared.
    """
    import narwhals as nw

    column = find_column(frame, name, who=who)
    dtype = frame.collect_schema()[column]
    if is_text(dtype) or dtype == nw.Unknown or (at_midnight and dtype == nw.Date):
        return converted(frame, {as_name: (column, TIMESTAMP)}, who=who)
    if not is_temporal(dtype):
        raise SchemaMismatchError(f"'{who}' needs a date or timestamp, and column '{name}' is {dtype}", hint="Cast it before.")
    time: nw.Expr = nw.col(column)
    if in_utc and isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return frame.with_columns(time.alias(as_name))


def _localised(frame: Frame, zone: str) -> Frame:
    """The frame with `_TIME` as an instant: what a clock in the zone showed. narwhals does not say which of two hours is meant."""
    import narwhals as nw

    if not frame.implementation.is_polars():
        return frame.with_columns(nw.col(_TIME).dt.replace_time_zone(zone))
    pl: Any = nw.get_native_namespace(frame)
    day = pl.duration(days=1)

    def instant(local: Any) -> Any:
        return local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")

    # A clock time that was skipped: what it would be if the clock had gone on as the day before.
    known = pl.coalesce(
        instant(pl.col(_TIME)), instant(pl.col(_TIME) - day).dt.convert_time_zone("UTC").dt.offset_by("24h").dt.convert_time_zone(zone)
    )
    localised: Frame = nw.from_native(frame.to_native().with_columns(known.alias(_TIME)))
    return localised
