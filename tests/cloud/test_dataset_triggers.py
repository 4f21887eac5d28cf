"""Pipelines that run because another one has written: once for each write, whatever happens to the workers in between."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cloud.world import World

pytestmark = pytest.mark.cloud
FILES = 6


def causes(world: World) -> Counter[tuple[str, str]]:
    """How many runs of each pipeline there are, by what started them."""
    plans = [world.system(f"runs/{run}/plan.json") for run in world.runs()]
    return Counter((plan["pipeline"], plan["cause"]["kind"]) for plan in plans)


def test_each_write_starts_what_follows_it_once_and_the_end_of_the_chain_too(world: World) -> None:
    """One file: its write starts a second pipeline, and that one's write a third. A check that fails later takes nothing back."""
    world.upload("prices/first.csv", "item,price\na,1\nb,-2\n")
    finals = world.wait_ended(3)
    assert causes(world) == {("prices", "blob"): 1, ("price_counts", "dataset"): 1, ("price_list", "dataset"): 1}
    assert sorted(finals.values()) == ["failed", "succeeded", "succeeded"]
    assert world.rows("gold/price_list").rows() == [(2,)]
    world.wait_reported(3)
    started = {row["pipeline"]: row["cause"] for row in world.catalog("meta_runs") if row["kind"] == "run"}
    assert started == {"prices": "blob", "price_counts": "dataset", "price_list": "dataset"}


def test_workers_that_are_killed_start_each_follower_once(world: World) -> None:
    """Killed three times while files become chains of runs; messages and the sweep bring every chain to its end."""
    before = len(world.runs())
    for number in range(FILES):
        world.upload(f"prices/{number}.csv", f"item,price\nx{number},{number}\n")
        if number % 2:
            ended = len(world.names_of("final.json"))
            world.wait(lambda: len(world.names_of("final.json")) > ended, "a run to end")  # noqa: B023  # called in this round only
            world.host.kill_child()
            world.host._pause = 0.1
    world.wait_ended(before + 3 * FILES, seconds=180)
    world.wait_reported(before + 3 * FILES, seconds=120)
    assert causes(world) == dict.fromkeys((("prices", "blob"), ("price_counts", "dataset"), ("price_list", "dataset")), FILES + 1)
    assert world.rows("gold/price_counts").height == FILES + 1
    assert world.rows("gold/price_list").rows() == [(FILES + 2,)]
    assert world.names("_odibi_system/commands/") == []
    world.sweep()
    assert len(world.runs()) == before + 3 * FILES
