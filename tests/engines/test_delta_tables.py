"""Tables that are missing, vanished or damaged, and reading versions."""

from __future__ import annotations

import shutil

import polars as pl
import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError

ROWS = pl.DataFrame({"id": [1, 2], "v": ["a", "b"]})


def test_a_table_that_vanished_is_not_started_anew(lake, guard, lazily):
    """Somebody deleted its log: an append would silently begin an empty table."""
    lake.engine = PolarsEngine(guard=guard)
    lake.write(ROWS)
    assert guard.tables == {str(lake.root / "t")}
    shutil.rmtree(lake.root / "t" / "_delta_log")
    with pytest.raises(PermanentServiceError) as caught:
        lake.engine.open(lake.target(transaction="late/n"))
    assert caught.value.error_code == "table_vanished"
    assert not (lake.root / "t" / "_delta_log").exists()


def test_a_table_that_vanishes_between_opening_and_writing(lake, guard, lazily):
    """It was missing at the opening, another run created it, and then it was deleted."""
    lake.engine = PolarsEngine(guard=guard)
    sink = lake.engine.open(lake.target(transaction="late/n"))
    lake.write(ROWS)
    shutil.rmtree(lake.root / "t")
    with pytest.raises(PermanentServiceError) as caught:
        sink.write(lazily(ROWS), {})
    assert caught.value.error_code == "table_vanished"


def test_the_guard_is_told_once(lake, guard):
    """Each telling is a request."""
    lake.engine = PolarsEngine(guard=guard)
    for _ in range(3):
        lake.write(ROWS)
    assert guard.told == 1


def test_whether_a_table_was_there_when_it_was_opened(lake, lazily):
    """It is about the moment of the opening."""
    sink = lake.engine.open(lake.target())
    sink.write(lazily(ROWS), {})
    assert not sink.exists
    assert lake.engine.open(lake.target()).exists


def test_reading_a_version(lake, computed):
    """The newest, or the one that is asked for; the log knows the rows."""
    lake.write(ROWS)
    lake.write(ROWS)
    newest = lake.engine.scan(lake.source("t"))
    assert (newest.version, newest.rows) == (2, 4)
    first = lake.engine.scan(lake.source("t", version=1))
    assert (first.version, first.rows) == (1, 2)
    lake.write(ROWS, mode="overwrite")
    assert computed(newest.frame).height == 4  # fixed when it was scanned
    assert computed(first.frame).height == 2
    assert lake.engine.scan(lake.source("t", options={"versionAsOf": 1})).version == 1
    with pytest.raises(ConfigError):
        lake.engine.scan(lake.source("t", options={"sep": ";"}))


def test_rows_that_the_log_does_not_know(lake):
    """Statistics are optional: unknown is not zero."""
    import json

    lake.write(ROWS)
    entry = lake.root / "t" / "_delta_log" / f"{1:020}.json"
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    entry.write_text("\n".join(json.dumps(action) for action in actions))
    assert lake.engine.scan(lake.source("t")).rows is None
    with pytest.raises(DataError):  # so it may have rows
        lake.write(ROWS, mode="error")


def test_a_missing_table(lake):
    """Names the table and what to do."""
    with pytest.raises(DataError) as caught:
        lake.engine.scan(lake.source("gold/orders"))
    assert caught.value.error_code == "missing_table"
    assert "lake/gold/orders" in caught.value.message


def test_a_version_that_is_not_there(lake):
    """One of our errors, whoever must act."""
    lake.write(ROWS)
    with pytest.raises(OdibiError):
        lake.engine.scan(lake.source("t", version=99))


def test_a_damaged_data_file_is_our_error(lake):
    """Polars panics on some of them, which is no Exception."""
    lake.write(pl.DataFrame({"id": range(10_000), "secret": ["SECRETVALUE"] * 10_000}))
    [file] = (lake.root / "t").glob("*.parquet")
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        lake.engine.cache(lake.engine.scan(lake.source("t")).frame, {})
    assert "SECRETVALUE" not in str(caught.value)


def test_a_deleted_data_file_is_our_error(lake):
    """Vacuumed too early, say."""
    lake.write(ROWS)
    next((lake.root / "t").glob("*.parquet")).unlink()
    with pytest.raises(DataError) as caught:
        lake.engine.cache(lake.engine.scan(lake.source("t")).frame, {})
    assert caught.value.error_code == "missing_file"


def test_a_damaged_log_is_the_operators(lake):
    """A checkpoint that is garbage."""
    lake.write(ROWS)
    lake.table().create_checkpoint()
    next((lake.root / "t" / "_delta_log").glob("*.checkpoint.parquet")).write_bytes(b"garbage")
    with pytest.raises(PermanentServiceError) as caught:
        lake.engine.open(lake.target(transaction="r/n"))
    assert caught.value.error_code == "table_damaged"


def test_properties_that_we_could_not_write_with_are_refused(lake):
    """A table that switches on deletion vectors could not be written again."""
    with pytest.raises(ConfigError, match="enableDeletionVectors"):
        lake.write(ROWS, properties={"delta.enableDeletionVectors": "true"})
    assert not (lake.root / "t").exists()


def test_a_full_disk_is_the_operators(lake, monkeypatch):
    """The founding of a table is a file too."""
    import errno
    import os

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(PermanentServiceError) as caught:
        lake.write(ROWS)
    assert caught.value.error_code == "disk_full"
    assert not list((lake.root / "t" / "_delta_log").iterdir())
