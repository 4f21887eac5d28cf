"""Rows that do not parse, from the YAML to the archive: nothing is lost, nothing is there twice, and nothing is told that is private."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from odibi_core.catalog import CatalogReader
from odibi_core.errors import TransientServiceError
from odibi_core.events import Unparsed
from odibi_core.storage.local import LocalStore
from tests.hosts.test_writing import Runs, node

BAD = "i,email\n1,a@x.org\nsecret-value,b@x.org\n3,c@x.org,spare-cell\n"
READ = "read: {{ connection: landing, format: csv, path: in.csv, options: {{ dtypes: {{ i: int }} }}, archive_options: {{ {} }} }}"


def archived(folder: Path, below: str = "landing/bad") -> list[dict[str, Any]]:
    """Every record in an archive, whichever run put it there."""
    files = sorted((folder / below).rglob("*.json"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture
def runs(tmp_path: Path):
    """Make the runs of one node that reads `in.csv`."""

    def made(options: str, *parts: str, mode: str = "append") -> Runs:
        found = Runs(tmp_path, node(*parts, read=READ.format(options), write=f"mode: {mode}"))
        found.land(BAD)
        return found

    return made


def test_bad_records_lie_in_the_archive(runs) -> None:
    """Good rows go on; the story counts, and says where the others are."""
    found = runs("badRecordsPath: /bad")
    result = found.run()
    assert (result.status, found.table().rows()) == ("succeeded", [(1, "a@x.org")])
    (read,) = result.reads
    (folder,) = (found.folder / "landing" / "bad").iterdir()
    place = f"landing/bad/{folder.name}/bad_records"
    assert (read.rows, read.unparsed) == (1, Unparsed(archived=2, archive=place))
    assert result.warnings == (f"2 rows of 'landing/in.csv' did not parse: 2 archived in '{place}'",)
    assert [(record["path"], record["line"], record["record"]) for record in archived(found.folder)] == [
        ("in.csv", 3, "secret-value,b@x.org"),
        ("in.csv", 4, "3,c@x.org,spare-cell"),
    ]


def test_a_retry_doubles_nothing(runs) -> None:
    """The store fails once behind the first object of the archive; what lies there is written over with the same."""
    found = runs("badRecordsPath: bad")
    put, failed = LocalStore.put, []

    def once(self: LocalStore, path: str, data: bytes, *, content_type: str = "") -> None:
        put(self, path, data, content_type=content_type)
        if path.startswith("n.df-") and not failed:
            failed.append(path)
            raise TransientServiceError("the store went away")

    with patch.object(LocalStore, "put", once):
        result = found.run()
    assert (result.status, len(failed)) == ("succeeded", 1)
    assert len(archived(found.folder)) == 2
    assert found.table().rows() == [(1, "a@x.org")]


def test_an_archive_that_cannot_be_written_fails_before_the_commit(runs) -> None:
    """A file lies where its folder should be."""
    found = runs("badRecordsPath: bad")
    (found.folder / "landing" / "bad").write_text("in the way")
    result = found.run()
    assert result.status == "failed"
    assert not (found.folder / "lake" / "t").exists()


@pytest.mark.parametrize(
    ("options", "rows", "told"),
    [
        ("mode: DROPMALFORMED", 1, Unparsed(dropped=2)),
        ("mode: permissive", 3, Unparsed(kept=2)),
        ("columnNameOfCorruptRecord: _corrupt_record", 3, Unparsed(kept=2)),
        ("rescuedDataColumn: _rescued_data", 3, Unparsed(rescued=2)),
    ],
)
def test_no_error_log_or_report_quotes_a_row(runs, options: str, rows: int, told: Unparsed) -> None:
    """With `sensitive` columns the rescue column is masked in the story, too; the table has it."""
    found = runs(options, "sensitive: [email]")
    result = found.run()
    assert (result.status, found.table().height, result.reads[0].unparsed) == ("succeeded", rows, told)
    files = [file for file in (found.folder / "lake").rglob("*") if file.is_file() and "t/" not in file.as_posix()]
    said = "\n".join(file.read_bytes().decode(errors="replace") for file in files if file.suffix != ".parquet")
    assert "spare-cell" not in said
    assert "b@x.org" not in said
    if "Column" in options or "column" in options:
        assert "spare-cell" in "".join(text or "" for text in found.table().to_series(-1))


def test_without_an_option_a_bad_row_fails(tmp_path: Path) -> None:
    """As it always did."""
    found = Runs(tmp_path, node(read="read: { connection: landing, format: csv, path: in.csv, options: { dtypes: { i: int } } }"))
    found.land(BAD)
    result = found.run()
    assert (result.status, result.error.code) == ("failed", "unreadable_rows")
    assert "secret-value" not in result.error.message


def test_the_catalog_counts_them(runs) -> None:
    """In the node's row and in the run's."""
    found = runs("mode: DROPMALFORMED")
    host = found.world.in_process()
    host.run(host.request("p"))
    reader: CatalogReader = host.app.catalog
    assert reader.nodes()["rows_unparsed"].to_list() == [2]
    assert reader.runs()["rows_unparsed"].to_list() == [2]


def test_personal_values_are_hashed_in_the_rescue_column(tmp_path: Path) -> None:
    """Here and in the node behind, to which the flag goes along."""
    behind = """\
      - name: behind
        depends_on: [n]
        columns: { email: { pii: true } }
        privacy: { method: redact }
        transform: { steps: [ 'SELECT i, r FROM n' ] }
        write: { connection: lake, format: delta, path: behind }
"""
    read = READ.format("rescuedDataColumn: r")
    hashing = "columns: { email: { pii: true } }, privacy: { method: hash, salt: s }"
    found = Runs(tmp_path, node(hashing, read=read), behind=behind)
    found.land(BAD)
    assert found.run("behind").status == "succeeded"
    texts = [text for text in found.table()["r"] if text is not None]
    assert len(texts) == 2
    assert all(set(text) <= set("0123456789abcdef") and len(text) == 64 for text in texts)
    assert set(found.table("behind")["r"].to_list()) == {"[REDACTED]"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("mode: SOMETIMES", "'mode' is 'SOMETIMES'"),
        ("badRecordsPath: bad, mode: FAILFAST", "'badRecordsPath' and 'mode: FAILFAST' exclude each other"),
        ("badRecordsPath: 'abfss://c@a.dfs.core.windows.net/bad'", "'badRecordsPath' is no path inside the read's connection"),
        ("badRecordsPath: ../bad", "'badRecordsPath' must be a folder inside the read's connection"),
        ("badRecordsPath: in.csv", "'badRecordsPath' lies where the read looks for its files"),
        ("rescuedDataColumn: 7", "'rescuedDataColumn' must be a text"),
        ("rescuedDataColumn: r, columnNameOfCorruptRecord: R", "are the same column"),
    ],
)
def test_contradictions_are_refused_before_anything_runs(runs, options: str, complaint: str) -> None:
    """With the place in the YAML."""
    with pytest.raises(Exception, match=complaint):
        runs(options).run()


def test_an_incremental_load_leaves_its_mark_where_it_belongs(tmp_path: Path) -> None:
    """A bad value is no new maximum, and the second run takes only what is new."""
    read = (
        "read: { connection: landing, format: csv, path: in.csv, options: { dtypes: { i: int } }, "
        "archive_options: { badRecordsPath: bad }, incremental: { mode: stateful, column: i } }"
    )
    found = Runs(tmp_path, node(read=read, write="mode: append"))
    found.land("i,t\n1,a\n2,b\n9x,c\n")
    assert found.run().status == "succeeded"
    found.land("i,t\n1,a\n2,b\n9x,c\n3,d\n")
    second = found.run()
    assert (found.table().rows(), second.rows_out) == ([(1, "a"), (2, "b"), (3, "d")], 1)
