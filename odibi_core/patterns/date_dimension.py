"""`date_dimension`: one row for each day, with everything that people group days by."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import stacked
from odibi_core.patterns.contract import Made, PatternContext, Place, TargetParams, pattern
from odibi_core.ports import Frame
from odibi_core.transforms.native import Native, native_of

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NAMES = (
    "date_sk", "full_date", "day_of_week", "day_of_week_num", "day_of_month", "day_of_year", "is_weekend", "week_of_year", "month",
    "month_name", "quarter", "quarter_name", "year", "fiscal_year", "fiscal_quarter", "is_month_start", "is_month_end", "is_year_start",
    "is_year_end",
)  # fmt: skip


def _as_day(value: object) -> object:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("expected a day such as '2024-01-31'")
    return value


Day = Annotated[date, BeforeValidator(_as_day)]


class DateDimensionParams(TargetParams):
    """The first and the last day, and the month in which the fiscal year begins."""

    needs_input: ClassVar[bool] = False

    start_date: Day
    end_date: Day
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    unknown_member: bool = False
    date_key_format: str | None = None  # has no effect: the key is yyyymmdd
    include_time: bool = False  # has no effect

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> DateDimensionParams:
        if self.start_date > self.end_date:
            raise ValueError("'start_date' is after 'end_date'")
        return self

    def places(self) -> tuple[Place, ...]:
        return (self.the_target(),) if self.has_target else ()

    def outline(self, _given: Outline, _around: Around) -> Outline:
        return Outline.of("days", _NAMES)


@pattern("date_dimension", DateDimensionParams)
def date_dimension(_: Frame | None, params: DateDimensionParams, context: PatternContext) -> Made:
    """
    Make a row for each day from `start_date` to `end_date`.

    `date_sk` is the day as a number, 20240131. Weeks are those of ISO 8601, days of the week count from 1 for Monday. A fiscal year that
    does not begin in January is called after the year in which it ends. The unknown member is day 0, 1900-01-01.

    Shape: nothing, or an input that is not looked at → (days, 19 columns).

    Example: `start_date: "2024-01-01", end_date: "2024-12-31", fiscal_year_start_month: 7`.
    """
    one = context.one_row()
    native = native_of(one, who="date_dimension")
    pl = native.pl
    days = [params.start_date + timedelta(days=number) for number in range((params.end_date - params.start_date).days + 1)]
    rows = native.lazy.select(pl.lit(pl.Series("full_date", [days], dtype=pl.List(pl.Date))).alias("full_date")).explode("full_date")
    rows = rows.with_columns(**_attributes(pl, params.fiscal_year_start_month)).select(_NAMES)
    if params.unknown_member:
        rows = stacked(native, [_unknown(native, rows.collect_schema()), rows])
    made = native.back(rows)
    return Made(output=made, table=made if params.has_target else None)


def _attributes(pl: Any, fiscal_start: int) -> dict[str, Any]:
    day = pl.col("full_date")
    number, month, year = day.dt.weekday().cast(pl.Int64), day.dt.month().cast(pl.Int64), day.dt.year().cast(pl.Int64)
    of_month, quarter = day.dt.day().cast(pl.Int64), day.dt.quarter().cast(pl.Int64)
    fiscal_year = year if fiscal_start == 1 else year + (month >= fiscal_start).cast(pl.Int64)
    return {
        "date_sk": year * 10_000 + month * 100 + of_month,
        "day_of_week": number.replace_strict(dict(enumerate(_DAYS, 1)), return_dtype=pl.String),
        "day_of_week_num": number,
        "day_of_month": of_month,
        "day_of_year": day.dt.ordinal_day().cast(pl.Int64),
        "is_weekend": number >= 6,
        "week_of_year": day.dt.week().cast(pl.Int64),
        "month": month,
        "month_name": month.replace_strict(dict(enumerate(_MONTHS, 1)), return_dtype=pl.String),
        "quarter": quarter,
        "quarter_name": pl.format("Q{}", quarter),
        "year": year,
        "fiscal_year": fiscal_year,
        "fiscal_quarter": (month - fiscal_start + 12) % 12 // 3 + 1,
        "is_month_start": of_month == 1,
        "is_month_end": day == day.dt.month_end(),
        "is_year_start": (month == 1) & (of_month == 1),
        "is_year_end": (month == 12) & (of_month == 31),
    }


def _unknown(native: Native, schema: Any) -> Any:
    """Day 0: zeros, no period begins or ends with it, and names are not known."""
    pl = native.pl
    values = {
        name: date(1900, 1, 1) if isinstance(dtype, pl.Date) else "Unknown" if isinstance(dtype, pl.String) else False
        if isinstance(dtype, pl.Boolean) else 0
        for name, dtype in schema.items()
    }  # fmt: skip
    return native.lazy.select(pl.lit(value).cast(schema[name]).alias(name) for name, value in values.items())
