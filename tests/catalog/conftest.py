"""Builders of runs, and a catalog in a temporary folder."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from odibi_core.catalog import CatalogReader, CatalogWriter
from odibi_core.events import (
    Column,
    DatasetRead,
    DatasetWrite,
    NodeFinished,
    NodeResult,
    PlannedNodeFacts,
    RunEvent,
    RunFinished,
    RunStarted,
)
from odibi_core.events import WatermarkMoved as Moved
from odibi_core.messages import BlobArrived, FileVersion, Requested
from odibi_core.ports import Location, ReportBatch

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = (Column(name="id", type="Int64"), Column(name="amount", type="Float64"))


def a_run(
    number: int,
    *,
    pipeline: str = "sales",
    status: str = "succeeded",
    files: tuple[FileVersion, ...] = (),
    moved: bool = False,
    created: bool = False,
    columns: tuple[Column, ...] = COLUMNS,
    target: str = "lake/orders",
) -> tuple[RunEvent, ...]:
    """A run of one node `load`, an hour after the run of the number before."""
    run_id = f"{number:032x}"
    at = START + timedelta(hours=number)
    end = at + timedelta(seconds=2)
    result = NodeResult(
        status="succeeded" if status == "succeeded" else "failed",
        started_at=at,
        finished_at=end,
        seconds=2.0,
        reads=(DatasetRead(dataset="landing/in", format="csv", rows=3, files=files),),
        write=DatasetWrite(
            dataset=target, uri=f"/lake/{target}", format="delta", mode="append", rows=3, version=number, created=created, columns=columns
        ),
        watermark=Moved(
            key=f"{pipeline}/load", column="id", sequence=number, before=None if number == 1 else str(number - 1), after=str(number)
        )
        if moved
        else None,
    )
    return (
        RunStarted(
            run_id=run_id,
            project="shop",
            pipeline=pipeline,
            cause=BlobArrived(files=files) if files else Requested(key=str(number)),
            logical_time=at,
            at=at,
            nodes=(PlannedNodeFacts(name="load"),),
            config_fingerprint="f1",
        ),
        NodeFinished(run_id=run_id, node="load", attempt=1, result=result, at=end),
        RunFinished(run_id=run_id, status=status, at=end, succeeded=1, failed=0, skipped=0),
    )


def a_file(name: str = "a.csv", etag: str = "1") -> FileVersion:
    return FileVersion(connection="landing", path=f"in/{name}", etag=etag, size_bytes=10)


class Catalog:
    """A catalog in a folder, its writer and reader, and what stands in its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = CatalogWriter(self.location)
        self.reader = CatalogReader(self.location)

    def location(self, table: str) -> Location:
        return Location(connection="system", path=table, uri=str(self.folder / table))

    def flush(self, sequence: int, *runs: tuple[RunEvent, ...]) -> None:
        self.writer(ReportBatch(sequence=sequence, runs=runs))

    def commits(self) -> dict[str, int]:
        """Commits per table, without the one that created it."""
        return {
            table.name: len([entry for entry in (table / "_delta_log").iterdir() if entry.suffix == ".json"]) - 1
            for table in sorted(self.folder.iterdir())
        }

    def rows(self, table: str) -> pl.DataFrame:
        return pl.read_delta(str(self.folder / table))

    def log_entry(self, table: str, version: int) -> list[dict[str, object]]:
        entry = self.folder / table / "_delta_log" / f"{version:020}.json"
        return [json.loads(line) for line in entry.read_text().splitlines()]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """An empty catalog."""
    return Catalog(tmp_path / "system")


@pytest.fixture
def run() -> Callable[..., tuple[RunEvent, ...]]:
    """The builder of runs."""
    return a_run


@pytest.fixture
def file() -> Callable[..., FileVersion]:
    """The builder of file versions."""
    return a_file
