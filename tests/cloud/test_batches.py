"""Many files at once, taken in batches: a few runs, each row in each layer once, no dead letter; and workers that are killed meanwhile."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
MANY = 120


def taken(world: World) -> Counter[str]:
    """In how many runs each file is."""
    plans = [world.system(f"runs/{run}/plan.json") for run in world.runs()]
    return Counter(file["path"] for plan in plans for file in plan["cause"]["files"])


def upload_together(world: World, files: dict[str, str]) -> None:
    with ThreadPoolExecutor(8) as many:
        list(many.map(world.upload, files, files.values()))


def wait_taken(world: World, files: int) -> None:
    """Wait until every file is in a run and every run has ended and is told."""
    world.wait(lambda: len(world.names("_odibi_system/files/")) >= files, f"{files} files to be taken", seconds=240, pause=0.5)
    world.wait(lambda: not world.names("_odibi_system/open/"), "the runs to end", seconds=240, pause=0.5)
    world.wait(lambda: not world.names("_odibi_system/outbox/"), "the reports", seconds=120, pause=0.5)


def test_many_files_are_a_few_runs(world: World) -> None:
    """Each file is in one run and each row in each layer once; nothing waits and nothing died."""
    orders = Orders()
    files = {f"batches/{number}.csv": orders.file(f"batch-{number}", rows=5) for number in range(MANY)}
    upload_together(world, files)
    wait_taken(world, MANY)
    finals = world.finals()
    assert set(finals.values()) == {"succeeded"}
    assert taken(world) == dict.fromkeys(files, 1)
    assert MANY / 40 <= len(finals) < MANY / 4
    assert_exactly_once(world, orders, below="batches/")
    assert_each_run_reported_once(world, len(finals))
    world.wait_idle()
    assert world.names("_odibi_system/waiting/") == []
    assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
    assert world.kept_dead() == []


def test_a_worker_that_is_killed_between_the_files_loses_and_doubles_none(world: World) -> None:
    """Killed while the files land; its messages come back, and what it had claimed is found again."""
    before, orders = len(world.names("_odibi_system/files/")), Orders()
    files = {f"batches/killed-{number}.csv": orders.file(f"killed-{number}", rows=5) for number in range(30)}
    half = dict(list(files.items())[:15])
    upload_together(world, half)
    world.wait(lambda: len(world.names("_odibi_system/waiting/")) + len(world.names("_odibi_system/files/")) - before >= 5, "some to land")
    world.host.kill_child()
    upload_together(world, {name: text for name, text in files.items() if name not in half})
    wait_taken(world, before + 30)
    counted = taken(world)
    assert {name: counted[name] for name in files} == dict.fromkeys(files, 1)
    rows = world.rows("batches/bronze/orders")
    found = sorted(rows.filter(rows["order_id"].str.starts_with("killed-"))["order_id"])
    assert found == sorted(row[0] for row in orders.rows)
    assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
