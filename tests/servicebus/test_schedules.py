"""Messages for later, and messages that come twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageNotFoundError

from odibi_local.servicebus import EmulatorProcess
from tests.servicebus.conftest import Lane

QUEUES = {
    "later": {},
    "cancelled": {},
    "once": {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT6S"},
}


def test_a_scheduled_message_arrives_when_it_is_due(lane: Lane, emulator: EmulatorProcess):
    """By property or by `schedule_messages`; not before, and at once afterwards."""
    sender, receiver = lane("later")
    due = datetime.now(UTC) + timedelta(seconds=2.5)
    sender.send_messages(ServiceBusMessage("by property", scheduled_enqueue_time_utc=due))
    numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
    assert numbers == [2, 3]
    assert emulator.queues()["later"]["scheduled"] == 3
    got = []
    while len(got) < 3:
        got += receiver.receive_messages(max_message_count=3, max_wait_time=6)
    late = datetime.now(UTC) - due
    for message in got:
        receiver.complete_message(message)
    assert [str(message) for message in got] == ["by property", "a", "b"]
    assert all(message.enqueued_time_utc >= due - timedelta(milliseconds=1) for message in got)
    assert timedelta(0) <= late < timedelta(seconds=3)


def test_a_cancelled_message_never_arrives(lane: Lane, emulator: EmulatorProcess):
    """Cancelling what is not there is an error, and then nothing is cancelled."""
    due = datetime.now(UTC) + timedelta(minutes=30)
    sender, _ = lane("cancelled")
    numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
    sender.cancel_scheduled_messages(numbers[0])
    with pytest.raises(MessageNotFoundError):
        sender.cancel_scheduled_messages(numbers)
    assert emulator.queues()["cancelled"]["scheduled"] == 1


def test_an_id_is_taken_once_within_the_window(lane: Lane, emulator: EmulatorProcess):
    """Also after the first message is completed, also if one of them is scheduled, and no longer than the window."""
    due = datetime.now(UTC) + timedelta(minutes=30)
    sender, receiver = lane("once")
    started = time.monotonic()
    sender.send_messages(ServiceBusMessage("first", message_id="1"))
    sender.send_messages([ServiceBusMessage("again", message_id="1"), ServiceBusMessage("other", message_id="2")])
    got = []
    while len(got) < 2:
        got += receiver.receive_messages(max_message_count=2, max_wait_time=5)
    for message in got:
        receiver.complete_message(message)
    sender.send_messages(ServiceBusMessage("after completion", message_id="1"))
    sender.schedule_messages(ServiceBusMessage("scheduled", message_id="3"), due)
    sender.send_messages(ServiceBusMessage("not scheduled", message_id="3"))
    counts = emulator.queues()["once"]
    assert time.monotonic() - started < 6, "too slow for this window"
    assert (counts["active"], counts["scheduled"]) == (0, 1)
    time.sleep(max(0, started + 6.2 - time.monotonic()))
    sender.send_messages(ServiceBusMessage("after the window", message_id="1"))
    (late,) = receiver.receive_messages(max_wait_time=5)
    assert [str(message) for message in [*got, late]] == ["first", "other", "after the window"]
