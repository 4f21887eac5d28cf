"""The whole cloud on this machine: from upload to story, and many files at once, beside a script that loads them one after the other."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import ContainerClient

from benchmarks.arrivals import check_tables
from benchmarks.data import write_orders
from benchmarks.measure import ROOT, target
from odibi_local.cloud import QUEUES, LocalCloud

FILES, ROWS = 200, 20
ALONE = 60  # files that are each a run of its own: each of these runs reads all that is there, so their time grows with their number
BATCH = "batch: { max_files: 100, max_wait: 1s }"
LANDING, LAKE, BY_HAND = "landing", "lake", "by-hand"
PATIENCE_SECONDS = 600.0  # for what should take a few
_SENDERS = 16  # uploads under way at once
_ACCOUNT = "devstoreaccount1.dfs.core.windows.net"
_SYSTEM = "_odibi_system"


def measure(rounds: int) -> None:
    """Print how long one file takes, how fast many files are, and whether every row of them is in the tables exactly once."""
    with tempfile.TemporaryDirectory(prefix="odibi-benchmark-") as folder:
        home = Path(folder)
        project = Path(shutil.copytree(ROOT / "pipelines", home / "project", ignore=shutil.ignore_patterns("landing", "lake", ".odibi")))
        _add_batches(project)
        single = [_orders(home / "files", f"single-{number}", 10_000_000 + number * 1_000) for number in range(rounds + 1)]
        many = [_orders(home / "files", f"many-{number}", 20_000_000 + number * 1_000) for number in range(FILES)]
        cloud = LocalCloud(
            ROOT,
            folder=home / "cloud",
            containers=(LANDING, LAKE, BY_HAND),
            environment=_settings(project),
            sink=lambda _line: None,
            watch_source=False,
        )
        with cloud, Lake(cloud) as lake:
            _measure(lake, single, many)
            dead = (
                {}
                if cloud.service_bus is None
                else {queue: counts["dead_lettered"] for queue, counts in cloud.service_bus.queues().items()}
            )
            if any(dead.values()):
                raise AssertionError(f"messages died: {dead}")
            print("  no message died")


def _measure(lake: Lake, single: Sequence[Path], many: Sequence[Path]) -> None:
    lake.to_story(single[0])  # not counted: it makes the tables, and the worker imports its libraries
    seconds = [lake.to_story(file) for file in single[1:]]
    print(f"  upload to story, of {len(seconds)} files: median {statistics.median(seconds):.2f} s, least {min(seconds):.2f} s")
    print(target("upload to story, seconds", statistics.median(seconds), 2.0))
    by_hand = _one_by_one(lake, many)
    print(f"  {FILES} files one after the other, by hand: {sum(by_hand):.1f} s, {FILES / sum(by_hand):.1f} files/s")
    for what, folder, files, before, tables in (
        (f"in batches ({BATCH})", "batches", many, [], "/batches"),
        ("each a run of its own", "orders", many[:ALONE], single, ""),
    ):
        took, alone = lake.all_at_once(files, folder), sum(by_hand[: len(files)])
        print(f"  {len(files)} files at once, {what}: {took.rows:.1f} s until every row is in, {len(files) / took.rows:.1f} files/s")
        print(f"    {took.runs} runs, {took.reports:.1f} s until stories and catalog tell it; {took.rows / alone:.2f} of the time by hand")
        check_tables([*before, *files], f"abfss://{LAKE}@{_ACCOUNT}{tables}", lake.options)
        print(f"    proven: each row of {len(before) + len(files)} files is in each layer exactly once")


def _add_batches(project: Path) -> None:
    """The orders pipeline once more, with landing zone and tables of its own: files that land together are one run."""
    text = (project / "orders.yaml").read_text(encoding="utf-8")
    trigger = 'path: "orders/{name}.csv" }'
    assert trigger in text
    text = text.replace(trigger, trigger.replace(" }", f", {BATCH} }}")).replace("pipeline: orders", "pipeline: batches")
    text = text.replace('"orders/', '"batches/').replace("path: bronze/", "path: batches/bronze/")
    text = text.replace("path: silver/", "path: batches/silver/").replace("path: gold/", "path: batches/gold/")
    (project / "batches.yaml").write_text(text, encoding="utf-8")
    main = project / "odibi.yaml"
    main.write_text(
        main.read_text(encoding="utf-8").replace("imports: [orders.yaml", "imports: [batches.yaml, orders.yaml"), encoding="utf-8"
    )


@dataclass(frozen=True, kw_only=True)
class Together:
    """How long many files took, from the first upload."""

    rows: float  # seconds until every run had ended
    reports: float  # seconds until everything was told, too
    runs: int


class Lake:
    """The containers of the cloud, from outside: what a user sees of it."""

    def __init__(self, cloud: LocalCloud) -> None:
        def client(name: str) -> ContainerClient:
            return ContainerClient.from_connection_string(cloud.storage_connection, name)

        self.landing, self.lake, self.by_hand = client(LANDING), client(LAKE), client(BY_HAND)
        self.options = _options(cloud)

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *error: object) -> None:
        for container in (self.landing, self.lake, self.by_hand):
            container.close()

    def to_story(self, file: Path) -> float:
        """Seconds from the start of the upload until one more story can be opened."""
        before, began = self._stories(), time.perf_counter()
        self.upload(file)
        _wait(lambda: self._stories() > before, f"the story of {file.name}", pause=0.02)
        return time.perf_counter() - began

    def all_at_once(self, files: Sequence[Path], folder: str) -> Together:
        """Upload them with many senders, and wait until everything is in and told."""
        known, taken = self._runs(), self._taken()
        began = time.perf_counter()
        with ThreadPoolExecutor(_SENDERS) as senders:
            list(senders.map(lambda file: self.upload(file, folder), files))
        _wait(lambda: self._taken() - taken >= len(files), "a run for every file", pause=0.3)
        _wait(lambda: not self._names("open/"), "every run to end", pause=0.3)
        rows = time.perf_counter() - began
        _wait(lambda: not self._names("outbox/"), "every report", pause=0.3)
        reports = time.perf_counter() - began
        return Together(rows=rows, reports=reports, runs=self._runs() - known)

    def upload(self, file: Path, folder: str = "orders") -> None:
        self.landing.upload_blob(f"{folder}/{file.name}", file.read_bytes(), overwrite=True)

    def _stories(self) -> int:
        return sum(name.endswith("/index.html") for name in self.lake.list_blob_names(name_starts_with="stories/"))

    def _runs(self) -> int:
        return sum(name.endswith("/plan.json") for name in self._names("runs/"))

    def _taken(self) -> int:
        return len(self._names("files/"))

    def _names(self, prefix: str) -> list[str]:
        found = self.lake.list_blob_names(name_starts_with=f"{_SYSTEM}/{prefix}")
        return [name.removeprefix(f"{_SYSTEM}/") for name in found]


def _orders(folder: Path, name: str, first: int) -> Path:
    write_orders(folder / f"{name}.csv", ROWS, first=first)
    return folder / f"{name}.csv"


def _one_by_one(lake: Lake, files: Sequence[Path]) -> list[float]:
    """Seconds of each file in a process that loads them one after the other."""
    for file in files:
        lake.by_hand.upload_blob(f"landing/{file.name}", file.read_bytes())
    place = f"abfss://{BY_HAND}@{_ACCOUNT}"
    given = {"files": [f"{place}/landing/{file.name}" for file in files], "lake": f"{place}/lake", "options": lake.options}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.one_by_one"],
        cwd=ROOT,
        input=json.dumps(given),
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return list(map(float, done.stdout.split()))


def _settings(project: Path) -> dict[str, str]:
    queues = zip(("ODIBI_BLOB_EVENTS_QUEUE", "ODIBI_NODE_RUNS_QUEUE", "ODIBI_RUN_FINISHED_QUEUE"), QUEUES, strict=True)
    return {
        "ODIBI_ENV": "local",
        "ODIBI_PROJECT": str(project / "odibi.yaml"),
        "ODIBI_SYSTEM_URI": "",
        "ODIBI_POLL_BLOBS": "",
        "ODIBI_LOG_LEVEL": "WARNING",
        **dict(queues),
    }


def _options(cloud: LocalCloud) -> dict[str, str]:
    return {
        "account_name": cloud.azurite.account_name,
        "account_key": cloud.azurite.account_key,
        "azure_storage_endpoint": cloud.azurite.blob_endpoint,
        "allow_http": "true",
    }


def _wait(done: Callable[[], object], what: str, *, pause: float) -> None:
    """
    Raises:
        TimeoutError: If it does not happen in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(pause)
