"""The answers of the broker that are not what was asked for, by the names that the service gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Refusal:
    """A request that the broker does not grant: the AMQP condition, the HTTP-like status of request nodes, and why."""

    condition: str
    status: int
    description: str


class RefusedError(Exception):
    """The broker says no."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.description)
        self.refusal = refusal


MESSAGE_LOCK_LOST: Final = Refusal(
    "com.microsoft:message-lock-lost",
    410,
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
)
SESSION_LOCK_LOST: Final = Refusal(
    "com.microsoft:session-lock-lost", 410, "The session lock has expired on the session. Accept the session again."
)
SESSION_TIME_OUT: Final = Refusal(
    "com.microsoft:timeout", 408, "No session with messages became available within the time that the receiver gave."
)
SESSION_ID_MISSING: Final = Refusal(
    "amqp:not-allowed", 400, "The SessionId was not set on a message, and the queue requires sessions. Set it to send to this queue."
)


def session_taken(session_id: str) -> Refusal:
    """Return the answer to a receiver that wants a session which another one has."""
    return Refusal("com.microsoft:session-cannot-be-locked", 409, f"The requested session {session_id!r} is locked by another receiver.")


def not_found(what: str) -> Refusal:
    """Return the answer to whoever asks for messages that are not there."""
    return Refusal("com.microsoft:message-not-found", 404, what)


def no_entity(name: str) -> Refusal:
    """Return the answer to whoever asks for a queue that is not there."""
    return Refusal("amqp:not-found", 404, f"The messaging entity {name!r} could not be found.")


def not_allowed(why: str) -> Refusal:
    """Return the answer to what an entity of this kind does not do."""
    return Refusal("amqp:not-allowed", 400, why)
