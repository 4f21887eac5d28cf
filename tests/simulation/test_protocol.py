"""The run protocol under crashes, lost answers, duplicates, zombies and reordering: any graph, any failure, every promise."""

from __future__ import annotations

import os

import pytest

from tests.simulation.scenario import History

SEEDS = int(os.environ.get("ODIBI_SIMULATION_SEEDS", "2400"))
CHUNK = 200


@pytest.mark.parametrize("sweeper", [True, False], ids=["sweeper on", "sweeper off"])
@pytest.mark.parametrize("first", range(0, SEEDS // 2, CHUNK))
def test_every_promise_holds_in_every_history(first: int, sweeper: bool) -> None:
    """Nothing lost, nothing doubled, every run ends and is reported once, with the sweep and without it."""
    broken = {}
    for seed in range(first, first + CHUNK):
        violations = History(seed, sweeper=sweeper).run()
        if violations:
            broken[seed] = violations
    assert not broken
