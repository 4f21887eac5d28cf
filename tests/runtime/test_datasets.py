"""Where a node's input comes from and where its output is kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from odibi_core.config import NodeConfig, ReadConfig
from odibi_core.engines.polars.engine import PolarsEngine
from odibi_core.errors import ConfigError, DataError, TransientServiceError
from odibi_core.events import DatasetRead, FrameAt, NodeFinished
from odibi_core.messages import FileVersion
from odibi_core.planning.plan import PlannedNode, StoredInput
from odibi_core.ports import Cached, Location, ObjectStore, Scanned, Source
from odibi_core.runtime.datasets import FrameLostError, FramesInMemory, Inputs, StagedFrames, read_stored, read_upstream, scan_source
from odibi_core.storage.memory import MemoryStore
from tests.runtime.builders import OTHER_RUN, RUN, START, at, plan, result


def frame(*values: int) -> Any:
    return nw.from_native(pl.LazyFrame({"i": list(values)}))


def values(lazy: Any) -> list[int]:
    return lazy.collect()["i"].to_list()


def cached(*numbers: int) -> Cached:
    return Cached(frame=frame(*numbers), rows=len(numbers), counts={}, columns=())


def file(path: str) -> FileVersion:
    return FileVersion(connection="lake", path=path, etag="1", size_bytes=1)


class Folder:
    """Connections that all lie in one folder and list the given files."""

    def __init__(self, root: str = "/mnt", *files: str) -> None:
        self.root, self.listing = root, files

    def locate(self, connection: str, path: str) -> Location:
        return Location(connection=connection, path=path, uri=f"{self.root}/{path}")

    def files(self, connection: str, prefix: str) -> Iterable[FileVersion]:
        return [file(path) for path in self.listing if path.startswith(prefix)]

    def store(self, connection: str, path: str) -> ObjectStore:
        return MemoryStore()


# ── frames that are handed over ──

NODE = PlannedNode(name="a", config={})


def test_a_frame_in_memory_is_handed_over_as_it_is() -> None:
    """Of each run and node its own; what was never there or let go is lost."""
    frames, run, other = FramesInMemory(), plan({"a": ()}), plan({"a": ()}, run_id=OTHER_RUN)
    kept = cached(1, 2)
    assert frames.keep(run, NODE, kept) is kept.frame
    assert frames.place(run, NODE) == FrameAt(kind="memory")
    assert frames.take(run, "a", FrameAt(kind="memory")).frame is kept.frame
    assert frames.take(run, "a", FrameAt(kind="memory")).frame is kept.frame  # a second reader
    for wanted_run, name in ((other, "a"), (run, "b")):
        with pytest.raises(FrameLostError):
            frames.take(wanted_run, name, FrameAt(kind="memory"))
    frames.release(RUN, "a")
    frames.release(RUN, "a")
    with pytest.raises(FrameLostError) as lost:
        frames.take(run, "a", FrameAt(kind="memory"))
    assert (lost.value.error_code, isinstance(lost.value, TransientServiceError)) == ("frame_lost", True)


def test_of_two_attempts_that_stage_a_frame_the_first_wins(tmp_path: Path) -> None:
    """The second goes on with what the first one kept: nodes behind it may have read that already."""
    staged = StagedFrames(PolarsEngine(), lambda path: Folder(str(tmp_path)).locate("system", path))
    run = plan({"a": ()})
    at = FrameAt(kind="staged", path=f"runs/{RUN}/frames/a.parquet")
    assert staged.place(run, NODE) == at
    assert values(staged.keep(run, NODE, cached(1, 2))) == [1, 2]
    assert values(staged.keep(run, NODE, cached(3))) == [1, 2]
    assert values(staged.take(run, "a", at).frame) == [1, 2]
    assert (tmp_path / at.path).is_file()


# ── what a `read:` scans ──


def read(**settings: Any) -> ReadConfig:
    return ReadConfig.model_validate({"connection": "lake", "format": "csv", "path": "in/a.csv", **settings})


def scanned(config: ReadConfig, *listing: str, node: PlannedNode = NODE, **more: Any) -> Source:
    return scan_source(config, node, Folder("/mnt", *listing), **more)


def test_a_read_names_a_place() -> None:
    """With its options, and nothing that it does not say."""
    location = Location(connection="lake", path="in/a.csv", uri="/mnt/in/a.csv")
    assert scanned(read(options={"sep": ";"})) == Source(location=location, format="csv", options={"sep": ";"})


def test_the_files_that_arrived_are_what_is_read() -> None:
    """Not what the pattern would find by now."""
    arrived = NODE.model_copy(update={"files": (file("in/b.csv"),)})
    assert scanned(read(path="in/*.csv"), "in/a.csv", "in/b.csv", node=arrived).files == (file("in/b.csv"),)


@pytest.mark.parametrize(
    ("path", "found"),
    [("in/*.csv", ("in/a.csv", "in/b.csv")), ("in/?.csv", ("in/a.csv", "in/b.csv")), ("**/a.csv", ("in/a.csv", "in/deep/a.csv"))],
)
def test_a_pattern_is_read_as_the_files_that_lie_there_now(path: str, found: tuple[str, ...]) -> None:
    """Each in its version."""
    listing = ("in/a.csv", "in/b.csv", "in/deep/a.csv", "other/c.csv")
    assert scanned(read(path=path), *listing).files == tuple(file(name) for name in found)


def test_a_pattern_that_finds_nothing_is_the_data_owners_business() -> None:
    """It is no empty table."""
    with pytest.raises(DataError) as caught:
        scanned(read(path="in/*.csv"), "out/a.csv")
    assert caught.value.error_code == "no_files"
    assert caught.value.message == "node 'a' found no file that matches 'in/*.csv' in connection 'lake'"


def test_a_table_is_never_a_pattern() -> None:
    """A star in the name of a Delta table is a star; its version may be an older one."""
    source = scanned(read(format="delta", path="t*", time_travel={"as_of_version": 0}))
    assert (source.files, source.version) == (None, 0)


def test_arrived_files_belong_to_the_read_and_to_no_other_input() -> None:
    """`inputs:` may hold a file of the same connection."""
    arrived = NODE.model_copy(update={"files": (file("in/b.csv"),)})
    assert scanned(read(path="in/*.csv"), "in/a.csv", node=arrived, alias="other").files == (file("in/a.csv"),)


def test_a_filter_comes_after_the_query_and_may_call_the_rows_by_three_names() -> None:
    """`df`, the node and the table; what is not in the plan is compiled here."""
    source = scanned(read(format="delta", path=None, table="silver.orders", query="SELECT i FROM orders", filter="i > 1"))
    assert source.names == {"df", "a", "orders"}
    assert [query.tables for query in source.queries] == [("orders",), ("df",)]
    assert source.queries[0].text == "SELECT i FROM orders"


def test_a_database_gets_its_sql_as_it_is_written() -> None:
    """The table is not looked at when there is a query."""
    table = scanned(read(format="sql", path=None, table="dbo.orders", filter="i > 1"))
    assert (table.location.path, table.query, table.filter, table.queries) == ("dbo.orders", None, "i > 1", ())
    query = scanned(read(format="sql_server", path=None, query="SELECT TOP 3 * FROM [a b]"))
    assert (query.location.path, query.query) == ("", "SELECT TOP 3 * FROM [a b]")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"connection": None, "format": "simulation", "path": None}, "node 'a' reads from no connection"),
        ({"path": None, "query": "SELECT 1"}, "node 'a' reads neither a path nor a table"),
    ],
)
def test_a_read_of_nothing_is_refused(settings: dict[str, Any], message: str) -> None:
    """With the key that is missing."""
    with pytest.raises(ConfigError) as caught:
        scanned(read(**settings))
    assert caught.value.message == message
    assert caught.value.hint.startswith("Set 'read.")


# ── the inputs of a node ──


class Shelf:
    """An engine of which only `scan` is used: every place holds its own number."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers

    def scan(self, source: Source) -> Scanned:
        return Scanned(frame=frame(self.numbers[source.location.path]), rows=1, version=7)


def inputs_of(node: PlannedNode, config: NodeConfig) -> Inputs:
    """What a node finds: stored tables hold 10, 20, …, frames of this run 1, 2, …."""
    found, this_run = Inputs(), plan({"a": (), "b": (), "c": ("a", "b")})
    read_stored(found, plan=this_run, node=node, connections=Folder(), engine=Shelf(t_a=10, t_b=20, t_x=30))
    numbers = {"a": 1, "b": 2}
    read_upstream(
        found,
        plan=this_run,
        node=node,
        config=config,
        upstream=lambda name: NodeFinished(
            run_id=RUN, node=name, attempt=1, result=result(rows_out=1, output=FrameAt(kind="memory")), at=at(1)
        ),
        take=lambda name, _at: Scanned(frame=frame(numbers[name])),
    )
    return found


def table(name: str, pipeline: str = "p") -> StoredInput:
    return StoredInput(dataset=f"{pipeline}.{name}", connection="lake", path=f"t_{name}", format="delta")


def consumer(**settings: Any) -> NodeConfig:
    return NodeConfig.model_validate({"name": "c", "transformer": "limit", "params": {"n": 1}, **settings})


def test_frames_are_known_by_their_node_and_by_every_alias() -> None:
    """In lower case, as SQL looks for them; the first one is the input."""
    node = PlannedNode(name="c", upstream=("a", "b"), frames=("a", "b"), config={})
    found = inputs_of(node, consumer(inputs={"Left": "$p.a", "also": "$p.a", "right": "$p.b"}))
    assert {name: values(lazy) for name, lazy in found.named.items()} == {"left": [1], "also": [1], "a": [1], "right": [2], "b": [2]}
    assert values(found.primary) == [1]
    assert found.reads == [DatasetRead(dataset="p.a", format="frame", rows=1), DatasetRead(dataset="p.b", format="frame", rows=1)]


def test_a_node_of_this_pipeline_is_known_by_its_name_when_it_was_stored_too() -> None:
    """Or SQL that names the node would run in the whole pipeline, and not in a run of the single node."""
    node = PlannedNode(name="c", config={}, stored={"Left": table("a"), "far": table("x", "q")})
    found = inputs_of(node, consumer(inputs={"Left": "$p.a", "far": "$q.x"}))
    assert {name: values(lazy) for name, lazy in found.named.items()} == {"left": [10], "a": [10], "far": [30]}


def test_what_was_stored_is_read_with_its_version() -> None:
    """Under its alias."""
    node = PlannedNode(name="c", config={}, stored={"Far": table("x", "q")})
    found = inputs_of(node, consumer(inputs={"Far": "$q.x"}))
    assert ({name: values(lazy) for name, lazy in found.named.items()}, values(found.primary)) == ({"far": [30]}, [30])
    assert found.reads == [DatasetRead(dataset="q.x", format="delta", rows=1, version=7)]


@pytest.mark.parametrize(
    ("settings", "stored", "frames", "primary"),
    [
        pytest.param({"inputs": {"m": "$p.a", "n": "$p.b"}}, {"n": table("b")}, ("a",), [1], id="nodes=[a, c] of inputs m: a, n: b"),
        pytest.param({"depends_on": ["a", "b"]}, {"b": table("b")}, ("a",), [1], id="nodes=[a, c] of depends_on a, b"),
        pytest.param({"inputs": {"m": "$p.a", "far": "$q.x"}}, {"far": table("x", "q")}, ("a",), [1], id="inputs m: a, far: of another"),
        pytest.param({"inputs": {"m": "$p.a", "df": "$p.b"}}, {}, ("a", "b"), [2], id="an alias that is called df"),
    ],
)
def test_the_input_is_the_alias_df_or_the_first_as_written(
    settings: dict[str, Any], stored: dict[str, StoredInput], frames: tuple[str, ...], primary: list[int]
) -> None:
    """Whatever of it is part of the run: otherwise a run of single nodes gives other rows than the whole one."""
    node = PlannedNode(name="c", upstream=frames, frames=frames, stored=stored, config={})
    assert [number % 9 for number in values(inputs_of(node, consumer(**settings)).primary)] == primary


def test_a_node_above_that_left_nothing_is_tried_again() -> None:
    """Its outcome may not be here yet, or its frame has gone with its process."""
    node = PlannedNode(name="c", upstream=("a",), frames=("a",), config={})
    for outcome in (None, NodeFinished(run_id=RUN, node="a", attempt=1, result=result(), at=START)):
        with pytest.raises(FrameLostError, match="node 'a' left no output for 'c'"):
            read_upstream(
                Inputs(),
                plan=plan({"a": (), "c": ("a",)}),
                node=node,
                config=consumer(),
                upstream=lambda _name, outcome=outcome: outcome,
                take=lambda _name, _at: pytest.fail("nothing to take"),
            )
