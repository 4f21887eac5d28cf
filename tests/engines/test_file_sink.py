"""Files as targets: whole or not at all, and safe to repeat."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from odibi_core.engines.polars import file_sink
from odibi_core.errors import ConfigError

ROWS = pl.DataFrame({"id": [1, 2], "v": ["a", None]})
MORE = pl.DataFrame({"id": [3], "v": ["c"]})


@pytest.mark.parametrize("format_name", ["csv", "json", "ndjson", "parquet"])
def test_overwrite_replaces_the_file(lake, format_name):
    """Again and again; what is read back is what was written."""
    path = f"out/report.{format_name}"
    first = lake.write(MORE, path, format=format_name, mode="overwrite")
    second = lake.write(ROWS, path, format=format_name, mode="overwrite", transaction="r/n")
    again = lake.write(ROWS, path, format=format_name, mode="overwrite", transaction="r/n")
    assert lake.scan(path, format_name).rows() == ROWS.rows()
    assert [one.created for one in (first, second, again)] == [True, False, False]
    assert (again.rows, again.version, again.recovered) == (2, None, False)
    assert [file.name for file in (lake.root / "out").iterdir()] == [f"report.{format_name}"]


def test_ignore_writes_once(lake):
    """Whoever comes first, as for a staged frame of a run."""
    first = lake.write(ROWS, "frames/n.parquet", format="parquet", mode="ignore")
    second = lake.write(MORE, "frames/n.parquet", format="parquet", mode="ignore")
    assert (first.rows, first.recovered, second.rows, second.recovered) == (2, False, None, True)
    assert lake.scan("frames/n.parquet", "parquet").equals(ROWS)


def test_a_write_that_dies_leaves_the_old_file(lake, monkeypatch):
    """And nothing beside it."""
    lake.write(ROWS, "a.csv", format="csv", mode="overwrite")

    def dies(self, path, **_):
        with Path(path).open("w") as half:
            half.write("id,v\n9,")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", dies)
    with pytest.raises(Exception, match="the disk is full"):
        lake.write(MORE, "a.csv", format="csv", mode="overwrite")
    assert lake.scan("a.csv", "csv").equals(ROWS)
    assert [file.name for file in lake.root.iterdir()] == ["a.csv"]


def test_csv_options(lake):
    """The reader's words, as far as they say something about writing."""
    lake.write(ROWS, "a.csv", format="csv", mode="overwrite", options={"sep": ";", "header": False})
    assert (lake.root / "a.csv").read_text() == "1;a\n2;\n"


@pytest.mark.parametrize(
    "target",
    [
        {"format": "excel", "mode": "overwrite"},
        {"format": "csv", "mode": "upsert"},
        {"format": "json", "mode": "append", "options": {"sep": ";"}},
        {"format": "csv", "mode": "append", "options": {"sepp": ";"}},
        {"format": "parquet", "mode": "append_once", "keys": ("id",), "options": {"sep": ";"}},
        {"format": "parquet", "mode": "append", "partition_by": ("id",)},
        {"format": "csv", "mode": "overwrite", "partition_by": ("id",)},
        {"format": "parquet", "mode": "overwrite", "options": {"sep": ";"}},
        {"format": "csv", "mode": "overwrite", "options": {"sepp": ";"}},
    ],
)
def test_what_files_cannot_do(lake, target):
    """Said when the target is opened, before anything is read."""
    with pytest.raises(ConfigError):
        lake.engine.open(lake.target("a.csv", **target))


def test_files_hold_no_transactions(lake):
    """A load that keeps a mark needs a table."""
    sink = lake.engine.open(lake.target("a.csv", format="csv", mode="overwrite"))
    assert sink.transaction("r/n") is None
    with pytest.raises(ConfigError):
        sink.fence("r/n")
    assert isinstance(sink, file_sink.FileSink)
