"""A project in a folder, driven through the handlers of Azure or in this process. Nothing of the cloud is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from odibi_core.bootstrap import Settings, build
from odibi_core.hosts.azure import AzureHost
from odibi_core.hosts.in_process import InProcess
from odibi_core.messages import FileVersion, FinishRun, QueuedCommand, RunNode, TakeFiles, parse_command

ACCOUNT = "https://shop.blob.core.windows.net"
HEAD = """\
project: shop
connections:
  landing: { type: local, base_path: ./landing }
  lake: { type: local, base_path: ./lake }
story: { connection: lake, path: stories }
system: { connection: lake, path: _system }
"""
ORDERS = """\
pipelines:
  - pipeline: orders
    triggers: [ { blob: { connection: landing, path: 'orders/{name}.csv' } } ]
    nodes:
      - name: bronze
        read: { connection: landing, format: csv, path: 'orders/*.csv' }
        write: { connection: lake, format: delta, path: bronze, mode: append }
      - name: silver
        depends_on: [bronze]
        transform: { steps: [ 'SELECT i, i * 2 AS twice FROM bronze' ] }
        validation: { tests: [ { type: range, column: i, max: 100 } ] }
        write: { connection: lake, format: delta, path: silver, mode: append }
  - pipeline: nightly
    triggers: [ { schedule: '0 0 3 * * *' } ]
    nodes:
      - name: copy
        read: { connection: landing, format: csv, path: copy.csv }
        write: { connection: lake, format: delta, path: copy }
"""


class Clock:
    """Tells the time of the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class SentMessages:
    """A queue that keeps what is sent to it, with its delay."""

    def __init__(self) -> None:
        self.sent: list[tuple[QueuedCommand, timedelta]] = []

    def send(self, commands: Sequence[QueuedCommand], *, delay: timedelta = timedelta(0)) -> None:
        self.sent.extend((command, delay) for command in commands)


class LandingContainer:
    """Connections of local folders, one of which is the container `landing` of an account as well."""

    def __init__(self, connections: Any) -> None:
        self._connections = connections

    def match_url(self, url: str) -> list[tuple[str, str]]:
        before, found, path = url.partition(f"{ACCOUNT}/landing/")
        return [("landing", path)] if found and not before else []

    def files(self, connection: str, prefix: str) -> Iterable[FileVersion]:
        return self._connections.files(connection, prefix)


class World:
    """A project's folder, and what became of it."""

    def __init__(self, folder: Path, text: str = HEAD + ORDERS) -> None:
        self.folder, self.queue, self.clock = folder, SentMessages(), Clock()
        self.pauses: list[float] = []
        self.written = text
        self.write(text)

    def write(self, text: str) -> None:
        """The project as it is deployed from now on."""
        (self.folder / "odibi.yaml").write_text(text, encoding="utf-8")

    def land(self, path: str, *numbers: int | str) -> Path:
        """A CSV file with the column `i` arrives."""
        file = self.folder / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(["i", *map(str, numbers)]) + "\n")
        return file

    # ── Azure ──

    def azure(self, **variables: str) -> AzureHost:
        """A worker process of Azure."""
        app = build(Settings(project_file=self.folder / "odibi.yaml", environment=variables), queue=self.queue, clock=self.clock)
        return AzureHost(replace(app, connections=LandingContainer(app.connections)), pause=self.pauses.append)

    def event(self, path: str, **data: object) -> bytes:
        """What Event Grid says about a file in the landing folder."""
        app = build(Settings(project_file=self._whole(), environment={}), queue=self.queue)
        (file,) = (file for file in app.connections.files("landing", path) if file.path == path)
        return blob_created(f"{ACCOUNT}/landing/{path}", etag=file.etag, size=file.size_bytes, **data)

    def _whole(self) -> Path:
        whole = self.folder / "whole.yaml"
        whole.write_text(self.written, encoding="utf-8")
        return whole

    def work(self, host: AzureHost) -> list[str]:
        """Deliver everything that was sent until nothing comes any more; the nodes that were asked for, in order."""
        asked = []
        while self.queue.sent:
            command, _ = self.queue.sent.pop(0)
            body = command.model_dump_json().encode()
            match parse_command(body):
                case FinishRun():
                    host.on_run_finished(body)
                case RunNode(node=node):
                    asked.append(node)
                    host.on_node_run(body, delivery=1)
                case TakeFiles():
                    continue  # it is for later; a test that wants it delivers it when that has come
        return asked

    # ── this process ──

    def in_process(self, **variables: str) -> InProcess:
        """A fresh process of `odibi run`."""
        return InProcess.open(self.folder / "odibi.yaml", environment={"XDG_CACHE_HOME": str(self.folder / "cache"), **variables})

    # ── what came out ──

    def rows(self, table: str, column: str = "i") -> list[Any]:
        """The sorted values of a column of a table; none if there is no such table."""
        frame = self._table(table)
        return sorted(frame[column].to_list()) if column in frame.columns else []

    def columns(self, table: str) -> list[str]:
        """The columns of a table."""
        return self._table(table).columns

    def _table(self, table: str) -> pl.DataFrame:
        path = self.folder / "lake" / table
        return pl.scan_delta(str(path)).collect() if (path / "_delta_log").is_dir() else pl.DataFrame()

    def versions(self, table: str) -> int:
        """How many commits a table has."""
        return DeltaTable(str(self.folder / "lake" / table)).version() + 1

    def kept(self, prefix: str) -> list[dict[str, Any]]:
        """The JSON objects of the system store under a prefix."""
        folder = self.folder / "lake" / "_system" / prefix
        return [json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]

    def plans(self) -> list[dict[str, Any]]:
        """The plans of all runs."""
        return [json.loads(path.read_bytes()) for path in sorted((self.folder / "lake" / "_system" / "runs").glob("*/plan.json"))]

    def statuses(self) -> list[str]:
        """How the runs that ended did so."""
        return sorted(json.loads(path.read_bytes())["status"] for path in (self.folder / "lake/_system/runs").glob("*/final.json"))


def blob_created(url: str, *, etag: str = "0x1", size: int = 1, **data: object) -> bytes:
    """One event of Event Grid's own schema."""
    given = {"api": "PutBlob", "url": url, "eTag": etag, "contentLength": size, "blobType": "BlockBlob", **data}
    return json.dumps(
        {"eventType": "Microsoft.Storage.BlobCreated", "data": {key: value for key, value in given.items() if value is not None}}
    ).encode()
