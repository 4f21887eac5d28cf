"""Dates and timestamps."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import N, case

at = datetime.fromisoformat
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2024, 1, 31)
LATE = at("2024-01-31 23:59:30.500")
TIMES = pl.LazyFrame(
    {
        "my day": [DAY, N],
        "t": [LATE, N],
        "z": pl.Series([at("2024-01-31 23:30:00+00:00"), N], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Europe/Berlin"),
        "x": ["2024-01-31T05:00:00", N],
    }
)
NAMES = ["my day", "t", "z", "x"]
FIRST = (DAY, LATE, at("2024-02-01 00:30:00").replace(tzinfo=BERLIN), "2024-01-31T05:00:00")
EMPTY = (N,) * 4


def one(name: str, params: dict, column: str, value: object, dtype: object = None):
    """A transform that adds one column to the times."""
    types = {} if dtype is None else {column: dtype}
    return case(name, params, [*NAMES, column], [(*FIRST, value), (*EMPTY, N)], frame=TIMES, types=types)


def shown(source: str, target: str, times: list[str], expected: list[str]):
    """What clocks show elsewhere."""
    frame = pl.LazyFrame({"c": [at(time) for time in times]})
    return case(
        "convert_timezone",
        {"col": "c", "source_tz": source, "target_tz": target, "output_col": "o"},
        ["c", "o"],
        [(at(time), at(other)) for time, other in zip(times, expected, strict=True)],
        frame=frame,
        types={"o": pl.Datetime("us")},
    )


PARTS = ["year", "month", "day", "hour"]
CASES = [
    case(
        "extract_date_parts",
        {"source_col": "t"},
        [*NAMES, "t_year", "t_month", "t_day"],
        [(*FIRST, 2024, 1, 31), (*EMPTY, N, N, N)],
        frame=TIMES,
        types={"t_year": pl.Int64, "t_month": pl.Int64},
    ),
    case(
        "extract_date_parts",
        {"source_col": "my day", "prefix": "d", "parts": PARTS},
        [*NAMES, "d_year", "d_month", "d_day", "d_hour"],
        [(*FIRST, 2024, 1, 31, 0), (*EMPTY, N, N, N, N)],
        frame=TIMES,
    ),
    case(
        "extract_date_parts",
        {"source_col": "z", "parts": ["hour", "month"]},
        [*NAMES, "z_hour", "z_month"],
        [(*FIRST, 0, 2), (*EMPTY, N, N)],
        frame=TIMES,
    ),
    case("extract_date_parts", {"source_col": "x", "parts": ["hour"]}, [*NAMES, "x_hour"], [(*FIRST, 5), (*EMPTY, N)], frame=TIMES),
    case("extract_date_parts", {"source_col": "x", "parts": ["hour"]}, [*NAMES, "x_hour"], [], frame=TIMES.clear()),
    one("date_add", {"col": "my day", "value": 1, "unit": "month"}, "my day_future", date(2024, 2, 29), pl.Date),
    one("date_add", {"col": "my day", "value": -1, "unit": "day"}, "my day_future", date(2024, 1, 30), pl.Date),
    one("date_add", {"col": "my day", "value": 36, "unit": "hour"}, "my day_future", at("2024-02-01 12:00:00"), pl.Datetime("us")),
    one("date_add", {"col": "t", "value": 1, "unit": "year"}, "t_future", at("2025-01-31 23:59:30.500"), pl.Datetime("us")),
    one("date_add", {"col": "t", "value": -31, "unit": "second"}, "t_future", at("2024-01-31 23:58:59.500")),
    one("date_add", {"col": "t", "value": 30, "unit": "minute"}, "t_future", at("2024-02-01 00:29:30.500")),
    one("date_add", {"col": "z", "value": 2, "unit": "month"}, "z_future", at("2024-04-01 00:30:00").replace(tzinfo=BERLIN)),
    one("date_add", {"col": "x", "value": 1, "unit": "day"}, "x_future", at("2024-02-01 05:00:00")),
    one("date_trunc", {"col": "my day", "unit": "month"}, "my day_trunc", date(2024, 1, 1), pl.Date),
    one("date_trunc", {"col": "my day", "unit": "hour"}, "my day_trunc", at("2024-01-31 00:00:00")),
    one("date_trunc", {"col": "t", "unit": "year"}, "t_trunc", at("2024-01-01 00:00:00"), pl.Datetime("us")),
    one("date_trunc", {"col": "t", "unit": "day"}, "t_trunc", at("2024-01-31 00:00:00")),
    one("date_trunc", {"col": "t", "unit": "hour"}, "t_trunc", at("2024-01-31 23:00:00")),
    one("date_trunc", {"col": "t", "unit": "minute"}, "t_trunc", at("2024-01-31 23:59:00")),
    one("date_trunc", {"col": "t", "unit": "second"}, "t_trunc", at("2024-01-31 23:59:30")),
    one("date_trunc", {"col": "z", "unit": "month"}, "z_trunc", at("2024-02-01 00:00:00").replace(tzinfo=BERLIN)),
    one("date_trunc", {"col": "x", "unit": "day"}, "x_trunc", at("2024-01-31 00:00:00")),
    one("date_diff", {"start_col": "t", "end_col": "z"}, "diff_day", 1, pl.Int64),
    one("date_diff", {"start_col": "z", "end_col": "my day"}, "diff_day", -1),
    one("date_diff", {"start_col": "my day", "end_col": "x", "unit": "hour"}, "diff_hour", 5.0, pl.Float64),
    one("date_diff", {"start_col": "t", "end_col": "my day", "unit": "minute"}, "diff_minute", -1439.508333333333333),
    one("date_diff", {"start_col": "t", "end_col": "z", "unit": "second"}, "diff_second", -1770.5, pl.Float64),
    case("date_diff", {"start_col": "t", "end_col": "z"}, [*NAMES, "diff_day"], [], frame=TIMES.clear(), types={"diff_day": pl.Int64}),
    one("convert_timezone", {"col": "t", "target_tz": "Asia/Tokyo"}, "t_converted", at("2024-02-01 08:59:30.500"), pl.Datetime("us")),
    one(
        "convert_timezone",
        {"col": "z", "target_tz": "Asia/Tokyo", "output_col": "tokyo"},
        "tokyo",
        at("2024-02-01 08:30:00"),
        pl.Datetime("us"),
    ),
    one("convert_timezone", {"col": "x", "source_tz": "Asia/Tokyo", "target_tz": "UTC"}, "x_converted", at("2024-01-30 20:00:00")),
    one("convert_timezone", {"col": "my day", "target_tz": "America/New_York"}, "my day_converted", at("2024-01-30 19:00:00")),
    # winter and summer; the hour that occurs twice, and the one that is skipped
    shown("UTC", "America/New_York", ["2024-01-15 12:00", "2024-07-15 12:00"], ["2024-01-15 07:00", "2024-07-15 08:00"]),
    shown(
        "America/New_York",
        "UTC",
        ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"],
        ["2024-11-03 04:30", "2024-11-03 06:30", "2024-11-03 07:30"],
    ),
    shown(
        "America/New_York",
        "UTC",
        ["2024-03-10 01:30", "2024-03-10 02:30", "2024-03-10 03:30"],
        ["2024-03-10 06:30", "2024-03-10 07:30", "2024-03-10 07:30"],
    ),
    shown("Europe/Berlin", "America/New_York", ["2024-03-20 12:00"], ["2024-03-20 07:00"]),
]

MISSING = [
    (TRANSFORMS, "extract_date_parts", {"source_col": "key"}),
    (TRANSFORMS, "date_add", {"col": "key", "value": 1, "unit": "day"}),
    (TRANSFORMS, "date_trunc", {"col": "key", "unit": "day"}),
    (TRANSFORMS, "date_diff", {"start_col": "s", "end_col": "key"}),
    (TRANSFORMS, "convert_timezone", {"col": "key", "target_tz": "UTC"}),
]
