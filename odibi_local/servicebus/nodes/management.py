"""The requests of a queue's `$management` node: locks, peeking, schedules, deferred messages and sessions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from odibi_local.servicebus.amqp.errors import DecodeError
from odibi_local.servicebus.amqp.message import read_message
from odibi_local.servicebus.amqp.outcomes import Accepted, Modified, Outcome, Rejected
from odibi_local.servicebus.amqp.values import Array, Int, Long, Timestamp
from odibi_local.servicebus.broker.errors import Refusal, RefusedError, not_allowed
from odibi_local.servicebus.broker.messages import Message
from odibi_local.servicebus.broker.queue import Queue
from odibi_local.servicebus.nodes.requests import Request, Response

STATUS_NAMES: Final = ("statusCode", "statusDescription")
_PEEK_AND_DELETE: Final = 0  # receiver-settle-mode first
_MOST_PEEKED: Final = 250
_MOST_PEEKED_BYTES: Final = 1_048_576
_ALL_SESSIONS_MS: Final = 253_402_300_800_000  # DateTime.MaxValue: every session with messages or a state


class Management:
    """Answers the requests about one queue."""

    def __init__(self, queue: Queue, clock: Callable[[], int]) -> None:
        self._queue = queue
        self._clock = clock
        self._operations: dict[str, Callable[[Request], Any]] = {
            "com.microsoft:renew-lock": self._renew_lock,
            "com.microsoft:peek-message": self._peek,
            "com.microsoft:schedule-message": self._schedule,
            "com.microsoft:cancel-scheduled-message": self._cancel,
            "com.microsoft:receive-by-sequence-number": self._receive_deferred,
            "com.microsoft:update-disposition": self._update_disposition,
            "com.microsoft:get-session-state": self._get_session_state,
            "com.microsoft:set-session-state": self._set_session_state,
            "com.microsoft:renew-session-lock": self._renew_session_lock,
            "com.microsoft:get-message-sessions": self._list_sessions,
        }

    def answer(self, request: Request) -> Response:
        """Do what a request asks for, or say why not; there is an answer to everything, so that no client waits."""
        operation = self._operations.get(request.operation)
        self._queue.touch()
        try:
            if operation is None:
                raise RefusedError(Refusal("amqp:not-implemented", 501, f"The operation {request.operation!r} is not supported."))
            body = operation(request)
        except RefusedError as error:
            refusal = error.refusal
            return Response(status=refusal.status, description=refusal.description, condition=refusal.condition)
        except DecodeError as error:
            return Response(status=400, description=str(error), condition="amqp:decode-error")
        if body is None:
            return Response(status=204, description="No Content")
        return Response(status=200, description="OK", body=body)

    def _renew_lock(self, request: Request) -> dict[str, Any]:
        tokens = _list(request, "lock-tokens", uuid.UUID)
        now = self._clock()
        return {"expirations": Array([Timestamp(self._queue.renew(token.bytes_le, now)) for token in tokens])}

    def _peek(self, request: Request) -> dict[str, Any] | None:
        first = _value(request, "from-sequence-number", int)
        count = min(_value(request, "message-count", int), _MOST_PEEKED)
        found: list[dict[str, Any]] = []
        size = 0
        for message in self._queue.peek(first, max(count, 0), _optional(request, "session-id", str)):
            payload = message.payload()
            size += len(payload)
            if found and size > _MOST_PEEKED_BYTES:
                break
            found.append({"message": payload})
        return {"messages": found} if found else None

    def _schedule(self, request: Request) -> dict[str, Any]:
        entries = _list(request, "messages", dict)
        payloads = [entry.get("message") for entry in entries]
        contents = [read_message(payload) for payload in payloads if isinstance(payload, bytes)]
        if len(contents) != len(entries):
            raise RefusedError(_bad("messages"))
        return {"sequence-numbers": Array([Long(number) for number in self._queue.enqueue(contents, self._clock())])}

    def _cancel(self, request: Request) -> dict[str, Any]:
        self._queue.cancel(_list(request, "sequence-numbers", int))
        return {}

    def _receive_deferred(self, request: Request) -> dict[str, Any]:
        session_id = _optional(request, "session-id", str)
        messages = self._queue.receive_deferred(
            _list(request, "sequence-numbers", int),
            session_id=session_id,
            deletes=request.body.get("receiver-settle-mode") == _PEEK_AND_DELETE,
            now=self._clock(),
        )
        return {"messages": [_deferred(message) for message in messages]}

    def _update_disposition(self, request: Request) -> dict[str, Any]:
        outcome = _outcome(request)
        tokens = _list(request, "lock-tokens", uuid.UUID)
        now = self._clock()
        if self._queue.requires_session:
            self._queue.sessions.held_session(self._session_id(request), request.link_name)
        for token in tokens:
            self._queue.settle(token.bytes_le, outcome, now)
        return {}

    def _get_session_state(self, request: Request) -> dict[str, Any]:
        session = self._queue.sessions.held_session(self._session_id(request), request.link_name)
        return {"session-state": session.state}

    def _set_session_state(self, request: Request) -> dict[str, Any]:
        state = _optional(request, "session-state", bytes)
        self._queue.set_session_state(self._session_id(request), request.link_name, state, self._clock())
        return {}

    def _renew_session_lock(self, request: Request) -> dict[str, Any]:
        until_ms = self._queue.sessions.renew(self._session_id(request), request.link_name, self._clock())
        return {"expiration": Timestamp(until_ms)}

    def _list_sessions(self, request: Request) -> dict[str, Any] | None:
        after = _value(request, "last-updated-time", int)
        skip, top = _value(request, "skip", int), _value(request, "top", int)
        ids = self._queue.sessions.ids(None if after >= _ALL_SESSIONS_MS else after)
        page = ids[max(skip, 0) : max(skip, 0) + max(top, 0)]
        return {"skip": Int(max(skip, 0)), "sessions-ids": Array(page)} if page else None

    def _session_id(self, request: Request) -> str:
        if not self._queue.requires_session:
            raise RefusedError(not_allowed(f"The queue {self._queue.settings.name!r} has no sessions."))
        return str(_value(request, "session-id", str))


def _deferred(message: Message) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": message.payload()}
    if message.lock is not None:
        entry["lock-token"] = uuid.UUID(bytes_le=message.lock.tag)
    return entry


def _outcome(request: Request) -> Outcome:
    match request.body.get("disposition-status"):
        case "completed":
            return Accepted()
        case "abandoned":
            return Modified(failed=True, undeliverable_here=False)
        case "defered":  # as the service spells it
            return Modified(failed=True, undeliverable_here=True)
        case "suspended":
            reason, description = _optional(request, "deadletter-reason", str), _optional(request, "deadletter-description", str)
            return Rejected(reason=reason or None, description=description or None)
        case _:
            raise RefusedError(_bad("disposition-status"))


def _bad(name: str) -> Refusal:
    return Refusal("com.microsoft:argument-error", 400, f"The request has no usable {name!r}.")


def _value(request: Request, name: str, kind: type) -> Any:
    value = request.body.get(name)
    if not isinstance(value, kind):
        raise RefusedError(_bad(name))
    return value


def _optional(request: Request, name: str, kind: type) -> Any:
    return None if request.body.get(name) is None else _value(request, name, kind)


def _list(request: Request, name: str, kind: type) -> Sequence[Any]:
    values = _value(request, name, list)
    if not all(isinstance(value, kind) for value in values):
        raise RefusedError(_bad(name))
    return list(values)
