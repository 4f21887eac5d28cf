"""Builders for engine tests: a folder that is the connection 'lake', sources, targets and one-line writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_core.engines.polars import PolarsEngine
from odibi_core.messages import FileVersion
from odibi_core.ports import Location, Source, Target, WriteReceipt


@dataclass
class Lake:
    """A local connection with an engine that works on it."""

    root: Path
    engine: PolarsEngine
    written: int = field(default=0)

    def location(self, path: str) -> Location:
        return Location(connection="lake", path=path, uri=str(self.root / path))

    def target(self, path: str = "t", *, mode: Any = "append", transaction: str = "run/node", **more: Any) -> Target:
        return Target(location=self.location(path), format=more.pop("format", "delta"), mode=mode, transaction=transaction, **more)

    def source(self, path: str, format: str = "delta", **more: Any) -> Source:  # noqa: A002  # the word of the ports
        return Source(location=self.location(path), format=format, **more)

    def write(self, rows: pl.DataFrame, path: str = "t", **more: Any) -> WriteReceipt:
        """As the runtime does it: open, look, write."""
        if "transaction" not in more:
            self.written += 1
            more["transaction"] = f"run{self.written}/node"
        sink = self.engine.open(self.target(path, **more))
        return sink.committed() or sink.write(frame(rows), {"rows_in": str(rows.height)})

    def read(self, path: str = "t") -> pl.DataFrame:
        table = pl.read_delta(str(self.root / path))
        return table.sort(table.columns[0])

    def table(self, path: str = "t", **more: Any) -> DeltaTable:
        return DeltaTable(str(self.root / path), **more)

    def file(self, path: str, content: bytes | str) -> FileVersion:
        """Deliver a file and announce it."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.announced(path)

    def announced(self, path: str) -> FileVersion:
        found = (self.root / path).stat()
        return FileVersion(connection="lake", path=path, etag=f"{found.st_size}-{found.st_mtime_ns}", size_bytes=found.st_size)

    def scan(self, path: str, format: str, **more: Any) -> pl.DataFrame:  # noqa: A002  # the word of the ports
        """Scan and compute, as a node does."""
        return rows(self.engine.cache(self.engine.scan(self.source(path, format, **more)).frame, {}).frame)


def frame(data: pl.DataFrame | pl.LazyFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(data.lazy())


def rows(lazy: nw.LazyFrame[Any]) -> pl.DataFrame:
    return lazy.to_native().collect()


@pytest.fixture
def engine() -> Iterator[PolarsEngine]:
    engine = PolarsEngine()
    yield engine
    engine.release()


@pytest.fixture
def lake(tmp_path: Path, engine: PolarsEngine) -> Lake:
    return Lake(root=tmp_path / "lake", engine=engine)


@pytest.fixture
def lazily() -> Callable[[pl.DataFrame], nw.LazyFrame[Any]]:
    return frame


@pytest.fixture
def computed() -> Callable[[nw.LazyFrame[Any]], pl.DataFrame]:
    return rows


class Memory:
    """A table guard in memory."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.told = 0

    def existed(self, uri: str) -> bool:
        return uri in self.tables

    def remember(self, uri: str) -> None:
        self.told += 1
        self.tables.add(uri)


@pytest.fixture
def guard() -> Memory:
    return Memory()
