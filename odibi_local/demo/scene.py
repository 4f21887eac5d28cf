"""What the demo does, in order: start the cloud, land good files, land a bad one, compare, say where everything is."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from odibi_core.errors import OdibiError
from odibi_core.events import AnyRunEvent, NodeFinished, NodeSkipped, RunFinished, RunStarted
from odibi_core.messages import BlobArrived
from odibi_local.cloud import QUEUES, LocalCloud
from odibi_local.demo.following import RunFollower, StoryPage, broken_checks, check_line, open_app, outcome_line, short
from odibi_local.demo.orders import OrderFile, bad_file, good_files
from odibi_local.demo.output import coloured, say, shown
from odibi_local.demo.proof import prove
from odibi_local.functions_host.stop_signals import set_on_stop_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from odibi_local.functions_host import LogLine

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINES = REPOSITORY / "pipelines"
LANDING, LAKE = "landing", "lake"
TABLES = ("bronze/orders", "silver/orders", "gold/daily_sales", "gold/product_sales")
PATIENCE_SECONDS = 45.0  # for one run, its story and its catalog rows
_LOG_LINES = 12  # shown when something goes wrong
_NAME_WIDTH = 14
_COLUMNS = 100
# Said even where it is the default: neither this shell nor local.settings.json may turn the demo into something else.
SETTINGS = {
    "ODIBI_ENV": "local",
    "ODIBI_PROJECT": str(PIPELINES / "odibi.yaml"),
    "ODIBI_SYSTEM_URI": "",
    "ODIBI_POLL_BLOBS": "",
    **dict(zip(("ODIBI_BLOB_EVENTS_QUEUE", "ODIBI_NODE_RUNS_QUEUE", "ODIBI_RUN_FINISHED_QUEUE"), QUEUES, strict=True)),
}


class DemoError(RuntimeError):
    """Something that the demo promises did not happen."""


class StoppedError(Exception):
    """Somebody asked the demo to end."""


def demo(folder: Path) -> int:
    """Run the demo with its state in a folder, and return the exit code: 0, 1 if anything is not as promised, 130 if it was stopped."""
    log: deque[LogLine] = deque(maxlen=400)
    stop = threading.Event()
    set_on_stop_signal(stop)
    state, stories = folder / "cloud", folder / "stories"
    for former in (state, stories):
        shutil.rmtree(former, ignore_errors=True)
    cloud = LocalCloud(REPOSITORY, folder=state, containers=(LANDING, LAKE), environment=SETTINGS, sink=log.append, watch_source=False)
    try:
        return _Demo(cloud, stories, stop).play()
    except StoppedError:
        say("stopped; nothing of the demo runs any more")
        return 130
    except (DemoError, OdibiError, AzureError, RuntimeError, OSError) as error:
        say(f"{coloured('✗', 'red')} the demo failed: {error}")
        for line in list(log)[-_LOG_LINES:]:
            say(f"  {line.as_text()}")
        return 1


class _Demo:
    """One performance."""

    def __init__(self, cloud: LocalCloud, stories: Path, stop: threading.Event) -> None:
        self._cloud = cloud
        self._stories = stories
        self._stop = stop
        self._began = time.monotonic()
        self._app = open_app(PIPELINES / "odibi.yaml", "local", {**SETTINGS, "ODIBI_STORAGE": cloud.storage_connection})

    def play(self) -> int:
        good, bad = good_files(PIPELINES), bad_file(PIPELINES)
        self._time("starting Azurite, a Service Bus emulator and the Functions host")
        with self._cloud:
            self._look_up()
            self._time(f"the cloud of this machine is up: {self._cloud.base_url}")
            follower = RunFollower(self._app)
            for file in good:
                self._land(file, follower, expected="succeeded")
            story = self._land(bad, follower, expected="failed")
            self._tell_verdict(story)
            proven = self._prove(good, bad)
            self._tell_places(good[-1].name, bad.name)
        self._time("everything is stopped")
        return 0 if proven else 1

    def _land(self, file: OrderFile, follower: RunFollower, *, expected: str) -> StoryPage:
        """Upload a file, tell its run as it goes, and return its story, which is copied."""
        with BlobServiceClient.from_connection_string(self._cloud.storage_connection) as account:
            account.get_container_client(LANDING).upload_blob(file.name, file.text.encode())
        rows = f"{len(file.rows)} rows{', some of them bad' if expected == 'failed' else ''}"
        what = f"{coloured(file.name, 'bold')}, {rows}"
        run = _RunTold(file.name, lambda start: self._time(f"{what} → run {short(start.run_id)} of {start.pipeline}"))
        end = time.monotonic() + PATIENCE_SECONDS
        while run.final is None:
            self._wait(end, f"{file.name} did not become a finished run")
            for event in follower.news(thorough=True):
                run.tell(event)
        if run.start is None or run.final.status != expected:
            raise DemoError(f"the run of {file.name} {run.final.status}, and should have {expected}")
        page = StoryPage.of(self._app, run.start)
        if page is None:
            raise DemoError("the project keeps no stories")
        while not page.copy_to(self._copy_of(file.name)):
            self._wait(end, f"the story of {file.name} was not written")
        return page

    def _wait(self, end: float, problem: str) -> None:
        self._look_up()
        if time.monotonic() > end:
            raise DemoError(f"{problem} within {PATIENCE_SECONDS:.0f} s")
        self._stop.wait(0.1)

    def _look_up(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _copy_of(self, blob: str) -> Path:
        return self._stories / f"{Path(blob).stem}.html"

    def _tell_verdict(self, page: StoryPage) -> None:
        twin = page.store.get(f"{page.folder}/story.json")
        verdict = json.loads(twin.data)["verdict"] if twin is not None else {}
        for line in textwrap.wrap(f"story: {verdict.get('sentence', '')}", _COLUMNS - 4, subsequent_indent=" " * 7):
            say(f"    {line}")

    def _prove(self, good: list[OrderFile], bad: OrderFile) -> bool:
        end = time.monotonic() + PATIENCE_SECONDS
        while self._app.catalog.runs(limit=None, pipeline="orders").height <= len(good):
            self._wait(end, "the catalog did not get the runs")
        claims = prove(self._app, good, bad)
        width = max(len(claim.text) for claim in claims) + 1
        say()
        say(coloured(f"  {'proof':<{width}}  {'CSV text':>9}  {'tables':>9}", "bold"))
        for claim in claims:
            mark = coloured("✓", "green") if claim.holds else coloured("✗", "red")
            say(f"{mark} {claim.text:<{width}}  {claim.expected:>9}  {claim.found:>9}")
        return all(claim.holds for claim in claims)

    def _tell_places(self, good: str, bad: str) -> None:
        lake = f"{self._cloud.azurite.blob_endpoint}/{LAKE}"
        command = _command()
        folder = self._stories.parent
        say()
        say(f"  lake     {lake}")
        say(f"  tables   {' · '.join(TABLES)}")
        say("  catalog  _odibi_system/meta_runs · meta_files · meta_tables")
        say(f"  stories  stories/orders/…, copied to {shown(self._copy_of(good))} (succeeded)")
        say(f"           and {shown(self._copy_of(bad))} (failed)")
        say(f"  go on    {command} dev --folder {shown(folder / 'cloud')}, and in another terminal:")
        say(f"           source {shown(folder / 'cloud' / 'env.sh')}; {command} catalog runs; {command} story last")

    def _time(self, text: str) -> None:
        say(coloured(f"{time.monotonic() - self._began:5.1f} s", "dim") + f"  {text}")


class _RunTold:
    """The run of one file, told as it goes."""

    def __init__(self, file: str, begin: Callable[[RunStarted], None]) -> None:
        self._file = file
        self._begin = begin
        self._skipped: list[str] = []
        self.start: RunStarted | None = None
        self.final: RunFinished | None = None

    def tell(self, event: AnyRunEvent) -> None:
        """Take a fact in; those of other runs (a schedule may be due meanwhile) are not ours."""
        if isinstance(event, RunStarted) and isinstance(event.cause, BlobArrived) and event.cause.files[0].path == self._file:
            self.start = event
            self._begin(event)
        if self.start is None or event.run_id != self.start.run_id:
            return
        match event:
            case NodeFinished():
                say(f"    {outcome_line(event, width=_NAME_WIDTH)}")
                for check in broken_checks(event):
                    say(f"        {check_line(check)}")
            case NodeSkipped():
                self._skipped.append(event.node)
            case RunFinished():
                self.final = event
                if self._skipped:
                    say(f"    {coloured('–', 'dim')} {', '.join(sorted(self._skipped))}  skipped")
            case _:
                pass


def _command() -> str:
    """How `odibi` is called here: by its name where the shell finds it."""
    return "odibi" if shutil.which("odibi") else shown(Path(sys.executable).with_name("odibi"))
