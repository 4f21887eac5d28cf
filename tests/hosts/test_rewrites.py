"""Files that are written again under the same path, and files that do not come: through the handlers of Azure and in this process."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.hosts.world import HEAD, World


def orders(rule: str, *, batch: str = "") -> str:
    return f"""\
pipelines:
  - pipeline: orders
    triggers: [ {{ blob: {{ connection: landing, path: 'orders/{{name}}.csv', {rule}{batch} }} }} ]
    nodes:
      - name: bronze
        read: {{ connection: landing, format: csv, path: 'orders/*.csv' }}
        validation: {{ tests: [ {{ type: range, column: i, max: 100 }} ] }}
        write: {{ connection: lake, format: delta, path: bronze, mode: append }}
      - name: silver
        depends_on: [bronze]
        on_error: ignore
        write: {{ connection: lake, format: delta, path: silver, mode: append }}
"""


@pytest.fixture
def make(tmp_path: Path):
    def made(rule: str, **more: str) -> World:
        return World(tmp_path, HEAD + orders(rule, **more))

    return made


def arrive(world: World, *paths: str) -> None:
    """Events of files, and all the work that follows."""
    host = world.azure()
    for path in paths:
        host.on_blob_event(world.event(path))
    world.work(host)


def errors(world: World) -> list[str]:
    """The codes of all errors that nodes ended with."""
    kept = [outcome for outcome in world.kept("runs") if outcome.get("kind") == "node_finished"]
    return [outcome["result"]["error"]["code"] for outcome in kept if outcome["result"]["error"]]


def test_a_new_version_is_a_run_of_its_own_if_nothing_is_said(make) -> None:
    world = make("on_rewrite: process")
    for number in (1, 2):
        world.land("orders/a.csv", *range(number + 1))
        arrive(world, "orders/a.csv")
    assert world.rows("bronze") == [0, 0, 1, 1, 2]


def test_ignore_records_the_new_version_and_runs_nothing(make) -> None:
    """However often it is announced or found; a file of another path is taken as ever."""
    world = make("on_rewrite: ignore")
    world.land("orders/a.csv", 1)
    arrive(world, "orders/a.csv", "orders/a.csv")
    world.land("orders/a.csv", 1, 2)
    world.land("orders/b.csv", 3)
    arrive(world, "orders/a.csv", "orders/b.csv")
    host = world.azure()
    host.on_sweep()
    assert world.work(host) == []
    assert world.rows("bronze") == [1, 3]
    assert len(world.plans()) == 2
    (ignored,) = [entry for entry in world.kept("files") if entry["ignored"]]
    owner = next(plan["run_id"] for plan in world.plans() if plan["cause"]["files"][0]["path"] == "orders/a.csv")
    assert (ignored["file"]["path"], ignored["run_id"]) == ("orders/a.csv", owner)


def test_fail_is_a_run_that_names_the_file_and_writes_nothing(make) -> None:
    """Even what stands below a node that may fail does not run; the sweep finds nothing more to do."""
    world = make("on_rewrite: fail")
    world.land("orders/a.csv", 1)
    arrive(world, "orders/a.csv")
    world.land("orders/a.csv", 1, 2)
    arrive(world, "orders/a.csv", "orders/a.csv")
    host = world.azure()
    host.on_sweep()
    assert world.work(host) == []
    assert (world.rows("bronze"), world.rows("silver")) == ([1], [1])
    assert sorted(world.statuses()) == ["failed", "succeeded"]
    refused = next(plan for plan in world.plans() if plan["refused"])
    first = next(plan["run_id"] for plan in world.plans() if not plan["refused"])
    assert refused["refused"]["node"] == "bronze"
    assert refused["refused"]["error"]["message"] == (
        f"file 'orders/a.csv' of connection 'landing' was taken in by run {first} and has been written again"
    )
    assert errors(world) == ["file_rewritten"]


def test_a_version_that_no_run_could_take_in_is_replaced_by_the_next(make) -> None:
    """The first one is refused by a check, so nothing of it is in: the mended file is the first one that counts."""
    world = make("on_rewrite: ignore")
    world.land("orders/a.csv", 1000)
    arrive(world, "orders/a.csv")
    world.land("orders/a.csv", 1)
    arrive(world, "orders/a.csv")
    world.land("orders/a.csv", 2)
    arrive(world, "orders/a.csv")
    assert world.rows("bronze") == [1]
    assert sorted(world.statuses()) == ["failed", "succeeded"]


def test_a_version_that_comes_while_the_first_one_is_under_way_waits(make) -> None:
    """Nobody can say yet whether the first one will be in. The sweep looks again."""
    world = make("on_rewrite: ignore")
    host = world.azure()
    world.land("orders/a.csv", 1)
    host.on_blob_event(world.event("orders/a.csv"))
    world.land("orders/a.csv", 1, 2)
    host.on_blob_event(world.event("orders/a.csv"))
    assert len(world.plans()) == 1
    world.work(host)
    assert world.rows("bronze") == []  # the first version was gone before its run could read it
    host.on_sweep()
    world.work(host)
    assert world.rows("bronze") == [1, 2]


def test_of_a_batch_the_files_that_must_fail_fail_alone(make) -> None:
    """The others wait for the next run of the batch, which comes at once."""
    world = make("on_rewrite: fail", batch=", batch: { max_files: 2, max_wait: 1h }")
    world.land("orders/a.csv", 1)
    world.land("orders/b.csv", 2)
    arrive(world, "orders/a.csv", "orders/b.csv")
    world.land("orders/a.csv", 3)
    world.land("orders/c.csv", 4)
    world.land("orders/d.csv", 5)
    arrive(world, "orders/a.csv", "orders/c.csv", "orders/d.csv")
    assert world.rows("bronze") == [1, 2, 4, 5]
    assert sorted(world.statuses()) == ["failed", "succeeded", "succeeded"]


def test_in_this_process_too(make) -> None:
    """Ignored: nothing is new. Fails: the run says so, and resuming it takes the file in all the same."""
    world = make("on_rewrite: ignore")
    world.land("orders/a.csv", 1)
    assert world.in_process().run(world.in_process().request("orders")).status == "succeeded"
    world.land("orders/a.csv", 1, 2)
    host = world.in_process()
    assert host.run(host.request("orders")) is None
    assert world.in_process().request("orders") is None
    world.write(HEAD + orders("on_rewrite: fail"))
    world.land("orders/a.csv", 1, 2, 3)
    host = world.in_process()
    assert host.run(host.request("orders")).status == "failed"
    assert world.rows("bronze") == [1]
    assert world.in_process().resume("orders").status == "succeeded"
    assert world.rows("bronze") == [1, 1, 2, 3]
    world.land("orders/a.csv", 9)
    host = world.in_process()
    assert host.run(host.request("orders")).status == "failed"
    assert world.rows("bronze") == [1, 1, 2, 3]


def test_what_was_taken_before_the_rule_changed_counts(make) -> None:
    world = make("on_rewrite: process")
    world.land("orders/a.csv", 1)
    arrive(world, "orders/a.csv")
    world.write(HEAD + orders("on_rewrite: ignore"))
    world.land("orders/a.csv", 1, 2)
    arrive(world, "orders/a.csv")
    assert world.rows("bronze") == [1]


# ── expect ──


def sweep(world: World, **later: float) -> None:
    world.clock.now += timedelta(**later)
    host = world.azure()
    host.on_sweep()
    assert world.work(host) == []


def test_a_file_that_does_not_come_in_time_is_one_failed_run(make) -> None:
    """Counted from the first look, then from the last arrival; told once for each gap, and nothing is read or written."""
    world = make("expect: 1h")
    sweep(world)
    sweep(world, minutes=59)
    assert world.plans() == []
    for _ in range(3):
        sweep(world, minutes=30)
    assert world.statuses() == ["failed"]
    (plan,) = world.plans()
    assert plan["cause"]["kind"] == "overdue"
    assert plan["refused"]["node"] == "bronze"
    assert plan["refused"]["error"]["message"] == (
        "no file 'orders/{name}.csv' came to connection 'landing' since 2026-03-01 12:00 UTC; one was expected by 2026-03-01 13:00"
    )
    assert errors(world) == ["file_overdue"]
    world.land("orders/a.csv", 1)
    arrive(world, "orders/a.csv")
    sweep(world, minutes=50)
    assert sorted(world.statuses()) == ["failed", "succeeded"]
    sweep(world, minutes=20)
    assert sorted(world.statuses()) == ["failed", "failed", "succeeded"]
    assert world.rows("bronze") == [1]


def test_a_story_tells_of_the_missing_file(make) -> None:
    world = make("expect: 1h")
    sweep(world)
    sweep(world, hours=2)
    (page,) = (world.folder / "lake" / "stories").rglob("run.md")
    assert "no file orders/{name}.csv had come to landing by" in page.read_text()
    assert "Ask whoever delivers it" in page.read_text()


def test_asked_for_in_this_process_it_fails_the_run(make) -> None:
    """Where no sweep looks, whoever asks for a run does; there is nothing to resume."""
    world = make("expect: 1s")
    host = world.in_process()
    assert host.request("orders") is None
    time.sleep(1.1)
    assert host.run(host.request("orders")).status == "failed"
    assert host.request("orders") is None
    assert host.resume("orders") is None
    world.land("orders/a.csv", 1)
    host = world.in_process()
    assert host.run(host.request("orders")).status == "succeeded"
