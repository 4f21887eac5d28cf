"""NCRONTAB schedules: six fields with seconds first, UTC, day of month AND day of week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

_NOT_IN_NCRONTAB = frozenset("?LW#")
_MONITOR_FROM = timedelta(minutes=1)


class ScheduleError(ValueError):
    """A schedule that the timer trigger does not understand."""


class Schedule:
    """
    The instants at which a timer fires.

    Source: learn.microsoft.com/azure/azure-functions/functions-bindings-timer (NCRONTAB expressions).
    """

    def __init__(self, expression: str) -> None:
        """
        Parse the expression; with five fields the second is 0.

        Raises:
            ScheduleError: If it is no NCRONTAB expression.
        """
        fields = expression.split()
        if ":" in expression:
            raise ScheduleError(f"'{expression}': time spans work on App Service plans only, write six fields")
        days = " ".join((fields[-3:-2] + fields[-1:]) if len(fields) >= 5 else []).upper()
        for name in ("JUL", "WED"):  # the only month and day names that hold one of the letters
            days = days.replace(name, "")
        if _NOT_IN_NCRONTAB & set(days):
            raise ScheduleError(f"'{expression}': NCRONTAB has no ?, L, W or #")
        self.expression = " ".join(fields)
        try:
            self.after(datetime.now(UTC))
        except CronSimError as error:
            raise ScheduleError(f"'{expression}' is no schedule: {error}") from error
        except StopIteration as error:
            raise ScheduleError(f"'{expression}' never fires") from error

    def after(self, moment: datetime) -> datetime:
        """Return the first instant after the moment."""
        simulation = CronSim(self.expression, moment.astimezone(UTC))
        simulation.day_and = True  # cron means OR when both are given, NCRONTAB means AND
        following: datetime = next(simulation)
        return following

    def is_monitored(self, *, use_monitor: bool | None) -> bool:
        """Whether missed ticks are noticed: on unless switched off, and never for a schedule shorter than a minute."""
        if use_monitor is False:
            return False
        first = self.after(datetime.now(UTC))
        return self.after(first) - first >= _MONITOR_FROM
