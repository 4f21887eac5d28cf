"""`concurrency:`: at most so many runs of a key are under way; the others wait, and each of them gets its turn."""

from __future__ import annotations

import pytest

from odibi_core.planning.plan import Limit, Plan
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.slots import Slots
from odibi_core.storage.memory import MemoryStore
from tests.runtime import builders

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


class Door:
    """Slots of a store, and the runs that want in."""

    def __init__(self, most: int = 1) -> None:
        self.store, self.most, self.planned = MemoryStore(), most, 0

    @property
    def slots(self) -> Slots:
        """As another process sees them."""
        return Slots(self.store, Journal(self.store))

    def plan(self, run_id: str, *, key: str = "k") -> Plan:
        """A run, planned a second after the one before."""
        self.planned += 1
        plan = builders.plan({"load": ()}, run_id=run_id, limit=Limit(key=key, most=self.most), planned_at=builders.at(self.planned))
        return Journal(self.store).open_run(plan)

    def ended(self, plan: Plan) -> None:
        """Recorded, and its worker died before it could leave."""
        Journal(self.store).record(builders.finished(plan.run_id))

    def leaves(self, plan: Plan) -> list[str]:
        """Who waits when the run leaves, in their order."""
        self.ended(plan)
        return [waiting.run_id for waiting in self.slots.leave(plan)]


def test_a_run_that_finds_no_place_waits_for_the_one_that_leaves() -> None:
    """First come, first served, and one place is given once."""
    door = Door()
    a, b, c = (door.plan(run_id) for run_id in (A, B, C))
    assert [door.slots.enter(plan) for plan in (a, c, b)] == [True, False, False]
    assert door.leaves(a) == [B, C]
    assert [door.slots.enter(plan) for plan in (b, c)] == [True, False]
    assert door.leaves(b) == [C]


def test_a_run_may_ask_twice() -> None:
    """Its event came again: it has its place, and takes no second one."""
    door = Door(most=2)
    a, b, c = (door.plan(run_id) for run_id in (A, B, C))
    assert [door.slots.enter(plan) for plan in (a, a, b, c)] == [True, True, True, False]


def test_another_key_project_or_environment_has_its_own_places() -> None:
    """And a run without a limit needs none."""
    door = Door()
    assert door.slots.enter(door.plan(A))
    assert door.slots.enter(door.plan(B, key="other"))
    assert door.slots.enter(door.plan(C).model_copy(update={"project": "store"}))
    assert door.slots.enter(door.plan(D).model_copy(update={"environment": "prod"}))
    assert door.slots.enter(builders.plan({"load": ()}, run_id="e" * 32))


def test_a_place_of_a_run_that_ended_is_free() -> None:
    """Its worker died before it could say so."""
    door = Door()
    a, b = door.plan(A), door.plan(B)
    assert door.slots.enter(a)
    door.ended(a)
    assert door.slots.enter(b)
    assert list(door.slots.leave(a)) == []  # late, and it frees nobody else's place
    assert not door.slots.enter(door.plan(C))


def test_a_run_that_ended_while_it_waited_is_passed_over() -> None:
    """It was given up, say."""
    door = Door()
    a, b, c = (door.plan(run_id) for run_id in (A, B, C))
    for plan in (a, b, c):
        door.slots.enter(plan)
    door.ended(b)
    assert door.leaves(a) == [C]
    assert door.slots.enter(c)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_never_more_than_the_limit(most: int) -> None:
    """Whoever comes and goes."""
    door = Door(most=most)
    plans = [door.plan(f"{number:032x}") for number in range(8)]
    inside = [plan for plan in plans if door.slots.enter(plan)]
    done = []
    while inside:
        assert len(inside) <= most
        gone = inside.pop(0)
        done.append(gone.run_id)
        door.ended(gone)
        for waiting in door.slots.leave(gone):
            if not door.slots.enter(waiting):
                break
            inside.append(waiting)
    assert done == [plan.run_id for plan in plans]
