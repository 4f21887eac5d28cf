"""`expect:` of a trigger: a file must come at least so often. If none does, a run says so, once for each gap."""

from __future__ import annotations

from datetime import datetime, timedelta

from odibi_core.config import BlobSource
from odibi_core.messages import FilesMissing, StartRun, digest
from odibi_core.model import Record
from odibi_core.ports import Clock, ObjectStore
from odibi_core.runtime.ledger import scope_of

_OFTEN = timedelta(seconds=5)  # arrivals that follow each other sooner are noted as one


class LastArrival(Record):
    """When a trigger last saw a file; before the first one, when somebody first looked."""

    at: datetime


class Expectations:
    """Remembers the last arrival of each trigger that expects some. Safe for many processes: who loses a race saw about the same time."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def arrived(self, command: StartRun, source: BlobSource) -> None:
        """A file of a trigger came, for the pipeline of a command."""
        if source.expect is None:
            return
        now, place = self._clock(), _place(command, source)
        noted = LastArrival(at=now).model_dump_json().encode()
        stored = self._store.get(place)
        if stored is None:
            self._store.put_if_absent(place, noted)
        elif now - LastArrival.model_validate_json(stored.data).at > _OFTEN:
            self._store.replace(place, noted, etag=stored.etag)

    def overdue(self, command: StartRun, source: BlobSource) -> StartRun | None:
        """The run that tells of a missing file, the same one until a file comes; None if all is well. The first look notes the time."""
        if source.expect is None:
            return None
        stored = self._store.get(_place(command, source))
        if stored is None:
            self.arrived(command, source)
            return None
        since = LastArrival.model_validate_json(stored.data).at
        if self._clock() - since <= source.expect:
            return None
        missing = FilesMissing(connection=source.connection, path=source.path, since=since, due=since + source.expect)
        return command.model_copy(update={"cause": missing})


def _place(command: StartRun, source: BlobSource) -> str:
    return f"expected/{scope_of(command)}/{digest(source.connection, source.path)}.json"
