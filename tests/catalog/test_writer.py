"""One commit per table that has something new, exactly once, whatever dies in between."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

import odibi_core.catalog.writer as writer_module
from odibi_core.catalog import CatalogWriter, link_log_entry
from odibi_core.catalog.opening import first_log_entry
from odibi_core.catalog.schema import TABLES, columns, delta_schema, polars_schema
from odibi_core.errors import PermanentServiceError, TransientServiceError
from odibi_core.events import Column
from odibi_core.ports import ReportBatch


def known(catalog, run):
    """Write a first run, so that the target's columns are known."""
    catalog.flush(1, run(1, created=True))
    assert catalog.commits() == {"meta_runs": 1, "meta_schemas": 1, "meta_tables": 1}


def test_a_plain_run_makes_one_commit(catalog, run):
    """Nothing but `meta_runs` has something new when files, marks and columns stay as they are."""
    known(catalog, run)

    catalog.flush(2, run(2))

    assert catalog.commits() == {"meta_runs": 2, "meta_schemas": 1, "meta_tables": 1}


def test_a_watermark_that_moved_makes_a_second_commit(catalog, run):
    """`meta_state` joins in."""
    known(catalog, run)

    catalog.flush(2, run(2, moved=True))

    assert catalog.commits() == {"meta_runs": 2, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}


def test_files_that_arrived_make_a_third_commit(catalog, run, file):
    """`meta_files` joins in."""
    known(catalog, run)

    catalog.flush(2, run(2, moved=True, files=(file(),)))

    assert catalog.commits() == {"meta_files": 1, "meta_runs": 2, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}


def test_a_hundred_runs_make_no_more_commits_than_one(catalog, run, file):
    """A batch is one commit per table, and every run of it is there."""
    known(catalog, run)

    catalog.flush(2, *(run(number, moved=True, files=(file(f"{number}.csv"),)) for number in range(2, 102)))

    assert catalog.commits() == {"meta_files": 1, "meta_runs": 2, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}
    assert catalog.rows("meta_runs").filter(kind="run").height == 101
    assert catalog.rows("meta_state").height == 100
    assert catalog.rows("meta_files").height == 100


def test_a_batch_twice_is_there_once(catalog, run, file):
    """The second time finds the batch's number in every table, also in another process's writer."""
    ended = run(1, moved=True, files=(file(),), created=True)
    catalog.flush(1, ended)
    before = catalog.commits()

    catalog.flush(1, ended)
    CatalogWriter(catalog.location)(ReportBatch(sequence=1, runs=(ended,)))

    assert catalog.commits() == before == {"meta_files": 1, "meta_runs": 1, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}


def test_a_late_batch_is_skipped(catalog, run):
    """A number below the newest one was written by somebody else while this writer slept."""
    catalog.flush(2, run(2))

    catalog.flush(1, run(1))

    assert catalog.rows("meta_runs").filter(kind="run")["run_id"].to_list() == [f"{2:032x}"]


@pytest.mark.parametrize("died_at", list(TABLES))
def test_a_writer_that_dies_between_two_tables_is_completed_by_the_next_try(catalog, run, file, monkeypatch, died_at):
    """Whatever table was not reached gets its rows, and no other table gets them twice."""
    whole = writer_module.commit

    def dying(handle, table, rows, sequence):
        if table == died_at:
            raise KeyboardInterrupt
        whole(handle, table, rows, sequence)

    ended = run(1, moved=True, files=(file(),), created=True)
    monkeypatch.setattr(writer_module, "commit", dying)
    with pytest.raises(KeyboardInterrupt):
        catalog.flush(1, ended)
    assert catalog.commits() == {table: 0 if table == died_at else 1 for table in sorted(TABLES)}

    monkeypatch.setattr(writer_module, "commit", whole)
    catalog.flush(1, ended)

    assert catalog.commits() == dict.fromkeys(sorted(TABLES), 1)
    assert {table: catalog.rows(table).height for table in TABLES} == {
        "meta_runs": 2,
        "meta_schemas": 1,
        "meta_state": 1,
        "meta_files": 1,
        "meta_tables": 1,
    }


@pytest.mark.parametrize("error", [OSError("connection reset"), CommitFailedError("lost"), BaseException("panic")])
def test_a_lost_acknowledgement_is_not_taken_for_a_failure(catalog, run, monkeypatch, error):
    """The commit happened and the answer said it did not: the writer looks and believes the table."""
    import deltalake

    class PanicException(BaseException):
        """As Rust raises it."""

    tried = []

    def applied_but_failed(*args, **options):
        tried.append(1)
        write_deltalake(*args, **options)
        raise PanicException("panic") if type(error) is BaseException else error

    monkeypatch.setattr(deltalake, "write_deltalake", applied_but_failed)
    catalog.flush(1, run(1, columns=()))

    assert catalog.commits() == {"meta_runs": 1}
    assert tried == [1]


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (OSError("Generic error: HTTP error: status 503"), TransientServiceError, "catalog_unavailable"),
        (OSError("status 403 Forbidden, key=hunter2"), PermanentServiceError, "catalog_denied"),
        (OSError("No space left on device (os error 28)"), PermanentServiceError, "catalog_full"),
        (CommitFailedError("Concurrent transaction failed."), TransientServiceError, "catalog_conflict"),
    ],
)
def test_a_failed_commit_says_who_must_act(catalog, run, monkeypatch, error, expected, code):
    """The text of the library is in the cause only: it may hold more than it should."""
    import deltalake

    def failing(*_, **__):
        raise error

    monkeypatch.setattr(deltalake, "write_deltalake", failing)
    with pytest.raises(expected) as caught:
        catalog.flush(1, run(1, columns=()))

    assert caught.value.error_code == code
    assert "hunter2" not in str(caught.value)
    assert catalog.commits() == {"meta_runs": 0}


def test_an_interrupt_stays_an_interrupt(catalog, run, monkeypatch):
    """Only panics of Rust are translated among what derives from BaseException."""
    import deltalake

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(deltalake, "write_deltalake", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalog.flush(1, run(1, columns=()))


def test_eight_threads_with_one_number_write_one_batch(catalog, run):
    """Of writers under the same number one is there, whole; the others are refused by the table and then skip."""
    catalog.flush(1, run(1))

    def flush(number):
        CatalogWriter(catalog.location)(ReportBatch(sequence=2, runs=(run(number, moved=True),)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flush, range(2, 10)))

    assert catalog.commits() == {"meta_runs": 2, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}
    assert catalog.rows("meta_runs").filter(kind="run").height == 2


PROCESS = """
import sys
from odibi_core.catalog import CatalogWriter
from odibi_core.events import parse_event
from odibi_core.ports import Location, ReportBatch
folder, *events = sys.argv[1:]
writer = CatalogWriter(lambda table: Location(connection="system", path=table, uri=f"{folder}/{table}"))
sys.stdin.readline()
writer(ReportBatch(sequence=1, runs=(tuple(parse_event(event.encode()) for event in events),)))
"""


def test_processes_that_race_for_the_creation_write_one_batch(catalog, run, file):
    """On a fresh catalog all of them create every table and none of them sees half a table or writes twice."""
    catalog.folder.mkdir()
    processes = []
    for number in range(1, 5):
        events = [event.model_dump_json() for event in run(number, moved=True, created=True, files=(file(),))]
        command = [sys.executable, "-c", PROCESS, str(catalog.folder), *events]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[2]))
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert catalog.commits() == {"meta_files": 1, "meta_runs": 1, "meta_state": 1, "meta_schemas": 1, "meta_tables": 1}
    assert {table: catalog.rows(table).height for table in TABLES} == {
        "meta_runs": 2,
        "meta_schemas": 1,
        "meta_state": 1,
        "meta_files": 1,
        "meta_tables": 1,
    }


def test_of_many_creators_exactly_one_wins(catalog):
    """The first log entry is put if absent: one True, the entry of the winner, nothing left lying about."""
    location = catalog.location("meta_runs")
    entries = [first_log_entry("meta_runs") for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda entry: link_log_entry(location, entry), entries))

    assert sorted(won) == [False] * 7 + [True]
    stored = Path(location.uri, "_delta_log", f"{0:020}.json").read_bytes()
    assert stored == entries[won.index(True)]
    assert [path.name for path in Path(location.uri).iterdir()] == ["_delta_log"]


def test_another_way_to_put_the_first_entry_is_used(catalog, run):
    """A store without links gets the location and the bytes."""
    asked = []

    def put(location, data):
        asked.append((location.path, data.count(b"\n")))
        return link_log_entry(location, data)

    CatalogWriter(catalog.location, put)(ReportBatch(sequence=1, runs=(run(1, columns=()),)))

    assert [path for path, _ in asked] == ["meta_runs"]
    assert catalog.commits() == {"meta_runs": 1}


def test_a_table_has_the_declared_types_and_properties(catalog, run, file):
    """They do not depend on the rows: a column that is null in all of them has its type."""
    catalog.flush(1, run(1, moved=True, files=(file(),), created=True))

    for table in TABLES:
        handle = DeltaTable(str(catalog.folder / table))
        assert handle.schema().to_json() == delta_schema(table).to_json()
        assert handle.metadata().partition_columns == []
        assert handle.metadata().configuration["delta.checkpointInterval"] == "10"
        assert handle.metadata().configuration["delta.setTransactionRetentionDuration"] == "interval 30 days"
        assert catalog.rows(table).schema == polars_schema(table)
        assert handle.transaction_version("odibi/catalog") == 1
    assert {name: kind.__name__ for name, kind in columns("meta_files").items()} == {
        "connection": "str",
        "path": "str",
        "etag": "str",
        "size_bytes": "int",
        "pipeline": "str",
        "run_id": "str",
        "nodes": "tuple",
        "status": "str",
        "rows": "int",
        "processed_at": "datetime",
    }
    assert polars_schema("meta_runs")["finished_at"] == pl.Datetime("us", "UTC")


def test_the_log_keeps_no_statistics_of_error_texts(catalog, run):
    """Minimum and maximum stand in clear in the log: only what readers filter by is in it."""
    catalog.flush(1, run(1, columns=()))

    (statistics,) = [str(entry["add"]["stats"]) for entry in catalog.log_entry("meta_runs", 1) if "add" in entry]
    assert "started_at" in statistics
    assert "error_message" not in statistics


def test_columns_that_changed_are_written_down_and_equal_ones_are_not(catalog, run):
    """The newest row of the table decides, whoever wrote it."""
    wider = (Column(name="id", type="Int64"), Column(name="note", type="String"))
    catalog.flush(1, run(1, created=True))
    catalog.flush(2, run(2))
    catalog.flush(3, run(3, columns=wider))
    CatalogWriter(catalog.location)(ReportBatch(sequence=4, runs=(run(4, columns=wider),)))
    catalog.flush(5, run(5), run(6))

    rows = catalog.rows("meta_tables").sort("seen_at")
    assert rows["version"].to_list() == [1, 3, 5]
    assert rows["created"].to_list() == [True, False, False]


def test_a_removed_table_is_filled_again_and_the_others_stay(catalog, run, file):
    """All events again under the last number: what is there is left alone, and a later batch goes on as usual."""
    runs = [run(number, moved=number < 3, files=(file(str(number)),), created=number == 1) for number in range(1, 5)]
    for number, ended in enumerate(runs, start=1):
        catalog.flush(number, ended)
    whole = {table: catalog.rows(table) for table in TABLES}
    shutil.rmtree(catalog.folder / "meta_files")
    commits = catalog.commits()

    catalog.writer.rebuild(ReportBatch(sequence=4, runs=tuple(runs)))
    catalog.writer.rebuild(ReportBatch(sequence=4, runs=tuple(runs)))
    catalog.flush(4, runs[3])

    assert catalog.commits() == {**commits, "meta_files": 1}
    for table in TABLES:
        assert catalog.rows(table).sort("run_id").to_dicts() == whole[table].sort("run_id").to_dicts()


def test_a_removed_catalog_is_rebuilt(catalog, run, file):
    """Every table has the rows that it had."""
    runs = [run(number, moved=True, files=(file(str(number)),), created=number == 1) for number in range(1, 4)]
    catalog.flush(1, *runs)
    whole = {table: catalog.rows(table).sort("run_id").to_dicts() for table in TABLES}
    shutil.rmtree(catalog.folder)

    catalog.writer.rebuild(ReportBatch(sequence=1, runs=tuple(runs)))

    assert {table: catalog.rows(table).sort("run_id").to_dicts() for table in TABLES} == whole


@pytest.mark.parametrize("damage", ["garbage", "empty", "gap"])
def test_a_damaged_table_is_reported_and_the_others_are_written(catalog, run, damage):
    """The error names the table and says what to do; the healthy tables have the batch."""
    for number in range(1, 4):
        catalog.flush(number, run(number, moved=True, columns=()))
    entry = catalog.folder / "meta_runs" / "_delta_log" / f"{0 if damage == 'empty' else 1:020}.json"
    if damage == "gap":
        entry.unlink()
    else:
        entry.write_text("" if damage == "empty" else "{garbage")

    with pytest.raises(PermanentServiceError, match="catalog table 'meta_runs' could not be read") as caught:
        catalog.flush(4, run(4, moved=True, columns=()))

    assert caught.value.error_code == "catalog_damaged"
    assert catalog.rows("meta_state").height == 4


def test_a_table_of_another_release_is_written_to(catalog, run):
    """Columns that it lacks are added, columns that it has more stay and are null."""
    narrow = pl.DataFrame(
        {"run_id": ["old"], "kind": ["run"], "future": [1]}, schema={"run_id": pl.String, "kind": pl.String, "future": pl.Int64}
    )
    narrow.write_delta(str(catalog.folder / "meta_runs"))

    catalog.flush(1, run(1, columns=()))
    catalog.flush(2, run(2, columns=()))

    rows = catalog.rows("meta_runs")
    assert rows.height == 5
    assert set(rows.columns) == {*polars_schema("meta_runs"), "future"}
    assert catalog.reader.runs()["run_id"].to_list() == [f"{2:032x}", f"{1:032x}", "old"]


def test_a_table_with_another_type_is_refused(catalog, run):
    """delta-rs would cast the values without a word."""
    pl.DataFrame({"run_id": [1]}).write_delta(str(catalog.folder / "meta_runs"))

    with pytest.raises(PermanentServiceError, match="columns of another type: run_id"):
        catalog.flush(1, run(1, columns=()))

    assert catalog.rows("meta_runs").height == 1


def test_an_instant_with_an_offset_is_stored_in_utc(catalog, run):
    """The instant stays the same."""
    from datetime import datetime, timezone

    started, node, finished = run(1, columns=())
    local = datetime(2026, 3, 1, 15, tzinfo=timezone(timedelta(hours=2)))
    catalog.flush(1, (started.model_copy(update={"logical_time": local}), node, finished))

    assert set(catalog.rows("meta_runs")["logical_time"].to_list()) == {local}


def test_a_batch_without_rows_makes_no_table(catalog):
    """Nothing to say, nothing to commit."""
    catalog.flush(1)

    assert not catalog.folder.exists()


def test_nothing_heavy_is_imported_with_the_package():
    """Polars and delta-rs come in when a batch is written."""
    code = "import sys, odibi_core.catalog; print(sorted({'polars', 'deltalake'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert found.stdout.strip() == "[]"


def test_every_change_of_columns_is_a_version(catalog, run):
    """With what changed; the same columns in another order are no change, nor is a table that is made anew with them."""
    first = (Column(name="id", type="Int64"), Column(name="amount", type="Float64"))
    wider = (first[0], Column(name="amount", type="Decimal(10, 2)"), Column(name="note", type="String"))
    catalog.flush(1, run(1, created=True), run(2, columns=first[::-1]))
    catalog.flush(2, run(3, columns=wider), run(4, created=True, columns=wider), run(5, target="lake/other"))
    for _ in range(2):  # the same batch again
        catalog.flush(3, run(6, columns=wider[:1]))

    rows = catalog.rows("meta_schemas").sort("uri", "schema_version")
    assert rows.select(
        "table_path", "schema_version", "columns_added", "columns_removed", "columns_type_changed", "run_id", "table_version"
    ).rows() == [
        ("orders", 1, ["id", "amount"], [], [], f"{1:032x}", 1),
        ("orders", 2, ["note"], [], ["amount"], f"{3:032x}", 3),
        ("orders", 3, [], ["amount", "note"], [], f"{6:032x}", 6),
        ("other", 1, ["id", "amount"], [], [], f"{5:032x}", 5),
    ]
    assert json.loads(rows["columns"][1]) == [{"name": column.name, "type": column.type} for column in wider]
