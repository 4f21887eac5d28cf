"""Which version of which file went into which run."""

from __future__ import annotations

import pytest

from odibi_core.messages import BlobArrived, Cause, FileVersion, Requested, StartRun, TimerTicked
from odibi_core.runtime.ledger import FileLedger, files_of
from odibi_core.storage.memory import MemoryStore
from tests.runtime.builders import START

A, B, C = (FileVersion(connection="landing", path=f"in/{name}.csv", etag="1", size_bytes=1, parts={"name": name}) for name in "abc")
NEWER = A.model_copy(update={"etag": "2"})


def start(cause: Cause, *, pipeline: str = "p", project: str = "shop", environment: str = "") -> StartRun:
    return StartRun(project=project, environment=environment, pipeline=pipeline, cause=cause)


def arrived(*files: FileVersion) -> BlobArrived:
    return BlobArrived(files=files)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ledger(store: MemoryStore) -> FileLedger:
    return FileLedger(store)


def test_a_run_may_take_its_files_twice(ledger: FileLedger) -> None:
    """An event that comes again finds what it took the first time."""
    command = start(arrived(A))
    assert ledger.claim(command) == ledger.claim(command) == command
    assert ledger.owner(command, A) == command.run_id


def test_of_two_runs_one_gets_the_file(ledger: FileLedger) -> None:
    """The other has nothing to do."""
    event, request = start(arrived(A)), start(Requested(key="k", files=(A,)))
    assert ledger.claim(event) == event
    assert ledger.claim(request) is None
    assert ledger.owner(request, A) == event.run_id


def test_a_request_takes_what_is_left(ledger: FileLedger) -> None:
    """And stays the same run, so that the same request finds it again."""
    ledger.claim(start(arrived(B)))
    request = start(Requested(key="k", files=(A, B, C)))
    mine = ledger.claim(request)
    assert mine == start(Requested(key="k", files=(A, C)))
    assert mine.run_id == request.run_id
    assert ledger.claim(request) == mine


def test_an_event_of_several_files_keeps_its_run_too(ledger: FileLedger) -> None:
    """Or the claims belong to a run that is never planned. Needed as soon as `batch:` is there."""
    ledger.claim(start(arrived(B)))
    both = start(arrived(A, B))
    mine = ledger.claim(both)
    assert mine is not None
    assert mine.run_id == both.run_id


def test_another_version_pipeline_project_or_environment_is_another_claim(ledger: FileLedger) -> None:
    """Each processes every version once."""
    commands = [
        start(arrived(A)),
        start(arrived(NEWER)),
        start(arrived(A), pipeline="q"),
        start(arrived(A), project="store"),
        start(arrived(A), environment="prod"),
        start(arrived(A.model_copy(update={"connection": "lake"}))),
    ]
    assert [ledger.claim(command) for command in commands] == commands


def test_what_an_event_says_of_a_file_does_not_make_it_another(ledger: FileLedger) -> None:
    """Size and parts are facts about it, the version is what counts."""
    ledger.claim(start(arrived(A)))
    again = A.model_copy(update={"size_bytes": 99, "parts": {}})
    assert ledger.claim(start(Requested(key="k", files=(again,)))) is None


def test_a_cause_without_files_needs_no_claim(ledger: FileLedger, store: MemoryStore) -> None:
    """Nothing is written for it."""
    for cause in (TimerTicked(scheduled_time=START), Requested(key="k")):
        assert ledger.claim(start(cause)) == start(cause)
    assert store.list("") == []


def test_files_that_no_run_has_taken(ledger: FileLedger) -> None:
    """In the order in which they were given."""
    ledger.claim(start(arrived(A)))
    assert ledger.unclaimed(start(Requested(key="k")), [C, A, NEWER, B]) == (C, NEWER, B)
    assert ledger.unclaimed(start(Requested(key="k"), pipeline="q"), [A]) == (A,)
    assert ledger.owner(start(Requested(key="k")), B) is None


def test_a_command_is_found_until_its_plan_is_frozen(ledger: FileLedger) -> None:
    """A worker that dies after it took files leaves the command by which its run can be started."""
    commands = [start(arrived(A)), start(Requested(key="k", files=(A, B)))]
    for command in commands:
        ledger.claim(command)
    assert sorted(ledger.unplanned(), key=lambda command: command.run_id) == sorted(commands, key=lambda command: command.run_id)
    ledger.planned(commands[0].run_id)
    assert ledger.unplanned() == (commands[1],)


def test_a_worker_that_dies_between_its_claims_loses_no_file(store: MemoryStore) -> None:
    """The command was stored before the first claim, and the same command takes the rest."""

    class DiesAtTheSecondClaim(MemoryStore):
        def put_if_absent(self, path: str, data: bytes) -> bool:
            if path.startswith("files/") and len(store.list("files/")) == 1:
                raise SystemExit
            return store.put_if_absent(path, data)

    command = start(Requested(key="k", files=(A, B)))
    with pytest.raises(SystemExit):
        FileLedger(DiesAtTheSecondClaim()).claim(command)
    ledger = FileLedger(store)
    assert ledger.unplanned() == (command,)
    assert ledger.claim(command) == command


@pytest.mark.parametrize(
    ("cause", "files"), [(arrived(A, B), (A, B)), (Requested(key="k", files=(C,)), (C,)), (TimerTicked(scheduled_time=START), ())]
)
def test_the_files_of_a_cause(cause: Cause, files: tuple[FileVersion, ...]) -> None:
    """A timer has none."""
    assert files_of(start(cause)) == files
