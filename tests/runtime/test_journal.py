"""One object per fact, written once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.events import (
    AnyRunEvent,
    ErrorRecord,
    NodeClosing,
    NodeFinished,
    NodeHandedOff,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    parse_event,
)
from odibi_core.runtime.journal import Journal, path_of
from odibi_core.storage.memory import MemoryStore
from tests.runtime.builders import OTHER_RUN, RUN, at, finished, outcome, plan, result, started

ERROR = ErrorRecord(code="service_transient", message="away", retryable=True)


def claim(node: str = "a", attempt: int = 1, resend: int = 0, delivery: int = 1, *, run_id: str = RUN, seconds: float = 1) -> NodeStarted:
    return NodeStarted(run_id=run_id, node=node, attempt=attempt, resend=resend, delivery=delivery, at=at(seconds))


def retried(node: str = "a", attempt: int = 1, *, run_id: str = RUN) -> NodeRetried:
    return NodeRetried(run_id=run_id, node=node, attempt=attempt, delay_seconds=1.0, error=ERROR, at=at(2))


def closing(node: str = "a", *, run_id: str = RUN) -> NodeClosing:
    return NodeClosing(run_id=run_id, node=node, attempt=1, result=result("failed"), at=at(3))


def handed_off(node: str = "a", attempt: int = 1, *, run_id: str = RUN) -> NodeHandedOff:
    return NodeHandedOff(run_id=run_id, node=node, attempt=attempt, to="spark", job="j", at=at(4))


HOME = f"runs/{RUN}"
EVENTS: list[tuple[AnyRunEvent, str]] = [
    (started(), f"{HOME}/events/started.json"),
    (claim(), f"{HOME}/events/nodes/a/0001.0000.0001.started.json"),
    (claim(attempt=2, resend=3, delivery=10), f"{HOME}/events/nodes/a/0002.0003.0010.started.json"),
    (retried(), f"{HOME}/events/nodes/a/0001.retried.json"),
    (handed_off(), f"{HOME}/events/nodes/a/0001.handed_off.json"),
    (closing(), f"{HOME}/events/nodes/a/closing.json"),
    (outcome("a"), f"{HOME}/outcome/a.json"),
    (outcome("a", "skipped"), f"{HOME}/outcome/a.json"),  # a node has one outcome, of whatever kind
    (finished(), f"{HOME}/final.json"),
]


@pytest.mark.parametrize(("event", "path"), EVENTS, ids=[event.kind for event, _ in EVENTS])
def test_where_a_fact_lies(event: AnyRunEvent, path: str) -> None:
    """Workers of another release look there too."""
    assert path_of(event) == path


numbers = st.integers(0, 9999)
nodes = st.sampled_from(["a", "A", "started", "final", "plan", "events", "nodes"])
runs = st.sampled_from([RUN, OTHER_RUN])
facts = st.one_of(
    st.builds(claim, nodes, st.integers(1, 1000), numbers, st.integers(1, 9999), run_id=runs),
    st.builds(retried, nodes, st.integers(1, 1000), run_id=runs),
    st.builds(handed_off, nodes, st.integers(1, 1000), run_id=runs),
    st.builds(closing, nodes, run_id=runs),
    st.builds(outcome, nodes, st.sampled_from(["succeeded", "skipped"]), run_id=runs),
    st.builds(started, runs),
    st.builds(finished, runs),
)


def identity(event: AnyRunEvent) -> tuple[object, ...]:
    """What makes a fact the same fact."""
    kind = "outcome" if isinstance(event, NodeFinished | NodeSkipped) else event.kind
    keys: dict[str, tuple[str, ...]] = {
        "node_started": ("node", "attempt", "resend", "delivery"),
        "node_retried": ("node", "attempt"),
        "node_handed_off": ("node", "attempt"),
        "node_closing": ("node",),
        "outcome": ("node",),
    }
    return (event.run_id, kind, *(getattr(event, key) for key in keys.get(kind, ())))


@given(facts, facts)
def test_two_facts_share_a_path_only_if_one_excludes_the_other(one: AnyRunEvent, other: AnyRunEvent) -> None:
    """Whatever the nodes are called."""
    assert (path_of(one) == path_of(other)) == (identity(one) == identity(other))


@given(facts)
def test_a_fact_is_read_as_it_was_written(event: AnyRunEvent) -> None:
    """From its own JSON."""
    assert parse_event(event.model_dump_json().encode()) == event


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def journal(store: MemoryStore) -> Journal:
    return Journal(store)


def test_the_first_fact_stays(journal: Journal, store: MemoryStore) -> None:
    """Of two workers that record an outcome both learn the one that stands; another process reads the same."""
    assert journal.record(claim()) is True
    assert journal.record(claim(seconds=5)) is False
    first, second = outcome("a"), outcome("a", "failed", seconds=2)
    assert journal.settle(first) is first
    assert Journal(store).settle(second) == journal.settle(second) == first
    assert journal.outcome(RUN, "a") == Journal(store).outcome(RUN, "a") == first


def test_an_outcome_of_another_process_is_seen_at_once(journal: Journal, store: MemoryStore) -> None:
    """Remembering what is there does not mean remembering what is not: a join would be lost."""
    assert journal.outcomes(RUN, ["a", "b"]) == {}
    Journal(store).record(outcome("a"))
    assert journal.outcomes(RUN, ["a", "b"]) == {"a": outcome("a")}
    assert journal.outcome(RUN, "b") is None


@pytest.mark.parametrize("count", [3, 12, 13, 60])
def test_many_outcomes_are_the_same_as_few(journal: Journal, store: MemoryStore, count: int) -> None:
    """However they are looked for: one by one, or with a listing first."""
    names = [f"n{number}" for number in range(count)]
    done = [outcome(name) for name in names[::3]]
    for event in done:
        Journal(store).record(event)
    assert journal.outcomes(RUN, names) == {event.node: event for event in done}
    assert journal.outcomes(RUN, names[:2]) == {names[0]: done[0]}
    assert journal.outcomes(OTHER_RUN, names) == {}


def test_a_plan_is_frozen_by_the_first(journal: Journal, store: MemoryStore) -> None:
    """The second planner goes on with the stored one; the run is open until it is closed."""
    first, second = plan({"a": ()}), plan({"a": (), "b": ("a",)})
    assert journal.open_run(first) == first
    assert Journal(store).open_run(second) == first
    assert (list(journal.open_runs()), journal.is_open(RUN), list(journal.run_ids())) == ([RUN], True, [RUN])
    journal.close_run(RUN)
    assert (list(journal.open_runs()), journal.is_open(RUN), list(journal.run_ids())) == ([], False, [RUN])
    assert journal.plan(OTHER_RUN) is None


def test_events_come_in_the_order_of_time_between_the_first_and_the_last(journal: Journal) -> None:
    """Clocks of workers differ: the beginning and the end keep their places."""
    late_start = started().model_copy(update={"at": at(100)})
    everything = [finished(seconds=-5), outcome("b", seconds=7), claim("b", seconds=6), outcome("a", seconds=4), retried(), late_start]
    for event in everything:
        journal.record(event)
    assert journal.events(RUN) == (late_start, retried(), everything[3], everything[2], everything[1], everything[0])
    assert journal.events(OTHER_RUN) == ()


def test_claims_of_a_node_oldest_first(journal: Journal) -> None:
    """Every delivery that a worker took; other facts of the node, and claims of a node whose name begins the same, are none."""
    claims = [claim(delivery=2, seconds=1), claim(attempt=2, seconds=2), claim(resend=1, seconds=3)]
    for event in (*reversed(claims), retried(), closing(), claim("ab"), claim(run_id=OTHER_RUN)):
        journal.record(event)
    assert journal.claims(RUN, "a") == tuple(claims)
    assert (journal.closing(RUN, "a"), journal.closing(RUN, "ab")) == (closing(), None)


def test_what_is_written_was_redacted(store: MemoryStore) -> None:
    """Also what this process remembers of it."""

    def hidden(event: AnyRunEvent) -> AnyRunEvent:
        return event.model_copy(update={"reason": "[REDACTED]"}) if isinstance(event, NodeSkipped) else event

    journal = Journal(store, redact=hidden)
    journal.record(NodeSkipped(run_id=RUN, node="a", reason="p4ssw0rd", at=at(1)))
    found = journal.outcome(RUN, "a")
    assert isinstance(found, NodeSkipped)
    assert found.reason == "[REDACTED]"
    assert all(b"p4ssw0rd" not in stored.data for path in store.list("") if (stored := store.get(path)) is not None)
