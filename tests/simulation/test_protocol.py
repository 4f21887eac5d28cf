"""The run protocol under crashes, lost answers, duplicates, zombies and reordering: any graph, any failure, every promise."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import PROFILES, History

SEEDS = int(os.environ.get("ODIBI_SIMULATION_SEEDS", "2400"))
CHUNK = 100
MUTANT_SEEDS = 1200
# How the seeds are shared out: any graph most of all, then the kinds of history in which writers meet.
SHARES = {"mixed": SEEDS // 2, "rivals": SEEDS // 6, "windows": SEEDS // 6, "patterns": SEEDS // 6, "chains": SEEDS // 6}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A report that fails says so in the log, which here happens thousands of times."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _chunks() -> list[tuple[str, int, bool]]:
    return [
        (profile, first, (first // CHUNK) % 2 == 0) for profile, seeds in SHARES.items() for first in range(0, max(seeds, CHUNK), CHUNK)
    ]


@pytest.mark.parametrize(("profile", "first", "sweeper"), _chunks())
def test_every_promise_holds_in_every_history(profile: str, first: int, sweeper: bool) -> None:
    """Nothing lost, nothing doubled, every run ends and is reported once, with the sweep and without it."""
    broken = {}
    for seed in range(first, first + CHUNK):
        violations = History(seed, sweeper=sweeper, profile=PROFILES[profile]).run()
        if violations:
            broken[seed] = violations
    assert not broken


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_switched_off_is_missed(name: str) -> None:
    """Each rule of the protocol is needed: without it some history breaks a promise."""
    parts, sweeper, profiles = MUTANTS[name]
    for seed in range(MUTANT_SEEDS):
        for profile in profiles:
            if History(seed, sweeper=sweeper, parts=parts, profile=PROFILES[profile]).run():
                return
    pytest.fail(f"no history of {MUTANT_SEEDS} noticed that '{name}'")


def test_a_history_is_the_same_for_the_same_seed() -> None:
    """What a seed finds can be found again."""
    first, second = History(7, sweeper=True), History(7, sweeper=True)
    assert (first.run(), first.world.crashes, first.world.executions, sorted(first.world.objects)) == (
        second.run(),
        second.world.crashes,
        second.world.executions,
        sorted(second.world.objects),
    )
