"""Hand a queue's messages to a receiving client, with or without a session, and pass on what it says about them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from odibi_local.servicebus.amqp.errors import AmqpError
from odibi_local.servicebus.amqp.links import Link, SendingLink
from odibi_local.servicebus.amqp.outcomes import Outcome, Rejected
from odibi_local.servicebus.amqp.values import Long, Symbol
from odibi_local.servicebus.broker.errors import SESSION_LOCK_LOST, SESSION_TIME_OUT, Refusal, RefusedError
from odibi_local.servicebus.broker.messages import Message
from odibi_local.servicebus.broker.queue import Queue

SESSION_FILTER: Final = "com.microsoft:session-filter"
_TICKS_BEFORE_1970: Final = 621_355_968_000_000_000  # .NET counts 100 ns since the year 1
_LONGEST_WAIT_MS: Final = 65_000  # for a session, if the client names no time


def as_error(refusal: Refusal) -> AmqpError:
    """Return the broker's refusal as AMQP says it."""
    return AmqpError(condition=refusal.condition, description=refusal.description)


class Receiver:
    """A client that receives from a queue without sessions, or from a dead-letter queue."""

    def __init__(self, link: SendingLink, queue: Queue, clock: Callable[[], int]) -> None:
        self._link = link
        self._queue = queue
        self._clock = clock

    def start(self) -> None:
        """Open the link and compete for messages."""
        self._link.accept(self, filters={}, properties={})
        self._queue.subscribe(self)

    @property
    def is_ready(self) -> bool:
        """True if the client takes a message now."""
        return self._link.is_ready

    @property
    def deletes(self) -> bool:
        """True in the mode receive-and-delete."""
        return self._link.attach.sends_settled

    def deliver(self, message: Message) -> None:
        """Send a message to the client. The delivery tag is the lock token."""
        tag = uuid.uuid4().bytes_le if message.lock is None else message.lock.tag
        self._link.send(tag, message.payload(), settled=message.lock is None)

    def drained(self) -> None:
        """Tell a client that asked for all there is."""
        self._link.drained()

    def credit_changed(self, _: SendingLink) -> None:
        """Let the queue look for messages."""
        self._queue.touch()

    def settled(self, _: SendingLink, tag: bytes, outcome: Outcome) -> Outcome:
        """Pass the client's word on. What is confirmed is the same word, or the reason why not."""
        self._queue.touch()
        try:
            self._queue.settle(tag, outcome, self._clock())
        except RefusedError as error:
            return Rejected(error=as_error(error.refusal))
        return Rejected() if isinstance(outcome, Rejected) else outcome

    def closed(self, _: Link) -> None:
        """Stop competing."""
        self._queue.unsubscribe(self)


class SessionReceiver(Receiver):
    """A client that receives the messages of one session."""

    @property
    def name(self) -> str:
        """The name of the link, by which requests to `$management` name it."""
        return self._link.attach.name

    def start(self) -> None:
        """Take the session that the client names, or wait for the next one with messages."""
        asked = self._link.attach
        session_id = asked.filters.get(SESSION_FILTER)
        if isinstance(session_id, str):
            try:
                until_ms = self._queue.sessions.accept(session_id, self, self._clock())
            except RefusedError as error:
                self._link.refuse(as_error(error.refusal))
                return
            self.session_granted(session_id, until_ms)
            return
        wait_ms = asked.properties.get("com.microsoft:timeout")
        self._link.source = self
        self._queue.sessions.wait(self, self._clock() + (wait_ms if isinstance(wait_ms, int) else _LONGEST_WAIT_MS))
        self._queue.touch()

    def session_granted(self, session_id: str, until_ms: int) -> None:
        """Open the link, and tell the client which session it has and until when."""
        properties: dict[Any, Any] = {Symbol("com.microsoft:locked-until-utc"): Long(until_ms * 10_000 + _TICKS_BEFORE_1970)}
        self._link.accept(self, filters={Symbol(SESSION_FILTER): session_id}, properties=properties)

    def session_timed_out(self) -> None:
        """Turn the client away."""
        self._link.refuse(as_error(SESSION_TIME_OUT))

    def session_lost(self) -> None:
        """Close the link: another receiver may have the session now."""
        self._link.detach(as_error(SESSION_LOCK_LOST))

    def closed(self, _: Link) -> None:
        """Give the session back."""
        self._queue.leave(self, self._clock())
        self._queue.touch()
