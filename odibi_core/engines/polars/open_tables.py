"""Delta tables that stay open between nodes: bringing a handle up to date takes two requests, opening one takes some twenty."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from odibi_core.engines.polars.delta_table import open_table
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.engines.polars.whole_file import local_tag
from odibi_core.frozen import Frozen
from odibi_core.ports import Location

MOST_IDLE = 24  # handles of a process; each has the list of its table's files
LONGEST_WAIT_SECONDS = 20.0  # for another thread of this process that is about to write the same table
OLDEST_SECONDS = 900.0  # then a table is opened anew, whatever we believe to know of it
_Key = tuple[str, tuple[tuple[str, str], ...]]


class Anchor(Frozen):
    """A commit of a table, and the tag of its log entry: as long as it lies there, it is still the same table."""

    version: int
    tag: str


@dataclass(kw_only=True)
class OpenTable:
    """A handle in the hands of one thread."""

    table: DeltaTable
    location: Location
    opened: float
    anchor: Anchor | None = None  # None: not to be kept


class OpenTables:
    """
    Handles that were given back, for whoever opens their table next. Safe to share between threads; a handle is with one at a time.

    A handle that is taken out is as one that was just opened: on the newest version. That its log is still the one that it was read
    from, an entry of it shows: a table that was deleted, or made anew, has not that entry. The entry is looked at before the table is
    opened, so that a table which is replaced in between is noticed the next time.
    """

    def __init__(self, *, keep: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[tuple[_Key, OpenTable]] = []  # the last one given back is the last one here
        self._noted: dict[_Key, int] = {}  # a version that a table had: its entry may become an anchor
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # by URI

    def take(self, location: Location, *, version: int | None = None) -> OpenTable | None:
        """A handle on a table as it is now, or as it was at a version; None if there is none."""
        if not self._keep:
            return self._opened(location, version, anchor=None)
        kept = self._from_idle(location, version)
        if kept is not None:
            return kept
        if version is not None:
            return self._opened(location, version, anchor=None)
        key = _key_of(location)
        noted = self._noted.get(key)
        tag = None if noted is None else _tag_of_entry(location, noted)
        found = self._opened(location, None, anchor=None if noted is None or tag is None else Anchor(version=noted, tag=tag))
        if found is None:
            self._noted.pop(key, None)
        elif found.anchor is None:
            self._noted[key] = found.table.version()
        return found

    def turn(self, location: Location, *, wait: bool) -> threading.Lock | None:
        """The right to be the next of this process that writes a table, as a lock to release; None if it is not to be had in time."""
        if not self._keep:
            return None
        with self._lock:
            turn = self._turns[location.uri]
        return turn if turn.acquire(timeout=LONGEST_WAIT_SECONDS if wait else 0.0) else None

    def give_back(self, opened: OpenTable) -> None:
        """Let the next one have a handle. It must be on a version of its table: after a failed commit forget it instead."""
        if opened.anchor is None:
            return
        with self._lock:
            self._idle.append((_key_of(opened.location), opened))
            del self._idle[:-MOST_IDLE]

    def _opened(self, location: Location, version: int | None, *, anchor: Anchor | None) -> OpenTable | None:
        table = open_table(location, version=version)
        return None if table is None else OpenTable(table=table, location=location, opened=self._clock(), anchor=anchor)

    def _from_idle(self, location: Location, version: int | None) -> OpenTable | None:
        key = _key_of(location)
        with self._lock:
            place = next((at for at in reversed(range(len(self._idle))) if self._idle[at][0] == key), None)
            opened = None if place is None else self._idle.pop(place)[1]
        if opened is None or opened.anchor is None or self._clock() - opened.opened > OLDEST_SECONDS:
            return None
        if _tag_of_entry(location, opened.anchor.version) != opened.anchor.tag:
            self._noted.pop(key, None)
            return None
        if opened.table.version() == version:
            return opened
        try:
            opened.table.update_incremental()
        except (DeltaError, OSError):
            return None  # whatever is wrong, whoever opens it meets it too
        if version is None or opened.table.version() == version:
            return opened
        self.give_back(opened)
        return None


class Borrowed:
    """The handles that one thread has taken out, until it gives all of them back."""

    def __init__(self, tables: OpenTables) -> None:
        self._tables = tables
        self._out: list[OpenTable] = []
        self._turns: dict[str, threading.Lock] = {}

    def wait_for_turn(self, location: Location) -> None:
        """
        Let another thread of this process finish its write of a table before this one opens it: both at once is one of them for nothing.

        Only a courtesy, and not for long: whoever goes on without a turn is refused by the table. Who has a turn waits for no second one,
        so nobody waits for a thread that waits.
        """
        if location.uri not in self._turns:
            turn = self._tables.turn(location, wait=not self._turns)
            if turn is not None:
                self._turns[location.uri] = turn

    def take(self, location: Location, *, version: int | None = None) -> DeltaTable | None:
        """A handle on a table as it is now, or as it was at a version; None if there is none."""
        opened = self._tables.take(location, version=version)
        if opened is None:
            return None
        self._out.append(opened)
        return opened.table

    def forget(self, table: DeltaTable | None) -> None:
        """Do not give this handle back: something went wrong with it."""
        self._out = [opened for opened in self._out if opened.table is not table]

    def give_back(self) -> None:
        """Nobody reads through these handles any more."""
        for opened in self._out:
            self._tables.give_back(opened)
        self._out = []
        for turn in self._turns.values():
            turn.release()
        self._turns = {}


def _key_of(location: Location) -> _Key:
    return location.uri, tuple(sorted(location.options.items()))


def _tag_of_entry(location: Location, version: int) -> str | None:
    """What tells a log entry from any other one that may come to lie in its place; None if it is not there."""
    entry = f"_delta_log/{version:020}.json"
    if not is_remote(location):
        try:
            return local_tag((local_path(location) / entry).stat())
        except FileNotFoundError:
            return None
    from azure.core.exceptions import ResourceNotFoundError

    blob: Any = blob_at(location, entry)
    try:
        return str(blob.get_blob_properties().etag)
    except ResourceNotFoundError:
        return None
