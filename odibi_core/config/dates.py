"""`${date:…}`: days relative to the logical time of a run, in UTC."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from odibi_core.config.places import suggestion
from odibi_core.errors import ConfigError

_RELATIVE = re.compile(r"([+-])(\d{1,5})([dwmy])")


def _end_of_month(now: datetime) -> datetime:
    return now.replace(day=calendar.monthrange(now.year, now.month)[1])


_NAMED: Mapping[str, Callable[[datetime], datetime]] = {
    "now": lambda now: now,
    "today": lambda now: now,
    "yesterday": lambda now: now - timedelta(days=1),
    "start_of_month": lambda now: now.replace(day=1),
    "end_of_month": _end_of_month,
    "start_of_year": lambda now: now.replace(month=1, day=1),
}


def resolve_date(expression: str, layout: str | None, now: datetime) -> str:
    """
    The text of a day: `today`, `end_of_month`, `-7d`, `+1m` … A month or year later is at most the end of its month.

    `now` keeps its time; all others begin at midnight. The default layout is `%Y-%m-%d`, for `now` `%Y-%m-%d %H:%M:%S`.

    Raises:
        ConfigError: If the expression is not known.
    """
    now = now.astimezone(UTC)
    if expression in _NAMED:
        day = _NAMED[expression](now)
    elif match := _RELATIVE.fullmatch(expression):
        amount = int(match[2]) * (-1 if match[1] == "-" else 1)
        try:
            day = _shifted(now, amount, match[3])
        except (OverflowError, ValueError) as error:
            raise ConfigError("date is out of range") from error
    else:
        raise ConfigError(f"unknown date '{expression}'", hint=f"{suggestion(expression, _NAMED)} Or a number of d, w, m, y such as '-7d'.")
    if expression == "now":
        return day.strftime(layout or "%Y-%m-%d %H:%M:%S")
    return day.replace(hour=0, minute=0, second=0, microsecond=0).strftime(layout or "%Y-%m-%d")


def _shifted(now: datetime, amount: int, unit: str) -> datetime:
    if unit in "dw":
        return now + timedelta(days=amount * (7 if unit == "w" else 1))
    months = now.year * 12 + now.month - 1 + amount * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    return now.replace(year=year, month=month, day=min(now.day, calendar.monthrange(year, month)[1]))
