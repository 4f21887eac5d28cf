"""What `write:` and its neighbours do to a table, run by run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_core.errors import ConfigError
from odibi_core.events import NodeResult
from odibi_core.hosts.in_process import InProcess
from tests.hosts.world import HEAD, World

Told = dict[str, Any]


class Runs:
    """One pipeline with a node `n` (and what stands behind it), run as often as a test likes."""

    def __init__(self, folder: Path, node: str, *, behind: str = "", head: str = "") -> None:
        self.folder = folder
        (folder / "landing").mkdir()
        self.world = World(folder, f"{HEAD}{head}pipelines:\n  - pipeline: p\n    nodes:\n      - {node}\n{behind}")

    def land(self, text: str, name: str = "in.csv") -> None:
        (self.folder / "landing" / name).write_text(text)

    def run(self, node: str = "n") -> NodeResult:
        host: InProcess = self.world.in_process()
        final = host.run(host.request("p"))
        outcome = host.app.coordinator.journal.outcome(final.run_id, node)
        return outcome.result

    def table(self, name: str = "t") -> pl.DataFrame:
        table = pl.read_delta(str(self.folder / "lake" / name))
        return table.sort(table.columns)

    def version(self) -> int:
        return DeltaTable(str(self.folder / "lake" / "t")).version()


READ = "read: { connection: landing, format: csv, path: in.csv }"
EVERY = "read: { connection: landing, format: csv, path: '*.csv' }"


def node(*parts: str, read: str = READ, write: str = "") -> str:
    """The node `n` of the test, which writes the Delta table `t`."""
    target = f"write: {{ connection: lake, format: delta, path: t, {write} }}"
    return "{ " + ", ".join(["name: n", read, *parts, target]) + " }"


@pytest.fixture
def runs(tmp_path: Path):
    """Make the runs of one node."""
    return lambda *given, **more: Runs(tmp_path, *given, **more)


# ── columns about the origin ──


def test_each_row_says_from_which_file_it_is(runs) -> None:
    """And when it was taken in: the time of the run, the same for all of its rows."""
    of = runs(node(read=EVERY, write="add_metadata: true"))
    of.land("i\n1\n", "a.csv")
    of.land("i\n2\n", "b.csv")
    result = of.run()
    rows = of.table()
    assert rows.drop("_extracted_at").rows(named=True) == [{"i": 1, "_source_file": "a.csv"}, {"i": 2, "_source_file": "b.csv"}]
    assert rows.columns == ["i", "_extracted_at", "_source_file"]
    assert (rows.schema["_extracted_at"], rows["_extracted_at"].n_unique()) == (pl.Datetime("us", "UTC"), 1)
    assert rows["_extracted_at"][0] <= result.started_at


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [
        ("true", ["_extracted_at", "_source_file"]),
        ("false", []),
        ("{ extracted_at: false }", ["_source_file"]),
        ("{ source_file: false, source_connection: true, source_table: true }", ["_extracted_at", "_source_connection"]),
        (
            "{ extracted_at: true, source_file: true, source_connection: true, source_table: true }",
            ["_extracted_at", "_source_file", "_source_connection"],
        ),
    ],
)
def test_which_columns_are_added(runs, wanted: str, columns: list[str]) -> None:
    """A file has no table."""
    of = runs(node(write=f"add_metadata: {wanted}"))
    of.land("i\n1\n")
    of.run()
    found = of.table()
    assert found.columns == ["i", *columns]
    told = {"_source_file": "in.csv", "_source_connection": "landing"}
    assert {name: found[name][0] for name in columns if name != "_extracted_at"} == {name: told[name] for name in columns if name in told}


def test_a_delta_source_has_no_file_but_a_table(runs) -> None:
    """As the YAML calls it."""
    read = "read: { connection: lake, format: delta, table: src }"
    of = runs(node(read=read, write="add_metadata: { extracted_at: false, source_table: true, source_connection: true }"))
    pl.DataFrame({"i": [1]}).write_delta(str(of.folder / "lake" / "src"))
    of.run()
    assert of.table().rows(named=True) == [{"i": 1, "_source_connection": "lake", "_source_table": "src"}]


def test_transforms_and_nodes_behind_do_not_see_these_columns(runs) -> None:
    """Rows of two files that are alike are one row after DISTINCT; the origin is then the pattern."""
    behind = """\
      - name: behind
        depends_on: [n]
        transform: { steps: [ 'SELECT * FROM n' ] }
        write: { connection: lake, format: delta, path: behind }
"""
    of = runs(node("transform: { steps: [ 'SELECT DISTINCT * FROM df' ] }", read=EVERY, write="add_metadata: true"), behind=behind)
    of.land("i\n1\n", "a.csv")
    of.land("i\n1\n", "b.csv")
    of.run()
    assert of.table().drop("_extracted_at").rows(named=True) == [{"i": 1, "_source_file": "*.csv"}]
    assert of.table("behind").rows(named=True) == [{"i": 1}]


# ── the schema policy ──


def policy(settings: str, write: str = "mode: append", *, metadata: bool = False) -> str:
    return node(f"schema_policy: {settings}", write=f"{write}, add_metadata: {str(metadata).lower()}")


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ("{}", [{"i": 1, "a": "x"}, {"i": 2, "a": None}]),
        ("{ mode: enforce }", [{"i": 1, "a": "x"}, {"i": 2, "a": None}]),
        ("{ mode: evolve }", [{"i": 1, "a": "x", "b": None}, {"i": 2, "a": None, "b": "y"}]),
        ("{ mode: evolve, on_new_columns: ignore }", [{"i": 1, "a": "x"}, {"i": 2, "a": None}]),
        ("{ mode: enforce, on_new_columns: add_nullable }", [{"i": 1, "a": "x", "b": None}, {"i": 2, "a": None, "b": "y"}]),
    ],
)
def test_a_policy_lets_columns_through(runs, settings: str, rows: list[Told]) -> None:
    """The second file has no `a` and a new `b`."""
    of = runs(policy(settings))
    of.land("i,a\n1,x\n")
    of.run()
    of.land("b,i\ny,2\n")
    assert of.run().status == "succeeded"
    assert of.table().rows(named=True) == rows


def test_a_policy_over_an_overwrite(runs) -> None:
    """The table keeps its columns, the rows are the new ones."""
    of = runs(policy("{ mode: evolve }", "mode: overwrite"))
    of.land("i,a\n1,x\n")
    of.run()
    of.land("b,i\ny,2\n")
    assert of.run().status == "succeeded"
    assert of.table().rows(named=True) == [{"i": 2, "a": None, "b": "y"}]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{ on_missing_columns: fail }", "columns of the target are missing: a"),
        ("{ on_new_columns: fail }", "columns are new to the target: b"),
    ],
)
def test_a_policy_can_refuse(runs, settings: str, message: str) -> None:
    """Nothing is written, and the columns are named."""
    of = runs(policy(settings))
    of.land("i,a\n1,x\n")
    of.run()
    of.land("b,i\ny,2\n")
    result = of.run()
    assert (result.status, result.error.message) == ("failed", message)
    assert of.table().rows() == [(1, "x")]


def test_columns_about_the_origin_are_no_matter_of_the_policy(runs) -> None:
    """They are in the table and not in the node's rows, and that is right."""
    of = runs(policy("{ on_missing_columns: fail, on_new_columns: fail }", metadata=True))
    of.land("i\n1\n")
    for _ in range(2):
        assert of.run().status == "succeeded"
    assert of.table().drop("_extracted_at").rows() == [(1, "in.csv"), (1, "in.csv")]
    assert of.table()["_extracted_at"].null_count() == 0


# ── unchanged rows ──


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_rows_that_did_not_change_are_not_written_again(runs, mode: str) -> None:
    """Whatever their order; the commit holds what the rows were, and a changed row is written."""
    of = runs(node(write=f"mode: {mode}, skip_if_unchanged: true, add_metadata: true"))
    of.land("i,v\n1,a\n2,b\n")
    assert of.run().write.rows == 2
    version = of.version()
    of.land("i,v\n2,b\n1,a\n")
    again = of.run()
    assert (again.status, again.write, again.rows_out) == ("succeeded", None, 2)
    assert again.warnings == ("nothing was written: the rows are those of the last write (skip_if_unchanged)",)
    assert of.version() == version
    of.land("i,v\n2,b\n1,c\n")
    assert of.run().write.rows == 2
    assert of.version() == version + 1
    assert sorted(of.table()["v"]) == (["b", "c"] if mode == "overwrite" else ["a", "b", "b", "c"])


def test_only_some_columns_may_count(runs) -> None:
    """Others may change as they like."""
    of = runs(node(write="mode: append, skip_if_unchanged: true, skip_hash_columns: [i], skip_hash_sort_columns: [i]"))
    of.land("i,at\n1,10\n")
    of.run()
    of.land("i,at\n1,11\n")
    assert of.run().write is None
    of.land("i,at\n2,11\n")
    assert of.run().write.rows == 1


def test_a_column_that_is_not_there_cannot_count(runs) -> None:
    """Silence would skip for ever."""
    of = runs(node(write="mode: append, skip_if_unchanged: true, skip_hash_columns: [gone]"))
    of.land("i\n1\n")
    assert of.run().error.message == "'skip_if_unchanged' compares by missing columns: 'gone'"


def test_what_a_node_wrote_last_counts_and_not_what_it_ever_wrote(runs) -> None:
    """A, B, A are three writes."""
    of = runs(node(write="mode: append, skip_if_unchanged: true"))
    for text in ("i\n1\n", "i\n2\n", "i\n1\n", "i\n1\n"):
        of.land(text)
        of.run()
    assert of.table()["i"].to_list() == [1, 1, 2]


# ── materialized ──


@pytest.mark.parametrize(("how", "rows"), [("incremental", [1, 2]), ("table", [2]), ("view", [2])])
def test_materialized(runs, how: str, rows: list[int]) -> None:
    """`incremental` appends, whatever the mode; a view is a table here."""
    of = runs(node(f"materialized: {how}", write="mode: overwrite"))
    for text in ("i\n1\n", "i\n2\n"):
        of.land(text)
        assert of.run().status == "succeeded"
    assert of.table()["i"].to_list() == rows


def test_properties_of_the_project_and_of_the_node(runs) -> None:
    """The node's win."""
    head = "performance: { delta_table_properties: { delta.appendOnly: 'false', delta.logRetentionDuration: interval 40 days } }\n"
    of = runs(node(write="mode: append, table_properties: { delta.logRetentionDuration: interval 60 days }"), head=head)
    of.land("i\n1\n")
    of.run()
    found = DeltaTable(str(of.folder / "lake" / "t")).metadata().configuration
    assert (found["delta.logRetentionDuration"], found["delta.appendOnly"]) == ("interval 60 days", "false")


def test_the_time_of_a_run_is_in_every_row_of_it(runs) -> None:
    """Two runs, two times."""
    of = runs(node(write="mode: append, add_metadata: true"))
    of.land("i\n1\n2\n")
    of.run()
    of.run()
    times: list[datetime] = of.table()["_extracted_at"].to_list()
    assert len(set(times)) == 2


# ── options of a Delta write ──


@pytest.mark.parametrize("spelling", ["replaceWhere", "replace_where"])
def test_an_overwrite_of_one_part(runs, spelling: str) -> None:
    """By the spelling of Spark, or ours."""
    of = runs(node(write=f"partition_by: [day], options: {{ {spelling}: \"day = 'mo'\" }}"))
    of.land("day,i\nmo,1\n")
    of.run()
    pl.DataFrame({"day": ["tu"], "i": [7]}).write_delta(str(of.folder / "lake" / "t"), mode="append")
    of.land("day,i\nmo,2\n")
    assert of.run().status == "succeeded"
    assert of.table().rows() == [("mo", 2), ("tu", 7)]
    of.land("day,i\nwe,2\n")
    assert of.run().error.code == "constraint"


def test_only_an_overwrite_replaces_parts(tmp_path: Path) -> None:
    """Said when the YAML is read."""
    with pytest.raises(ConfigError, match="'replace_where' needs 'mode: overwrite', not 'append'"):
        Runs(tmp_path, node(write="mode: append, options: { replaceWhere: i > 1 }")).run()


def test_a_table_may_grow_or_be_replaced_by_options(runs) -> None:
    """`mergeSchema` and `overwriteSchema` as Spark spells them."""
    of = runs(node(write="mode: append, options: { mergeSchema: true }"))
    of.land("i\n1\n")
    of.run()
    of.land("i,v\n2,a\n")
    assert of.run().status == "succeeded"
    assert of.table().rows() == [(1, None), (2, "a")]
    of.world.write(of.world.written.replace("mode: append, options: { mergeSchema: true }", "options: { overwriteSchema: 'true' }"))
    of.land("v\nb\n")
    assert of.run().status == "succeeded"
    assert of.table().rows(named=True) == [{"v": "b"}]


def test_a_merge_stamps_and_leaves_out_columns(runs) -> None:
    """`created` stays that of the first run, `updated` moves; a row that the condition refuses stays as it is."""
    rules = "update_condition: source.n > target.n, exclude_columns: [junk], audit_cols: { created_col: made, updated_col: changed }"
    of = runs(node(write=f"mode: merge, merge_keys: [id], merge_options: {{ {rules} }}"))
    of.land("id,n,junk\n1,10,x\n2,20,x\n")
    of.run()
    first = of.table()
    of.land("id,n,junk\n1,11,x\n2,19,x\n3,30,x\n")
    assert of.run().status == "succeeded"
    rows = of.table()
    assert rows.select("id", "n").rows() == [(1, 11), (2, 20), (3, 30)]
    assert rows.columns == ["id", "n", "made", "changed"]
    assert rows["made"].to_list()[:2] == first["made"].to_list()
    assert (rows["changed"][0] > first["changed"][0], rows["changed"][1]) == (True, first["changed"][1])
    assert rows["made"][2] == rows["changed"][2]


def test_upkeep_follows_the_write(runs) -> None:
    """In order and in one file; the story's version is that of the rows."""
    of = runs(node(write="mode: append, zorder_by: [i], auto_optimize: true"))
    of.land("i\n2\n1\n")
    for _ in range(3):
        result = of.run()
        assert (result.status, result.warnings) == ("succeeded", ())
    assert len(DeltaTable(str(of.folder / "lake" / "t")).file_uris()) == 1
    assert of.version() > result.write.version
    assert of.table()["i"].to_list() == [1, 1, 1, 2, 2, 2]


# ── around the write ──


def test_a_node_that_takes_too_long_writes_nothing(runs) -> None:
    """Every attempt is told, and the last one fails the node."""
    of = runs(node("timeout: 0.000001", "retry: { max_attempts: 2, backoff: constant }"))
    of.land("i\n1\n")
    result = of.run()
    assert (result.status, result.error.code) == ("failed", "timeout")
    assert not (of.folder / "lake" / "t").exists()


def test_a_timeout_that_is_kept_changes_nothing(runs) -> None:
    """An hour is enough for one row."""
    of = runs(node("timeout: 1h"))
    of.land("i\n1\n")
    assert of.run().status == "succeeded"


def test_a_failure_may_not_matter(runs) -> None:
    """`on_error: ignore`: the run succeeds, nodes that only come after it run, and one that reads its rows cannot."""
    behind = """\
      - name: after
        depends_on: [n]
        read: { connection: landing, format: csv, path: in.csv }
        write: { connection: lake, format: delta, path: after }
      - name: reads
        depends_on: [n]
        transform: { steps: [ 'SELECT * FROM n' ] }
        write: { connection: lake, format: delta, path: reads }
"""
    of = runs(node("on_error: ignore", "validation: { tests: [ { type: range, column: i, max: 0 } ] }"), behind=behind)
    of.land("i\n1\n")
    host = of.world.in_process()
    final = host.run(host.request("p"))
    assert (final.status, final.succeeded, final.failed, final.skipped) == ("succeeded", 1, 1, 1)
    assert of.table("after")["i"].to_list() == [1]


@pytest.mark.parametrize("where", ["explanation: 'Why **this** is here'", "explanation_file: why.md"])
def test_a_story_tells_why_a_node_is_there_and_what_to_do(runs, where: str) -> None:
    """The explanation, from the YAML or a file beside it, and the runbook."""
    of = runs(node(where, "runbook_url: 'https://example.org/runbook'"))
    (of.folder / "why.md").write_text("Why **this** is here\n")
    of.land("i\n1\n")
    of.run()
    (page,) = (of.folder / "lake" / "stories").rglob("*.html")
    text = page.read_text()
    assert "Why **this** is here" in text
    assert "https://example.org/runbook" in text


@pytest.mark.parametrize("mode", ["append", "upsert, options: { keys: [i] }", "append_once, options: { keys: [i] }"])
def test_the_first_run_has_a_query_of_its_own_and_replaces(tmp_path: Path, mode: str) -> None:
    """Its rows are written as they are, keys that come twice too; from the second run on the node's query and mode count."""
    runs = Runs(
        tmp_path,
        "{ name: n, read: { connection: landing, format: csv, path: in.csv, query: 'SELECT i FROM df WHERE i > 2' }, "
        f"write: {{ connection: lake, format: delta, path: t, mode: {mode}, first_run_query: 'SELECT i FROM df' }} }}",
    )
    runs.land("i\n1\n1\n3\n")
    assert runs.run().status == "succeeded"
    assert runs.table()["i"].to_list() == [1, 1, 3]
    runs.land("i\n2\n4\n")
    assert runs.run().status == "succeeded"
    assert runs.table()["i"].to_list() == [1, 1, 3, 4]
