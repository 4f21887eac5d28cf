"""Timers catch up once, never overlap, and survive failures."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from odibi_local.functions_host import InProcessHost
from odibi_local.functions_host.schedule import Schedule
from odibi_local.functions_host.timer_listener import TimerListener, TimerMonitor, TimerStatus, delay_before_retry

APP = """
FIRED = []

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def tick(timer: func.TimerRequest) -> None:
    FIRED.append((timer.past_due, timer.schedule_status))
    if len(FIRED) < FAIL_UNTIL:
        raise ValueError("not yet")
    time.sleep(SLEEP)

FAIL_UNTIL, SLEEP = 0, 0.0
"""
NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def host(write_app):
    with InProcessHost(write_app(APP)) as host:
        yield host


def _run(host, tmp_path, *, schedule="0 0 * * * *", now=None, seconds=0.3):
    """Run the timer's listener for some seconds and return what fired."""
    function = host.functions["tick"]
    monitor = TimerMonitor(tmp_path / "tick.json") if now else None
    clock = now or (lambda: datetime.now(UTC))
    listener = TimerListener(function=function, schedule=Schedule(schedule), monitor=monitor, invoker=host._invoker, now=clock)

    async def listen():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await listener.run(stop)

    asyncio.run(listen())
    return function.call.__globals__["FIRED"]


def test_a_new_timer_has_missed_nothing(host, tmp_path):
    """The first start only writes down when the timer is due."""
    assert _run(host, tmp_path, now=lambda: NOON) == []
    assert TimerMonitor(tmp_path / "tick.json").read() == TimerStatus(last=None, following=NOON.replace(hour=13, second=0), updated=NOON)


def test_many_missed_ticks_are_one_past_due_invocation(host, tmp_path):
    """However long the host was off, it catches up once."""
    _run(host, tmp_path, now=lambda: NOON)
    late = NOON + timedelta(hours=7)
    ((past_due, status),) = _run(host, tmp_path, now=lambda: late)
    assert past_due
    assert status["Next"] == "2026-11-23T13:00:00.000000Z"
    assert TimerMonitor(tmp_path / "tick.json").read() == TimerStatus(
        last=late, following=late.replace(hour=20, second=0, minute=0), updated=late
    )


def test_a_restart_right_after_does_not_fire_again(host, tmp_path):
    """The catch-up is written down."""
    _run(host, tmp_path, now=lambda: NOON)
    late = NOON + timedelta(hours=7)
    assert len(_run(host, tmp_path, now=lambda: late)) == 1
    assert len(_run(host, tmp_path, now=lambda: late + timedelta(minutes=1))) == 1


def test_a_changed_schedule_is_not_past_due(host, tmp_path):
    """What was due under the old schedule is forgotten."""
    _run(host, tmp_path, now=lambda: NOON)
    assert _run(host, tmp_path, schedule="0 30 * * * *", now=lambda: NOON + timedelta(hours=7)) == []


def test_a_timer_never_overlaps_itself(host, tmp_path):
    """Ticks that fall into a running invocation are left out."""
    host.functions["tick"].call.__globals__["SLEEP"] = 1.3
    assert len(_run(host, tmp_path, schedule="* * * * * *", seconds=2.9)) == 2


def test_a_failed_timer_follows_its_schedule(host, tmp_path):
    """An error is no reason to stop, nor to fire at once."""
    host.functions["tick"].call.__globals__["FAIL_UNTIL"] = 9
    assert len(_run(host, tmp_path, schedule="* * * * * *", seconds=2.1)) == 2


def test_retries_follow_their_policy():
    """Fixed delays, doubled delays up to a limit, and an end."""
    fixed = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:05"}
    assert [delay_before_retry(fixed, tries) for tries in range(3)] == [timedelta(seconds=5), timedelta(seconds=5), None]
    growing = {"strategy": "exponential_backoff", "max_retry_count": "-1", "minimum_interval": "00:00:01", "maximum_interval": "00:00:03"}
    assert [delay_before_retry(growing, tries).total_seconds() for tries in range(3)] == [1, 2, 3]
    assert delay_before_retry(None, 0) is None
