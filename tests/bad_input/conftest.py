"""A project in local folders, driven in this process, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.errors import ConfigError
from odibi_core.events import ErrorRecord, NodeFinished, NodeSkipped, Outcome, RunFinished
from odibi_core.hosts.in_process import InProcess

HEADER = """\
project: shop
connections:
  landing: { type: local, base_path: ./landing }
  lake: { type: local, base_path: ./lake }
story: { connection: lake, path: stories }
system: { connection: lake, path: _odibi_system }
pipelines:
"""
ORDERS = """\
  - pipeline: orders
    triggers:
      - blob: { connection: landing, path: "orders/{name}.csv" }
    nodes:
      - name: bronze
        sensitive: [email]
        read: { connection: landing, format: csv, path: "orders/*.csv" }
        write: { connection: lake, format: delta, path: bronze, mode: append }
      - name: silver
        depends_on: [bronze]
        sensitive: [email]
        transform:
          steps:
            - SELECT order_id, email, quantity FROM bronze
        write: { connection: lake, format: delta, path: silver, mode: upsert, options: { keys: [order_id] } }
"""
GOOD = "order_id,email,quantity\n1,ada@example.com,3\n2,bob@example.com,4\n"


@dataclass
class Shop:
    """A project folder."""

    root: Path
    environment: dict[str, str]

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def project(self, pipelines: str = ORDERS, *, header: str = HEADER) -> Path:
        return self.write("odibi.yaml", header + pipelines)

    def open(self) -> InProcess:
        return InProcess.open(self.root / "odibi.yaml", environment=self.environment)

    def run(self, pipeline: str = "orders", **more: Any) -> Ended:
        """Run a pipeline with the files that wait, to its end."""
        shop = self.open()
        command = shop.request(pipeline, **more)
        assert command is not None
        final = shop.run(command)
        assert final is not None
        outcomes = shop.app.coordinator.journal.outcomes(final.run_id, ["bronze", "silver"])
        return Ended(final=final, outcomes=outcomes)

    def refused(self) -> ConfigError:
        """Why the project cannot be opened."""
        with pytest.raises(ConfigError) as caught:
            self.open()
        return caught.value

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table; none if it has none or was never made."""
        if not (self.root / "lake" / table / "_delta_log").is_dir():
            return []
        found = pl.read_delta(str(self.root / "lake" / table))
        return found.sort(found.columns[0]).to_dicts()

    def traces(self, *needles: str, within: str = "") -> list[str]:
        """Files that hold one of the texts, in any letter case. Data files of the tables and the landing zone are not looked into."""
        hits = []
        for path in (self.root / within).rglob("*"):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and path.suffix != ".parquet" and not name.startswith(("landing/", "odibi.yaml")):
                content = path.read_bytes().lower()
                hits += [f"{name}: {needle}" for needle in needles if needle.lower().encode() in content]
        return hits


@dataclass(frozen=True)
class Ended:
    """A run that ended."""

    final: RunFinished
    outcomes: dict[str, Outcome]

    @property
    def status(self) -> str:
        return self.final.status

    def error(self, node: str = "bronze") -> ErrorRecord:
        outcome = self.outcomes[node]
        assert isinstance(outcome, NodeFinished), outcome
        assert outcome.result.error is not None, outcome.result
        return outcome.result.error

    def skipped(self, node: str) -> bool:
        outcome = self.outcomes[node]
        return isinstance(outcome, NodeSkipped) or outcome.result.status == "skipped"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The orders project."""
    shop = Shop(root=tmp_path, environment={})
    shop.project()
    return shop


@pytest.fixture
def said() -> Callable[[ConfigError], list[str]]:
    """Return a function that gives every problem of an error as people read it."""
    return lambda error: [str(problem) for problem in error.problems]


def story_of(shop: Shop) -> str:
    """All stories as one text."""
    return "\n".join(path.read_text() for path in (shop.root / "lake" / "stories").rglob("*") if path.is_file())


def journal_of(shop: Shop) -> list[Any]:
    """All JSON objects of the runs."""
    return [json.loads(path.read_text()) for path in (shop.root / "lake" / "_odibi_system" / "runs").rglob("*.json")]
