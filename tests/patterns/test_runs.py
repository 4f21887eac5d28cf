"""Patterns in whole runs: targets by every name, two targets, crashes between them, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from odibi_core.engines.polars.delta_sink import DeltaSink
from odibi_core.errors import ConfigError
from odibi_core.events import NodeFinished, NodeResult
from odibi_core.ports import WriteReceipt
from tests.hosts.world import HEAD, World
from tests.patterns.running import rows_of

READ = "read: { connection: landing, format: csv, path: in.csv }"
SCD2 = "keys: [i], track_cols: [v], effective_time_col: t"
WRITE = "write: { connection: lake, format: delta, path: %s, mode: %s }"
FIRST, SECOND = "i,v,t\n1,a,2024-01-01\n2,b,2024-01-01\n", "i,v,t\n1,c,2024-01-02\n3,d,2024-01-02\n"
HISTORY = [
    (1, "a", "2024-01-01", "2024-01-01", "2024-01-02", False),
    (1, "c", "2024-01-02", "2024-01-02", None, True),
    (2, "b", "2024-01-01", "2024-01-01", None, True),
    (3, "d", "2024-01-02", "2024-01-02", None, True),
]


class Project:
    """One pipeline of a few nodes, run again and again in fresh processes."""

    def __init__(self, folder: Path, *nodes: str) -> None:
        text = "pipelines:\n  - pipeline: p\n    nodes:\n" + "".join(f"      - {node}\n" for node in nodes)
        self.world, self.folder = World(folder, HEAD + text), folder

    def land(self, text: str) -> None:
        (self.folder / "landing").mkdir(exist_ok=True)
        (self.folder / "landing" / "in.csv").write_text(text)

    def run(self, text: str | None = None, **variables: str) -> dict[str, NodeResult]:
        """The result of each node."""
        if text is not None:
            self.land(text)
        host = self.world.in_process(**variables)
        command = host.request("p")
        assert command is not None
        host.run(command)
        events = host.app.coordinator.journal.events(command.run_id)
        return {event.node: event.result for event in events if isinstance(event, NodeFinished)}

    def table(self, path: str) -> pl.DataFrame:
        place = self.folder / "lake" / path
        return pl.read_parquet(place) if place.suffix == ".parquet" else pl.read_delta(str(place))


def node(params: str, write: str = "", name: str = "n", kind: str = "scd2", more: str = READ) -> str:
    lines = [f"name: {name}", more, f"pattern: {{ type: {kind}, params: {{ {params} }} }}", write]
    return "\n        ".join(line for line in lines if line)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("target: lake.gold/hist", "gold/hist"),
        ("connection: lake, path: gold/hist", "gold/hist"),
        ("target: ./lake/hist", "hist"),
        ("target: lake/hist.parquet", "hist.parquet"),
        ("connection: lake, path: hist.parquet", "hist.parquet"),
        ("target: '${FOLDER}/hist.parquet'", "hist.parquet"),
        ("connection: lake, path: '${NAME}'", "secret/hist"),
    ],
)
def test_a_target_has_many_names(tmp_path: Path, target: str, path: str) -> None:
    """A connection and a path, or a path that lies in the folder of a local connection. A plan holds no value of the environment."""
    project = Project(tmp_path, node(f"{target}, {SCD2}"))
    variables = {"FOLDER": str(tmp_path / "lake"), "NAME": "secret/hist"}
    first = project.run(FIRST, **variables)["n"]
    shown = "[REDACTED]" if "NAME" in target else path
    assert (first.status, first.write.dataset, first.write.created, first.write.rows) == ("succeeded", f"lake/{shown}", True, 2)
    assert project.run(SECOND, **variables)["n"].status == "succeeded"
    assert rows_of(project.table(path)) == HISTORY
    assert "secret" not in str(project.world.plans())


@pytest.mark.parametrize("form", ["target: lake.hist", "target: hist", "connection: lake, path: hist/"])
def test_a_write_at_the_target_itself_is_one_target(tmp_path: Path, form: str) -> None:
    """As guides of the reference have it: the table is read, and written once."""
    project = Project(tmp_path, node(f"{form}, {SCD2}", WRITE % ("hist", "overwrite")))
    project.run(FIRST)
    result = project.run(SECOND)["n"]
    assert rows_of(project.table("hist")) == HISTORY
    assert (result.write.dataset, result.also_wrote) == ("lake/hist", ())
    assert DeltaTable(str(tmp_path / "lake/hist")).version() == 2  # founded, and two runs


def test_a_merge_and_a_write_at_its_target_are_one_target(tmp_path: Path) -> None:
    """The merged table, not the source, whatever mode the write has."""
    write = "write: { connection: lake, format: delta, path: m, mode: merge, merge_keys: [i] }"
    project = Project(tmp_path, node("target: lake.m, keys: [i]", write, kind="merge"))
    project.run(FIRST)
    project.run(SECOND)
    assert rows_of(project.table("m"), "i", "v") == [(1, "c"), (2, "b"), (3, "d")]


def test_a_write_elsewhere_is_a_second_target(tmp_path: Path) -> None:
    """The history itself behind `scd2`, the source behind `merge`; both are told."""
    project = Project(
        tmp_path,
        node(f"target: lake.hist, {SCD2}", WRITE % ("copy", "overwrite"), name="h"),
        node("target: lake.m, keys: [i]", WRITE % ("log", "append"), name="m", kind="merge"),
    )
    project.run(FIRST)
    result = project.run(SECOND)
    assert rows_of(project.table("hist")) == rows_of(project.table("copy")) == HISTORY
    assert rows_of(project.table("m"), "i", "v") == [(1, "c"), (2, "b"), (3, "d")]
    assert rows_of(project.table("log"), "i", "v") == [(1, "a"), (1, "c"), (2, "b"), (3, "d")]
    assert [write.dataset for write in (result["h"].write, *result["h"].also_wrote)] == ["lake/copy", "lake/hist"]


class _Dies(SystemExit):
    """The process is gone."""


@pytest.mark.parametrize("target", ["lake.total", "lake/total.parquet"])
def test_a_worker_that_dies_between_two_targets_applies_the_pattern_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """The sum is in, the second target is not: the next attempt adds nothing and completes the second."""
    params = "grain: [i], measures: [{ name: n, expr: COUNT(*) }], incremental: { timestamp_column: t, merge_strategy: max }"
    # A maximum of counts hides nothing here: each batch counts its rows anew, so the marks of `sum` are not what saves it.
    params = params.replace("merge_strategy: max", "merge_strategy: sum").replace("timestamp_column: t", "timestamp_column: i")
    project = Project(tmp_path, node(f"target: {target}, {params}", WRITE % ("behind", "append"), kind="aggregation"))
    project.land(FIRST)
    host = project.world.in_process()
    command = host.request("p")
    write = DeltaSink.write

    def dies(sink: DeltaSink, *given: Any, **named: Any) -> WriteReceipt:
        if sink._name == "lake/behind":
            raise _Dies
        return write(sink, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(DeltaSink, "write", dies)
        with pytest.raises(_Dies):
            host.run(command)
    path = target.removeprefix("lake")[1:]
    assert rows_of(project.table(path)) == [(1, 1), (2, 1)]
    again = project.world.in_process()
    assert again.resume("p").status == "succeeded"
    assert rows_of(project.table(path)) == [(1, 1), (2, 1)]
    assert rows_of(project.table("behind")) == [(1, 1), (2, 1)]


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    """The same rows again make no version of the table."""
    project = Project(tmp_path, node(f"target: lake.hist, {SCD2}"))
    project.run(FIRST)
    before = DeltaTable(str(tmp_path / "lake/hist")).version()
    result = project.run()["n"]
    assert (result.status, result.write) == ("succeeded", None)
    assert DeltaTable(str(tmp_path / "lake/hist")).version() == before


def test_steps_behind_a_pattern_see_what_it_made(tmp_path: Path) -> None:
    """As a function among steps: the target is the history, `write:` gets what the last step makes of it."""
    steps = (
        f"transform: {{ steps: [{{ function: scd2, params: {{ target: lake.hist, {SCD2} }} }}, 'SELECT i, v FROM df WHERE is_current'] }}"
    )
    project = Project(tmp_path, f"name: n\n        {READ}\n        {steps}\n        {WRITE % ('now', 'overwrite')}")
    project.run(FIRST)
    project.run(SECOND)
    assert rows_of(project.table("hist")) == HISTORY
    assert rows_of(project.table("now")) == [(1, "c"), (2, "b"), (3, "d")]


def test_checks_refuse_before_anything_is_written(tmp_path: Path) -> None:
    """Also the target of the pattern."""
    checks = "validation: { tests: [ { type: range, column: i, max: 2 } ] }"
    project = Project(tmp_path, node(f"target: lake.hist, {SCD2}", checks + "\n        " + WRITE % ("copy", "overwrite")))
    project.run(FIRST)
    result = project.run(SECOND)["n"]
    assert (result.status, result.error.code) == ("failed", "check_failed")
    assert (
        rows_of(project.table("hist"))
        == rows_of(project.table("copy"))
        == [
            (1, "a", "2024-01-01", "2024-01-01", None, True),
            (2, "b", "2024-01-01", "2024-01-01", None, True),
        ]
    )


@pytest.mark.parametrize("path", ["hist", "hist.parquet"])
def test_a_target_that_cannot_be_read_is_no_first_load(tmp_path: Path, path: str) -> None:
    """Garbage, or files that are no table: the node fails and they stay."""
    project = Project(tmp_path, node(f"connection: lake, path: {path}, {SCD2}"))
    place = tmp_path / "lake" / path / "x.bin" if path == "hist" else tmp_path / "lake" / path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"garbage")
    result = project.run(FIRST)["n"]
    assert (result.status, result.error.code) == ("failed", "unreadable_target")
    assert place.read_bytes() == b"garbage"


def test_a_target_may_be_a_node_above(tmp_path: Path) -> None:
    """Its table is the target; of a node that writes nothing, its rows are what is there, and `write:` is where they go."""
    source = pl.DataFrame({"i": [1], "v": ["old"], "sk": [7]})
    write_deltalake(str(tmp_path / "lake" / "dim"), source)
    params = "natural_key: i, surrogate_key: sk, scd_type: 0, target: there"
    project = Project(
        tmp_path,
        "name: there\n        read: { connection: lake, format: delta, path: dim }",
        f"name: rows\n        {READ}",
        node(params, WRITE % ("out", "overwrite"), kind="dimension", more="depends_on: [rows, there]"),
    )
    project.run("i,v\n1,a\n2,b\n")
    assert rows_of(project.table("out")) == [(1, "old", 7), (2, "b", 8)]


def test_a_fact_finds_dimensions_above_and_sets_orphans_aside_once(tmp_path: Path) -> None:
    """Once, and a run without orphans adds none."""
    fact = (
        "dimensions: [ { source_column: i, dimension_table: dim, dimension_key: i, surrogate_key: sk } ], orphan_handling: quarantine, "
        "quarantine: { connection: lake, path: orphans, add_columns: { _source_dimension: true } }"
    )
    dim = "natural_key: i, surrogate_key: sk, scd_type: 0, target: lake.dim"
    project = Project(
        tmp_path,
        node(dim, name="dim", kind="dimension", more="read: { connection: landing, format: csv, path: dim.csv }"),
        node(fact, WRITE % ("fact", "append"), kind="fact", more="depends_on: [dim]\n        " + READ),
    )
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "dim.csv").write_text("i,v\n1,a\n")
    result = project.run("i,n\n1,10\n5,50\n")["n"]
    assert rows_of(project.table("fact")) == [(1, 10, 1)]
    assert rows_of(pl.read_parquet(tmp_path / "lake/orphans")) == [(5, 50, None, "dim")]
    assert [(write.dataset, write.rows) for write in result.also_wrote] == [("lake/orphans", 1)]
    project.run("i,n\n1,11\n")
    assert rows_of(pl.read_parquet(tmp_path / "lake/orphans")) == [(5, 50, None, "dim")]


def test_dates_need_no_input(tmp_path: Path) -> None:
    project = Project(
        tmp_path, node("start_date: 2024-01-01, end_date: 2024-01-31", WRITE % ("dates", "overwrite"), kind="date_dimension", more="")
    )
    result = project.run()["n"]
    assert (result.status, result.rows_out) == ("succeeded", 31)


def test_deletes_are_found_in_the_run_in_which_they_happen(tmp_path: Path) -> None:
    """Against where the node writes; nothing else has to be said."""
    step = "transform: { steps: [ { operation: detect_deletes, params: { mode: snapshot_diff, keys: [i] } } ] }"
    project = Project(tmp_path, f"name: n\n        {READ}\n        {step}\n        {WRITE % ('t', 'overwrite')}")
    project.run("i\n1\n2\n3\n")
    project.run("i\n1\n3\n")
    assert rows_of(project.table("t")) == [(1, False), (2, True), (3, False)]
    project.run("i\n1\n3\n")
    assert rows_of(project.table("t")) == [(1, False), (2, True), (3, False)]


def test_what_we_hold_is_compared_with_a_table_of_the_source(tmp_path: Path) -> None:
    step = "operation: detect_deletes, params: { mode: sql_compare, keys: [i], source_connection: landing, source_table: erp.csv }"
    project = Project(
        tmp_path, f"name: n\n        {READ}\n        transform: {{ steps: [ {{ {step} }} ] }}\n        {WRITE % ('t', 'overwrite')}"
    )
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "erp.csv").write_text("i\n1\n3\n")
    result = project.run("i\n1\n2\n3\n")["n"]
    assert rows_of(project.table("t")) == [(1, False), (2, True), (3, False)]
    assert result.warnings == ()


def test_an_incremental_load_into_a_pattern_takes_each_row_once(tmp_path: Path) -> None:
    """The high-water mark moves with the pattern's own commit."""
    read = "read: { connection: landing, format: csv, path: in.csv, incremental: { mode: stateful, column: i } }"
    params = (
        "target: lake.total, grain: [v], measures: [{ name: n, expr: COUNT(*) }], incremental: { timestamp_column: i, merge_strategy: sum }"
    )
    project = Project(tmp_path, node(params, kind="aggregation", more=read))
    assert project.run("i,v\n1,a\n2,a\n")["n"].watermark.after == '{"t": "int", "v": 2}'
    project.run("i,v\n1,a\n2,a\n3,a\n")
    project.run()
    assert rows_of(project.table("total")) == [("a", 3)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (node(f"target: nowhere, {SCD2}"), "the target 'nowhere' of 'scd2' lies in no connection"),
        (node(f"connection: nowhere, path: x, {SCD2}"), "unknown connection 'nowhere'"),
        (node(f"target: lake.hist.csv, {SCD2}"), "the target of 'scd2' would be csv"),
        (node(f"target: lake.h, {SCD2}", WRITE % ("h", "append")), "'write:' would append it to itself"),
        (node(f"target: lake.h, {SCD2}, track: [v]"), "pattern 'scd2' has no parameter 'track'"),
        (node(f"target: lake.h, {SCD2}", "privacy: { method: redact }"), "'privacy' would come after the pattern has written its target"),
        (node("natural_key: i", kind="dimenson"), "unknown transform 'dimenson'"),
        (node("grain: [i], measures: [{ name: n, expr: COUNT(* }]", kind="aggregation"), "node 'n' in pipeline 'p'"),
        (node("target: lake.m, keys: [i], update_condition: 'source.x >'", kind="merge"), "node 'n' in pipeline 'p'"),
        (
            node("dimensions: [{ source_column: i, dimension_table: dim, dimension_key: i, surrogate_key: sk }]", kind="fact"),
            "'dim' is not an input of this node",
        ),
        (
            node("grain: [i], measures: [{ name: n, expr: COUNT(*) }], incremental: { timestamp_column: t }", kind="aggregation"),
            "'aggregation' needs a target",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(tmp_path: Path, text: str, problem: str) -> None:
    """With the node's name, before anything is opened."""
    project = Project(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        project.run(FIRST)
    assert problem in error.value.message
    assert "node 'n'" in error.value.message or error.value.message.startswith("odibi.yaml:")
    if "dimenson" in problem:
        assert "Did you mean 'dimension'?" in error.value.hint


def test_a_second_writer_makes_the_node_compute_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else changed the table between our reading and our commit: nothing of theirs is lost."""
    for target in ("lake.hist", "lake/hist.parquet"):
        project = Project(tmp_path, node(f"target: {target}, {SCD2}"))
        project.run(FIRST)
        place = tmp_path / "lake" / target[5:]
        theirs = pl.DataFrame(
            {"i": [9], "v": ["z"], "t": ["2024"], "valid_from": ["2024"], "valid_to": [None], "is_current": [True]},
            schema_overrides={"valid_to": pl.String},
        )
        from odibi_core.runtime import node_run

        checked, seen = node_run.validate, []

        def interferes(
            *given: Any, place: Path = place, theirs: pl.DataFrame = theirs, seen: list[int] = seen, checked: Any = checked
        ) -> Any:
            if not seen:
                seen.append(1)
                both = pl.concat([theirs, pl.read_parquet(place) if place.suffix else pl.read_delta(str(place))])
                both.write_parquet(place) if place.suffix else write_deltalake(str(place), both, mode="overwrite")
            return checked(*given)

        with monkeypatch.context() as patched:
            patched.setattr(node_run, "validate", interferes)
            assert project.run(SECOND)["n"].status == "succeeded"
        rows = project.table(target[5:])
        assert rows_of(rows.filter(pl.col("i") != 9)) == HISTORY
        assert rows.filter(pl.col("i") == 9).height == 1
