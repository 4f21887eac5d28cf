"""What the broker needs from a receiver."""

from __future__ import annotations

from typing import Protocol

from odibi_local.servicebus.broker.messages import Message


class Consumer(Protocol):
    """A receiver on a queue."""

    @property
    def is_ready(self) -> bool:
        """True if it takes a message now."""

    @property
    def deletes(self) -> bool:
        """True if what it gets is removed at once, instead of locked."""

    def deliver(self, message: Message) -> None:
        """Take a message; `message.lock` is set unless it is deleted."""

    def drained(self) -> None:
        """Learn that there is nothing more for now."""


class SessionConsumer(Consumer, Protocol):
    """A receiver that has, or waits for, a session."""

    @property
    def name(self) -> str:
        """The name of its link."""

    def session_granted(self, session_id: str, until_ms: int) -> None:
        """Get the session that it waited for."""

    def session_timed_out(self) -> None:
        """Learn that no session came in time."""

    def session_lost(self) -> None:
        """Learn that its lock has expired."""
