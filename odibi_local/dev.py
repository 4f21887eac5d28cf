"""
`python -m odibi_local.dev`, or `odibi dev`: the whole cloud on this machine, event-driven, until Ctrl-C.

A file that is put into the drop folder lands; its run is told as it goes; a change of YAML, SQL or Python is in force at once.
"""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
import threading
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

from odibi_core.config import AzureBlobConnection
from odibi_core.errors import ConfigError, OdibiError
from odibi_core.events import AnyRunEvent, NodeFinished, NodeRetried, NodeSkipped, RunFinished, RunStarted
from odibi_local.azurite.launcher import ACCOUNT_NAME
from odibi_local.cloud import LocalCloud
from odibi_local.demo.drop_folder import DropFolder
from odibi_local.demo.following import RunFollower, StoryPage, broken_checks, cause_of, check_line, outcome_line, short
from odibi_local.demo.output import coloured, say, shown
from odibi_local.demo.project import Place, Project
from odibi_local.functions_host.source_watch import SourceWatch
from odibi_local.functions_host.stop_signals import set_on_stop_signal

if TYPE_CHECKING:
    from odibi_core.bootstrap import App
    from odibi_core.config import LoadedProject
    from odibi_local.functions_host import LogLine

USUAL_PORT = 7071
ANY_STORAGE = "UseDevelopmentStorage=true"  # stands for Azurite while it has no port yet
_UPLOAD = (
    "import os, sys; from azure.storage.blob import BlobClient as B; file, *to = sys.argv[1:]; "
    'B.from_connection_string(os.environ["ODIBI_STORAGE"], *to).upload_blob(open(file, "rb"), overwrite=True)'
)
_TOLD_BY_US = ("(odibi.run)", '"odibi.run"')  # the app's own lines on runs and nodes, which the journal tells better
_LOOK_SECONDS = 0.2
_TRY_SECONDS = 1.0  # between two looks at a project that is broken from the start
_STORY_SECONDS = 60.0  # a story that takes longer is left to its place in the lake


class Dev:
    """The cloud of one project, told on the screen."""

    def __init__(self, place: Place, given: argparse.Namespace, stop: threading.Event) -> None:
        self._place = place
        self._given = given
        self._stop = stop
        self._moved = threading.Event()  # an invocation ended: the journal may have news
        self._changed = threading.Event()  # a file of the project changed
        self._loaded = threading.Event()  # the app was loaded since then
        self._broken = self._sweep_due = False
        self._project = Project(place, ANY_STORAGE)
        self._runs: dict[str, RunStarted] = {}
        self._pages: dict[str, tuple[RunFinished, float]] = {}  # runs whose story is awaited, until when

    def run(self) -> int:
        """Run until asked to stop."""
        loaded = self._first_load()
        if loaded is None:
            return 0
        containers = tuple(
            dict.fromkeys(link.container for link in loaded.config.connections.values() if isinstance(link, AzureBlobConnection))
        )
        watched = tuple(name for name in self._project.watched() if name in containers)
        self._cloud = LocalCloud(
            self._place.app,
            folder=self._place.state,
            containers=containers,
            watched=() if self._given.poll else watched,
            environment=self._settings(),
            chaos=self._given.chaos,
            http_port=_free_or_any(USUAL_PORT) if self._given.port is None else self._given.port,
            sink=self._log,
        )
        self._project = Project(self._place, self._cloud.storage_connection)
        drop = DropFolder(self._place.drop, self._cloud.storage_connection, watched)
        watch = self._watch_elsewhere()
        self._write_environment()
        with self._cloud:
            self._tell_places(watched)
            try:
                if watched:
                    drop.start()
                if watch is not None:
                    watch.start()
                self._follow()
            finally:
                say("stopping …")
                drop.stop()
                if watch is not None:
                    watch.stop()
        say(f"stopped; the state is kept in {shown(self._place.state)}")
        return 0

    def _first_load(self) -> LoadedProject | None:
        """The project, as soon as it can be loaded; None if somebody stops before that."""
        told: ConfigError | None = None
        while not self._stop.is_set():
            try:
                return self._project.load()
            except ConfigError as error:
                if told is None or error.problems != told.problems:
                    self._project.tell(error)
                told = error
            self._stop.wait(_TRY_SECONDS)
        return None

    def _settings(self) -> dict[str, str]:
        """What the app is told. Empty where the shell or local.settings.json must not say otherwise."""
        return {
            "ODIBI_PROJECT": str(self._place.project),
            "ODIBI_ENV": self._project.environment,
            "ODIBI_POLL_BLOBS": "AzureWebJobsStorage" if self._given.poll else "",
            "ODIBI_BLOB_EVENTS_QUEUE": "blob-events",
            "ODIBI_NODE_RUNS_QUEUE": "node-runs",
            "ODIBI_RUN_FINISHED_QUEUE": "run-finished",
            "ODIBI_SYSTEM_URI": self._system_uri(),
            "ODIBI_LOG_FORMAT": os.environ.get("ODIBI_LOG_FORMAT") or "text",
            "FUNCTIONS_WORKER_RUNTIME": "python",
        }

    def _write_environment(self) -> None:
        """A script that makes another terminal see this cloud."""
        values = {
            "ODIBI_ENV": self._project.environment,
            "ODIBI_PROJECT": str(self._place.project),
            "ODIBI_STORAGE": self._cloud.storage_connection,
        }
        self._place.state.mkdir(parents=True, exist_ok=True)
        text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
        (self._place.state / "env.sh").write_text(text, encoding="utf-8")

    def _system_uri(self) -> str:
        """Where the system store is, for the time while the YAML is broken: what arrives then is kept there."""
        uri = self._project.app({"ODIBI_STORAGE": ANY_STORAGE, "AzureWebJobsStorage": ANY_STORAGE}).system("").uri
        return uri if "://" not in uri or f"@{ACCOUNT_NAME}." in uri else ""

    def _watch_elsewhere(self) -> SourceWatch | None:
        """The host watches its app; a project that lies elsewhere needs a watch of its own."""
        if self._place.project.is_relative_to(self._place.app):
            return None

        def changed(names: list[str]) -> None:
            say(f"{_now()}  changed: {', '.join(names)}; loading the app again")
            self._loaded.clear()
            if self._cloud.host is not None:
                self._cloud.host.reload()
            self._changed.set()

        return SourceWatch(self._place.project.parent, changed)

    # ── what is told ──

    def _log(self, line: LogLine) -> None:
        """A line of the host or of the app. Called from the host's threads."""
        if line.kind == "function":
            self._moved.set()
        if line.kind == "host" and line.message.startswith("changed: "):
            self._loaded.clear()
            self._changed.set()
        if line.kind == "host" and " functions loaded" in line.message:
            self._loaded.set()
        if line.kind == "output" and any(mark in line.message for mark in _TOLD_BY_US):
            return
        if self._stop.is_set() and line.level != "ERROR":
            return  # what services say when they end is no news
        say(coloured(line.as_text(), "dim") if line.level == "INFO" else line.as_text())

    def _tell_places(self, watched: tuple[str, ...]) -> None:
        storage = self._cloud.storage_connection
        state, drop = shown(self._place.state), shown(self._place.drop)
        script = self._place.state / "env.sh"
        environment = self._project.environment
        say()
        say(f"  project   {shown(self._place.project)}" + (f", environment {environment}" if environment else ""))
        say(f"  HTTP      {self._cloud.base_url}/api/health, …/api/runs")
        say(f"  storage   {storage}")
        if watched:
            into = f"{drop}/<container>/" if len(watched) > 1 else f"{drop}/"
            say(f"  land      put a file under {into}: it is copied into {', '.join(watched)}; or, after source {shown(script)}:")
            say(f"            python -c '{_UPLOAD}' x.csv {watched[0]} orders/x.csv")
        else:
            say("  land      nothing can: no blob trigger names a connection of type azure_blob in this environment")
        say(f"  look      source {shown(script)}; odibi catalog runs; odibi story last")
        say(f"  state     {state}; Ctrl-C stops, the next start goes on with it")
        say()

    def _follow(self) -> None:
        app = self._project.app(self._app_settings())
        follower = RunFollower(app)
        while not self._stop.wait(_LOOK_SECONDS):
            if self._changed.is_set():
                self._changed.clear()
                app = self._again() or app
            if self._sweep_due and self._loaded.is_set():
                self._sweep_due = False
                self._sweep()
            moved = self._moved.is_set()
            self._moved.clear()
            if not (moved or self._runs):
                continue
            try:
                for event in follower.news(thorough=moved):
                    self._tell(event)
                self._copy_stories(app)
            except OdibiError as error:  # the storage is busy or restarts; the next look sees the same
                say(coloured(f"{_now()}  the journal could not be read: {error}", "yellow"))

    def _sweep(self) -> None:
        request = urllib.request.Request(  # noqa: S310  the address is our own
            f"{self._cloud.base_url}/admin/functions/sweep", data=b"{}", headers={"Content-Type": "application/json"}
        )
        try:
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  the same
        except OSError as error:
            say(coloured(f"{_now()}  the sweep could not be started and comes by its schedule: {error}", "yellow"))

    def _app_settings(self) -> dict[str, str]:
        return {"ODIBI_STORAGE": self._cloud.storage_connection, "AzureWebJobsStorage": self._cloud.storage_connection}

    def _again(self) -> App | None:
        """Load the project after a change. None if it is broken now."""
        try:
            loaded = self._project.load()
            app = self._project.app(self._app_settings())
        except ConfigError as error:
            self._project.tell(error)
            self._broken = True
            return None
        # What arrived while the project was broken waits for the sweep: it comes now instead of within five minutes.
        self._broken, self._sweep_due = False, self._broken or self._sweep_due
        names = ", ".join(pipeline.pipeline for pipeline in loaded.config.pipelines)
        say(f"{coloured('✓', 'green')} the project is whole: {names}")
        for notice in loaded.notices:
            say(f"  {notice}")
        self._make_containers(loaded)
        return app

    def _make_containers(self, loaded: LoadedProject) -> None:
        with BlobServiceClient.from_connection_string(self._cloud.storage_connection) as account:
            for link in loaded.config.connections.values():
                if isinstance(link, AzureBlobConnection):
                    try:
                        account.create_container(link.container)
                    except ResourceExistsError:
                        continue
                    say(f"  container {link.container} was made; after a restart its blobs start runs")

    def _tell(self, event: AnyRunEvent) -> None:
        width = 14
        known = self._runs.get(event.run_id)
        if known is not None:
            width = max(len(node.name) for node in known.nodes)
        match event:
            case RunStarted():
                self._runs[event.run_id] = event
                say(f"{_now()}  run {short(event.run_id)} of {coloured(event.pipeline, 'bold')} ← {cause_of(event)}")
            case NodeFinished() | NodeSkipped():
                say(f"{_now()}    {outcome_line(event, width=width)}")
                if isinstance(event, NodeFinished):
                    self._tell_failure(event)
            case NodeRetried():
                say(coloured(f"{_now()}    … {event.node} is tried again in {event.delay_seconds:g} s: {event.error.message}", "yellow"))
            case RunFinished():
                self._pages[event.run_id] = event, time.monotonic() + _STORY_SECONDS
            case _:
                pass

    def _tell_failure(self, event: NodeFinished) -> None:
        checks, error = broken_checks(event), event.result.error
        told = [check_line(check) for check in checks] if checks or error is None else [error.message]
        for line in (*told, "" if error is None else error.hint):
            if line:
                say(f"{' ' * 14}{line}")

    def _copy_stories(self, app: App) -> None:
        for run_id, (final, end) in list(self._pages.items()):
            run = self._runs.get(run_id)
            page = None if run is None else StoryPage.of(app, run)
            file = self._place.stories / ("runs" if run is None else run.pipeline) / f"{run_id}.html"
            there = page is not None and page.copy_to(file)
            if not there and page is not None and time.monotonic() < end:
                continue
            mark = coloured("✓", "green") if final.status == "succeeded" else coloured("✗", "red")
            say(f"{_now()}  {mark} run {short(run_id)} {final.status}" + (f": {shown(file)}" if there else ""))
            del self._pages[run_id]
            self._runs.pop(run_id, None)


def _now() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"


def _free_or_any(port: int) -> int:
    """The port, or 0 (any) if somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="odibi dev", description="The whole cloud on this machine, event-driven, until Ctrl-C.")
    parser.add_argument("--project", type=Path, help="the project's YAML; without it $ODIBI_PROJECT, odibi.yaml or pipelines/odibi.yaml")
    parser.add_argument("--port", type=int, help=f"port of HTTP; without it {USUAL_PORT}, or any free one; 0 is any free one")
    parser.add_argument("--folder", type=Path, help="where blobs, messages and timers are kept (default: .local/cloud)")
    parser.add_argument("--chaos", type=int, metavar="SEED", help="events get lost, late, doubled and early, by this seed")
    parser.add_argument("--poll", action="store_true", help="find blobs by polling, as `func start` does, instead of by events")
    given = parser.parse_args()
    stop = threading.Event()
    set_on_stop_signal(stop)
    try:
        return Dev(Place.of(given.project, given.folder, os.environ), given, stop).run()
    except (OdibiError, AzureError, RuntimeError, OSError) as error:
        if stop.is_set():
            return 0  # Ctrl-C while it was starting
        say(f"{coloured('✗', 'red')} odibi dev could not go on: {error}")
        return error.exit_code if isinstance(error, OdibiError) else 1


if __name__ == "__main__":
    sys.exit(main())
