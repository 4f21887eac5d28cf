"""`concurrency:` of a pipeline: a run goes on when it has a slot of its key; the others wait for one, in the order of their plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from itertools import count

from odibi_core.messages import digest
from odibi_core.model import Record
from odibi_core.planning.plan import Plan
from odibi_core.ports import ObjectStore
from odibi_core.runtime.journal import Journal

_CROWDED = 100  # tries against others who want the same slots; each lost try means that somebody else got on


class Holder(Record):
    """Who has a slot; nobody if empty."""

    run_id: str = ""


class Slots:
    """
    Slots in an object store, by compare-and-set. Safe for many processes.

    Who wants one first says that it waits, and then looks for a free one. Who leaves first frees its slot, and then looks for who
    waits. So at least one of the two sees the other. A slot of a run that has ended is free, whether its worker came to say so or not.
    """

    def __init__(self, store: ObjectStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def enter(self, plan: Plan) -> bool:
        """Whether the run may go on: it has a slot, or needs none. May be asked again at any time."""
        if plan.limit is None:
            return True
        waits = _waiting(plan)
        self._store.put_if_absent(waits, b"")
        entered = any(self._take(f"{_home(plan)}slots/{number}.json", plan.run_id) for number in range(plan.limit.most))
        if entered:
            self._store.delete(waits)
        return entered

    def leave(self, plan: Plan) -> Iterator[Plan]:
        """Free the slot of a run that has ended. Gives the runs that wait, first come first, until the caller stops asking."""
        if plan.limit is None:
            return
        self._store.delete(_waiting(plan))
        for path in self._store.list(f"{_home(plan)}slots/"):
            stored = self._store.get(path)
            if stored is not None and Holder.model_validate_json(stored.data).run_id == plan.run_id:
                self._store.replace(path, Holder().model_dump_json().encode(), etag=stored.etag)
        for path in self._store.list(f"{_home(plan)}waiting/"):
            waiting = self._journal.plan(path.rpartition("-")[2])
            if waiting is not None and self._journal.final(waiting.run_id) is None:
                yield waiting
            else:
                self._store.delete(path)

    def _take(self, path: str, run_id: str) -> bool:
        mine = Holder(run_id=run_id).model_dump_json().encode()
        for tried in count():
            stored = self._store.get(path)
            if stored is None:
                if self._store.put_if_absent(path, mine):
                    return True
            else:
                holder = Holder.model_validate_json(stored.data).run_id
                if holder == run_id:
                    return True
                if holder and self._journal.final(holder) is None:
                    return False
                if self._store.replace(path, mine, etag=stored.etag) is not None:
                    return True
            if tried == _CROWDED:
                return False
        raise AssertionError


def _home(plan: Plan) -> str:
    key = "" if plan.limit is None else plan.limit.key
    return f"concurrency/{digest(plan.project, plan.environment, key)}/"


def _waiting(plan: Plan) -> str:
    return f"{_home(plan)}waiting/{plan.planned_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{plan.run_id}"
