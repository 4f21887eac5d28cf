"""Keep the broker's state in a SQLite file. What a transaction changed is safe once `commit` returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from odibi_local.servicebus.amqp.message import Content
from odibi_local.servicebus.broker.messages import Message, State

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE message (
    key INTEGER PRIMARY KEY, queue TEXT NOT NULL, sequence INTEGER NOT NULL, state INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL, enqueued_ms INTEGER NOT NULL, due_ms INTEGER, expires_ms INTEGER, ttl_ms INTEGER,
    first_sequence INTEGER, dead_letter_source TEXT,
    durable INTEGER, priority INTEGER, sender_ttl_ms INTEGER, annotations BLOB NOT NULL, annotation_count INTEGER NOT NULL,
    scheduled_ms INTEGER, message_id TEXT NOT NULL, session_id TEXT, bare BLOB NOT NULL);
CREATE TABLE sequence (queue TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE session (
    queue TEXT NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL, updated_ms INTEGER NOT NULL,
    PRIMARY KEY (queue, session_id)) WITHOUT ROWID;
CREATE TABLE seen_id (
    queue TEXT NOT NULL, message_id TEXT NOT NULL, until_ms INTEGER NOT NULL,
    PRIMARY KEY (queue, message_id)) WITHOUT ROWID;
"""
_INSERT: Final = "INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_MOVE: Final = """UPDATE message SET queue=?, sequence=?, state=?, delivery_count=?, enqueued_ms=?, due_ms=?, expires_ms=?, ttl_ms=?,
    first_sequence=?, dead_letter_source=?, bare=? WHERE key=?"""


class StateError(RuntimeError):
    """The state file cannot be used: another emulator has it, or it is not one of this version."""


class Store:
    """
    The state file of one emulator.

    The journal is a write-ahead log with `synchronous=NORMAL`: a commit survives the death of the process. If the machine loses
    power the last commits may be missing, but the file is whole.
    """

    def __init__(self, path: Path | None) -> None:
        """
        Open the file, or keep everything in memory if there is none.

        Raises:
            StateError: If another process has it open, or it is something else.
        """
        where = ":memory:" if path is None else str(path)
        try:
            self._database = sqlite3.connect(where, isolation_level=None, timeout=2.0)
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")  # one emulator per file; the lock dies with its process
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute("BEGIN EXCLUSIVE")
            self._prepare(where)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise StateError(f"cannot use the state file {where}: {error}; is another emulator running on it?") from error
        self._is_open = False
        self._failure: sqlite3.Error | None = None
        row = self._database.execute("SELECT coalesce(max(key), 0) FROM message").fetchone()
        self._last_key = int(row[0])

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self._database.close()

    def commit(self) -> None:
        """
        Make everything so far safe.

        Raises:
            sqlite3.Error: If that is not possible, or a write before it was not. Then nothing of it may be acknowledged.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_open:
            self._database.execute("COMMIT")
            self._is_open = False

    def next_key(self) -> int:
        """Return a key for a new message."""
        self._last_key += 1
        return self._last_key

    def insert(self, queue: str, message: Message) -> None:
        """Add a message."""
        content = message.content
        of_sender = (content.durable, content.priority, content.ttl_ms, content.annotations, content.annotation_count)
        of_content = (*of_sender, content.scheduled_ms, content.message_id, content.session_id, content.bare)
        self._write(_INSERT, (message.key, queue, *_standing(message), *of_content))

    def move(self, queue: str, message: Message) -> None:
        """Write a message's place and standing again, after it came to another queue or gained application properties."""
        self._write(_MOVE, (queue, *_standing(message), message.content.bare, message.key))

    def update(self, message: Message) -> None:
        """Write again what changes while a message stays in its queue."""
        values = (message.state.value, message.delivery_count, message.due_ms, message.enqueued_ms, message.expires_ms, message.key)
        self._write("UPDATE message SET state=?, delivery_count=?, due_ms=?, enqueued_ms=?, expires_ms=? WHERE key=?", values)

    def delete(self, message: Message) -> None:
        """Remove a message."""
        self._write("DELETE FROM message WHERE key=?", (message.key,))

    def set_sequence(self, queue: str, last: int) -> None:
        """Remember the last sequence number that a queue gave."""
        self._write("INSERT OR REPLACE INTO sequence VALUES (?,?)", (queue, last))

    def set_session(self, queue: str, session_id: str, state: bytes | None, updated_ms: int) -> None:
        """Remember or forget the state of a session."""
        if state is None:
            self._write("DELETE FROM session WHERE queue=? AND session_id=?", (queue, session_id))
        else:
            self._write("INSERT OR REPLACE INTO session VALUES (?,?,?,?)", (queue, session_id, state, updated_ms))

    def add_seen_id(self, queue: str, message_id: str, until_ms: int) -> None:
        """Remember a message id for duplicate detection."""
        self._write("INSERT OR REPLACE INTO seen_id VALUES (?,?,?)", (queue, message_id, until_ms))

    def forget_seen_id(self, queue: str, message_id: str) -> None:
        """Forget a message id that is out of its window."""
        self._write("DELETE FROM seen_id WHERE queue=? AND message_id=?", (queue, message_id))

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Yield every message and its queue, by sequence number within a queue."""
        for row in self._database.execute("SELECT * FROM message ORDER BY queue, sequence"):
            key, queue, sequence, state, count, enqueued, due, expires, ttl, first, source, durable, *of_content = row
            priority, sender_ttl, annotations, annotation_count, scheduled, message_id, session_id, bare = of_content
            content = Content(
                durable=None if durable is None else bool(durable),
                priority=priority,
                ttl_ms=sender_ttl,
                annotations=annotations,
                annotation_count=annotation_count,
                scheduled_ms=scheduled,
                message_id=message_id,
                session_id=session_id,
                bare=bare,
            )
            yield (
                queue,
                Message(
                    key=key,
                    sequence=sequence,
                    content=content,
                    state=State(state),
                    enqueued_ms=enqueued,
                    due_ms=due,
                    expires_ms=expires,
                    ttl_ms=ttl,
                    delivery_count=count,
                    first_sequence=first,
                    dead_letter_source=source,
                ),
            )

    def sequences(self) -> dict[str, int]:
        """Return the last sequence number of every queue."""
        return dict(self._database.execute("SELECT queue, last FROM sequence"))

    def sessions(self, queue: str) -> list[tuple[str, bytes, int]]:
        """Return the sessions of a queue that have a state: id, state and when it was set."""
        return list(self._database.execute("SELECT session_id, state, updated_ms FROM session WHERE queue=?", (queue,)))

    def seen_ids(self, queue: str) -> list[tuple[str, int]]:
        """Return the message ids that a queue remembers and until when, oldest first."""
        return list(self._database.execute("SELECT message_id, until_ms FROM seen_id WHERE queue=? ORDER BY until_ms", (queue,)))

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        if self._failure is not None:
            return
        try:
            if not self._is_open:
                self._database.execute("BEGIN")
                self._is_open = True
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            self._failure = error  # raised by the next commit, where somebody can act on it

    def _prepare(self, where: str) -> None:
        version = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        if version == _VERSION:
            return
        if version or self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StateError(f"{where} is not a state file of this version of the emulator; delete it or use another path")
        for statement in _SCHEMA.split(";"):
            if statement.strip():
                self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version={_VERSION}")


def _standing(message: Message) -> tuple[object, ...]:
    """Return the columns from `sequence` to `dead_letter_source`."""
    return (
        message.sequence,
        message.state.value,
        message.delivery_count,
        message.enqueued_ms,
        message.due_ms,
        message.expires_ms,
        message.ttl_ms,
        message.first_sequence,
        message.dead_letter_source,
    )
