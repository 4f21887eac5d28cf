"""Requested runs, over HTTP and in this process alike: which files they take, and in how many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hosts.world import HEAD, ORDERS, World

PER_FILE = """\
pipelines:
  - pipeline: days
    triggers: [ { blob: { connection: landing, path: 'days/{day:%Y-%m-%d}/{name}.csv' } } ]
    nodes:
      - name: load
        read: { connection: landing, format: csv, path: 'days/*/*.csv' }
        transform: { steps: [ "SELECT i, '${trigger.day}' AS day, '${trigger.name}' AS name FROM df" ] }
        write: { connection: lake, format: delta, path: days, mode: append }
      - name: all_days
        depends_on: [load]
        read: { connection: lake, format: delta, path: days }
        transform: { steps: [ 'SELECT COUNT(*) AS i FROM df' ] }
        write: { connection: lake, format: delta, path: all_days, mode: overwrite }
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two files of two days."""
    world = World(tmp_path, HEAD + PER_FILE)
    world.land("days/2026-03-01/a.csv", 1)
    world.land("days/2026-03-02/b.csv", 2)
    return world


def loaded(world: World) -> list[tuple[Any, ...]]:
    return sorted(world._table("days").select("i", "day", "name").rows())


BOTH = [(1, "2026-03-01", "a"), (2, "2026-03-02", "b")]


def post(world: World, **body: Any) -> tuple[int, dict[str, Any]]:
    """Ask over HTTP and let the run end."""
    host = world.azure()
    status, answer = host.on_start_request({"pipeline": "days", **body})
    world.work(host)
    return status, answer


def test_each_file_is_a_run_where_a_node_asks_for_its_file(world: World) -> None:
    """`${trigger.day}` has one answer in a run: taking both files together would give the first one's to both."""
    status, answer = post(world)
    assert status == 202
    assert [run["run_id"] for run in answer["runs"]] == [
        plan["run_id"] for plan in sorted(world.plans(), key=lambda plan: plan["cause"]["files"][0]["path"])
    ]
    assert answer["run_id"] == answer["runs"][0]["run_id"]
    assert (loaded(world), world.rows("all_days")) == (BOTH, [2])
    assert post(world) == (200, {"run_id": None, "message": "no new files"})


def test_so_it_is_in_this_process(world: World) -> None:
    """`odibi run` runs them one after the other."""
    host = world.in_process()
    finals = [host.run(command) for command in host.requests("days")]
    assert [final.status for final in finals if final] == ["succeeded", "succeeded"]
    assert loaded(world) == BOTH
    assert host.requests("days") == ()


def test_the_same_key_is_the_same_runs(world: World) -> None:
    """A caller that lost the answer asks again, even when more files have landed since."""
    first = post(world, key="monday")
    world.land("days/2026-03-03/c.csv", 3)
    assert post(world, key="monday") == first
    assert loaded(world) == BOTH
    status, answer = post(world, key="tuesday")
    assert (status, "runs" in answer) == (202, False)
    assert loaded(world) == [*BOTH, (3, "2026-03-03", "c")]


def test_one_file_is_one_run_as_ever(tmp_path: Path) -> None:
    """With the key of the caller."""
    world = World(tmp_path, HEAD + PER_FILE)
    world.land("days/2026-03-01/a.csv", 1)
    status, answer = post(world, key="monday")
    assert (status, sorted(answer)) == (202, ["pipeline", "run_id", "status_url"])
    assert post(world, key="monday") == (status, answer)


def test_files_are_one_run_where_no_node_asks_for_its_file(tmp_path: Path) -> None:
    """Several files, one commit."""
    world = World(tmp_path, HEAD + ORDERS)
    world.land("orders/a.csv", 1)
    world.land("orders/b.csv", 2)
    assert post(world, pipeline="orders")[0] == 202
    assert (world.rows("bronze"), len(world.plans())) == ([1, 2], 1)


def in_process(world: World, nodes: list[str]) -> None:
    host = world.in_process()
    for command in host.requests("orders", nodes=nodes):
        host.run(command)


def over_http(world: World, nodes: list[str]) -> None:
    post(world, pipeline="orders", nodes=nodes)


@pytest.mark.parametrize("ask", [in_process, over_http])
def test_chosen_nodes_take_only_new_files(tmp_path: Path, ask: Any) -> None:
    """A node by itself would read the whole landing zone again, and append it again."""
    world = World(tmp_path, HEAD + ORDERS)
    world.land("orders/a.csv", 1)
    ask(world, ["bronze"])
    assert world.rows("bronze") == [1]
    ask(world, ["bronze"])
    assert (world.rows("bronze"), len(world.plans())) == ([1], 1)
    ask(world, ["bronze", "silver"])  # nothing is new: what stands below it reads what it wrote last
    assert (world.rows("bronze"), world.rows("silver", "twice")) == ([1], [2])
    world.land("orders/b.csv", 5)
    ask(world, ["bronze"])
    assert (world.rows("bronze"), world.rows("silver", "twice")) == ([1, 5], [2])


def test_a_node_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """With the nearest name, whether files are new or not."""
    world = World(tmp_path, HEAD + ORDERS)
    status, answer = post(world, pipeline="orders", nodes=["bronse"])
    assert status == 400
    assert "'bronse'" in answer["error"]
