"""Runs in this process: run, run again, go on after a failure; exactly once each time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from odibi_core.events import NodeFinished, RunFinished, outcome_status
from odibi_core.hosts.in_process import InProcess
from odibi_core.messages import StartRun
from odibi_core.planning.triggers import command_for_tick
from odibi_core.runtime.datasets import FramesInMemory
from tests.hosts.world import HEAD, World

# `load` gives its frame to two nodes, one of which checks its own second input; `alone` has nothing to do with them.
STEPS = """\
pipelines:
  - pipeline: steps
    nodes:
      - name: load
        read: { connection: landing, format: csv, path: in.csv }
      - name: left
        depends_on: [load]
        transform: { steps: [ 'SELECT i, i + 1 AS next FROM load' ] }
        write: { connection: lake, format: delta, path: left, mode: append }
      - name: right
        depends_on: [load]
        inputs: { load: $steps.load, more: { connection: landing, format: csv, path: more.csv } }
        transform: { steps: [ 'SELECT load.i FROM load JOIN more ON load.i = more.i' ] }
        validation: { tests: [ { type: range, column: i, max: 100 } ] }
        write: { connection: lake, format: delta, path: right, mode: append }
      - name: last
        depends_on: [right, left]
        transform: { steps: [ 'SELECT i FROM right' ] }
        write: { connection: lake, format: delta, path: last, mode: append }
      - name: alone
        read: { connection: landing, format: csv, path: in.csv }
        write: { connection: lake, format: delta, path: alone, mode: append }
"""


@pytest.fixture
def steps(tmp_path: Path) -> World:
    """A project of five nodes that is run by hand, with its input in place."""
    world = World(tmp_path, HEAD + STEPS)
    world.land("in.csv", 1, 2)
    world.land("more.csv", 2, 3)
    return world


def ask(host: InProcess, pipeline: str, **options: object) -> StartRun:
    command = host.request(pipeline, **options)
    assert command is not None
    return command


def ended(final: RunFinished | None) -> tuple[str, int, int, int]:
    assert final is not None
    return final.status, final.succeeded, final.failed, final.skipped


def statuses(host: InProcess, run_id: str) -> dict[str, str]:
    """How each node of a run ended."""
    journal = host.app.coordinator.journal
    plan = journal.plan(run_id)
    return {name: outcome_status(outcome) for name, outcome in journal.outcomes(run_id, [node.name for node in plan.nodes]).items()}


def started(host: InProcess, run_id: str) -> list[str]:
    """The nodes that a worker really took, in the order of time."""
    return [event.node for event in host.app.coordinator.journal.events(run_id) if event.kind == "node_started"]


def test_files_are_run_once(world: World) -> None:
    """The second run finds nothing new, also in another process; a new file is one."""
    world.land("orders/a.csv", 1)
    world.land("orders/b.csv", 2)
    host = world.in_process()
    assert ended(host.run(ask(host, "orders"))) == ("succeeded", 2, 0, 0)
    assert host.request("orders") is None
    assert world.in_process().request("orders") is None
    world.land("orders/c.csv", 3)
    again = world.in_process()
    assert ended(again.run(ask(again, "orders"))) == ("succeeded", 2, 0, 0)
    assert (world.rows("bronze"), world.rows("silver", "twice")) == ([1, 2, 3], [2, 4, 6])


def test_a_key_is_one_run(steps: World) -> None:
    """Asked twice, even for another process; without a key every request is a run."""
    for _ in range(2):
        host = steps.in_process()
        assert ended(host.run(ask(host, "steps", key="today")))[0] == "succeeded"
    assert (steps.rows("alone"), len(steps.plans())) == ([1, 2], 1)
    host = steps.in_process()
    for _ in range(2):
        host.run(ask(host, "steps"))
    assert len(steps.plans()) == 3


def test_a_run_tells_what_each_node_did(steps: World) -> None:
    """Its rows, and what it wrote."""
    host = steps.in_process()
    final = host.run(ask(host, "steps"))
    assert ended(final) == ("succeeded", 5, 0, 0)
    assert (steps.rows("left", "next"), steps.rows("right"), steps.rows("last"), steps.rows("alone")) == ([2, 3], [2], [2], [1, 2])
    load = host.app.coordinator.journal.outcome(final.run_id, "load")
    assert isinstance(load, NodeFinished)
    assert (load.result.rows_out, load.result.write, load.result.output.kind) == (2, None, "memory")


def test_selected_nodes_read_what_was_written_last(steps: World) -> None:
    """And nothing else runs."""
    host = steps.in_process()
    host.run(ask(host, "steps"))
    final = host.run(ask(host, "steps", nodes=["last"]))
    assert (ended(final), started(host, final.run_id)) == (("succeeded", 1, 0, 0), ["last"])
    assert (steps.rows("last"), steps.rows("right")) == ([2, 2], [2])


@pytest.mark.parametrize("same_process", [True, False], ids=["frames still there", "another process"])
def test_after_a_failure_only_what_is_missing_runs(steps: World, same_process: bool) -> None:
    """With mended data; the frame of a node that wrote nothing is computed again if its process has gone. Each row is in once."""
    steps.land("in.csv", 1, 2, 1000)
    steps.land("more.csv", 2, 1000)
    host = steps.in_process()
    failed = host.run(ask(host, "steps"))
    assert ended(failed) == ("failed", 3, 1, 1)
    steps.land("more.csv", 2, 3)
    host = host if same_process else steps.in_process()
    resumed = host.resume("steps")
    assert ended(resumed) == ("succeeded", 5, 0, 0)
    assert started(host, resumed.run_id) == ["right", "last"]
    assert (steps.rows("left"), steps.rows("right"), steps.rows("last"), steps.rows("alone")) == ([1, 2, 1000], [2], [2], [1, 2, 1000])
    assert statuses(host, failed.run_id)["right"] == "failed"  # what happened, happened
    assert host.resume("steps") is None
    assert steps.in_process().resume("steps") is None


def test_a_resumption_that_fails_again_can_be_resumed(steps: World) -> None:
    """As often as it takes."""
    for more in ((1000,), (1000, 2)):
        steps.land("in.csv", 1, 2, 1000)
        steps.land("more.csv", *more)
        host = steps.in_process()
        final = host.run(ask(host, "steps")) if more == (1000,) else host.resume("steps")
        assert ended(final) == ("failed", 3, 1, 1)
    steps.land("more.csv", 1)
    assert ended(steps.in_process().resume("steps")) == ("succeeded", 5, 0, 0)
    assert (steps.rows("left"), steps.rows("right"), steps.rows("last")) == ([1, 2, 1000], [1], [1])


def test_the_files_of_a_failed_run_are_processed_by_its_resumption(world: World) -> None:
    """They belong to it; a new run does not take them."""
    world.land("orders/a.csv", 1, 1000)
    world.write(world.written.replace("max: 100", "max: 999"))
    host = world.in_process()
    assert ended(host.run(ask(host, "orders"))) == ("failed", 1, 1, 0)
    assert host.request("orders") is None
    world.write(world.written.replace("max: 100", "max: 1000"))
    assert ended(world.in_process().resume("orders")) == ("succeeded", 2, 0, 0)
    assert (world.rows("bronze"), world.rows("silver")) == ([1, 1000], [1, 1000])


def test_an_interrupted_run_goes_on_as_itself(steps: World) -> None:
    """A process that is killed between two nodes: the next one does the rest of the same run."""
    host = steps.in_process()
    command = ask(host, "steps")
    coordinator = host.app.coordinator
    coordinator.start_run(command)
    for _ in range(2):
        taken, delivery = host.queue.next(host.app.clock())
        coordinator.run_node(taken, delivery=delivery)
    done = started(host, command.run_id)
    another = steps.in_process()
    final = another.resume("steps")
    assert (final.run_id, ended(final)) == (command.run_id, ("succeeded", 5, 0, 0))
    assert sorted(started(another, command.run_id)) == sorted([*done, *({"load", "left", "right", "last", "alone"} - set(done))])
    assert (steps.rows("left"), steps.rows("right"), steps.rows("alone")) == ([1, 2], [2], [1, 2])


def test_a_process_that_dies_inside_a_node_leaves_it_to_the_next_one(steps: World) -> None:
    """Its claim does not keep the node from running again."""
    host = steps.in_process()
    command = ask(host, "steps")
    host.app.coordinator.start_run(command)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    host.app.coordinator.execute.computer.__dict__["compute"] = dies
    taken, delivery = host.queue.next(host.app.clock())
    with pytest.raises(KeyboardInterrupt):
        host.app.coordinator.run_node(taken, delivery=delivery)
    another = steps.in_process()
    assert ended(another.resume("steps")) == ("succeeded", 5, 0, 0)
    assert (steps.rows("left"), steps.rows("alone")) == ([1, 2], [1, 2])


def test_frames_are_let_go_when_their_readers_have_ended(steps: World) -> None:
    """Not before, and not only at the end of the run: memory is what a laptop lacks first."""
    host = steps.in_process()
    frames = host.app.frames
    assert isinstance(frames, FramesInMemory)
    held: list[tuple[str, tuple[str, ...]]] = []
    execute = host.app.coordinator.execute

    def watched(plan: object, node: object, attempt: int) -> object:
        held.append((node.name, tuple(sorted(name for _, name in frames._frames))))
        return execute(plan, node, attempt)

    host.app.coordinator.__dict__["execute"] = watched  # the coordinator is frozen
    assert ended(host.run(ask(host, "steps")))[0] == "succeeded"
    assert dict(held) == {"load": (), "alone": ("load",), "left": ("load",), "right": ("load",), "last": ("right",)}
    assert frames._frames == {}


def test_frames_of_a_failed_run_are_let_go_too(steps: World) -> None:
    """All readers have an outcome."""
    steps.land("in.csv", 1000)
    steps.land("more.csv", 1000)
    host = steps.in_process()
    assert ended(host.run(ask(host, "steps")))[0] == "failed"
    assert host.app.frames._frames == {}


def test_a_broken_project_is_refused_when_it_is_opened(world: World) -> None:
    """With every problem."""
    world.write(world.written.replace("mode: append", "mood: append"))
    with pytest.raises(ConfigError) as caught:
        world.in_process()
    assert len(caught.value.problems) == 2


def test_what_cannot_be_planned_takes_no_file(world: World) -> None:
    """The refusal is no end of the file: the mended project processes it."""
    world.land("orders/a.csv", 1)
    world.write(world.written.replace("FROM bronze", "FROM nowhere"))
    host = world.in_process()
    with pytest.raises(ConfigError, match="step 1 of node 'silver' in pipeline 'orders'"):
        host.run(ask(host, "orders"))
    world.write(world.written)
    host = world.in_process()
    assert ended(host.run(ask(host, "orders"))) == ("succeeded", 2, 0, 0)


def test_there_is_nothing_to_go_on_with(world: World) -> None:
    """Before the first run."""
    assert world.in_process().resume("orders") is None


def test_an_unknown_pipeline_is_answered_with_the_nearest(world: World) -> None:
    """As everywhere."""
    with pytest.raises(ConfigError, match="unknown pipeline 'order'"):
        world.in_process().request("order")


@pytest.mark.parametrize(
    ("dialect", "half"),
    [("spark", "i DIV ${BY}"), pytest.param("duckdb", "i // ${BY}")],
)
def test_sql_with_a_variable_means_what_its_dialect_says(tmp_path: Path, dialect: str, half: str) -> None:
    """It is compiled where it runs."""
    text = f"sql_dialect: {dialect}\npipelines:\n  - pipeline: halves\n    nodes:\n      - name: a\n"
    text += "        read: { connection: landing, format: csv, path: in.csv }\n"
    text += f"        transform: {{ steps: [ 'SELECT {half} AS i FROM df' ] }}\n"
    world = World(tmp_path, HEAD + text + "        write: { connection: lake, format: delta, path: halves }\n")
    world.land("in.csv", 2, 5)
    host = world.in_process(BY="2")
    assert ended(host.run(ask(host, "halves")))[0] == "succeeded"
    assert world.rows("halves") == [1, 2]


def test_a_resumption_is_of_the_same_day(world: World) -> None:
    """The run of 1 March that is mended on 2 March is still the run of 1 March: half of its nodes are taken over."""
    due = datetime(2026, 3, 1, 3, tzinfo=UTC)
    host = world.in_process()
    failed = host.run(command_for_tick(host.app.loaded(), "nightly", due))  # there is no copy.csv yet
    assert ended(failed)[0] == "failed"
    world.land("copy.csv", 1)
    resumed = host.resume("nightly")
    assert ended(resumed)[0] == "succeeded"
    assert host.app.coordinator.journal.plan(resumed.run_id).logical_time == due
