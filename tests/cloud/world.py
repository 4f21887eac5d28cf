"""One local cloud that runs the product, seen from outside: blobs go in, tables, objects and log lines come out."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from odibi_local.cloud import QUEUES, LocalCloud, write_queues
from odibi_local.functions_host import LogLine

REPOSITORY = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "project"
COUNTRIES = ("AT", "CH", "DE")
HEADER = "order_id,order_number,email,country,quantity"


class Log:
    """What the host and the app said, as one text per line."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __call__(self, line: LogLine) -> None:
        self._lines.append(line.as_text())

    @property
    def text(self) -> str:
        return "\n".join(list(self._lines))

    def __contains__(self, text: str) -> bool:
        return text in self.text


class World:
    """The cloud, and questions to it."""

    def __init__(
        self,
        folder: Path,
        *,
        chaos: int | None = None,
        environment: dict[str, str] | None = None,
        project: Path = PROJECT,
        **queues: object,
    ) -> None:
        """Copy the project into the folder, so that a test may change it; `queues` are properties of the queues."""
        self.folder = folder
        self.project = Path(shutil.copytree(project, folder / "project", ignore=shutil.ignore_patterns("__pycache__")))
        shutil.copy(REPOSITORY / "host.json", self.project)
        self.log = Log()
        settings = {
            "ODIBI_PROJECT": str(self.project / "odibi.yaml"),
            "ODIBI_SWEEP_SCHEDULE": "0 0 0 1 1 *",
            "ODIBI_SYSTEM_URI": "abfss://lake@devstoreaccount1.dfs.core.windows.net/_odibi_system",
            "ODIBI_LOG_LEVEL": "INFO",
            "TESTS_REPOSITORY": str(REPOSITORY),
        }
        self.cloud = LocalCloud(
            self.project,
            folder=folder / "cloud",
            containers=("landing", "lake"),
            environment={**settings, **(environment or {})},
            service_bus_config=write_queues(folder / "queues.json", QUEUES, **{"LockDuration": "PT5S", **queues}),
            chaos=chaos,
            sink=self.log,
            watch_source=False,
        )

    def __enter__(self) -> World:
        self.cloud.start()
        self.blobs = BlobServiceClient.from_connection_string(self.cloud.storage_connection)
        self.host, self.bus = self.cloud.host, self.cloud.service_bus
        return self

    def __exit__(self, *error: object) -> None:
        self.blobs.close()
        self.cloud.stop()

    # ── what goes in ──

    def upload(self, path: str, content: str | bytes, *, container: str = "landing") -> None:
        with self.blobs.get_blob_client(container, path) as blob:
            blob.upload_blob(content, overwrite=True)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """An HTTP request to the app: status, and what its JSON says."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.cloud.base_url}{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _json(error.read())

    def sweep(self) -> None:
        """Fire the sweep and wait until it has ended."""
        self.fire("sweep")

    def fire(self, function: str) -> None:
        """Fire a timer function by hand and wait until this call of it has ended well."""
        before = self._calls(function)
        status, answer = self.call("POST", f"/admin/functions/{function}", {})
        assert status == 202, answer
        after = self.wait(lambda: self._calls(function) if self._calls(function) != before else None, f"'{function}' to end")
        assert after[1] == before[1], f"'{function}' failed: {self.log.text[-3000:]}"

    def _calls(self, function: str) -> tuple[int, int]:
        """How many calls of a function went well, and how many did not."""
        return self.log.text.count(f" {function} ok "), self.log.text.count(f" {function} failed ")

    # ── what comes out ──

    def names(self, prefix: str = "", *, container: str = "lake") -> list[str]:
        return [blob.name for blob in self.blobs.get_container_client(container).list_blobs(name_starts_with=prefix)]

    def read(self, path: str, *, container: str = "lake") -> bytes:
        return self.blobs.get_blob_client(container, path).download_blob().readall()

    def system(self, path: str) -> Any:
        """An object of the system store, as JSON."""
        return json.loads(self.read(f"_odibi_system/{path}"))

    def table(self, path: str) -> DeltaTable:
        """A table of the lake, opened without the product."""
        options = {
            "account_name": self.cloud.azurite.account_name,
            "account_key": self.cloud.azurite.account_key,
            "azure_storage_endpoint": self.cloud.azurite.blob_endpoint,
            "allow_http": "true",
        }
        return DeltaTable(f"abfss://lake@devstoreaccount1.dfs.core.windows.net/{path}", storage_options=options)

    def rows(self, path: str) -> pl.DataFrame:
        """The rows of a table; none if there is no such table."""
        try:
            table = self.table(path)
        except TableNotFoundError:
            return pl.DataFrame()
        return pl.scan_delta(table).collect()

    def catalog(self, table: str) -> list[dict[str, Any]]:
        return self.rows(f"_odibi_system/{table}").to_dicts()

    def runs(self) -> list[str]:
        """The ids of all runs that were planned."""
        return [name.split("/")[2] for name in self.names("_odibi_system/runs/") if name.endswith("/plan.json")]

    def finals(self) -> dict[str, str]:
        """How the runs that ended did so, by id."""
        ended = [name.split("/")[2] for name in self.names("_odibi_system/runs/") if name.endswith("/final.json")]
        return {run: self.system(f"runs/{run}/final.json")["status"] for run in ended}

    def events(self, run: str) -> list[dict[str, Any]]:
        return [json.loads(self.read(name)) for name in self.names(f"_odibi_system/runs/{run}/events/")]

    def dead(self) -> dict[str, int]:
        """How many messages lie in each dead-letter queue."""
        return {name: counts["dead_lettered"] for name, counts in self.bus.queues().items()}

    def kept_dead(self) -> list[str]:
        """The messages that were given up and kept."""
        return self.names("_odibi_system/dead/")

    # ── waiting ──

    def wait(self, done: Callable[[], Any], what: str, *, seconds: float = 60, pause: float = 0.05) -> Any:
        """Ask until the answer is yes. A store that is down at the moment is no answer."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AzureError, OSError):
                if answer := done():
                    return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds:.0f} s for {what}. The log:\n{self.log.text[-6000:]}")
            time.sleep(pause)

    def wait_ended(self, count: int, *, seconds: float = 60) -> dict[str, str]:
        """Wait until so many runs have ended, and return how."""
        ended = f"{count} runs to end"
        self.wait(lambda: len(self.names_of("final.json")) >= count, ended, seconds=seconds, pause=_pause(count))
        return self.finals()

    def wait_reported(self, count: int, *, seconds: float = 60) -> None:
        """Wait until so many runs stand in the catalog and no report is due any more."""

        def reported() -> bool:
            done = [name for name in self.names("_odibi_system/runs/") if name.endswith("/reported/catalog")]
            return len(done) >= count and not self.names("_odibi_system/outbox/")

        self.wait(reported, f"{count} runs to be reported", seconds=seconds, pause=_pause(count))

    def wait_idle(self, *, later: bool = True, seconds: float = 60) -> None:
        """Wait until no queue holds a message, now or (without `later` this does not count) for later."""
        kinds = ("active", "locked", "deferred", "scheduled") if later else ("active", "locked", "deferred")
        self.wait(lambda: not any(counts[kind] for counts in self.bus.queues().values() for kind in kinds), "idle queues", seconds=seconds)

    def names_of(self, ending: str) -> list[str]:
        return [name for name in self.names("_odibi_system/runs/") if name.endswith(f"/{ending}")]


class Orders:
    """Order files and what must become of them, computed without the product."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, str, str, int]] = []

    def file(self, name: str, *, rows: int = 20) -> str:
        """The next file: every order is in one file only."""
        lines = [HEADER]
        for number in range(rows):
            serial = len(self.rows) + 1
            row = (f"{name}-{number}", serial, f"Buyer{serial}@Example.com", COUNTRIES[serial % 3], serial % 7 + 1)
            self.rows.append(row)
            lines.append(",".join(map(str, row)))
        return "\n".join(lines) + "\n"

    @property
    def bronze(self) -> list[tuple[object, ...]]:
        return sorted(self.rows)

    @property
    def silver(self) -> list[tuple[object, ...]]:
        return sorted((order, email.lower(), country, quantity) for order, _, email, country, quantity in self.rows)

    @property
    def gold(self) -> list[tuple[object, ...]]:
        orders, pieces = Counter[str](), Counter[str]()
        for _, _, _, country, quantity in self.rows:
            orders[country] += 1
            pieces[country] += quantity
        return sorted((country, orders[country], pieces[country]) for country in orders)


def assert_exactly_once(world: World, orders: Orders, *, below: str = "") -> None:
    """Every row of every file is in each layer once, and nothing else is. `below` is the folder of the tables."""
    for path, columns, expected in (
        ("bronze/orders", ("order_id", "order_number", "email", "country", "quantity"), orders.bronze),
        ("silver/orders", ("order_id", "email", "country", "quantity"), orders.silver),
        ("gold/countries", ("country", "orders", "pieces"), orders.gold),
    ):
        found = sorted(world.rows(f"{below}{path}").select(columns).rows())
        assert found == expected, f"{path}: {difference(found, expected)}"


def difference(found: list[tuple[object, ...]], expected: list[tuple[object, ...]]) -> str:
    """How two lists of rows differ, for a person."""
    have, want = Counter(found), Counter(expected)
    lost, extra = want - have, have - want
    return f"{len(found)} rows for {len(expected)}; lost {sorted(lost.elements())[:5]}; too many {sorted(extra.elements())[:5]}"


def assert_each_run_reported_once(world: World, runs: int) -> None:
    """The catalog has one row for each run and one for each of its nodes, and one story lies in the archive."""
    rows = world.catalog("meta_runs")
    counted = Counter((row["run_id"], row["kind"], row["node"]) for row in rows)
    assert {key: count for key, count in counted.items() if count > 1} == {}
    assert {row["run_id"] for row in rows} == set(world.runs())
    assert sum(row["kind"] == "run" for row in rows) == runs
    files = world.catalog("meta_files")
    assert len({(row["path"], row["etag"]) for row in files}) == len(files)
    stories = [name for name in world.names("stories/") if name.endswith("/index.html")]
    assert len(stories) == runs


def catalog_commits(world: World, table: str) -> list[int]:
    """The batch numbers that a catalog table's commits carry, oldest first; read from the log itself."""
    found = []
    for name in sorted(world.names(f"_odibi_system/{table}/_delta_log/")):
        if name.endswith(".json"):
            for action in map(json.loads, world.read(name).splitlines()):
                if action.get("txn", {}).get("appId") == "odibi/catalog":
                    found.append(action["txn"]["version"])
    return found


def exists(world: World, path: str) -> bool:
    """Whether an object is in the system store."""
    try:
        world.read(f"_odibi_system/{path}")
    except ResourceNotFoundError:
        return False
    return True


def _pause(runs: int) -> float:
    """Seconds between two looks: a listing of many runs is work for the storage service, too."""
    return 0.05 * (1 + runs)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
