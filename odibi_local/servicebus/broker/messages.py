"""The messages that a queue holds, and the locks on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from odibi_local.servicebus.amqp.message import Content, write_head
from odibi_local.servicebus.amqp.values import Int, Long, Timestamp


class State(IntEnum):
    """Where a message stands; the numbers are those of `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True, kw_only=True)
class Lock:
    """A receiver's claim on a message."""

    tag: bytes  # the lock token as it is on the wire: a GUID, little-endian
    until_ms: int
    session_id: str | None = None  # the session whose lock holds this message instead


@dataclass(slots=True, kw_only=True)
class Message:
    """A message in a queue."""

    key: int  # in the store
    sequence: int
    content: Content
    state: State
    enqueued_ms: int
    due_ms: int | None = None  # when a scheduled message becomes active
    expires_ms: int | None = None
    ttl_ms: int | None = None  # the sender's or the queue's, whichever is shorter
    delivery_count: int = 0
    first_sequence: int | None = None  # before it was forwarded
    dead_letter_source: str | None = None  # the queue that gave up on it
    lock: Lock | None = None

    def payload(self) -> bytes:
        """Return the message as it is sent to a receiver or to somebody who only looks."""
        annotations: dict[str, Any] = {
            "x-opt-enqueued-time": Timestamp(self.enqueued_ms),
            "x-opt-sequence-number": Long(self.sequence),
            "x-opt-message-state": Int(self.state),
        }
        if self.lock is not None:
            annotations["x-opt-locked-until"] = Timestamp(self.lock.until_ms)
        if self.first_sequence is not None:
            annotations["x-opt-enqueue-sequence-number"] = Long(self.first_sequence)
        if self.dead_letter_source is not None:
            annotations["x-opt-deadletter-source"] = self.dead_letter_source
        head = write_head(self.content, ttl_ms=self.ttl_ms, delivery_count=self.delivery_count, annotations=annotations)
        return head + self.content.bare


@dataclass(slots=True)
class Numbering:
    """The sequence numbers of a queue; its dead-letter queue shares them, so that a message keeps its number there."""

    last: int = 0

    def next(self) -> int:
        """Return a number that was not given before."""
        self.last += 1
        return self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many messages of each kind a queue holds."""

    active: int
    scheduled: int
    deferred: int
    locked: int

    @classmethod
    def of(cls, messages: Iterable[Message], *, locked: int) -> Counts:
        """Count messages by their states."""
        states = [message.state for message in messages]
        return cls(
            active=states.count(State.ACTIVE),
            scheduled=states.count(State.SCHEDULED),
            deferred=states.count(State.DEFERRED),
            locked=locked,
        )
