"""Reports at least once, in batches that are repeated unchanged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from odibi_core.errors import TransientServiceError
from odibi_core.ports import ReportBatch
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.outbox import BATCH, LEASE, TOGETHER_EVERY, Outbox, ReportKind
from odibi_core.storage.memory import MemoryStore
from tests.runtime.builders import Clock, finished, started

Ids = tuple[str, ...]
ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32


class Report:
    """Takes batches, and does before it takes one what the test wants."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, Ids]] = []
        self.before: Callable[[Ids], None] = lambda _runs: None

    def __call__(self, batch: ReportBatch) -> None:
        runs = tuple(events[0].run_id for events in batch.runs)
        self.before(runs)
        self.taken.append((batch.sequence, runs))


class Office:
    """An outbox with two reports: `catalog` takes many runs together, `story` each on its own."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), Clock()
        self.catalog, self.story = Report(), Report()
        self.outbox = self.another()

    def another(self) -> Outbox:
        """The same outbox in another process."""
        kinds = {"catalog": ReportKind(report=self.catalog, together=True), "story": ReportKind(report=self.story)}
        return Outbox(self.store, Journal(self.store), kinds, self.clock)

    def ended(self, *run_ids: str) -> None:
        """These runs ended and wait for their reports."""
        journal = Journal(self.store)
        for run_id in run_ids:
            journal.record(started(run_id))
            journal.record(finished(run_id))
            self.outbox.add(run_id)

    @property
    def waiting(self) -> tuple[Ids, Ids]:
        return self.outbox.waiting("catalog"), self.outbox.waiting("story")


@pytest.fixture
def office() -> Office:
    return Office()


def away(_runs: Ids) -> None:
    raise TransientServiceError("the report is away")


def dies(_runs: Ids) -> None:
    raise SystemExit


def test_many_runs_are_one_batch_or_each_its_own(office: Office) -> None:
    """As the kind of the report wants it; then nothing waits."""
    office.ended(TWO, ONE)
    assert office.outbox.flush() == frozenset()
    assert office.catalog.taken == [(1, (ONE, TWO))]
    assert office.story.taken == [(1, (ONE,)), (1, (TWO,))]
    assert office.waiting == ((), ())


def test_an_empty_outbox_writes_nothing(office: Office) -> None:
    """Not even a lease."""
    assert office.outbox.flush() == frozenset()
    assert office.store.list("") == []


def test_each_batch_has_the_next_number(office: Office) -> None:
    """Across processes."""
    for run_id in (ONE, TWO, THREE):
        office.ended(run_id)
        office.another().flush()
    assert office.catalog.taken == [(1, (ONE,)), (2, (TWO,)), (3, (THREE,))]


@pytest.mark.parametrize("blow", [away, dies], ids=["fails", "dies"])
def test_a_batch_is_repeated_unchanged_with_its_number(office: Office, blow: Callable[[Ids], None]) -> None:
    """What came meanwhile is the next batch: a report that checks the number writes each run once."""
    office.ended(ONE, TWO)
    office.catalog.before = blow
    try:
        assert office.outbox.flush() == {ONE, TWO}
    except SystemExit:
        office.clock.pass_by(LEASE.total_seconds() + 1)
    office.ended(THREE)
    office.catalog.before = lambda _runs: None
    assert office.another().flush() == frozenset()
    assert office.catalog.taken == [(1, (ONE, TWO)), (2, (THREE,))]


def test_a_flusher_that_dies_after_the_report_repeats_it_with_the_same_number(office: Office) -> None:
    """It may have been written: the number tells the report so."""

    class DiesAfterTheReport(Report):
        def __call__(self, batch: ReportBatch) -> None:
            super().__call__(batch)
            if len(self.taken) == 1:
                raise SystemExit

    office.catalog = DiesAfterTheReport()
    office.ended(ONE)
    with pytest.raises(SystemExit):
        office.another().flush()
    office.clock.pass_by(LEASE.total_seconds() + 1)
    office.another().flush()
    assert office.catalog.taken == [(1, (ONE,)), (1, (ONE,))]


def test_a_run_whose_report_fails_does_not_keep_the_others_waiting(office: Office) -> None:
    """It stays, and the next flush tries it again."""
    office.ended(ONE, TWO, THREE)

    def second_fails(runs: Ids) -> None:
        if runs == (TWO,):
            raise ValueError("a bug in the report")

    office.story.before = second_fails
    assert office.outbox.flush() == {TWO}
    assert office.story.taken == [(1, (ONE,)), (1, (THREE,))]
    assert office.waiting == ((), (TWO,))
    office.story.before = lambda _runs: None
    assert office.outbox.flush() == frozenset()
    assert office.story.taken[2:] == [(2, (TWO,))]


def test_one_report_that_fails_does_not_stop_another(office: Office) -> None:
    """Each has its own queue."""
    office.ended(ONE)
    office.catalog.before = away
    assert office.outbox.flush() == {ONE}
    assert office.waiting == ((ONE,), ())


def test_a_run_that_is_added_again_after_its_report_is_dropped(office: Office) -> None:
    """By a worker that came late: the run is not reported twice."""
    office.ended(ONE)
    office.outbox.flush()
    office.outbox.add(ONE)
    assert office.waiting == ((ONE,), (ONE,))
    assert office.outbox.flush() == frozenset()
    assert (len(office.catalog.taken), len(office.story.taken)) == (1, 1)
    assert office.waiting == ((), ())


def test_of_two_flushers_one_writes(office: Office) -> None:
    """The other says what is still on its way, and ends."""
    office.ended(ONE)
    meanwhile: list[frozenset[str]] = []
    office.catalog.before = lambda _runs: meanwhile.append(office.another().flush())
    assert office.outbox.flush() == frozenset()
    assert meanwhile == [frozenset({ONE})]
    assert office.catalog.taken == [(1, (ONE,))]


def test_what_comes_while_a_batch_is_written_is_written_too(office: Office) -> None:
    """The flusher looks once more before it ends."""
    office.ended(ONE)

    def another_ends(runs: Ids) -> None:
        if runs == (ONE,):
            office.ended(TWO)

    office.catalog.before = another_ends
    assert office.outbox.flush() == frozenset()
    assert office.catalog.taken == [(1, (ONE,)), (2, (TWO,))]


def test_a_flusher_that_was_taken_for_dead_ends_quietly(office: Office) -> None:
    """The one that took over repeats its batch; the late one changes nothing any more."""
    office.ended(ONE)

    def sleeps(_runs: Ids) -> None:
        office.catalog.before = lambda _runs: None
        office.clock.pass_by(LEASE.total_seconds() + 1)
        assert office.another().flush() == frozenset()
        office.ended(TWO)

    office.catalog.before = sleeps
    assert office.outbox.flush() == {TWO}
    assert office.catalog.taken == [(1, (ONE,)), (1, (ONE,))]  # the first by the one that took over
    assert office.another().flush() == frozenset()
    assert office.catalog.taken[2:] == [(2, (TWO,))]


def test_a_batch_has_a_limit(office: Office) -> None:
    """The next one follows at once."""
    ids = tuple(f"{number:032}" for number in range(BATCH + 1))
    office.ended(*ids)
    assert office.outbox.flush() == frozenset()
    assert office.catalog.taken == [(1, ids[:BATCH]), (2, ids[BATCH:])]


def test_runs_wait_for_those_that_are_coming(office: Office) -> None:
    """For some seconds after a batch and while another run is under way; stories do not wait, and neither does the last run."""
    journal = Journal(office.store)
    kinds = {"catalog": ReportKind(report=office.catalog, together=True), "story": ReportKind(report=office.story)}
    outbox = Outbox(office.store, journal, kinds, office.clock, together_every=TOGETHER_EVERY)
    office.store.put_if_absent(f"open/{THREE}", b"")
    office.ended(ONE)
    assert outbox.flush() == frozenset()
    office.ended(TWO)
    office.clock.pass_by(4.9)
    assert outbox.flush() == {TWO}
    assert [runs for _, runs in office.story.taken] == [(ONE,), (TWO,)]
    office.ended(THREE)
    journal.close_run(THREE)
    assert outbox.flush() == frozenset()
    assert office.catalog.taken == [(1, (ONE,)), (2, (TWO, THREE))]


def test_runs_do_not_wait_for_ever_for_others(office: Office) -> None:
    """A run that takes hours is no reason to tell nothing."""
    kinds = {"catalog": ReportKind(report=office.catalog, together=True)}
    outbox = Outbox(office.store, Journal(office.store), kinds, office.clock, together_every=TOGETHER_EVERY)
    office.store.put_if_absent(f"open/{THREE}", b"")
    for run_id in (ONE, TWO):
        office.ended(run_id)
        assert outbox.flush() == frozenset()
        office.clock.pass_by(5)
    assert [runs for _, runs in office.catalog.taken] == [(ONE,), (TWO,)]


def test_a_batch_that_was_left_behind_waits_for_nobody(office: Office) -> None:
    """It is frozen, and everything else stands behind it."""
    kinds = {"catalog": ReportKind(report=office.catalog, together=True)}
    outbox = Outbox(office.store, Journal(office.store), kinds, office.clock, together_every=timedelta(days=1))
    office.store.put_if_absent(f"open/{THREE}", b"")
    office.ended(ONE)
    outbox.flush()
    office.ended(TWO)
    office.store.delete(f"open/{THREE}")
    office.catalog.before = away
    assert outbox.flush() == {TWO}
    office.catalog.before = lambda _runs: None
    office.store.put_if_absent(f"open/{THREE}", b"")
    assert outbox.flush() == frozenset()
    assert office.catalog.taken == [(1, (ONE,)), (2, (TWO,))]
