"""Events come twice, late, out of order, too early or never: a sweep later everything is in, exactly once."""

from __future__ import annotations

import base64

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
FILES = 12
SEED = 9
WORLD = {"chaos": SEED}


def test_events_may_come_twice_late_early_or_never(world: World) -> None:
    """Chaos decides about the events of twelve files, some of which are uploaded in two steps; one sweep heals what is left."""
    orders = Orders()
    for number in range(FILES):
        content = orders.file(f"{number}").encode()
        if number % 4 == 0:
            # In two steps, so that an event may come before there is anything to read.
            with world.blobs.get_blob_client("landing", f"orders/{number}.csv") as blob:
                block = base64.b64encode(b"only-one").decode()
                blob.stage_block(block, content)
                world.wait(lambda: True, "a listing", seconds=1)
                blob.commit_block_list([block])
        else:
            world.upload(f"orders/{number}.csv", content)
    world.wait(lambda: len(world.runs()) >= FILES // 2, "most events")
    world.wait_idle(later=False)
    before = len(world.runs())
    world.sweep()
    world.wait(lambda: len(world.names_of("final.json")) == len(world.runs()), "all runs to end", pause=0.3)
    world.wait_reported(len(world.runs()))
    assert before < FILES, "no event was lost: choose another seed"
    assert_exactly_once(world, orders)
    files = [row for row in world.catalog("meta_files") if row["status"] == "succeeded"]
    assert sorted(row["path"] for row in files) == sorted(f"orders/{number}.csv" for number in range(FILES))
    assert_each_run_reported_once(world, len(world.runs()))
    assert world.kept_dead() == []


def test_a_sweep_with_nothing_to_do_does_nothing(world: World) -> None:
    """After everything is in, two more sweeps start no run and write no table."""
    before = (world.runs(), world.table("bronze/orders").version(), world.table("_odibi_system/meta_runs").version())
    world.sweep()
    world.sweep()
    world.wait_idle()
    assert (world.runs(), world.table("bronze/orders").version(), world.table("_odibi_system/meta_runs").version()) == before
