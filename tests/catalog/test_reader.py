"""Questions to the catalog."""

import pytest

from odibi_core.catalog.schema import polars_schema
from odibi_core.errors import PermanentServiceError
from odibi_core.events import Column


def ids(*numbers):
    """Run ids of the builder."""
    return [f"{number:032x}" for number in numbers]


def test_missing_tables_have_no_rows_and_all_columns(catalog):
    """Before the first run every question has an answer, and asking creates nothing."""
    reader = catalog.reader
    answers = {
        "meta_runs": [reader.runs(), reader.nodes(), reader.nodes(run_id="x")],
        "meta_state": [reader.state(), reader.state("sales")],
        "meta_files": [reader.files(), reader.files(path="in")],
        "meta_tables": [reader.tables()],
    }

    for table, frames in answers.items():
        for frame in frames:
            assert frame.schema == polars_schema(table)
            assert frame.height == 0
    assert not catalog.folder.exists()


def test_runs_are_newest_first(catalog, run):
    """However they were flushed; by pipeline, by status, and only so many."""
    catalog.flush(1, run(2), run(1, pipeline="stock"))
    catalog.flush(2, run(4, status="failed"), run(3))

    reader = catalog.reader
    assert reader.runs()["run_id"].to_list() == ids(4, 3, 2, 1)
    assert reader.runs(limit=2)["run_id"].to_list() == ids(4, 3)
    assert reader.runs(pipeline="sales")["run_id"].to_list() == ids(4, 3, 2)
    assert reader.runs(status="failed")["run_id"].to_list() == ids(4)
    assert reader.runs(pipeline="stock", status="failed").height == 0
    assert set(reader.runs()["kind"]) == {"run"}
    assert reader.runs().schema == polars_schema("meta_runs")


def test_nodes_are_those_of_a_run_or_of_a_pipeline(catalog, run):
    """Newest first, too."""
    catalog.flush(1, run(1), run(2), run(3, pipeline="stock"))

    reader = catalog.reader
    assert reader.nodes(run_id=ids(2)[0]).select("run_id", "node", "rows_written").rows() == [(ids(2)[0], "load", 3)]
    assert reader.nodes(pipeline="sales")["run_id"].to_list() == ids(2, 1)
    assert reader.nodes(limit=1)["run_id"].to_list() == ids(3)


def test_the_state_is_the_move_with_the_highest_sequence(catalog, run):
    """Of every key, also when an older move was flushed later."""
    catalog.flush(1, run(3, moved=True), run(1, moved=True))
    catalog.flush(2, run(2, moved=True), run(4, moved=True, pipeline="stock"))

    state = catalog.reader.state().select("key", "sequence", "value_after").rows()
    assert state == [("stock/load", 4, "4"), ("sales/load", 3, "3")]
    assert catalog.reader.state("sales")["sequence"].to_list() == [3]


def test_files_are_found_by_path_and_folder(catalog, run, file):
    """A folder is not a prefix of a name."""
    catalog.flush(1, run(1, files=(file("a.csv"),)), run(2, files=(file("a.csv", "2"), file("a.csv.bak"))), run(3, pipeline="stock"))

    reader = catalog.reader
    assert reader.files(path="in/a.csv").select("etag", "status", "nodes", "rows").rows() == [
        ("2", "succeeded", ["load"], None),
        ("1", "succeeded", ["load"], 3),
    ]
    assert reader.files(path="in/").height == reader.files().height == reader.files(pipeline="sales").height == 3
    assert reader.files(path="i").height == reader.files(pipeline="stock").height == 0
    assert reader.files(limit=1).height == 1


def test_tables_are_as_they_are_now(catalog, run):
    """Of each place the newest row."""
    other = (Column(name="x", type="Int8"),)
    catalog.flush(1, run(1, created=True), run(2, created=True, target="lake/items"), run(3, columns=other))

    assert catalog.reader.tables().select("dataset", "columns").rows() == [
        ("lake/orders", '[{"name": "x", "type": "Int8"}]'),
        ("lake/items", '[{"name": "id", "type": "Int64"}, {"name": "amount", "type": "Float64"}]'),
    ]


@pytest.mark.parametrize("damage", ["removed", "garbage"])
def test_a_table_that_lost_a_file_says_so(catalog, run, damage):
    """As an error of this product, not of a library."""
    catalog.flush(1, run(1))
    (data,) = (catalog.folder / "meta_runs").glob("*.parquet")
    if damage == "removed":
        data.unlink()
    else:
        data.write_bytes(b"garbage" * 100)

    with pytest.raises(PermanentServiceError, match="catalog table 'meta_runs' could not be read"):
        catalog.reader.runs()
