"""The inputs of a node in real runs: aliases, other nodes, other pipelines, files; in SQL and in transforms."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from odibi_core.messages import StartRun
from tests.hosts.world import HEAD, World

FLOWS = """\
pipelines:
  - pipeline: base
    nodes:
      - name: people
        read: { connection: landing, format: csv, path: people.csv }
        write: { connection: lake, format: delta, path: people }
  - pipeline: flow
    nodes:
      - name: orders
        read: { connection: landing, format: csv, path: orders.csv }
      - name: codes
        read: { connection: landing, format: csv, path: codes.csv }
        write: { connection: lake, format: delta, path: codes }
      - name: by_params
        depends_on: [orders, codes]
        transform:
          steps:
            - { function: join, params: { right_dataset: codes, on: code, how: inner } }
            - { function: union, params: { datasets: [Joined], by_name: true } }
        inputs:
          df: $flow.orders
          joined: $flow.codes
        write: { connection: lake, format: delta, path: by_params }
      - name: by_sql
        inputs:
          c: $flow.codes
          p: $base.people
          o: { connection: landing, format: csv, path: orders.csv }
        transform:
          steps:
            - SELECT o.id, codes.text, P.name FROM o JOIN codes ON o.code = codes.code JOIN p ON p.id = o.id
            - SELECT id, name, text FROM df
        write: { connection: lake, format: delta, path: by_sql }
      - name: first_alias
        inputs:
          people: { connection: landing, format: csv, path: people.csv }
          orders: $flow.orders
        transform: { steps: [ { operation: aggregate, params: { group_by: [name], aggregations: { id: max } } } ] }
        write: { connection: lake, format: delta, path: first_alias }
      - name: wide
        read: { connection: landing, format: csv, path: orders.csv }
        transformer: pivot
        params: { group_by: [id], pivot_col: code, agg_col: id, agg_func: count }
        transform: { steps: [ SELECT id FROM df WHERE b IS NULL, { operation: union, params: { datasets: [df] } } ] }
        write: { connection: lake, format: delta, path: wide }
      - name: checked
        depends_on: [orders, codes]
        transformer: cross_check
        params: { type: row_count_diff, inputs: [orders, codes], threshold: 0.5 }
        write: { connection: lake, format: delta, path: checked }
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two pipelines; three orders, two codes, two people."""
    world = World(tmp_path, HEAD + FLOWS)
    files = {"orders": "id,code\n1,a\n2,b\n3,z\n", "codes": "code,text\na,ay\nb,bee\n", "people": "id,name\n1,Ada\n2,Ben\n"}
    (tmp_path / "landing").mkdir()
    for name, text in files.items():
        (tmp_path / "landing" / f"{name}.csv").write_text(text)
    return world


def run(world: World, pipeline: str, *nodes: str) -> tuple[str, list[str]]:
    """How a run ended, and what its nodes have to complain about."""
    host = world.in_process()
    command = host.request(pipeline, nodes=nodes or None)
    assert isinstance(command, StartRun)
    final = host.run(command)
    assert final is not None
    outcomes = host.app.coordinator.journal.outcomes(
        final.run_id, [node.name for node in host.app.coordinator.journal.plan(final.run_id).nodes]
    )
    errors = [result.error.message for outcome in outcomes.values() if (result := getattr(outcome, "result", None)) and result.error]
    return final.status, errors


def table(world: World, name: str) -> list[tuple]:
    return sorted(world._table(name).rows(), key=str)


def test_the_inputs_of_a_node_are_known_by_alias_and_by_node(world: World) -> None:
    """Frames of this run, tables of another pipeline, and files; the alias `df`, or the first one, is the input of the first step."""
    assert run(world, "base") == ("succeeded", [])
    assert run(world, "flow") == ("succeeded", [])
    assert table(world, "by_sql") == [(1, "Ada", "ay"), (2, "Ben", "bee")]
    assert table(world, "by_params") == [(1, "a", "ay"), (2, "b", "bee"), (None, "a", "ay"), (None, "b", "bee")]
    assert table(world, "first_alias") == [("Ada", 1), ("Ben", 2)]
    assert table(world, "checked") == [(1, "a"), (2, "b"), (3, "z")]
    assert table(world, "wide") == [(1,), (1,), (3,), (3,)]


def test_a_node_by_itself_has_the_inputs_that_it_has_in_the_whole_run(world: World) -> None:
    """Those of other nodes from the tables that they wrote last, under the node's name too."""
    assert run(world, "base") == run(world, "flow", "codes") == ("succeeded", [])
    assert run(world, "flow", "by_sql") == ("succeeded", [])
    assert table(world, "by_sql") == [(1, "Ada", "ay"), (2, "Ben", "bee")]


def test_a_check_between_nodes_that_fails_writes_nothing(world: World) -> None:
    """The node fails, with the numbers."""
    world.write(world.written.replace("threshold: 0.5", "threshold: 0.1"))
    assert run(world, "base")[0] == "succeeded"
    status, errors = run(world, "flow")
    assert (status, errors) == ("failed", ["'cross_check' found a difference: 'codes' has 2 rows and 'orders' 3 (33.3%, more than 10.0%)"])
    assert table(world, "checked") == []


@pytest.mark.parametrize("name", ["code", "People", "by_sql"])
def test_a_dataset_that_is_no_input_of_the_node_is_refused_before_the_run(world: World, name: str) -> None:
    """Even if there is such a node: only what it depends on is handed over."""
    world.write(world.written.replace("right_dataset: codes", f"right_dataset: {name}"))
    host = world.in_process()
    command = host.request("flow")
    assert command is not None
    with pytest.raises(ConfigError) as refused:
        host.run(command)
    assert refused.value.message == f"node 'by_params' of pipeline 'flow': '{name}' is not an input of this node"
    assert "Known: codes, joined, orders." in refused.value.hint
