"""Runs that somebody asks for over HTTP, and runs that a schedule starts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud.world import Orders, World

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def orders(world: World) -> Orders:
    """One file that is in bronze, for the loads of this module."""
    orders = Orders()
    world.upload("orders/first.csv", orders.file("first"))
    world.wait_ended(1)
    return orders


def succeeded(world: World, run: str) -> dict[str, Any]:
    """Wait until a run has ended well, as a caller does: by asking."""

    def ended() -> Any:
        _, answer = world.call("GET", f"/api/runs/{run}")
        return answer if answer["status"] != "running" else None

    answer: dict[str, Any] = world.wait(ended, f"run {run} to end")
    assert answer["status"] == "succeeded", answer
    return answer


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"pipeline": "order"}, "unknown pipeline 'order'"),
        ({"pipeline": "totals", "nodes": ["arrival"]}, "no node 'arrival'"),
        ({"pipeline": "totals", "nodes": "arrivals"}, "'nodes' must be a list of names"),
        ({"pipeline": 5}, "the request needs 'pipeline'"),
        ({"pipelin": "totals"}, "the request needs 'pipeline'"),
        ({}, "the request needs 'pipeline'"),
    ],
)
def test_a_request_that_cannot_be_met_is_told_why(world: World, body: object, said: str) -> None:
    """400, with every problem as a sentence that says what to do; no run is planned."""
    before = world.runs()
    status, answer = world.call("POST", "/api/runs", body)
    assert status == 400
    assert said in answer["error"]
    assert any(said in problem for problem in answer["problems"])
    assert world.runs() == before


@pytest.mark.parametrize("body", [b"{", b"[1]", b"", b"\xff", b'{"pipeline": "totals", "key": "' + b"x" * 70_000 + b'"}'])
def test_a_body_that_is_no_small_json_object_is_refused(world: World, body: bytes) -> None:
    """400 again, whatever was sent."""
    status, answer = world.call("POST", "/api/runs", body)
    assert (status, answer["error"]) == (400, "the body must be a JSON object of at most 64 KB")


def test_a_requested_run_can_be_followed_to_its_end(world: World, orders: Orders) -> None:
    """202 with an address where the run can be asked for, until it has succeeded with its rows."""
    status, answer = world.call("POST", "/api/runs", {"pipeline": "totals", "key": "follow"})
    assert status == 202
    ended = succeeded(world, answer["run_id"])
    assert [(node["node"], node["status"], node["error"]) for node in ended["nodes"]] == [("arrivals", "succeeded", None)]
    assert answer["status_url"] == f"runs/{answer['run_id']}"


def test_the_same_key_is_the_same_run(world: World, orders: Orders) -> None:
    """A caller that repeats its request after a time-out gets the run that it started."""
    asked = {"pipeline": "totals", "key": "once"}
    first = world.call("POST", "/api/runs", asked)
    second = world.call("POST", "/api/runs", asked)
    assert first == second
    run = first[1]["run_id"]
    succeeded(world, run)
    assert world.call("POST", "/api/runs", asked) == first
    assert sum(planned == run for planned in world.runs()) == 1
    other = world.call("POST", "/api/runs", {"pipeline": "totals", "key": "twice"})
    assert other[1]["run_id"] != run


@pytest.mark.parametrize("run", ["0123456789abcdef", "..", "a%2F..%2Fb", "x" * 60, "%00"])
def test_an_unknown_run_is_not_found(world: World, run: str) -> None:
    """404, also for what is no id at all."""
    status, _ = world.call("GET", f"/api/runs/{run}")
    assert status == 404


def test_a_request_for_files_with_none_new_starts_no_run(world: World, orders: Orders) -> None:
    """The landing zone holds only files that a run has taken: 200, and nothing to follow."""
    before = world.runs()
    assert world.call("POST", "/api/runs", {"pipeline": "orders"}) == (200, {"run_id": None, "message": "no new files"})
    assert world.runs() == before


def test_health_says_that_all_is_well(world: World) -> None:
    """200 for whoever asks."""
    status, answer = world.call("GET", "/api/health")
    assert (status, answer["status"]) == (200, "healthy")


def test_a_timer_that_fires_twice_is_one_run_and_moves_the_mark(world: World, orders: Orders) -> None:
    """Two ticks for one due time are one run. Its mark stands at the last row; with no new rows the next run writes nothing."""
    before = set(world.runs())
    world.fire("timer_totals")
    world.fire("timer_totals")
    (run,) = set(world.runs()) - before
    succeeded(world, run)
    world.wait_reported(len(world.runs()))
    assert sorted(world.rows("totals/arrivals")["order_number"]) == list(range(1, len(orders.rows) + 1))
    moves = world.catalog("meta_state")
    assert [(row["pipeline"], row["node"], json.loads(row["value_after"])["v"]) for row in moves] == [("totals", "arrivals", 20)]
    version = world.table("totals/arrivals").version()

    _, again = world.call("POST", "/api/runs", {"pipeline": "totals", "key": "nothing new"})
    succeeded(world, again["run_id"])
    assert world.table("totals/arrivals").version() == version

    world.upload("orders/second.csv", orders.file("second", rows=5))
    world.wait(lambda: world.rows("bronze/orders").height == 25, "the second file")
    _, third = world.call("POST", "/api/runs", {"pipeline": "totals", "key": "five new"})
    succeeded(world, third["run_id"])
    world.wait_reported(len(world.runs()))
    assert sorted(world.rows("totals/arrivals")["order_number"]) == list(range(1, 26))
    moves = sorted(world.catalog("meta_state"), key=lambda row: row["sequence"])
    assert [(row["value_before"] and json.loads(row["value_before"])["v"], json.loads(row["value_after"])["v"]) for row in moves] == [
        (None, 20),
        (20, 25),
    ]
