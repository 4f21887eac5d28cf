"""One queue, or the dead-letter queue of one: what happens to a message from its arrival to its end."""

from __future__ import annotations

import heapq
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from odibi_local.servicebus.amqp.message import Content, with_application_properties
from odibi_local.servicebus.amqp.outcomes import Accepted, Modified, Outcome, Rejected, Released
from odibi_local.servicebus.broker.backlog import Backlog
from odibi_local.servicebus.broker.consumers import Consumer, SessionConsumer
from odibi_local.servicebus.broker.deadlines import Deadlines
from odibi_local.servicebus.broker.duplicates import SeenIds
from odibi_local.servicebus.broker.errors import MESSAGE_LOCK_LOST, SESSION_ID_MISSING, RefusedError, not_allowed, not_found
from odibi_local.servicebus.broker.messages import Counts, Lock, Message, Numbering, State
from odibi_local.servicebus.broker.sessions import Session, Sessions
from odibi_local.servicebus.broker.store import Store
from odibi_local.servicebus.config import QueueSettings

DEAD_LETTERS: Final = "$deadletterqueue"


class Queue:
    """A queue. Every method that takes `now` means milliseconds since 1970."""

    def __init__(
        self, settings: QueueSettings, store: Store, dead_letters: Queue | None, numbering: Numbering, touched: Callable[[Queue], None]
    ) -> None:
        self.settings = settings
        self.dead_letters = dead_letters
        self.numbering = numbering
        self.forwards_to: Queue | None = None
        self.forwards_dead_letters_to: Queue | None = None
        self.lock_ms = int(settings.lock_duration.total_seconds() * 1000)
        self.path = settings.name.lower() if dead_letters else f"{settings.name.lower()}/{DEAD_LETTERS}"
        self.requires_session = settings.requires_session and dead_letters is not None
        self._store = store
        self._touched = touched
        self._messages: dict[int, Message] = {}
        self._backlog = Backlog(self._is_available)
        self._sessions = Sessions(self.lock_ms, self._is_available)
        self._consumers: deque[Consumer] = deque()
        self._locked: dict[bytes, Message] = {}
        self._deadlines = Deadlines()
        self._seen: SeenIds | None = None
        if settings.detects_duplicates and dead_letters is not None:
            self._seen = SeenIds(store, self.path, int(settings.duplicate_window.total_seconds() * 1000))
        if self.requires_session:
            for session_id, state, updated_ms in store.sessions(self.path):
                self._sessions.restore(session_id, state, updated_ms)

    def touch(self) -> None:
        """Arrange that the broker looks at this queue in this turn: something has changed."""
        self._touched(self)

    def enqueue(self, contents: Sequence[Content], now: int) -> list[int]:
        """
        Add messages, all or none, and return their sequence numbers. A duplicate gets a number and vanishes.

        Raises:
            RefusedError: If the queue requires sessions and a message has none, or it is a dead-letter queue.
        """
        if self.dead_letters is None:
            raise RefusedError(not_allowed("Messages cannot be sent to a dead-letter queue."))
        if self.requires_session and any(content.session_id is None for content in contents):
            raise RefusedError(SESSION_ID_MISSING)
        return [self._enqueue(content, now) for content in contents]

    def _enqueue(self, content: Content, now: int) -> int:
        sequence = self.numbering.next()
        if self._seen is not None and not self._seen.is_new(content.message_id, now):
            return sequence
        message = Message(key=self._store.next_key(), sequence=sequence, content=content, state=State.ACTIVE, enqueued_ms=now)
        if content.scheduled_ms is not None and content.scheduled_ms > now:
            message.state, message.due_ms = State.SCHEDULED, content.scheduled_ms
            self._store.insert(self.path, message)
            self.restore(message)
        else:
            target = self._activate(message, now)
            if target is not None:
                self._store.insert(target.path, message)
        return sequence

    def restore(self, message: Message) -> None:
        """Take a message that is in the store already."""
        self.touch()
        self._messages[message.sequence] = message
        if message.state is State.SCHEDULED and message.due_ms is not None:
            self._deadlines.add_due(message.due_ms, message.sequence)
        elif message.state is State.ACTIVE:
            self._make_available(message)
            if message.expires_ms is not None:
                self._deadlines.add_expiry(message.expires_ms, message.sequence)

    def _activate(self, message: Message, now: int) -> Queue | None:
        """Make a message available here or where this queue forwards to; return there, or None if it was a duplicate there."""
        if self.forwards_to is not None:
            return self.forwards_to.adopt(message, now)
        message.state, message.due_ms, message.enqueued_ms = State.ACTIVE, None, now
        limits = [self.settings.time_to_live.total_seconds() * 1000, *([message.content.ttl_ms] if message.content.ttl_ms else [])]
        message.ttl_ms = int(min(limits))
        message.expires_ms = now + message.ttl_ms
        self.restore(message)
        return self

    def adopt(self, message: Message, now: int) -> Queue | None:
        """Take a message that another queue forwards; return the queue where it ends up, or None if it is a duplicate here."""
        if self._seen is not None and not self._seen.is_new(message.content.message_id, now):
            return None
        message.first_sequence = message.first_sequence or message.sequence
        message.sequence = self.numbering.next()
        if self.requires_session and message.content.session_id is None and self.dead_letters is not None:
            return self.dead_letters.bury(message, "SessionIdMissing", SESSION_ID_MISSING.description)
        return self._activate(message, now)

    def bury(self, message: Message, reason: str | None, description: str | None) -> Queue:
        """Take a dead message into this dead-letter queue."""
        added = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        texts = {name: text for name, text in added.items() if text is not None}
        if texts:
            message.content = replace(message.content, bare=with_application_properties(message.content.bare, texts))
        message.state, message.due_ms, message.expires_ms = State.ACTIVE, None, None
        self.restore(message)
        return self

    def subscribe(self, consumer: Consumer) -> None:
        """Let a receiver compete for messages."""
        self._consumers.append(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Forget a receiver. What it has stays locked until the locks expire, as in the service."""
        self._consumers.remove(consumer)

    def leave(self, consumer: SessionConsumer, now: int) -> None:
        """Take a receiver's session back, or its place among those who wait for one."""
        session = self._sessions.release(consumer)
        if session is not None:
            for message in self._take_back(session):
                self._come_back(message, now)
            self._sessions.forget_if_empty(session)

    @property
    def sessions(self) -> Sessions:
        """Who has which session."""
        return self._sessions

    def pump(self, now: int) -> None:
        """Hand messages to the receivers that take some, turn by turn."""
        if self.requires_session:
            self._pump_sessions(now)
            return
        full = 0
        while full < len(self._consumers) and self._backlog.first is not None:
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if not consumer.is_ready:
                full += 1
                continue
            full = 0
            sequence = self._backlog.pop()
            if sequence is not None:
                self._hand_over(self._messages[sequence], consumer, now, None)
        for consumer in self._consumers:
            consumer.drained()

    def _pump_sessions(self, now: int) -> None:
        self._sessions.grant_waiting(now)
        for session in self._sessions.held():
            holder = session.holder
            while holder is not None and holder.is_ready and (sequence := session.backlog.pop()) is not None:
                self._hand_over(self._messages[sequence], holder, now, session)
            if holder is not None:
                holder.drained()

    def _hand_over(self, message: Message, consumer: Consumer, now: int, session: Session | None) -> None:
        if consumer.deletes:
            self._delete(message)
        else:
            self._lock(message, now, session)
        consumer.deliver(message)

    def _lock(self, message: Message, now: int, session: Session | None) -> None:
        tag = uuid.uuid4().bytes_le
        self._locked[tag] = message
        if session is None:
            message.lock = Lock(tag=tag, until_ms=now + self.lock_ms)
            self._deadlines.add_lock(message.lock.until_ms, tag)
        else:
            message.lock = Lock(tag=tag, until_ms=session.until_ms, session_id=session.session_id)
            session.tags.add(tag)

    def receive_deferred(self, sequences: Sequence[int], *, session_id: str | None, deletes: bool, now: int) -> list[Message]:
        """
        Lock or delete deferred messages and return them.

        Raises:
            RefusedError: If one of them is not there, not deferred, or locked; or the session is not held.
        """
        session = self._sessions.held_session(session_id) if self.requires_session and session_id is not None else None
        found = [self._messages.get(sequence) for sequence in sequences]
        messages = [each for each in found if each is not None and each.state is State.DEFERRED and each.lock is None]
        if len(messages) != len(found) or any(session is not None and each.content.session_id != session_id for each in messages):
            raise RefusedError(not_found("One of the messages does not exist, is not deferred, or is locked."))
        for message in messages:
            if deletes:
                self._delete(message)
            else:
                self._lock(message, now, session)
        return messages

    def settle(self, tag: bytes, outcome: Outcome, now: int) -> None:
        """
        Apply a receiver's word about a message that it has locked.

        Raises:
            RefusedError: If the lock is lost.
        """
        message = self._unlock(tag)
        match outcome:
            case Accepted():
                self._delete(message)
            case Rejected():
                self._dead_letter(message, outcome.reason, outcome.description, now)
            case Modified(undeliverable_here=True):
                message.state = State.DEFERRED
                self._store.update(message)
            case Modified(failed=True):
                self._failed(message, now)
            case Modified() | Released():
                self._come_back(message, now)

    def renew(self, tag: bytes, now: int) -> int:
        """
        Prolong a lock and return until when.

        Raises:
            RefusedError: If the lock is lost.
        """
        message = self._locked.get(tag)
        if message is None or message.lock is None or message.lock.session_id is not None:
            raise RefusedError(MESSAGE_LOCK_LOST)
        message.lock.until_ms = now + self.lock_ms
        self._deadlines.add_lock(message.lock.until_ms, tag)
        return message.lock.until_ms

    def cancel(self, sequences: Sequence[int]) -> None:
        """
        Remove scheduled messages, all or none.

        Raises:
            RefusedError: If one of them is not there or not scheduled any more.
        """
        messages = [self._messages.get(sequence) for sequence in sequences]
        scheduled = [each for each in messages if each is not None and each.state is State.SCHEDULED]
        if len(scheduled) != len(messages):
            raise RefusedError(not_found("One of the messages does not exist or is not scheduled any more."))
        for message in scheduled:
            self._delete(message)

    def set_session_state(self, session_id: str, holder: str | None, state: bytes | None, now: int) -> None:
        """
        Set or clear the state of a session.

        Raises:
            RefusedError: If the receiver does not have the session.
        """
        session = self._sessions.held_session(session_id, holder)
        session.state, session.state_updated_ms = state, now
        self._store.set_session(self.path, session_id, state, now)

    def _unlock(self, tag: bytes) -> Message:
        message = self._locked.pop(tag, None)
        if message is None or message.lock is None:
            raise RefusedError(MESSAGE_LOCK_LOST)
        if message.lock.session_id is not None:
            self._sessions.held_session(message.lock.session_id).tags.discard(tag)
        message.lock = None
        self._deadlines.drop_settled(self._locked)
        return message

    def _failed(self, message: Message, now: int) -> None:
        """Count a delivery that came to nothing."""
        message.delivery_count += 1
        if self.dead_letters is not None and message.delivery_count >= self.settings.max_delivery_count:
            why = f"Message could not be consumed after {self.settings.max_delivery_count} delivery attempts."
            self._dead_letter(message, "MaxDeliveryCountExceeded", why, now)
            return
        self._store.update(message)
        self._come_back(message, now)

    def _come_back(self, message: Message, now: int) -> None:
        if message.state is State.ACTIVE and message.expires_ms is not None and message.expires_ms <= now:
            self._expire(message, now)
        else:
            self._make_available(message)

    def _dead_letter(self, message: Message, reason: str | None, description: str | None, now: int) -> None:
        if self.dead_letters is None:  # dead already: it stays where it is
            self._make_available(message)
            return
        del self._messages[message.sequence]
        target: Queue | None
        if self.forwards_dead_letters_to is None:
            target = self.dead_letters.bury(message, reason, description)
        else:
            message.dead_letter_source = self.settings.name
            target = self.forwards_dead_letters_to.adopt(message, now)
        if target is None:
            self._store.delete(message)
        else:
            self._store.move(target.path, message)

    def _delete(self, message: Message) -> None:
        del self._messages[message.sequence]
        self._deadlines.drop_gone(self._messages)
        self._store.delete(message)

    def tick(self, now: int) -> None:
        """Do what is due: locks end, sessions are lost, scheduled messages become active, old ones expire."""
        for tag in self._deadlines.ended_locks(now):
            message = self._locked.get(tag)
            if message is not None and message.lock is not None and message.lock.until_ms <= now:
                self._failed(self._unlock(tag), now)
        for session, consumer in self._sessions.expired(now):
            for message in self._take_back(session):
                self._failed(message, now)
            self._sessions.forget_if_empty(session)
            if consumer is not None:
                consumer.session_lost()
        self._sessions.time_out(now)
        for sequence in self._deadlines.due(now):
            message = self._messages.get(sequence)
            if message is not None and message.state is State.SCHEDULED:
                self._become_active(message, now)
        for sequence in self._deadlines.expired(now):
            message = self._messages.get(sequence)
            if message is not None and message.state is State.ACTIVE and message.lock is None:
                self._expire(message, now)
        if self._seen is not None:
            self._seen.forget(now)

    def next_due(self) -> int | None:
        """Return when `tick` has something to do."""
        times = [self._deadlines.next(), self._sessions.next_due(), self._seen.next_due() if self._seen else None]
        return min([time for time in times if time is not None], default=None)

    def _become_active(self, message: Message, now: int) -> None:
        del self._messages[message.sequence]
        target = self._activate(message, now)
        if target is None:
            self._store.delete(message)
        else:
            self._store.move(target.path, message)

    def _expire(self, message: Message, now: int) -> None:
        if self.settings.dead_letters_expired:
            self._dead_letter(message, "TTLExpiredException", "The message expired and was dead lettered.", now)
        else:
            self._delete(message)

    def _take_back(self, session: Session) -> list[Message]:
        """Unlock what the holder of a session had, in order."""
        messages = [self._locked.pop(tag) for tag in session.tags if tag in self._locked]
        session.tags.clear()
        for message in messages:
            message.lock = None
        return sorted(messages, key=lambda message: message.sequence)

    def peek(self, first: int, count: int, session_id: str | None) -> list[Message]:
        """Return messages of any state from a sequence number on, without touching them."""
        chosen = heapq.nsmallest(
            count,
            (
                sequence
                for sequence, message in self._messages.items()
                if sequence >= first and (session_id is None or message.content.session_id == session_id)
            ),
        )
        return [self._messages[sequence] for sequence in chosen]

    def counts(self) -> Counts:
        """Count the messages."""
        return Counts.of(self._messages.values(), locked=len(self._locked))

    def _is_available(self, sequence: int) -> bool:
        message = self._messages.get(sequence)
        return message is not None and message.state is State.ACTIVE and message.lock is None

    def _make_available(self, message: Message) -> None:
        if message.state is not State.ACTIVE:
            return
        if self.requires_session and message.content.session_id is not None:
            self._sessions.push(message.content.session_id, message.sequence)
        else:
            self._backlog.push(message.sequence)
