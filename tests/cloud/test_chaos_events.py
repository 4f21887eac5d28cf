"""Events come twice, late, out of order, too early or never: a sweep later everything is in, exactly once."""

from __future__ import annotations

import base64
import time

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
FILES, LOST = 12, 3  # so many events the seed loses of the first twelve
IN_TWO_STEPS = 3
SEED = 9
WORLD = {"chaos": SEED}


def in_bronze(world: World) -> set[str]:
    """The files whose rows are in. Runs do not tell: an event that comes too early has a run of its own, which finds nothing."""
    return {str(order).rpartition("-")[0] for order in world.rows("bronze/orders")["order_id"]}


def test_events_may_come_twice_late_early_or_never(world: World) -> None:
    """Chaos decides about the events of fifteen files, three of which are uploaded in two steps; one sweep heals what is left."""
    orders = Orders()
    for number in range(FILES):
        world.upload(f"orders/{number}.csv", orders.file(f"{number}"))
    world.wait(lambda: len(world.runs()) == FILES - LOST, "the events that are not lost")
    for number in range(FILES, FILES + IN_TWO_STEPS):
        with world.blobs.get_blob_client("landing", f"orders/{number}.csv") as blob:
            block = base64.b64encode(b"only-one").decode()
            blob.stage_block(block, orders.file(f"{number}").encode())
            time.sleep(0.5)  # an event may come now, before there is anything to read
            blob.commit_block_list([block])
    world.wait_idle(later=False)
    assert len(in_bronze(world)) < FILES + IN_TWO_STEPS
    world.sweep()
    world.wait(lambda: len(in_bronze(world)) == FILES + IN_TWO_STEPS, "the rows of all files", pause=0.3)
    world.wait(lambda: len(world.finals()) == len(world.runs()), "all runs to end", pause=0.3)
    world.wait_reported(len(world.runs()))
    assert_exactly_once(world, orders)
    files = [row for row in world.catalog("meta_files") if row["status"] == "succeeded"]
    assert sorted(row["path"] for row in files) == sorted(f"orders/{number}.csv" for number in range(FILES + IN_TWO_STEPS))
    assert_each_run_reported_once(world, len(world.runs()))
    assert world.kept_dead() == []


def test_a_sweep_with_nothing_to_do_does_nothing(world: World) -> None:
    """After everything is in, two more sweeps start no run and write no table."""
    before = (world.runs(), world.table("bronze/orders").version(), world.table("_odibi_system/meta_runs").version())
    world.sweep()
    world.sweep()
    world.wait_idle(later=False)
    assert (world.runs(), world.table("bronze/orders").version(), world.table("_odibi_system/meta_runs").version()) == before
