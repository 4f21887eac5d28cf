"""Fire one timer function: on schedule, once when a tick was missed, and never while it still runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from odibi_local.functions_host import datums
from odibi_local.functions_host.host_json import parse_time_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from odibi_local.functions_host.app_index import IndexedFunction
    from odibi_local.functions_host.invocation import Invoker
    from odibi_local.functions_host.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class TimerStatus:
    """What a timer's monitor remembers between two starts of the host."""

    last: datetime | None  # when it fired last; None before the first time
    following: datetime
    updated: datetime


class TimerMonitor:
    """Keeps the status of one timer in a file, with the names of the host's status blob."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> TimerStatus | None:
        """Return the status, or None when there is none or it cannot be read."""
        try:
            found = json.loads(self._path.read_text())
            last = datetime.fromisoformat(found["Last"]) if found["Last"] else None
            return TimerStatus(
                last=last, following=datetime.fromisoformat(found["Next"]), updated=datetime.fromisoformat(found["LastUpdated"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, status: TimerStatus) -> None:
        """Replace the status as a whole."""
        content = {
            "Last": status.last and status.last.isoformat(),
            "Next": status.following.isoformat(),
            "LastUpdated": status.updated.isoformat(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_suffix(f".{os.getpid()}.tmp")
        whole.write_text(json.dumps(content))
        whole.replace(self._path)


class TimerListener:
    """
    One listener per timer function.

    Source: Azure/azure-webjobs-sdk-extensions:src/WebJobs.Extensions/Extensions/Timers/Listener/TimerListener.cs and
    Scheduling/ScheduleMonitor.cs.
    """

    def __init__(
        self,
        *,
        function: IndexedFunction,
        schedule: Schedule,
        monitor: TimerMonitor | None,
        invoker: Invoker,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._monitor = monitor
        self._invoker = invoker
        self._now = now
        self._status: TimerStatus | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Fire until `stop` is set. A tick that falls into a running invocation is left out."""
        if self._is_past_due():
            await self._fire(stop, past_due=True)
        elif self._function.trigger.properties.get("runOnStartup"):
            await self._fire(stop, past_due=False)
        while not stop.is_set():
            following = self._schedule.after(self._now())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), (following - self._now()).total_seconds())
            # A loop may wake a moment early; firing then would make the same tick due twice.
            while not stop.is_set() and self._now() < following:
                await asyncio.sleep(0.001)
            if not stop.is_set():
                await self._fire(stop, past_due=False)

    def _is_past_due(self) -> bool:
        """Tell whether a tick was missed while no host ran. However many were missed, it is past due once."""
        if self._monitor is None:
            return False
        now, recorded = self._now(), self._monitor.read()
        if recorded is not None and recorded.following == self._schedule.after(recorded.last or recorded.updated):
            self._status = recorded
            return now > recorded.following
        # New, or its schedule was changed meanwhile: nothing can have been missed.
        last = recorded.last if recorded is not None else None
        self._remember(TimerStatus(last=last, following=self._schedule.after(now), updated=now))
        return False

    async def _fire(self, stop: asyncio.Event, *, past_due: bool) -> None:
        began, status = self._now(), self._status
        data, metadata = datums.timer(
            past_due=past_due,
            last=status.last if status else None,
            following=status.following if status else None,
            updated=status.updated if status else None,
        )
        tries = 0
        while True:
            outcome = await asyncio.wrap_future(self._invoker.submit(self._function, data, metadata))
            delay = None if outcome.ok else delay_before_retry(self._function.retry, tries)
            if delay is None or stop.is_set():
                break
            tries += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay.total_seconds())
        # A failure is not remembered: the next tick follows the schedule.
        self._remember(TimerStatus(last=began, following=self._schedule.after(began), updated=began))

    def _remember(self, status: TimerStatus) -> None:
        if self._monitor is not None:
            self._status = status
            self._monitor.write(status)


def delay_before_retry(policy: Mapping[str, str] | None, tries: int) -> timedelta | None:
    """Return how long to wait before the next try after `tries` retries failed, or None when there is none left."""
    if policy is None:
        return None
    most = int(policy.get("max_retry_count") or 0)
    if 0 <= most <= tries:
        return None
    if policy.get("strategy") == "exponential_backoff":
        least = parse_time_span(policy.get("minimum_interval") or "00:00:02")
        longest = parse_time_span(policy.get("maximum_interval") or "00:15:00")
        return min(least * int(2 ** min(tries, 20)), longest)
    return parse_time_span(policy.get("delay_interval") or "00:00:00")
