"""Every value of a date dimension, written by hand for chosen days and derived from Python's calendar for all."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest

from odibi_core.errors import ConfigError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import applied

NAMES = [
    "date_sk", "full_date", "day_of_week", "day_of_week_num", "day_of_month", "day_of_year", "is_weekend", "week_of_year", "month",
    "month_name", "quarter", "quarter_name", "year", "fiscal_year", "fiscal_quarter", "is_month_start", "is_month_end", "is_year_start",
    "is_year_end",
]  # fmt: skip
T, F = True, False


def days(start: str, end: str, **params: object) -> dict[int, tuple[object, ...]]:
    made = applied("date_dimension", {"start_date": start, "end_date": end, **params}, None).output
    assert made.columns == NAMES
    return {row[0]: row for row in made.rows()}


def test_days_written_by_hand() -> None:
    """A leap day, the ends of a year, and the weeks of ISO 8601 around them."""
    found = days("2023-12-31", "2024-12-31", fiscal_year_start_month=7)
    assert len(found) == 367
    assert found[20240229] == (
        20240229, date(2024, 2, 29), "Thursday", 4, 29, 60, F, 9, 2, "February", 1, "Q1", 2024, 2024, 3, F, T, F, F,
    )  # fmt: skip
    assert found[20231231] == (
        20231231, date(2023, 12, 31), "Sunday", 7, 31, 365, T, 52, 12, "December", 4, "Q4", 2023, 2024, 2, F, T, F, T,
    )  # fmt: skip
    assert found[20240101] == (
        20240101, date(2024, 1, 1), "Monday", 1, 1, 1, F, 1, 1, "January", 1, "Q1", 2024, 2024, 3, T, F, T, F,
    )  # fmt: skip
    assert found[20241230] == (
        20241230, date(2024, 12, 30), "Monday", 1, 30, 365, F, 1, 12, "December", 4, "Q4", 2024, 2025, 2, F, F, F, F,
    )  # fmt: skip
    assert found[20240701] == (
        20240701, date(2024, 7, 1), "Monday", 1, 1, 183, F, 27, 7, "July", 3, "Q3", 2024, 2025, 1, T, F, F, F,
    )  # fmt: skip


@pytest.mark.parametrize("fiscal", [1, 2, 4, 10, 12])
def test_every_day_is_what_the_calendar_says(fiscal: int) -> None:
    """Ten years, day by day, by Python's own calendar."""
    found = days("2019-12-28", "2029-01-05", fiscal_year_start_month=fiscal)
    day, expected = date(2019, 12, 28), {}
    while day <= date(2029, 1, 5):
        key = int(day.strftime("%Y%m%d"))
        last = calendar.monthrange(day.year, day.month)[1]
        expected[key] = (
            key, day, calendar.day_name[day.weekday()], day.isoweekday(), day.day, day.timetuple().tm_yday, day.isoweekday() > 5,
            day.isocalendar().week, day.month, calendar.month_name[day.month], (day.month + 2) // 3, f"Q{(day.month + 2) // 3}", day.year,
            day.year + (fiscal > 1 and day.month >= fiscal), ((day.month - fiscal) % 12) // 3 + 1, day.day == 1, day.day == last,
            (day.month, day.day) == (1, 1), (day.month, day.day) == (12, 31),
        )  # fmt: skip
        day += timedelta(days=1)
    assert found == expected


def test_the_unknown_member() -> None:
    """Day 0: zeros, and nothing begins or ends with it."""
    found = days("2024-01-01", "2024-01-01", unknown_member=True)
    assert list(found) == [0, 20240101]
    assert found[0] == (0, date(1900, 1, 1), "Unknown", 0, 0, 0, F, 0, 0, "Unknown", 0, "Unknown", 0, 0, 0, F, F, F, F)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"end_date": "2024-01-01"}, "needs parameter 'start_date'"),
        ({"start_date": "01.02.2024", "end_date": "2024-01-01"}, "expected a day such as"),
        ({"start_date": "2024-02-30", "end_date": "2024-03-01"}, "'start_date'"),
        ({"start_date": "2024-01-02", "end_date": "2024-01-01"}, "'start_date' is after 'end_date'"),
        ({"start_date": "2024-01-01", "end_date": "2024-01-01", "fiscal_year_start_month": 13}, "'fiscal_year_start_month'"),
        ({"start_date": "2024-01-01", "end_date": "2024-01-01", "fiscal_month": 1}, "has no parameter 'fiscal_month'"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PATTERNS.bind("date_dimension", params)
