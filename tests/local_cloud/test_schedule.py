"""Timers fire when NCRONTAB says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from odibi_local.functions_host.schedule import Schedule, ScheduleError

MONDAY = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("0 */5 * * * *", datetime(2026, 11, 23, 10, 5, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 11, 23, 10, 5, tzinfo=UTC)),
        ("*/15 * * * * *", datetime(2026, 11, 23, 10, 0, 15, tzinfo=UTC)),
        ("0 30 9 * * MON-FRI", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("0 0 6 * JUL WED", datetime(2027, 7, 7, 6, 0, tzinfo=UTC)),
    ],
)
def test_the_next_instant(expression, following):
    """Six fields with seconds first, or five with second 0."""
    assert Schedule(expression).after(MONDAY) == following


def test_day_of_month_and_day_of_week_must_both_hold():
    """Unix cron means OR; NCRONTAB means AND: the next Friday the 13th."""
    assert Schedule("0 0 0 13 * FRI").after(MONDAY) == datetime(2027, 8, 13, tzinfo=UTC)


@pytest.mark.parametrize("expression", ["0 0 0 ? * *", "0 0 0 L * *", "0 0 0 * * 5#2", "00:05:00", "* *", "0 99 * * * *", "0 0 0 30 2 *"])
def test_what_ncrontab_does_not_know_is_refused(expression):
    """No ?, L, W or #, no time spans, and a day must exist."""
    with pytest.raises(ScheduleError):
        Schedule(expression)


def test_only_schedules_of_a_minute_or_more_are_monitored():
    """A schedule under a minute never catches up; use_monitor=False switches it off."""
    assert Schedule("0 * * * * *").is_monitored(use_monitor=None)
    assert not Schedule("*/30 * * * * *").is_monitored(use_monitor=True)
    assert not Schedule("0 * * * * *").is_monitored(use_monitor=False)
