"""Events that last: cut where a day, an hour or a shift ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, need_columns, transform
from odibi_core.transforms.native import Native, native_of

_PERIOD, _ROW, _FROM, _TO = "__period", "__event", "__from", "__to"


def _clock(value: Any) -> Any:
    """A time of the day. YAML reads 14:00 without quotes as a number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d|24:00", value):
        return value
    raise ValueError("expected a time such as '06:00'")


ClockTime = Annotated[str, BeforeValidator(_clock)]


class ShiftDefinition(BaseModel):
    """A shift: from when until when; one that ends before it starts ends on the next day."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    name: str = Field(min_length=1)
    start: ClockTime
    end: ClockTime

    def minutes(self) -> tuple[int, int]:
        """Start and end, counted from the midnight before the start."""
        start, end = (int(hour) * 60 + int(minute) for hour, minute in (time.split(":") for time in (self.start, self.end)))
        return start, end + 24 * 60 if end <= start else end


class SplitEventsByPeriodParams(Params):
    """Where an event starts and ends, the period, and the new columns: minutes, and with `period: shift` the shift's name."""

    start_col: ColumnName
    end_col: ColumnName
    period: Literal["day", "hour", "shift"] = "day"
    duration_col: ColumnName | None = None
    shifts: tuple[ShiftDefinition, ...] | None = Field(default=None, min_length=1)
    shift_col: ColumnName | None = "shift_name"

    @model_validator(mode="after")
    def _has_shifts(self) -> SplitEventsByPeriodParams:
        if (self.period == "shift") != (self.shifts is not None):
            raise ValueError("'shifts' belong to 'period: shift'")
        return self

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.start_col], at="start_col")
        around.need(given, [self.end_col], at="end_col")
        made = [] if self.shifts is None else [given.made(self.shift_col or "shift_name")]
        made += [] if self.duration_col is None else [given.made(self.duration_col, of=[self.start_col, self.end_col])]
        return given.with_columns(*made)


@transform("split_events_by_period", SplitEventsByPeriodParams)
def split_events_by_period(frame: Frame, params: SplitEventsByPeriodParams, _: TransformContext) -> Frame:
    """
    Cut each event into one row for each day, hour or shift that it touches, with the start and the end of that part.

    An event that ends exactly at midnight has no part on the next day; one of no duration stays as it is, in a shift it is nowhere. Time
    outside of all shifts is left out. An event without start or end, or that ends before it starts, is left out. Text is read as ISO time.

    Shape: (rows, columns) → (parts, columns, the shift and the minutes).

    Example: `start_col: from, end_col: to, duration_col: minutes` makes of 23:00 to 01:00 one row of 60 minutes for each of two days.

    Raises:
        SchemaMismatchError: If a column is missing or holds no times.
    """
    need_columns(frame, [params.start_col, params.end_col], who="split_events_by_period")
    native = native_of(frame, who="split_events_by_period")
    pl, columns = native.pl, frame.collect_schema().names()
    start, end = (_times(native, frame, column) for column in (params.start_col, params.end_col))
    events = native.lazy.with_row_index(_ROW).with_columns(start.alias(_FROM), end.alias(_TO)).filter(pl.col(_FROM) <= pl.col(_TO))
    added: dict[str, Any] = {}
    if params.shifts is not None:
        parts = _in_shifts(pl, events, params.shifts)
        added[params.shift_col or "shift_name"] = pl.col(_PERIOD)
    else:
        parts = _in_periods(pl, events, "1d" if params.period == "day" else "1h")
    if params.duration_col is not None:
        added[params.duration_col] = (pl.col(_TO) - pl.col(_FROM)).dt.total_microseconds() / 60_000_000
    result = parts.with_columns(pl.col(_FROM).alias(params.start_col), pl.col(_TO).alias(params.end_col))
    result = result.with_columns(**added)
    return native.back(result.select(*columns, *(name for name in added if name not in columns)))


def _in_periods(pl: Any, events: Any, every: str) -> Any:
    begin, end, period = pl.col(_FROM), pl.col(_TO), pl.col(_PERIOD)
    # The range is open at its end, so that nothing starts when the event ends; a moment is as long as the shortest time there is.
    last = pl.max_horizontal(end, begin + pl.duration(microseconds=1))
    starts = pl.datetime_ranges(begin.dt.truncate(every), last, interval=every, closed="left")
    split = events.with_columns(starts.alias(_PERIOD)).explode(_PERIOD)
    return split.with_columns(pl.max_horizontal(begin, period).alias(_FROM), pl.min_horizontal(end, period.dt.offset_by(every)).alias(_TO))


def _in_shifts(pl: Any, events: Any, shifts: Sequence[ShiftDefinition]) -> Any:
    """Each shift of each day, from the day before the event on: its night shift reaches into the first day."""
    begin, end, day = pl.col(_FROM), pl.col(_TO), pl.col(_PERIOD)
    days = pl.datetime_ranges(begin.dt.truncate("1d").dt.offset_by("-1d"), end, interval="1d", closed="left")
    daily = events.with_columns(days.alias(_PERIOD)).explode(_PERIOD)
    parts = []
    for shift in shifts:
        first, last = shift.minutes()
        cut = daily.with_columns(
            pl.max_horizontal(begin, day.dt.offset_by(f"{first}m")).alias(_FROM),
            pl.min_horizontal(end, day.dt.offset_by(f"{last}m")).alias(_TO),
            pl.lit(shift.name).alias(_PERIOD),
        )
        parts.append(cut.filter(begin < end))
    return pl.concat(parts, how="vertical").sort(_ROW, _FROM, maintain_order=True)


def _times(native: Native, frame: Frame, column: str) -> Any:
    import narwhals as nw

    dtype, pl, value = frame.collect_schema()[column], native.pl, native.pl.col(column)
    if dtype in (nw.String, nw.Unknown):
        return value.cast(pl.String).str.to_datetime(time_unit="us")
    if isinstance(dtype, nw.Datetime):
        return value.dt.cast_time_unit("us")
    if dtype == nw.Date:
        return value.cast(pl.Datetime("us"))
    raise SchemaMismatchError(f"'split_events_by_period' needs times: '{column}' is {dtype}", hint="Cast it to timestamp before.")
