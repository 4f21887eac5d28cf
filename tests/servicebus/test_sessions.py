"""Sessions: messages that belong together, for one receiver at a time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError, SessionCannotBeLockedError, SessionLockLostError

from odibi_local.servicebus import EmulatorProcess

QUEUES = {
    "named": {"RequiresSession": True},
    "next": {"RequiresSession": True},
    "short": {"RequiresSession": True, "LockDuration": "PT5S"},
    "plain": {},
}


def test_a_session_is_exclusive_in_order_and_has_a_state(client: ServiceBusClient):
    """Its messages come in order, an abandoned one at its old place; others cannot have it before it is given back."""
    with client.get_queue_sender("named") as sender:
        sender.send_messages([ServiceBusMessage(f"{session}{number}", session_id=session) for number in range(3) for session in "ab"])
    with client.get_queue_receiver("named", session_id="a") as receiver:
        with pytest.raises(SessionCannotBeLockedError), client.get_queue_receiver("named", session_id="a") as other:
            other.receive_messages(max_wait_time=1)
        (first,) = receiver.receive_messages(max_wait_time=5)
        receiver.abandon_message(first)
        got = []
        while len(got) < 3:
            got += receiver.receive_messages(max_message_count=5, max_wait_time=5)
        assert [(str(message), message.delivery_count, message.session_id) for message in got] == [
            ("a0", 1, "a"),
            ("a1", 0, "a"),
            ("a2", 0, "a"),
        ]
        assert receiver.session.get_state() is None
        receiver.session.set_state("here")
        assert receiver.session.get_state() == b"here"
        assert receiver.session.renew_lock() > datetime.now(UTC) + timedelta(seconds=55)
        receiver.complete_message(got[0])
        assert [str(message) for message in receiver.peek_messages(5, sequence_number=1)] == ["a1", "a2"]
    with client.get_queue_receiver("named", session_id="a") as receiver:
        got = receiver.receive_messages(max_message_count=1, max_wait_time=5)
        assert [(str(message), message.delivery_count) for message in got] == [("a1", 0)]
        assert receiver.session.get_state() == b"here"


def test_the_next_session_is_the_one_with_the_oldest_message(client: ServiceBusClient):
    """A receiver waits for it; when there is none it is turned away after its own time."""
    with client.get_queue_sender("next") as sender:
        waited = []

        def wait() -> None:
            with client.get_queue_receiver("next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=10) as receiver:
                got = receiver.receive_messages(max_wait_time=5)
                waited.append((receiver.session.session_id, str(got[0])))
                receiver.complete_message(got[0])

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(1)
        sender.send_messages(ServiceBusMessage("x", session_id="late"))
        thread.join()
        assert waited == [("late", "x")]
        sender.send_messages([ServiceBusMessage("1", session_id="one"), ServiceBusMessage("2", session_id="two")])
        with client.get_queue_receiver("next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as first:
            assert first.session.session_id == "one"
            with client.get_queue_receiver("next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as second:
                assert second.session.session_id == "two"
                started = time.monotonic()
                with (
                    pytest.raises(OperationTimeoutError),
                    client.get_queue_receiver("next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1) as third,
                ):
                    third.receive_messages()
                assert time.monotonic() - started < 10


def test_a_session_lock_that_ends_is_lost_and_counts_as_a_delivery(client: ServiceBusClient, emulator: EmulatorProcess):
    """Another receiver gets the session and its messages; the first one is told."""
    with client.get_queue_sender("short") as sender:
        sender.send_messages(ServiceBusMessage("x", session_id="s"))
    with client.get_queue_receiver("short", session_id="s") as receiver:
        (message,) = receiver.receive_messages(max_wait_time=5)
        time.sleep(5.2)
        assert emulator.queues()["short"]["locked"] == 0
        receiver.session._locked_until_utc += timedelta(minutes=1)  # or the client does not even ask
        with client.get_queue_receiver("short", session_id="s") as other:
            with pytest.raises(SessionLockLostError):
                receiver.complete_message(message)
            (again,) = other.receive_messages(max_wait_time=5)
            assert again.delivery_count == 1
            other.complete_message(again)


def test_sessions_are_asked_for_where_they_are_and_nowhere_else(client: ServiceBusClient):
    """A message without a session, a receiver without one, and a session where there are none."""
    with pytest.raises(ServiceBusError, match="SessionId"), client.get_queue_sender("named") as sender:
        sender.send_messages(ServiceBusMessage("x"))
    with pytest.raises(ServiceBusError, match="requires sessions"), client.get_queue_receiver("named") as receiver:
        receiver.receive_messages(max_wait_time=1)
    with pytest.raises(ServiceBusError, match="has no sessions"), client.get_queue_receiver("plain", session_id="s") as receiver:
        receiver.receive_messages(max_wait_time=1)


def test_the_sessions_of_a_queue_can_be_listed(client: ServiceBusClient):
    """Those with messages or a state."""
    with client.get_queue_sender("short") as sender:
        sender.send_messages([ServiceBusMessage("x", session_id=name) for name in ("l1", "l2")])
    assert {"l1", "l2"} <= set(client.list_queue_sessions("short"))
