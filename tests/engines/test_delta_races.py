"""Two workers, one table: what lands, what is refused, and what a lost acknowledgement does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import polars as pl
import pytest

from odibi_core.engines.polars import delta_commit, delta_sink, delta_write
from odibi_core.errors import DataError, PermanentServiceError, TransientServiceError
from odibi_core.ports import FENCED, FencedError, WriteConflictError

ONE = pl.DataFrame({"id": [1], "v": ["one"]})
TWO = pl.DataFrame({"id": [2], "v": ["two"]})


def _raced(lake, lazily, first, second):
    """Both open, then both write, one after the other: the worst order without luck."""
    results = []
    sinks = [lake.engine.open(first), lake.engine.open(second)]
    for sink, batch in zip(sinks, (ONE, TWO), strict=True):
        assert sink.committed() is None
        try:
            results.append(sink.write(lazily(batch), {}))
        except WriteConflictError as error:
            results.append(error)
    return results


@pytest.mark.parametrize("state", ["missing", "empty", "filled"])
@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert", "append_once", "ignore", "error"])
def test_the_same_node_racing_itself_writes_once(lake, lazily, state, mode):
    """Two deliveries of one message, in every mode and on every kind of table: one batch."""
    if mode == "error" and state == "filled":
        return
    start = {"missing": None, "empty": ONE.clear(), "filled": ONE.with_columns(id=pl.lit(0, pl.Int64))}[state]
    if start is not None:
        lake.write(start)
    keys = {"keys": ("id",)} if mode in {"upsert", "append_once"} else {}
    target = lake.target(mode=mode, transaction="r/n", **keys)
    first, second = _raced(lake, lazily, target, target)
    assert not first.recovered
    assert second.recovered  # found by its transaction, which is the same as having written it
    assert 2 not in lake.read()["id"]


@pytest.mark.parametrize("state", ["missing", "empty", "filled"])
@pytest.mark.parametrize("mode", ["overwrite", "upsert", "append_once", "ignore", "error"])
def test_two_nodes_that_must_be_alone_cannot_both_write(lake, lazily, state, mode):
    """Different transactions: the second one is refused, and nothing of it is in the table."""
    if mode == "error" and state == "filled":
        return
    start = {"missing": None, "empty": ONE.clear(), "filled": ONE.with_columns(id=pl.lit(0, pl.Int64))}[state]
    if start is not None:
        lake.write(start)
    keys = {"keys": ("id",)} if mode in {"upsert", "append_once"} else {}
    targets = [lake.target(mode=mode, transaction=f"r{number}/n", **keys) for number in (1, 2)]
    _, second = _raced(lake, lazily, *targets)
    assert isinstance(second, WriteConflictError)
    assert second.retryable
    assert 2 not in lake.read()["id"]


@pytest.mark.parametrize("state", ["missing", "empty", "filled"])
def test_two_appends_both_land(lake, lazily, state):
    """Appends of different runs do not hurt one another, not even the two first ones."""
    if state != "missing":
        lake.write(ONE.with_columns(id=pl.lit(0, pl.Int64)) if state == "filled" else ONE.clear())
    first, second = _raced(lake, lazily, lake.target(transaction="r1/n"), lake.target(transaction="r2/n"))
    assert {1, 2} <= set(lake.read()["id"])
    assert (first.created, second.created) == (state == "missing", False)


@pytest.mark.parametrize(("first", "second"), [("append", "overwrite"), ("append", "upsert"), ("overwrite", "append")])
def test_an_append_in_between_refuses_who_must_be_alone(lake, lazily, first, second):
    """An overwrite that was computed before an append would undo or keep it by chance; it is computed again instead."""
    lake.write(ONE.with_columns(id=pl.lit(0, pl.Int64)))
    targets = [
        lake.target(mode=mode, transaction=f"r{number}/n", keys=("id",) if mode == "upsert" else ())
        for number, mode in enumerate((first, second))
    ]
    results = _raced(lake, lazily, *targets)
    assert isinstance(results[1], WriteConflictError)


@pytest.mark.parametrize("state", ["missing", "empty"])
@pytest.mark.parametrize("mode", ["upsert", "merge"])
def test_an_append_in_between_refuses_a_merge_into_no_rows(lake, lazily, state, mode):
    """Such a merge is committed as an append, and still must be alone: its key may be in the table by now."""
    if state == "empty":
        lake.write(ONE.clear())
    targets = [lake.target(transaction="r1/n"), lake.target(mode=mode, transaction="r2/n", keys=("id",))]
    results = _raced(lake, lazily, *targets)
    assert isinstance(results[1], WriteConflictError)
    assert lake.read().equals(ONE)


def test_a_zombie_that_opened_before_its_successor_committed_is_refused(lake, lazily):
    """It wakes up after a later run overwrote the table; its handle is old."""
    lake.write(ONE)
    zombie = lake.engine.open(lake.target(mode="overwrite", transaction="r1/n"))
    lake.write(TWO, mode="overwrite", transaction="r2/n")
    with pytest.raises(WriteConflictError):
        zombie.write(lazily(ONE), {})
    assert lake.read().equals(TWO)


def test_threads_that_race_for_a_missing_table(lake, lazily):
    """Eight deliveries of one node at the same moment: one batch, one writer that says it created the table."""
    from odibi_core.engines.polars import PolarsEngine

    start = threading.Barrier(8)
    receipts = []

    def deliver():
        sink = PolarsEngine().open(lake.target(mode="append", transaction="r/n"))
        start.wait()
        try:
            receipts.append(sink.committed() or sink.write(lazily(ONE), {}))
        except WriteConflictError as error:
            receipts.append(error)

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lake.read().equals(ONE)
    assert len(receipts) == 8
    assert sum(not isinstance(one, WriteConflictError) and not one.recovered for one in receipts) == 1


_WORKER = """
import sys, json, polars as pl, narwhals as nw
from odibi_core.engines.polars import PolarsEngine
from odibi_core.ports import Location, Target, WriteConflictError
root, mode, transaction, value = sys.argv[1:]
target = Target(location=Location(connection="lake", path="t", uri=root), format="delta", mode=mode, transaction=transaction)
sink = PolarsEngine().open(target)
print("opened", flush=True)
sys.stdin.readline()
try:
    receipt = sink.write(nw.from_native(pl.LazyFrame({"id": [int(value)]})), {})
    print(json.dumps(["written" if not receipt.recovered else "recovered", receipt.version]))
except WriteConflictError:
    print(json.dumps(["conflict", None]))
"""


@pytest.mark.parametrize(("mode", "survivors"), [("overwrite", 1), ("append", 4)])
def test_processes_that_race_for_a_missing_table(lake, mode, survivors):
    """Four runs open a table that is not there yet and write at the same moment."""
    uri = str(lake.root / "t")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, uri, mode, f"r{number}/n", str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "opened\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [json.loads(process.communicate(timeout=60)[0])[0] for process in processes]
    assert said.count("written") == survivors
    assert said.count("conflict") == 4 - survivors
    assert len(lake.read()) == survivors


class _LostError(Exception):
    """What a library raises when the answer to its request got lost."""


class PanicException(BaseException):
    """A Rust panic is no Exception."""


@pytest.mark.parametrize("kind", [OSError, _LostError, PanicException])
@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert"])
def test_a_lost_acknowledgement_is_a_success(lake, monkeypatch, kind, mode):
    """The commit happened and the error is wrong: the receipt is our own, and nothing is written twice."""
    lake.write(ONE)
    commit_rows = delta_write.commit_rows

    def committed_but_raised(*arguments):
        commit_rows(*arguments)
        raise kind("connection reset by peer")

    monkeypatch.setattr(delta_sink, "commit_rows", committed_but_raised)
    receipt = lake.write(TWO, mode=mode, transaction="r/n", keys=("id",) if mode == "upsert" else ())
    assert (receipt.rows, receipt.version, receipt.recovered) == (1, 2, False)
    assert lake.table().version() == 2


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OSError("Generic MicrosoftAzure error: status code: 503 Service Unavailable"), TransientServiceError),
        (OSError("Server returned non-2xx status code: 403 Forbidden"), PermanentServiceError),
        (OSError(28, "No space left on device"), PermanentServiceError),
        (ConnectionResetError(), TransientServiceError),
    ],
)
def test_a_commit_that_failed_is_classified(lake, monkeypatch, raised, expected):
    """Not committed: the error says who must act, and the table is as it was."""
    lake.write(ONE)

    def refuse(*_):
        raise raised

    monkeypatch.setattr(delta_sink, "commit_rows", refuse)
    with pytest.raises(expected) as caught:
        lake.write(TWO)
    assert caught.value.__cause__ is None
    assert lake.table().version() == 1


def test_an_unknown_outcome_is_said_to_be_transient(lake, lazily, monkeypatch):
    """The store is gone before we could ask: the node is tried again, and looks first."""
    lake.write(ONE)
    sink = lake.engine.open(lake.target(transaction="r/n"))

    def refuse(*_, **__):
        raise OSError("error sending request: connection refused")

    monkeypatch.setattr(delta_sink, "commit_rows", refuse)
    monkeypatch.setattr(delta_sink, "open_table", refuse)
    with pytest.raises(TransientServiceError):
        sink.write(lazily(TWO), {})


def test_an_interrupt_is_not_swallowed(lake, monkeypatch):
    """The process is told to stop: nothing is looked up first."""
    lake.write(ONE)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(delta_sink, "commit_rows", stopped)
    with pytest.raises(KeyboardInterrupt):
        lake.write(TWO)


def test_a_fence_refuses_the_zombie_behind_it(lake, lazily):
    """The node was given up; the worker that still computes it had opened the table before."""
    lake.write(ONE)
    given_up = lake.target(transaction="r1/n")
    zombie = lake.engine.open(given_up)
    assert zombie.committed() is None
    successor = lake.engine.open(lake.target(transaction="r2/n"))
    successor.fence("r1/n")
    with pytest.raises(FencedError):
        zombie.write(lazily(TWO), {})
    with pytest.raises(FencedError):  # and one that opens only now
        lake.engine.open(given_up).committed()
    with pytest.raises(FencedError):
        lake.engine.open(given_up).write(lazily(TWO), {})
    assert lake.read().equals(ONE)
    assert lake.engine.open(given_up).transaction("r1/n") == FENCED
    lake.engine.open(given_up).fence("r1/n")  # doing it twice is fine
    assert lake.table().version() == 2


def test_a_fence_comes_too_late_for_a_commit(lake, lazily):
    """Of owner and fence one wins: here the owner, after and before the fence opened the table."""
    lake.write(ONE)
    owner = lake.target(transaction="r1/n")
    fence = lake.engine.open(owner)
    lake.engine.open(owner).write(lazily(TWO), {}, sequence=7)
    with pytest.raises(WriteConflictError):
        fence.fence("r1/n")
    with pytest.raises(WriteConflictError):
        lake.engine.open(owner).fence("r1/n")
    assert lake.table().version() == 2
    assert lake.engine.open(owner).transaction("r1/n") == 7


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert", "append_once", "error"])
def test_a_fence_works_before_the_table_exists(lake, lazily, mode):
    """The owner would create the table; the fence creates it first, and the next run fills it as if it were new."""
    zombie = lake.engine.open(lake.target(transaction="r1/n"))
    lake.engine.open(lake.target(transaction="r2/n")).fence("r1/n")
    with pytest.raises(FencedError):
        zombie.write(lazily(ONE), {})
    with pytest.raises(DataError, match="there is no Delta table"):
        lake.engine.scan(lake.source("t"))
    keys = {"keys": ("id",)} if mode in {"upsert", "append_once"} else {}
    target = lake.target(mode=mode, transaction="r2/n", partition_by=("v",), **keys)
    assert not lake.engine.open(target).exists
    receipt = lake.engine.open(target).write(lazily(TWO), {})
    assert receipt.created
    assert lake.read().equals(TWO)
    assert lake.table().metadata().partition_columns == ["v"]


def test_a_fence_and_a_first_write_race(lake, lazily):
    """The owner created the table first: it may write, the fence is told so."""
    fence = lake.engine.open(lake.target(transaction="r2/n"))
    lake.write(ONE, transaction="r1/n")
    with pytest.raises(WriteConflictError):
        fence.fence("r1/n")
    assert lake.read().equals(ONE)


def test_two_first_writers_on_a_fenced_place(lake, lazily):
    """The placeholder is replaced by one of them; the other one comes again."""
    lake.engine.open(lake.target(transaction="r0/n")).fence("dead/n")
    first, second = _raced(lake, lazily, lake.target(transaction="r1/n"), lake.target(transaction="r2/n"))
    assert (first.created, type(second)) == (True, WriteConflictError)
    assert lake.read().equals(ONE)


def test_a_lost_acknowledgement_of_a_fence(lake, monkeypatch):
    """It is in the log, so it holds."""
    lake.write(ONE)
    write = delta_sink.write_deltalake

    def committed_but_raised(*arguments, **more):
        write(*arguments, **more)
        raise OSError("connection reset")

    monkeypatch.setattr(delta_sink, "write_deltalake", committed_but_raised)
    lake.engine.open(lake.target(transaction="r2/n")).fence("r1/n")
    assert lake.table().transaction_version("r1/n") == FENCED


def test_the_look_back_for_a_commit_is_bounded(lake, monkeypatch):
    """Behind the last entries the rows are unknown; the transaction still counts."""
    lake.write(ONE, transaction="r/n")
    for _ in range(4):
        lake.write(TWO)
    monkeypatch.setattr(delta_commit, "_LOOK_BACK", (1, 2))
    receipt = lake.engine.open(lake.target(transaction="r/n")).committed()
    assert (receipt.rows, receipt.recovered) == (None, True)
