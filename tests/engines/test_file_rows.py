"""Files whose rows are kept: append, upsert and append_once put the whole file back, once for each node of a run."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from odibi_core.engines.polars import text_file
from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.ports import WriteConflictError

FORMATS = ["csv", "json", "ndjson", "parquet"]
THERE = pl.DataFrame({"id": [1, 2], "v": ["a", None]})
NEW = pl.DataFrame({"id": [2, 3], "v": ["b", "c"]})


def path(format_name: str) -> str:
    return f"out/report.{format_name}"


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("mode", "rows", "added"),
    [
        ("append", [(1, "a"), (2, None), (2, "b"), (3, "c")], 2),
        ("upsert", [(1, "a"), (2, "b"), (3, "c")], 2),
        ("merge", [(1, "a"), (2, "b"), (3, "c")], 2),
        ("append_once", [(1, "a"), (2, None), (3, "c")], 1),
    ],
)
def test_rows_meet_those_that_are_there(lake, format_name, mode, rows, added):
    """In this order; a missing file is a first load, and a repeated node adds nothing."""
    more = {"format": format_name, "mode": mode, "keys": () if mode == "append" else ("id",)}
    first = lake.write(THERE, path(format_name), **more, transaction="r1/n")
    second = lake.write(NEW, path(format_name), **more, transaction="r2/n")
    again = [lake.write(NEW, path(format_name), **more, transaction=f"r{run}/n") for run in (2, 1)]
    assert (first.rows, first.created, second.rows, second.created) == (2, True, added, False)
    assert [one.recovered for one in again] == [True, True]
    assert lake.scan(path(format_name), format_name).rows() == rows
    assert [file.name for file in (lake.root / "out").iterdir() if not file.name.startswith(".")] == [f"report.{format_name}"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_of_two_that_opened_the_same_file_one_is_refused(lake, lazily, format_name):
    """Its rows would be lost otherwise; it opens again, and both are in."""
    targets = [lake.target(path(format_name), format=format_name, transaction=f"r{run}/n") for run in (1, 2)]
    sinks = [lake.engine.open(target) for target in targets]
    sinks[0].write(lazily(THERE), {})
    with pytest.raises(WriteConflictError, match="somebody else wrote"):
        sinks[1].write(lazily(NEW), {})
    lake.engine.open(targets[1]).write(lazily(NEW), {})
    assert lake.scan(path(format_name), format_name)["id"].to_list() == [1, 2, 2, 3]


@pytest.mark.parametrize("format_name", ["csv", "json"])
def test_a_worker_that_dies_between_note_and_file_has_written_nothing(lake, format_name, monkeypatch):
    """The note names the content it belongs to, and the file has the one before."""
    lake.write(THERE, path(format_name), format=format_name, transaction="r1/n")
    before = (lake.root / path(format_name)).read_bytes()
    honest = text_file._replace

    def dies(file: Path, data: bytes) -> None:
        if file.name.startswith("report"):
            raise OSError(28, "No space left on device")
        honest(file, data)

    monkeypatch.setattr(text_file, "_replace", dies)
    with pytest.raises(Exception, match="the disk is full"):
        lake.write(NEW, path(format_name), format=format_name, transaction="r2/n")
    assert (lake.root / path(format_name)).read_bytes() == before
    monkeypatch.setattr(text_file, "_replace", honest)
    assert lake.engine.open(lake.target(path(format_name), format=format_name, transaction="r1/n")).committed() is not None
    receipt = lake.write(NEW, path(format_name), format=format_name, transaction="r2/n")
    assert (receipt.recovered, receipt.rows) == (False, 2)
    assert lake.scan(path(format_name), format_name).height == 4


def test_a_file_that_was_changed_by_hand_still_holds_its_nodes(lake):
    """What a person adds is kept, and a late message adds nothing."""
    lake.write(THERE, "a.csv", format="csv", transaction="r1/n")
    with (lake.root / "a.csv").open("a") as file:
        file.write("9,hand\n")
    assert lake.write(THERE, "a.csv", format="csv", transaction="r1/n").recovered
    lake.write(NEW, "a.csv", format="csv", transaction="r2/n")
    assert lake.scan("a.csv", "csv")["id"].to_list() == [1, 2, 9, 2, 3]


def test_a_deleted_file_is_a_first_load(lake):
    """The note that was left behind says nothing about a new one."""
    lake.write(THERE, "a.csv", format="csv", transaction="r1/n")
    (lake.root / "a.csv").unlink()
    assert lake.write(NEW, "a.csv", format="csv", transaction="r1/n").created
    assert lake.scan("a.csv", "csv").rows() == NEW.rows()


def test_what_stands_in_a_csv_file_stays_as_it_is_written(lake):
    """Codes keep their zeros, amounts their cents, and empty is not missing."""
    lake.file("a.csv", 'code;amount;note\n007;1.50;""\n"0;8";2.00;\n')
    rows = pl.DataFrame({"code": ["007", "9"], "amount": [3.0, 4.5], "note": ["x", None]})
    lake.write(rows, "a.csv", format="csv", mode="upsert", keys=("code",), options={"sep": ";"})
    assert (lake.root / "a.csv").read_text() == 'code;amount;note\n"0;8";2.00;\n007;3.0;x\n9;4.5;\n'


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
@pytest.mark.parametrize(
    ("keys", "there", "new", "kept"),
    [
        (("k",), {"k": [1, 2]}, {"k": [2.0, 3.0]}, 2),
        (("k",), {"k": [date(2024, 1, 1)]}, {"k": [date(2024, 1, 1), date(2024, 1, 2)]}, 1),
        (("k",), {"k": ["a", None]}, {"k": [None, "b"]}, 2),
        (("k", "l"), {"k": ["a", "a"], "l": [1, 2]}, {"k": ["a", "b"], "l": [1, 1]}, 2),
        (("k",), {"k": [True]}, {"k": [True, False]}, 1),
    ],
)
def test_keys_are_compared_as_what_they_are(lake, format_name, keys, there, new, kept):
    """Numbers as numbers, a missing value like another one: `append_once` adds the second row of the new ones only."""
    lake.write(pl.DataFrame(there), "f", format=format_name, mode="append_once", keys=keys)
    receipt = lake.write(pl.DataFrame(new), "f", format=format_name, mode="append_once", keys=keys)
    assert receipt.rows == 1
    assert lake.scan("f", format_name).height == kept + 1


@pytest.mark.parametrize("format_name", FORMATS)
def test_columns_that_one_of_them_lacks_are_missing_in_its_rows(lake, format_name):
    """The file's columns first."""
    lake.write(THERE, path(format_name), format=format_name)
    lake.write(pl.DataFrame({"w": [1.5], "id": [3]}), path(format_name), format=format_name)
    assert lake.scan(path(format_name), format_name).rows(named=True) == [
        {"id": 1, "v": "a", "w": None},
        {"id": 2, "v": None, "w": None},
        {"id": 3, "v": None, "w": 1.5},
    ]


def test_numbers_grow_where_nothing_is_lost(lake):
    """Whole numbers become decimals and not the other way round; a text is no number."""
    lake.write(pl.DataFrame({"n": [1, 2]}), "a.parquet", format="parquet")
    lake.write(pl.DataFrame({"n": [0.5]}), "a.parquet", format="parquet")
    lake.write(pl.DataFrame({"n": pl.Series([None], dtype=pl.Null)}), "a.parquet", format="parquet")
    assert lake.scan("a.parquet", "parquet")["n"].to_list() == [1.0, 2.0, 0.5, None]
    with pytest.raises(SchemaMismatchError, match="column 'n' is String and the file has Float64"):
        lake.write(pl.DataFrame({"n": ["x"]}), "a.parquet", format="parquet")


@pytest.mark.parametrize("format_name", FORMATS)
def test_keys_that_do_not_name_one_row_are_refused(lake, format_name):
    """Nothing is written, and the count is said."""
    lake.write(THERE, path(format_name), format=format_name, mode="upsert", keys=("id",))
    for rows, message in [({"id": [3, 3]}, "1 of 2 rows repeat a key of 'id'"), ({"id": [3, None]}, "1 of 2 rows have a null in key 'id'")]:
        with pytest.raises(DataError, match=message):
            lake.write(pl.DataFrame(rows), path(format_name), format=format_name, mode="upsert", keys=("id",))
    with pytest.raises(SchemaMismatchError, match="key column 'gone' is missing"):
        lake.write(NEW, path(format_name), format=format_name, mode="append_once", keys=("gone",))
    assert lake.scan(path(format_name), format_name).rows() == THERE.rows()


def test_a_json_file_keeps_its_kind(lake):
    """An array stays an array, lines stay lines."""
    lake.write(THERE, "a.json", format="json")
    lake.write(NEW, "a.json", format="json")
    assert json.loads((lake.root / "a.json").read_text())[-1] == {"id": 3, "v": "c"}
    lake.write(THERE, "a.ndjson", format="ndjson")
    lake.write(NEW, "a.ndjson", format="ndjson")
    assert (lake.root / "a.ndjson").read_text().splitlines()[-1] == '{"id":3,"v":"c"}'


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_is_there_can_be_seen(lake, format_name):
    """By the schema policy, for one; a file without a fence says so."""
    target = lake.target(path(format_name), format=format_name)
    sink = lake.engine.open(target)
    assert (sink.exists, sink.present(), sink.transaction("x")) == (False, None, None)
    lake.write(THERE, path(format_name), format=format_name)
    for mode in ("append", "overwrite"):
        sink = lake.engine.open(lake.target(path(format_name), format=format_name, mode=mode))
        assert sink.present().frame.collect_schema().names() == ["id", "v"]
    with pytest.raises(ConfigError):
        sink.fence("x")


def test_a_header_is_not_needed(lake):
    """Columns then have places and no names."""
    more = {"format": "csv", "options": {"header": False}}
    lake.write(THERE, "a.csv", **more)
    lake.write(NEW, "a.csv", **more)
    assert (lake.root / "a.csv").read_text() == "1,a\n2,\n2,b\n3,c\n"


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
def test_a_folder_is_no_file(lake, format_name):
    """Said when the target is opened."""
    (lake.root / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="is a folder"):
        lake.engine.open(lake.target("a", format=format_name))
