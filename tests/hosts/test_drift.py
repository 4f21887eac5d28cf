"""A source whose columns change: the schema policy decides, nothing is lost in silence, and the change is told with those whom it hits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.events import Column, ColumnChange, NodeResult, SchemaChange
from tests.hosts.test_writing import Runs

TYPED = "read: {{ connection: landing, format: csv, path: in.csv, options: {{ dtypes: {{ {} }} }} }}"
PLAIN = "read: { connection: landing, format: csv, path: in.csv }"
MODES = {
    "overwrite": "mode: overwrite",
    "append": "mode: append",
    "upsert": "mode: upsert, options: { keys: [i] }",
    "append_once": "mode: append_once, options: { keys: [i] }",
    "merge": "mode: merge, merge_keys: [i]",
}


def made(folder: Path, policy: str, mode: str = "append", *, format: str = "delta", read: str = PLAIN, behind: str = "") -> Runs:  # noqa: A002  # the word of the YAML
    path = "t" if format == "delta" else f"t.{format}"
    write = f"write: {{ connection: lake, format: {format}, path: {path}, {MODES[mode]} }}"
    return Runs(folder, f"{{ name: n, {read}, schema_policy: {{ {policy} }}, {write} }}", behind=behind)


def two(runs: Runs, before: str, after: str) -> NodeResult:
    """The second of two runs."""
    runs.land(before)
    assert runs.run().status == "succeeded"
    runs.land(after)
    return runs.run()


def rows_of(runs: Runs, format: str = "delta") -> list[dict[str, Any]]:  # noqa: A002  # the word of the YAML
    """The target's rows by their first column."""
    path = runs.folder / "lake" / ("t" if format == "delta" else f"t.{format}")
    match format:
        case "delta":
            found = pl.read_delta(str(path))
        case "parquet":
            found = pl.read_parquet(path)
        case "csv":
            found = pl.read_csv(path)
        case _:
            found = pl.read_json(path)
    return found.sort(found.columns[0]).to_dicts()


def kept(mode: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the first run, where the mode keeps them."""
    return [] if mode == "overwrite" else list(rows)


EVERYWHERE = [(mode, "delta") for mode in MODES] + [
    (mode, kind) for mode in ("overwrite", "append", "upsert") for kind in ("parquet", "csv", "json")
]


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_new_column_is_left_out_and_told(tmp_path: Path, mode: str, kind: str) -> None:
    """`enforce`, and `ignore` by name."""
    runs = made(tmp_path, "mode: enforce", mode, format=kind)
    result = two(runs, "i,a\n1,x\n", "i,a,note\n2,y,n\n")
    assert result.warnings == ("columns are new to the target and were left out: note",)
    assert rows_of(runs, kind) == [*kept(mode, {"i": 1, "a": "x"}), {"i": 2, "a": "y"}]
    assert result.write.change is None


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_new_column_is_added(tmp_path: Path, mode: str, kind: str) -> None:
    """`evolve`: null in the rows that are there; the story shows it."""
    runs = made(tmp_path, "mode: evolve", mode, format=kind)
    result = two(runs, "i,a\n1,x\n", "i,a,note\n2,y,n\n")
    assert rows_of(runs, kind) == [*kept(mode, {"i": 1, "a": "x", "note": None}), {"i": 2, "a": "y", "note": "n"}]
    assert result.write.change == SchemaChange(added=(Column(name="note", type="String"),))
    assert result.warnings == ()


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_new_column_fails(tmp_path: Path, mode: str, kind: str) -> None:
    """Before anything is written."""
    runs = made(tmp_path, "on_new_columns: fail", mode, format=kind)
    result = two(runs, "i,a\n1,x\n", "i,a,note\n2,y,n\n")
    assert (result.status, result.error.message) == ("failed", "columns are new to the target: note")
    assert rows_of(runs, kind) == [{"i": 1, "a": "x"}]


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_new_column_is_rescued(tmp_path: Path, mode: str, kind: str) -> None:
    """Row by row; a row without a value has nothing there."""
    runs = made(tmp_path, "on_new_columns: rescue", mode, format=kind)
    result = two(runs, "i,a\n1,x\n", "i,a,note,n\n2,y,hi,7\n3,z,,\n")
    assert result.warnings == ("columns are new to the target and went into '_rescued_data': note, n",)
    assert rows_of(runs, kind) == [
        *kept(mode, {"i": 1, "a": "x", "_rescued_data": None}),
        {"i": 2, "a": "y", "_rescued_data": '{"note":"hi","n":7}'},
        {"i": 3, "a": "z", "_rescued_data": None},
    ]


def test_new_and_changed_columns_meet_in_the_rescue_column(tmp_path: Path) -> None:
    """Under its own name, in every run; a run that rescues nothing leaves it empty."""
    runs = made(tmp_path, "on_new_columns: rescue, on_changed_columns: rescue, rescue_column: rest")
    assert two(runs, "i,v\n1,7\n", "i,v,note\n2,many,hi\n").status == "succeeded"
    runs.land("i,v\n3,8\n")
    assert runs.run().warnings == ()
    assert rows_of(runs) == [
        {"i": 1, "v": 7, "rest": None},
        {"i": 2, "v": None, "rest": '{"note":"hi","v":"many"}'},
        {"i": 3, "v": 8, "rest": None},
    ]


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_missing_column_is_filled_and_told(tmp_path: Path, mode: str, kind: str) -> None:
    """With nulls of the target's type."""
    runs = made(tmp_path, "mode: enforce", mode, format=kind)
    result = two(runs, "i,a,b\n1,x,7\n", "b,i\n8,2\n")
    assert result.warnings == ("columns of the target are missing and were filled with nulls: a",)
    assert rows_of(runs, kind) == [*kept(mode, {"i": 1, "a": "x", "b": 7}), {"i": 2, "a": None, "b": 8}]
    assert result.write.change is None


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_missing_column_fails(tmp_path: Path, mode: str, kind: str) -> None:
    """Before anything is written."""
    runs = made(tmp_path, "on_missing_columns: fail", mode, format=kind)
    result = two(runs, "i,a\n1,x\n", "i\n2\n")
    assert (result.status, result.error.message) == ("failed", "columns of the target are missing: a")
    assert rows_of(runs, kind) == [{"i": 1, "a": "x"}]


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_a_changed_column_fails(tmp_path: Path, mode: str, kind: str) -> None:
    """Numbers were there and texts come."""
    runs = made(tmp_path, "on_changed_columns: fail", mode, format=kind)
    result = two(runs, "i,v\n1,7\n", "i,v\n2,secret\n")
    assert (result.status, result.error.code) == ("failed", "schema_mismatch")
    assert result.error.message == "columns changed their type: 'v' is String and was Int64"
    assert rows_of(runs, kind) == [{"i": 1, "v": 7}]


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_values_of_a_changed_column_are_rescued(tmp_path: Path, mode: str, kind: str) -> None:
    """Those that are one of the target's type stay; the others are in the rescue column, and counted."""
    runs = made(tmp_path, "on_changed_columns: rescue", mode, format=kind)
    result = two(runs, "i,v\n1,7\n", "i,v\n2,8\n3,many\n")
    assert result.status == "succeeded"
    assert rows_of(runs, kind) == [
        *kept(mode, {"i": 1, "v": 7, "_rescued_data": None}),
        {"i": 2, "v": 8, "_rescued_data": None},
        {"i": 3, "v": None, "_rescued_data": '{"v":"many"}'},
    ]
    target = "lake/t" if kind == "delta" else f"lake/t.{kind}"
    assert result.warnings == (f"1 row has values of another type than '{target}': they are in column '_rescued_data'",)
    assert result.write.rescued == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_column_of_a_table_gets_a_wider_type(tmp_path: Path, mode: str) -> None:
    """`evolve`: the rows that are there keep their values, and a retry of the commit writes nothing twice."""
    runs = made(tmp_path, "on_changed_columns: evolve", mode)
    result = two(runs, "i,v\n1,7\n", "i,v\n2,0.5\n")
    assert result.status == "succeeded"
    assert rows_of(runs) == [*kept(mode, {"i": 1, "v": 7.0}), {"i": 2, "v": 0.5}]
    assert result.write.change == SchemaChange(retyped=(ColumnChange(name="v", before="Int64", after="Float64"),))


@pytest.mark.parametrize("mode", MODES)
def test_no_type_holds_numbers_and_texts(tmp_path: Path, mode: str) -> None:
    """`evolve` loses nothing, so it fails; the hint has the way out."""
    runs = made(tmp_path, "on_changed_columns: evolve", mode)
    result = two(runs, "i,v\n1,7\n", "i,v\n2,many\n")
    assert result.error.message == "columns changed their type: 'v' is String and was Int64, and no type holds the values of both"
    assert "on_changed_columns: rescue" in result.error.hint
    assert rows_of(runs) == [{"i": 1, "v": 7}]


@pytest.mark.parametrize("kind", ["delta", "parquet"])
@pytest.mark.parametrize("policy", ["mode: enforce", "mode: evolve", "on_changed_columns: fail"])
def test_a_column_in_another_case_is_not_dropped(tmp_path: Path, policy: str, kind: str) -> None:
    """It is the target's column: left alone it would be new, and the target's would be filled with nulls."""
    runs = made(tmp_path, policy, format=kind)
    result = two(runs, "i,Name\n1,x\n", "i,NAME\n2,y\n")
    assert result.error.message == "columns are spelled in another case: 'NAME' is called 'Name' in the target"
    assert len(rows_of(runs, kind)) == 1


@pytest.mark.parametrize("kind", ["delta", "parquet", "csv"])
@pytest.mark.parametrize("policy", ["on_changed_columns: evolve", "on_changed_columns: rescue"])
def test_a_column_in_another_case_gets_the_targets_spelling(tmp_path: Path, policy: str, kind: str) -> None:
    """Where changes are taken over."""
    runs = made(tmp_path, policy, format=kind)
    result = two(runs, "i,Name\n1,x\n", "i,NAME\n2,y\n")
    assert rows_of(runs, kind) == [{"i": 1, "Name": "x"}, {"i": 2, "Name": "y"}]
    assert result.warnings == ("columns got the target's spelling: NAME → Name",)


@pytest.mark.parametrize(("mode", "kind"), EVERYWHERE)
def test_the_order_of_columns_does_not_count(tmp_path: Path, mode: str, kind: str) -> None:
    """With the strictest policy there is."""
    runs = made(tmp_path, "on_new_columns: fail, on_missing_columns: fail, on_changed_columns: fail", mode, format=kind)
    result = two(runs, "i,a,b\n1,x,7\n", "b,a,i\n8,y,2\n")
    assert (result.status, result.warnings) == ("succeeded", ())
    assert rows_of(runs, kind) == [*kept(mode, {"i": 1, "a": "x", "b": 7}), {"i": 2, "a": "y", "b": 8}]


def test_what_is_rescued_meets_the_rescue_column_of_the_read(tmp_path: Path) -> None:
    """One column with both: a field that did not parse, and a value that does not fit the table."""
    read = (
        "read: { connection: landing, format: csv, path: in.csv, options: { dtypes: { i: int } }, "
        "archive_options: { rescuedDataColumn: _rescued_data } }"
    )
    runs = made(tmp_path, "on_changed_columns: rescue", read=read)
    result = two(runs, "i,v\n1,7\n", "i,v\n2,8\nx,many\n")
    rows = sorted(rows_of(runs), key=lambda row: str(row["i"]))
    assert [row["_rescued_data"] and json.loads(row["_rescued_data"]) for row in rows] == [
        None,
        None,
        {"i": "x", "_file_path": "in.csv", "v": "many"},
    ]
    assert (rows[2]["v"], result.write.rescued) == (None, 1)


BEHIND = """\
      - name: by_sql
        depends_on: [n]
        transform: { steps: [ 'SELECT i, UPPER(Name) AS big FROM n' ] }
        write: { connection: lake, format: delta, path: by_sql }
      - name: by_params
        depends_on: [by_sql, n]
        inputs: { n: $p.n }
        transform: { steps: [ { function: fill_nulls, params: { values: { name: none } } } ] }
      - name: by_place
        depends_on: [by_params]
        read: { connection: lake, format: delta, path: t }
        validation: { tests: [ { type: not_null, columns: [name] } ] }
      - name: not_at_all
        depends_on: [n]
        transform: { steps: [ 'SELECT i FROM n' ] }
"""


@pytest.mark.parametrize(
    ("policy", "after", "column"),
    [
        ("on_missing_columns: fail", "i\n2\n", "name"),
        ("on_changed_columns: fail", "i,name\n2,7\n", "name"),
        ("mode: enforce", "i,NAME\n2,y\n", "name"),
    ],
)
def test_the_error_names_the_nodes_behind_that_use_the_column(tmp_path: Path, policy: str, after: str, column: str) -> None:
    """By SQL, by parameters, or because they read the table."""
    runs = made(tmp_path, policy, behind=BEHIND)
    result = two(runs, "i,name\n1,x\n", after)
    assert result.status == "failed"
    assert result.error.hint.endswith(f"Nodes behind it that use them: 'by_sql' ({column}), 'by_params' ({column}), 'by_place' ({column}).")


def test_the_story_and_the_catalog_show_the_change(tmp_path: Path) -> None:
    """Once per change; a run without one adds no version."""
    runs = made(tmp_path, "mode: evolve, on_changed_columns: evolve")
    for text in ("i,v\n1,7\n", "i,v\n2,8\n", "i,v,note\n3,0.5,x\n"):
        runs.land(text)
        assert runs.run().status == "succeeded"
    host = runs.world.in_process()
    found = host.app.catalog.schemas("p.n")
    assert found.select(
        "dataset", "schema_version", "columns_added", "columns_removed", "columns_type_changed", "table_version"
    ).rows() == [
        ("lake/t", 1, ["i", "v"], [], [], 1),
        ("lake/t", 2, ["note"], [], ["v"], 4),
    ]
    pages = "".join(page.read_text() for page in (tmp_path / "lake").rglob("*.html"))
    assert "added note (String); changed v from Int64 to Float64" in pages
