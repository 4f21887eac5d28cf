"""Events cut where a day, an hour or a shift ends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import N, case

at = datetime.fromisoformat
PARAMS = {"start_col": "the start", "end_col": "end"}
SHIFTS = [
    {"name": "Day", "start": "06:00", "end": 840},
    {"name": "Swing", "start": "14:00", "end": "22:00"},
    {"name": "Night", "start": "22:00", "end": "06:00"},
]


def _events(*events):
    return pl.LazyFrame(
        [(number, at(start) if start else None, at(end) if end else None) for number, (start, end) in enumerate(events)],
        schema={"e": pl.Int64, "the start": pl.Datetime("ms"), "end": pl.Datetime("ms")},
        orient="row",
    )


DAYS = _events(
    ("2026-01-01T23:00", "2026-01-03T01:30"),
    ("2026-01-01T08:00", "2026-01-01T09:00"),
    ("2026-01-01T12:00", "2026-01-02T00:00"),
    ("2026-01-01T00:00", "2026-01-03T00:00"),
    ("2026-01-05T00:00", "2026-01-05T00:00"),
    (N, "2026-01-01T00:00"),
    ("2026-01-01T00:00", N),
    ("2026-01-02T00:00", "2026-01-01T00:00"),
)
COLUMNS = ["e", "the start", "end"]
TEXTS = pl.LazyFrame({"the start": ["2026-01-01 23:30:00"], "end": ["2026-01-02 00:15:00"], "minutes": ["old"]})
EAST = timezone(timedelta(hours=1))
ZONED = pl.LazyFrame({"the start": [at("2026-01-01T22:30+00:00")], "end": [at("2026-01-01T23:30+00:00")]}).select(
    pl.all().dt.convert_time_zone("Europe/Zurich")
)

CASES = [
    case("split_events_by_period", {**PARAMS, "duration_col": "minutes"}, [*COLUMNS, "minutes"],
         [(0, at("2026-01-01T23:00"), at("2026-01-02"), 60.0), (0, at("2026-01-02"), at("2026-01-03"), 1440.0),
          (0, at("2026-01-03"), at("2026-01-03T01:30"), 90.0), (1, at("2026-01-01T08:00"), at("2026-01-01T09:00"), 60.0),
          (2, at("2026-01-01T12:00"), at("2026-01-02"), 720.0), (3, at("2026-01-01"), at("2026-01-02"), 1440.0),
          (3, at("2026-01-02"), at("2026-01-03"), 1440.0), (4, at("2026-01-05"), at("2026-01-05"), 0.0)], frame=DAYS),
    case("split_events_by_period", {**PARAMS, "period": "hour"}, COLUMNS,
         [(0, at("2026-01-01T08:59:59"), at("2026-01-01T09:00")), (0, at("2026-01-01T09:00"), at("2026-01-01T10:00")),
          (0, at("2026-01-01T10:00"), at("2026-01-01T10:00:01"))], frame=_events(("2026-01-01T08:59:59", "2026-01-01T10:00:01"))),
    case("split_events_by_period", {**PARAMS, "period": "hour", "duration_col": "e"}, COLUMNS,
         [(30.0, at("2026-01-01T08:00"), at("2026-01-01T08:30"))], frame=_events(("2026-01-01T08:00", "2026-01-01T08:30"))),
    case("split_events_by_period", {**PARAMS, "duration_col": "minutes"}, ["the start", "end", "minutes"],
         [(at("2026-01-01T23:30"), at("2026-01-02"), 30.0), (at("2026-01-02"), at("2026-01-02T00:15"), 15.0)], frame=TEXTS),
    case("split_events_by_period", {**PARAMS, "period": "shift", "shifts": SHIFTS, "duration_col": "minutes"},
         [*COLUMNS, "shift_name", "minutes"],
         [(0, at("2026-01-01T02:00"), at("2026-01-01T06:00"), "Night", 240.0),
          (0, at("2026-01-01T06:00"), at("2026-01-01T06:30"), "Day", 30.0),
          (1, at("2026-01-01T13:00"), at("2026-01-01T14:00"), "Day", 60.0),
          (1, at("2026-01-01T14:00"), at("2026-01-01T22:00"), "Swing", 480.0),
          (1, at("2026-01-01T22:00"), at("2026-01-02T00:00"), "Night", 120.0)],
         frame=_events(("2026-01-01T02:00", "2026-01-01T06:30"),
                       ("2026-01-01T13:00", "2026-01-02T00:00"), ("2026-01-01T07:00", "2026-01-01T07:00"))),
    case("split_events_by_period", {**PARAMS, "period": "shift", "shifts": SHIFTS[:1], "shift_col": "the shift"}, [*COLUMNS, "the shift"],
         [(0, at("2026-01-01T06:00"), at("2026-01-01T14:00"), "Day"), (0, at("2026-01-02T06:00"), at("2026-01-02T07:00"), "Day")],
         frame=_events(("2026-01-01T00:00", "2026-01-02T07:00"), ("2026-01-01T20:00", "2026-01-01T21:00"))),
    case("split_events_by_period", {**PARAMS, "duration_col": "m"}, ["the start", "end", "m"],
         [(at("2026-01-01T23:30").replace(tzinfo=EAST), at("2026-01-02").replace(tzinfo=EAST), 30.0),
          (at("2026-01-02").replace(tzinfo=EAST), at("2026-01-02T00:30").replace(tzinfo=EAST), 30.0)], frame=ZONED),
    case("split_events_by_period", {**PARAMS, "period": "shift", "shifts": SHIFTS, "duration_col": "m"}, [*COLUMNS, "shift_name", "m"], [],
         frame=DAYS.head(0), types={"shift_name": pl.String, "m": pl.Float64}),
    case("split_events_by_period", PARAMS, COLUMNS, [], frame=DAYS.head(0)),
]  # fmt: skip

MISSING = [(TRANSFORMS, "split_events_by_period", {"start_col": "Id", "end_col": "key"})]
