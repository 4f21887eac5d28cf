"""Which run stopped, and how to go on with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from odibi_core.events import NodeFinished, NodeResult
from odibi_core.messages import BlobArrived, Cause, FileVersion, FinishRun, Requested, RunNode, StartRun, TimerTicked
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.queues.memory import MemoryQueue
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import FileLedger
from odibi_core.runtime.outbox import Outbox
from odibi_core.runtime.resume import Failed, Interrupted, how_to_resume, last_run
from odibi_core.storage.memory import MemoryStore
from tests.runtime.builders import OTHER_RUN, RUN, START, Clock, at, finished, outcome, plan, result

FILE = FileVersion(connection="landing", path="in/a.csv", etag="1", size_bytes=1)


@pytest.fixture
def journal() -> Journal:
    return Journal(MemoryStore())


def test_a_run_that_never_ended_was_interrupted(journal: Journal) -> None:
    """It goes on by its own plan."""
    stopped = journal.open_run(plan({"a": ()}))
    assert how_to_resume(journal, stopped) == Interrupted(plan=stopped)


def test_a_run_that_succeeded_needs_nothing(journal: Journal) -> None:
    """There is nothing to go on with."""
    done = journal.open_run(plan({"a": ()}))
    journal.record(finished())
    assert how_to_resume(journal, done) is None


@pytest.mark.parametrize(
    ("cause", "files", "nodes"),
    [
        (BlobArrived(files=(FILE,)), (FILE,), None),
        (TimerTicked(scheduled_time=START), (), None),
        (Requested(key="k", files=(FILE,), nodes=("a",)), (FILE,), ("a",)),
    ],
)
def test_a_run_that_failed_is_repeated_by_a_new_one(
    journal: Journal, cause: Cause, files: tuple[FileVersion, ...], nodes: tuple[str, ...] | None
) -> None:
    """For the same files and nodes; asking twice for the same resumption is one run."""
    failed = journal.open_run(plan({"a": ()}, cause=cause, environment="prod"))
    journal.record(finished(status="failed"))
    way = how_to_resume(journal, failed)
    key = f"resume {RUN} 2026-03-01T12:00:09+00:00"
    command = StartRun(
        project="shop",
        environment="prod",
        pipeline="p",
        cause=Requested(key=key, files=files, nodes=nodes, resumes=failed.run_id, logical_time=START),
    )
    assert way == Failed(plan=failed, command=command)
    assert way == how_to_resume(journal, failed)


def test_a_run_that_failed_again_is_resumed_as_itself(journal: Journal) -> None:
    """The resumption of a resumption is another run."""
    first = journal.open_run(plan({"a": ()}))
    journal.record(finished(status="failed"))
    one = how_to_resume(journal, first)
    second = journal.open_run(plan({"a": ()}, run_id=OTHER_RUN, cause=one.command.cause))
    journal.record(finished(OTHER_RUN, "failed", seconds=99))
    two = how_to_resume(journal, second)
    assert two.command.cause.resumes == OTHER_RUN
    assert two.command.run_id != one.command.run_id


def test_the_last_run_is_the_one_planned_last(journal: Journal) -> None:
    """Of this pipeline, however it ended."""
    assert last_run(journal, "p", project="shop") is None
    for number, (seconds, pipeline) in enumerate([(5, "p"), (9, "p"), (7, "p"), (20, "q")]):
        journal.open_run(plan({"a": ()}, run_id=str(number) * 32, planned_at=at(seconds), pipeline=pipeline))
    found = last_run(journal, "p", project="shop")
    assert found is not None
    assert found.run_id == "1" * 32


@pytest.mark.parametrize("other", [{"project": "store"}, {"environment": "prod"}])
def test_the_last_run_belongs_to_this_project_and_environment(journal: Journal, other: dict[str, str]) -> None:
    """Or `odibi run --resume` goes on with a run of production."""
    mine = journal.open_run(plan({"a": ()}))
    journal.open_run(plan({"a": ()}, run_id=OTHER_RUN, planned_at=START + timedelta(days=1), **other))
    assert last_run(journal, "p", project="shop") == mine


# ── what a resumption takes over ──


class Bench:
    """A coordinator whose nodes succeed at once, and say which ran."""

    def __init__(self) -> None:
        self.store, self.clock, self.ran = MemoryStore(), Clock(), list[str]()
        self.journal, self.queue = Journal(self.store), MemoryQueue(self.clock)
        self.coordinator = Coordinator(
            journal=self.journal,
            ledger=FileLedger(self.store),
            outbox=Outbox(self.store, self.journal, {}, self.clock),
            queue=self.queue,
            planner=self.planned,
            execute=self,
            clock=self.clock,
        )

    def planned(self, command: StartRun) -> Plan:
        return plan({"a": (), "b": ("a",), "c": ("a",), "d": ("c",)}, run_id=command.run_id, cause=command.cause)

    def __call__(self, _plan: Plan, node: PlannedNode, _attempt: int) -> NodeResult:
        self.ran.append(node.name)
        return result()

    def close(self, plan: Plan, node: PlannedNode) -> NodeResult | None:
        raise AssertionError

    def drain(self) -> None:
        while (taken := self.queue.next(self.clock())) is not None:
            match taken[0]:
                case RunNode() as command:
                    self.coordinator.run_node(command)
                case FinishRun() as command:
                    self.coordinator.finish_run(command)


def test_what_succeeded_is_taken_over_and_only_that() -> None:
    """A failed and a skipped node run again, in the new run; the outcomes say when the work was really done."""
    bench = Bench()
    failed = bench.journal.open_run(plan({"a": (), "b": ("a",), "c": ("a",), "d": ("c",)}))
    kept = [outcome("a", seconds=1), outcome("b", seconds=2)]
    for event in (*kept, outcome("c", "failed"), outcome("d", "skipped"), finished(status="failed")):
        bench.journal.record(event)
    way = how_to_resume(bench.journal, failed)
    assert isinstance(way, Failed)
    bench.coordinator.start_run(way.command)
    bench.drain()
    assert bench.ran == ["c", "d"]
    run_id = way.command.run_id
    final = bench.journal.final(run_id)
    assert (final.status, final.succeeded, final.failed, final.skipped) == ("succeeded", 4, 0, 0)
    for event in kept:
        assert bench.journal.outcome(run_id, event.node) == event.model_copy(update={"run_id": run_id, "taken_from": failed.run_id})
    old = bench.journal.outcome(RUN, "c")
    assert isinstance(old, NodeFinished)
    assert old.result.status == "failed"  # what happened, happened


def test_a_resumption_may_be_started_twice() -> None:
    """The second start finds everything done."""
    bench = Bench()
    failed = bench.journal.open_run(plan({"a": (), "b": ("a",), "c": ("a",), "d": ("c",)}))
    bench.journal.record(outcome("a", "failed"))
    bench.journal.record(finished(status="failed"))
    way = how_to_resume(bench.journal, failed)
    for _ in range(2):
        bench.coordinator.start_run(way.command)
        bench.drain()
    assert bench.ran == ["a", "b", "c", "d"]
