"""
High-water marks that move with the data: value = v if and only if all source rows up to v are in the target exactly once.

The window of a load is frozen as an *intent* before the source is read and never computed again; the data go into the target in one
commit with the owner's transaction; only then the value moves. Whoever comes later can tell from the target alone whether an open
intent is in: it rolls forward, waits, or gives the window back when its node has ended without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from odibi_core.errors import DataError, TransientServiceError
from odibi_core.events import WatermarkMoved
from odibi_core.frozen import Frozen
from odibi_core.messages import digest
from odibi_core.model import Record
from odibi_core.ports import ObjectStore, Scalar, Sink, WriteConflictError


class Intent(Record):
    """A window that a run has taken: rows after `after` and up to `until`, both as typed JSON."""

    run_id: str
    until: str | None
    after: str | None = None  # the value less the lag; None: from the beginning


class Mark(Record):
    """The stored state of one high-water mark."""

    sequence: int = 0
    value: str | None = None  # typed JSON
    intent: Intent | None = None


class MarkKey(Frozen):
    """Whose mark it is. Projects and environments may share a store."""

    project: str
    environment: str
    pipeline: str
    name: str  # the node, or its `state_key`

    @property
    def path(self) -> str:
        return f"watermarks/{digest(self.project, self.environment)[:12]}/{self.pipeline}/{self.name}.json"


class FrozenWindow(Frozen):
    """What this run loads, whatever happens meanwhile: after < column <= until."""

    key: MarkKey
    sequence: int
    after: Scalar  # None: everything up to `until`, and the rows without a value
    until: Scalar
    empty: bool  # the source has nothing to take
    mark: Scalar = None  # the stored mark: `after`, but for a lag and for a first load


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

    def freeze(
        self,
        key: MarkKey,
        *,
        run_id: str,
        node: str,
        sink: Sink,
        maximum: Callable[[Scalar], Scalar],
        lag: timedelta | None = None,
        is_gone: Callable[[], bool] = lambda: True,
    ) -> FrozenWindow:
        """
        Take the window of this run, or find the one that it took before.

        Args:
            key: Whose mark.
            run_id: The run that loads.
            node: Its node.
            sink: The opened target: it knows which windows are in. If it does not exist, everything is loaded.
            maximum: The largest value in the source after a given one, or None if there is none. Called at most once per run.
            lag: How far before the mark the window starts. The mark itself does not lag, and never moves back.
            is_gone: Whether a target that has a mark and did not exist at the opening still does not: it was taken away.

        Raises:
            TransientServiceError: If another run holds an open window and is still at work.
            WriteConflictError: If the mark or the target moved meanwhile: open the target again and repeat.
        """
        mark, etag = self._load(key)
        if mark.intent is not None and mark.intent.run_id != run_id:
            self._settle_foreign(key, mark, etag, node=node, sink=sink)
            mark, etag = self._load(key)
        if mark.intent is None:
            value = parse_scalar(mark.value)
            if value is not None and not sink.exists:
                if not is_gone():
                    raise WriteConflictError(f"the target of '{key.name}' was created meanwhile")
                value = None
            after = _before(value, lag)
            found = maximum(after)
            if found is None:
                return FrozenWindow(key=key, sequence=mark.sequence, after=after, until=after, empty=True, mark=value)
            until = found if lag is None or value is None else _later(found, value)
            intent = Intent(run_id=run_id, until=format_scalar(until), after=format_scalar(after))
            mark = Mark(sequence=mark.sequence + 1, value=mark.value, intent=intent)
            self._save(key, mark, etag)
        taken = mark.intent
        if taken is None or taken.run_id != run_id:
            raise WriteConflictError(f"the window of '{key.name}' was taken by another run")
        return FrozenWindow(
            key=key,
            sequence=mark.sequence,
            after=parse_scalar(taken.after),
            until=parse_scalar(taken.until),
            empty=False,
            mark=parse_scalar(mark.value),
        )

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
            before=format_scalar(window.mark),
            after=format_scalar(window.until),
            since=format_scalar(window.after),
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

    def open_window(self, key: MarkKey) -> int:
        """The number of the window that was taken last: of a target without transactions, nothing else says what is in it."""
        return self._load(key)[0].sequence

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


def _before(value: Scalar, lag: timedelta | None) -> Scalar:
    """A mark less the lag."""
    if value is None or lag is None:
        return value
    moment = _moment(value)
    try:
        return moment - lag
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _later(found: Scalar, value: Scalar) -> Scalar:
    return max(_moment(found), _moment(value))


def _moment(value: Scalar) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise DataError(
            "a high-water mark that is no time cannot lag", code="watermark_type", hint="Remove 'watermark_lag', or reset the watermark."
        )
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


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
