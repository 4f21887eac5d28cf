"""The outbox: runs that ended and wait for their reports. One flusher at a time drains it, many runs in one go."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from odibi_core.errors import OdibiError
from odibi_core.frozen import Frozen
from odibi_core.model import Record
from odibi_core.ports import Clock, ObjectStore, Report, ReportBatch
from odibi_core.runtime.journal import Journal

LEASE = timedelta(seconds=90)  # longer than a batch takes; a flusher that outlives it is fenced by the batch's sequence number
BATCH = 500
TOGETHER_EVERY = timedelta(seconds=5)  # between two batches of a worker of the cloud, while more runs are under way
_log = logging.getLogger("odibi.outbox")


class ReportKind(Frozen):
    """A report and how it takes its runs."""

    report: Report
    together: bool = False  # many runs are one batch (a catalog commit); else each run is tried on its own (a story)


class FlushState(Record):
    """Who drains and what: compare-and-set. A batch is frozen before it is written and stays until it is in."""

    sequence: int = 0
    batch: tuple[str, ...] = ()
    owner: str = ""
    until: datetime | None = None
    written_at: datetime | None = None  # when the last batch was in


class Outbox:
    """
    Reports at least once, in batches that are repeated unchanged: a report with a sequence check writes each run once.

    With `together_every`, a report that takes many runs together does not follow the last one sooner while other runs are still
    under way: theirs are coming, and one batch for all of them is less work. The last run to end waits for nobody.
    """

    def __init__(
        self,
        store: ObjectStore,
        journal: Journal,
        reports: Mapping[str, ReportKind],
        clock: Clock,
        *,
        together_every: timedelta = timedelta(0),
    ) -> None:
        self._store = store
        self._journal = journal
        self._reports = reports
        self._clock = clock
        self._together_every = together_every

    def add(self, run_id: str) -> None:
        """Let a run that ended wait for every report."""
        for name in self._reports:
            self._store.put_if_absent(f"outbox/{name}/{run_id}", b"")

    def waiting(self, name: str) -> tuple[str, ...]:
        """The runs that wait for a report, oldest id first."""
        return tuple(path.rpartition("/")[2] for path in self._store.list(f"outbox/{name}/"))

    def flush(self) -> frozenset[str]:
        """
        Drain every report whose lease is free.

        A report that fails does not fail the caller: its runs stay and the next flush tries again.

        Returns:
            The runs that still wait for a report: because it failed, or because somebody else is writing it just now.
        """
        return frozenset(run_id for name, kind in self._reports.items() for run_id in self._drain(name, kind))

    def _drain(self, name: str, kind: ReportKind) -> tuple[str, ...]:
        waiting = self.waiting(name)
        while waiting:
            lease = self._take_lease(name, waiting if kind.together else ())
            if lease is None:
                break  # somebody drains it, and looks once more before ending; or more runs are coming
            try:
                done = self._write_batches(name, kind, lease, waiting)
            except LeaseLostError:
                done = False  # another flusher goes on with the same batch
            except Exception:  # noqa: BLE001  # a report, whatever is wrong with it, can never fail a run
                _log.warning("report '%s' failed and stays in the outbox", name, exc_info=True)
                done = False
            waiting = self.waiting(name)
            if not done:
                break
        return waiting

    def _write_batches(self, name: str, kind: ReportKind, lease: _Lease, waiting: Sequence[str]) -> bool:
        """Write a batch left behind and then what waits; release the lease. False if a run of an independent report failed."""
        failed: set[str] = set()
        try:
            while batch := lease.state.batch or self._next_batch(name, waiting):
                if not lease.state.batch:
                    lease.save(lease.state.model_copy(update={"batch": batch, "sequence": lease.state.sequence + 1}))
                failed |= self._write(name, kind, lease.state)
                lease.save(lease.state.model_copy(update={"batch": (), "written_at": self._clock()}))
                waiting = [run_id for run_id in waiting if run_id not in batch]
        finally:
            lease.release()
        return not failed

    def _next_batch(self, name: str, waiting: Sequence[str]) -> tuple[str, ...]:
        batch: list[str] = []
        for run_id in waiting:
            if self._store.get(_done(name, run_id)) is not None:
                self._store.delete(f"outbox/{name}/{run_id}")  # added again by a worker that came late
                continue
            batch.append(run_id)
            if len(batch) == BATCH:
                break
        return tuple(batch)

    def _write(self, name: str, kind: ReportKind, state: FlushState) -> set[str]:
        if kind.together:
            kind.report(ReportBatch(sequence=state.sequence, runs=tuple(map(self._journal.events, state.batch))))
            self._mark_done(name, state.batch)
            return set()
        failed: set[str] = set()
        for run_id in state.batch:
            try:
                kind.report(ReportBatch(sequence=state.sequence, runs=(self._journal.events(run_id),)))
            except Exception:  # noqa: BLE001  # a report of one run, whatever is wrong with it, must not keep the others waiting
                _log.warning("report '%s' of run %s failed and stays in the outbox", name, run_id, exc_info=True)
                failed.add(run_id)
            else:
                self._mark_done(name, (run_id,))
        return failed

    def _mark_done(self, name: str, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            self._store.put_if_absent(_done(name, run_id), b"")
            self._store.delete(f"outbox/{name}/{run_id}")

    def _take_lease(self, name: str, together: Sequence[str]) -> _Lease | None:
        path = f"flush/{name}.json"
        stored = self._store.get(path)
        if stored is None:
            self._store.put_if_absent(path, FlushState().model_dump_json().encode())
            stored = self._store.get(path)
        if stored is None:
            return None
        state = FlushState.model_validate_json(stored.data)
        if state.until is not None and state.until > self._clock():
            return None
        if together and not state.batch and self._more_are_coming(state, together):
            return None
        lease = _Lease(self._store, path, stored.etag, state, self._clock)
        return lease if lease.take(uuid4().hex) else None

    def _more_are_coming(self, state: FlushState, waiting: Sequence[str]) -> bool:
        if state.written_at is None or self._clock() - state.written_at >= self._together_every:
            return False
        return any(run_id not in waiting for run_id in self._journal.open_runs())


class _Lease:
    """The right to drain one report, held by compare-and-set."""

    def __init__(self, store: ObjectStore, path: str, etag: str, state: FlushState, clock: Clock) -> None:
        self._store = store
        self._path = path
        self._etag = etag
        self._clock = clock
        self.state = state

    def take(self, owner: str) -> bool:
        return self._replace(self.state.model_copy(update={"owner": owner, "until": self._clock() + LEASE}))

    def save(self, state: FlushState) -> None:
        """
        Raises:
            LeaseLostError: If somebody took over; what was written under the sequence number stands.
        """
        if not self._replace(state.model_copy(update={"until": self._clock() + LEASE})):
            raise LeaseLostError("the outbox was taken over by another flusher")

    def release(self) -> None:
        self._replace(self.state.model_copy(update={"owner": "", "until": None}))

    def _replace(self, state: FlushState) -> bool:
        etag = self._store.replace(self._path, state.model_dump_json().encode(), etag=self._etag)
        if etag is None:
            return False
        self._etag = etag
        self.state = state
        return True


class LeaseLostError(OdibiError):
    """Another flusher continues with the same batch."""

    code = "lease_lost"


def _done(name: str, run_id: str) -> str:
    return f"runs/{run_id}/reported/{name}"
