"""Who has which session of a queue, until when, and which of its messages come next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from odibi_local.servicebus.broker.backlog import Backlog
from odibi_local.servicebus.broker.consumers import SessionConsumer
from odibi_local.servicebus.broker.errors import SESSION_LOCK_LOST, RefusedError, session_taken


@dataclass(slots=True, kw_only=True)
class Session:
    """One session: its backlog, its state and its holder."""

    session_id: str
    backlog: Backlog
    state: bytes | None = None
    state_updated_ms: int = 0
    holder: SessionConsumer | None = None
    until_ms: int = 0
    tags: set[bytes] = field(default_factory=set)  # of the messages that its holder has


class Sessions:
    """The sessions of one queue. It knows sequence numbers and lock tags, not messages."""

    def __init__(self, lock_ms: int, is_available: Callable[[int], bool]) -> None:
        self._lock_ms = lock_ms
        self._is_available = is_available
        self._sessions: dict[str, Session] = {}
        self._held: dict[str, Session] = {}
        self._waiting: dict[SessionConsumer, int] = {}  # until when

    def restore(self, session_id: str, state: bytes, updated_ms: int) -> None:
        """Take over a state from the store."""
        session = self._session(session_id)
        session.state, session.state_updated_ms = state, updated_ms

    def push(self, session_id: str, sequence: int) -> None:
        """Put a message into the backlog of its session, at its place."""
        self._session(session_id).backlog.push(sequence)

    def accept(self, session_id: str, consumer: SessionConsumer, now: int) -> int:
        """
        Give a session to a receiver and return until when.

        Raises:
            RefusedError: If another receiver has it.
        """
        session = self._session(session_id)
        if session.holder is not None:
            raise RefusedError(session_taken(session_id))
        session.holder = consumer
        session.until_ms = now + self._lock_ms
        self._held[session_id] = session
        return session.until_ms

    def wait(self, consumer: SessionConsumer, until_ms: int) -> None:
        """Queue a receiver for the next session that has messages and no receiver."""
        self._waiting[consumer] = until_ms

    def grant_waiting(self, now: int) -> None:
        """Give free sessions with messages to the receivers that wait, oldest message and longest wait first."""
        while self._waiting:
            free = [(first, each) for each in self._sessions.values() if each.holder is None and (first := each.backlog.first) is not None]
            if not free:
                return
            _, session = min(free, key=lambda pair: pair[0])
            consumer = next(iter(self._waiting))
            del self._waiting[consumer]
            consumer.session_granted(session.session_id, self.accept(session.session_id, consumer, now))

    def held(self) -> list[Session]:
        """Return the sessions that somebody has."""
        return list(self._held.values())

    def held_session(self, session_id: str, holder: str | None = None) -> Session:
        """
        Return a session that somebody has, or that the receiver of a given name has.

        Raises:
            RefusedError: If nobody has it, or another.
        """
        session = self._held.get(session_id)
        if session is None or session.holder is None or (holder is not None and session.holder.name != holder):
            raise RefusedError(SESSION_LOCK_LOST)
        return session

    def renew(self, session_id: str, holder: str | None, now: int) -> int:
        """
        Prolong the lock of a session and return until when.

        Raises:
            RefusedError: If nobody has it, or another.
        """
        session = self.held_session(session_id, holder)
        session.until_ms = now + self._lock_ms
        return session.until_ms

    def release(self, consumer: SessionConsumer) -> Session | None:
        """Take a receiver's session back, or its place in the queue for one, and return the session."""
        self._waiting.pop(consumer, None)
        for session in self._held.values():
            if session.holder is consumer:
                return self._free(session)
        return None

    def expired(self, now: int) -> list[tuple[Session, SessionConsumer | None]]:
        """Take back the sessions whose locks have expired; return them with who had them."""
        lost = [(session, session.holder) for session in self._held.values() if session.until_ms <= now]
        for session, _ in lost:
            self._free(session)
        return lost

    def time_out(self, now: int) -> None:
        """Turn away the receivers that have waited for long enough."""
        for consumer in [consumer for consumer, until in self._waiting.items() if until <= now]:
            del self._waiting[consumer]
            consumer.session_timed_out()

    def next_due(self) -> int | None:
        """Return when something expires."""
        return min([*self._waiting.values(), *[session.until_ms for session in self._held.values()]], default=None)

    def ids(self, updated_after_ms: int | None) -> list[str]:
        """Return the sessions with messages or a state, or those whose state was set after a time."""
        if updated_after_ms is not None:
            return [
                each.session_id for each in self._sessions.values() if each.state is not None and each.state_updated_ms > updated_after_ms
            ]
        return [
            each.session_id for each in self._sessions.values() if each.state is not None or each.backlog.first is not None or each.tags
        ]

    def _free(self, session: Session) -> Session:
        session.holder = None
        self._held.pop(session.session_id, None)
        return session

    def forget_if_empty(self, session: Session) -> None:
        """Drop a session that has nothing to remember."""
        if session.holder is None and session.state is None and session.backlog.first is None:
            self._sessions.pop(session.session_id, None)

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id=session_id, backlog=Backlog(self._is_available))
        return session
