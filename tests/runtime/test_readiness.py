"""What comes next in a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.events import NodeStatus, Outcome
from odibi_core.planning.plan import Plan
from odibi_core.runtime.readiness import Next, fail_fast_nodes, how_it_ended, stopped_by, what_is_next
from tests.runtime.builders import outcome, outcomes, plan

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


@pytest.mark.parametrize(
    ("statuses", "ready", "blocked", "finished"),
    [
        ({}, "a", {}, False),
        ({"a": "succeeded"}, "bc", {}, False),
        ({"a": "succeeded", "b": "succeeded"}, "c", {}, False),
        ({"a": "succeeded", "b": "succeeded", "c": "succeeded"}, "d", {}, False),
        ({"a": "succeeded", "b": "failed"}, "c", {"d": "b"}, False),
        ({"a": "failed"}, "", {"b": "a", "c": "a", "d": "b"}, True),
        ({"a": "skipped"}, "", {"b": "a", "c": "a", "d": "b"}, True),
        ({"b": "succeeded", "c": "succeeded"}, "ad", {}, False),
        ({"a": "succeeded", "b": "succeeded", "c": "succeeded", "d": "failed"}, "", {}, True),
    ],
)
def test_a_diamond(statuses: dict[str, NodeStatus], ready: str, blocked: dict[str, str], finished: bool) -> None:
    """A skip goes down to the last node, and each names the node right above it."""
    expected = Next(ready=tuple(ready), blocked=tuple(blocked.items()), finished=finished)
    assert what_is_next(plan(DIAMOND), outcomes(**statuses)) == expected


@pytest.mark.parametrize(
    ("on_error", "frames", "ready", "blocked"),
    [
        ("ignore", (), ("b",), ()),
        ("ignore", ("a",), (), (("b", "a"),)),
        ("fail_later", (), (), (("b", "a"),)),
        ("fail_fast", (), (), (("b", "a"),)),
    ],
)
def test_a_failure_that_is_ignored_blocks_only_who_needs_its_rows(
    on_error: str, frames: tuple[str, ...], ready: tuple[str, ...], blocked: tuple[tuple[str, str], ...]
) -> None:
    """A node that only waits for it goes on."""
    found = what_is_next(plan({"a": (), "b": ("a",)}, on_error={"a": on_error}, frames={"b": frames}), outcomes(a="failed"))
    assert (found.ready, found.blocked) == (ready, blocked)


def test_a_skipped_node_blocks_although_its_failure_would_not() -> None:
    """It never ran: there is no failure to ignore."""
    found = what_is_next(plan({"a": (), "b": ("a",)}, on_error={"a": "ignore"}), outcomes(a="skipped"))
    assert found == Next(ready=(), blocked=(("b", "a"),), finished=True)


def test_a_run_of_nothing_is_finished() -> None:
    """At once."""
    assert what_is_next(plan(), {}) == Next(ready=(), blocked=(), finished=True)


STATUSES = st.sampled_from(["succeeded", "failed", "skipped", None])


@st.composite
def runs(draw: st.DrawFn) -> tuple[Plan, dict[str, Outcome]]:
    """Any graph, with any outcomes so far."""
    count = draw(st.integers(0, 9))
    names = [f"n{number}" for number in range(count)]
    above = {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=3, unique=True)) if place else [] for place, name in enumerate(names)
    }
    frames = {name: [other for other in above[name] if draw(st.booleans())] for name in names}
    on_error = {name: draw(st.sampled_from(["fail_later", "ignore", "fail_fast"])) for name in names}
    statuses = {name: status for name in names if (status := draw(STATUSES)) is not None}
    return plan(above, on_error=on_error, frames=frames), outcomes(**statuses)


def status_of(outcome: Outcome | None) -> str:
    if outcome is None:
        return "waiting"
    return getattr(outcome, "result", None).status if hasattr(outcome, "result") else "skipped"


@given(runs())
def test_every_node_without_an_outcome_is_ready_blocked_or_waiting(run: tuple[Plan, dict[str, Outcome]]) -> None:
    """Ready: nothing above stands in the way. Blocked: something does, and always will. Waiting: something above has no end yet."""
    given_plan, known = run
    coming = what_is_next(given_plan, known)
    ready, blocked = set(coming.ready), dict(coming.blocked)
    assert ready | set(blocked) <= {node.name for node in given_plan.nodes} - set(known)
    assert not ready & set(blocked)
    for node in given_plan.nodes:
        if node.name in known:
            continue
        stands_in_the_way = {
            name
            for name in node.upstream
            if name in blocked
            or status_of(known.get(name)) == "skipped"
            or (status_of(known.get(name)) == "failed" and (given_plan.node(name).on_error != "ignore" or name in node.frames))
        }
        ends_above = all(name in known for name in node.upstream)
        assert (node.name in blocked) == bool(stands_in_the_way)
        assert blocked.get(node.name) in {None, *stands_in_the_way}
        assert (node.name in ready) == (ends_above and not stands_in_the_way)
    assert coming.finished == all(node.name in known or node.name in blocked for node in given_plan.nodes)
    assert not (coming.finished and ready)


@given(runs())
def test_a_run_that_is_not_finished_has_something_to_do(run: tuple[Plan, dict[str, Outcome]]) -> None:
    """No run waits for nothing."""
    coming = what_is_next(*run)
    assert coming.finished or coming.ready


@given(runs(), st.data())
def test_one_more_outcome_never_takes_readiness_away(run: tuple[Plan, dict[str, Outcome]], data: st.DataObject) -> None:
    """A node that may run now may run later, whatever else ends: two workers never disagree for good."""
    given_plan, known = run
    coming = what_is_next(given_plan, known)
    if not coming.ready:
        return
    ended = data.draw(st.sampled_from(coming.ready))
    later = what_is_next(given_plan, {**known, ended: outcome(ended, data.draw(st.sampled_from(["succeeded", "failed"])))})
    assert set(coming.ready) - {ended} <= set(later.ready)
    assert {name for name, _ in coming.blocked} <= {name for name, _ in later.blocked}  # by whom first may change


@given(runs())
def test_a_run_always_ends(run: tuple[Plan, dict[str, Outcome]]) -> None:
    """Whoever runs what is ready and skips what is blocked is through after one round for each node."""
    given_plan, known = run
    for _ in range(len(given_plan.nodes) + 1):
        coming = what_is_next(given_plan, known)
        known |= {name: outcome(name, "skipped") for name, _ in coming.blocked}
        known |= {name: outcome(name) for name in coming.ready}
    assert what_is_next(given_plan, known) == Next(ready=(), blocked=(), finished=True)


@pytest.mark.parametrize(
    ("statuses", "on_error", "ended"),
    [
        ({"a": "succeeded"}, {}, "succeeded"),
        ({"a": "skipped"}, {}, "succeeded"),
        ({"a": "failed"}, {}, "failed"),
        ({"a": "failed"}, {"a": "fail_fast"}, "failed"),
        ({"a": "failed"}, {"a": "ignore"}, "succeeded"),
        ({"a": "failed", "b": "failed"}, {"a": "ignore"}, "failed"),
    ],
)
def test_how_a_run_ended(statuses: dict[str, NodeStatus], on_error: dict[str, str], ended: str) -> None:
    """A failure counts unless it is to be ignored; a skip does not."""
    assert how_it_ended(plan({"a": (), "b": ()}, on_error=on_error), outcomes(**statuses)) == ended


def test_a_failure_of_a_fail_fast_node_stops_the_run() -> None:
    """Nothing else does."""
    given_plan = plan({"a": (), "b": (), "c": ()}, on_error={"b": "fail_fast", "c": "ignore"})
    assert fail_fast_nodes(given_plan) == {"b"}
    assert stopped_by(given_plan, outcomes(a="failed", b="succeeded", c="failed")) is None
    assert stopped_by(given_plan, outcomes(b="skipped")) is None
    assert stopped_by(given_plan, outcomes(a="failed", b="failed")) == "b"
