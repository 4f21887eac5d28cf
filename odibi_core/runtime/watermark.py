"""
High-water marks that move with the data: value = v if and only if all source rows up to v are in the target exactly once.

The window of a load is frozen as an *intent* before the source is read and never computed again; the data go into the target in one
commit with the owner's transaction; only then the value moves. Whoever comes later can tell from the target alone whether an open
intent is in: it rolls forward, waits, or gives the window back when its node has ended without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from odibi_core.errors import DataError, TransientServiceError
from odibi_core.events import WatermarkMoved
from odibi_core.messages import digest
from odibi_core.model import Record
from odibi_core.ports import ObjectStore, Scalar, Sink, WriteConflictError


class Intent(Record):
    """A window that a run has taken: rows after the value and up to `until`."""

    run_id: str
    until: str | None  # typed JSON; None: the source had no row


class Mark(Record):
    """The stored state of one high-water mark."""

    sequence: int = 0
    value: str | None = None  # typed JSON
    intent: Intent | None = None


@dataclass(frozen=True, kw_only=True)
class MarkKey:
    """Whose mark it is. Projects and environments may share a store."""

    project: str
    environment: str
    pipeline: str
    name: str  # the node, or its `state_key`

    @property
    def path(self) -> str:
        return f"watermarks/{digest(self.project, self.environment)[:12]}/{self.pipeline}/{self.name}.json"


@dataclass(frozen=True, kw_only=True)
class FrozenWindow:
    """What this run loads, whatever happens meanwhile: after < column <= until."""

    key: MarkKey
    sequence: int
    after: Scalar
    until: Scalar
    empty: bool  # the source has nothing after the mark


class Watermarks:
    """The marks in an object store, moved by compare-and-set."""

    def __init__(self, store: ObjectStore, *, has_ended: Callable[[str, str], bool]) -> None:
        """
        Args:
            store: Where the marks lie.
            has_ended: Whether (run, node) has its outcome, so that its open window will never be committed by the run itself.
        """
        self._store = store
        self._has_ended = has_ended

    def freeze(self, key: MarkKey, *, run_id: str, node: str, sink: Sink, maximum: Callable[[Scalar], Scalar]) -> FrozenWindow:
        """
        Take the window of this run, or find the one that it took before.

        Args:
            key: Whose mark.
            run_id: The run that loads.
            node: Its node.
            sink: The opened target: it knows which windows are in.
            maximum: The largest value in the source after a given one, or None if there is none. Called at most once per run.

        Raises:
            TransientServiceError: If another run holds an open window and is still at work.
            WriteConflictError: If the mark or the target moved meanwhile: open the target again and repeat.
        """
        mark, etag = self._load(key)
        if mark.intent is not None and mark.intent.run_id != run_id:
            self._settle_foreign(key, mark, etag, node=node, sink=sink)
            mark, etag = self._load(key)
        if mark.intent is None:
            after = parse_scalar(mark.value)
            until = maximum(after)
            if until is None:
                return FrozenWindow(key=key, sequence=mark.sequence, after=after, until=after, empty=True)
            mark = Mark(sequence=mark.sequence + 1, value=mark.value, intent=Intent(run_id=run_id, until=format_scalar(until)))
            self._save(key, mark, etag)
        intent = mark.intent
        if intent is None or intent.run_id != run_id:
            raise WriteConflictError(f"the window of '{key.name}' was taken by another run")
        return FrozenWindow(key=key, sequence=mark.sequence, after=parse_scalar(mark.value), until=parse_scalar(intent.until), empty=False)

    def _settle_foreign(self, key: MarkKey, mark: Mark, etag: str | None, *, node: str, sink: Sink) -> None:
        intent = mark.intent
        if intent is None:
            return
        owner = transaction_of(intent.run_id, node)
        state = sink.transaction(owner)
        if state == mark.sequence:
            self._save(key, Mark(sequence=mark.sequence, value=intent.until), etag)
            return
        # Not in: by a fence, because a second worker of a finished run took it, or because its run still works on it. A node that has
        # its outcome was closed before: none of its workers can commit any more.
        if state is None and not self._has_ended(intent.run_id, node):
            raise TransientServiceError(
                f"run {intent.run_id} is loading '{key.name}' now", code="window_taken", hint="It is tried again when that run is done."
            )
        self._save(key, Mark(sequence=mark.sequence, value=mark.value), etag)

    def moved(self, window: FrozenWindow, column: str) -> WatermarkMoved:
        """What the commit of a window means, for the reports."""
        return WatermarkMoved(
            key=window.key.name,
            column=column,
            sequence=window.sequence,
            before=format_scalar(window.after),
            after=format_scalar(window.until),
        )

    def settle(self, key: MarkKey, *, run_id: str, written: int | None) -> None:
        """
        Close the open window of a run whose commit is in: roll forward if it is the window that was committed (by its sequence
        number), else give it back: a second worker of the run took it without knowing of the commit.
        """
        mark, etag = self._load(key)
        if mark.intent is None or mark.intent.run_id != run_id:
            return
        value = mark.intent.until if mark.sequence == written else mark.value
        self._replace(key, Mark(sequence=mark.sequence, value=value), etag)

    def _load(self, key: MarkKey) -> tuple[Mark, str | None]:
        stored = self._store.get(key.path)
        if stored is None:
            return Mark(), None
        return Mark.model_validate_json(stored.data), stored.etag

    def _save(self, key: MarkKey, mark: Mark, etag: str | None) -> None:
        if not self._replace(key, mark, etag):
            raise WriteConflictError(f"the high-water mark '{key.name}' moved meanwhile")

    def _replace(self, key: MarkKey, mark: Mark, etag: str | None) -> bool:
        data = mark.model_dump_json().encode()
        if etag is None:
            return self._store.put_if_absent(key.path, data)
        return self._store.replace(key.path, data, etag=etag) is not None


def transaction_of(run_id: str, node: str) -> str:
    """The Delta application id of one node of one run; its version is 1, the sequence of its window, or FENCED."""
    return f"odibi/{run_id}/{node}"


def format_scalar(value: Scalar) -> str | None:
    """A value as JSON text that keeps its type. Times become UTC with microseconds."""
    match value:
        case None:
            return None
        case bool():
            raise DataError("a boolean column cannot be a high-water mark", code="watermark_type")
        case int():
            kind, content = "int", value
        case float():
            if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN is the value that differs from itself
                raise DataError("a high-water mark cannot be NaN or infinite", code="watermark_type")
            return json.dumps({"t": "float", "v": value})
        case datetime():
            aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            return json.dumps({"t": "timestamp_us_utc", "v": aware.astimezone(UTC).isoformat(timespec="microseconds")})
        case str():
            return json.dumps({"t": "str", "v": value})
    return json.dumps({"t": kind, "v": content})


def parse_scalar(text: str | None) -> Scalar:
    """The value of `format_scalar`."""
    if text is None:
        return None
    content = json.loads(text)
    if content["t"] == "timestamp_us_utc":
        return datetime.fromisoformat(content["v"])
    value: Scalar = content["v"]
    return value
