"""Azure Functions drives the coordinator: each handler turns one event into one command. The app is built on first use, once."""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from odibi_core.bootstrap import App, Settings, build
from odibi_core.config import LoadedProject, problem_text
from odibi_core.errors import ConfigError, OdibiError, TransientServiceError
from odibi_core.events import ErrorRecord
from odibi_core.hosts.arrivals import Arrival, arrivals_in
from odibi_core.hosts.border import raising_no_secrets, without_secrets
from odibi_core.hosts.requests import landed, overdue, requested
from odibi_core.messages import FileVersion, FinishRun, QueuedCommand, RunNode, StartRun, TakeFiles, digest, parse_command
from odibi_core.planning.triggers import Wanted, batch_of, blob_sources, command_for_tick, wanted_by
from odibi_core.queues.service_bus import ServiceBusQueue
from odibi_core.redaction import Redactor
from odibi_core.redaction.process import OUTLETS
from odibi_core.runtime.batches import Batches, Bounds, version_of
from odibi_core.runtime.expectations import Expectations
from odibi_core.runtime.retry import delay_in_outage
from odibi_core.runtime.sweep import Swept, sweep

_log = logging.getLogger("odibi.azure")
PATIENCE = timedelta(minutes=35)  # over the function time-out of host.json: a run that moves is left alone
OUTAGE_TRIES = 14
Answer = tuple[int, dict[str, JsonValue]]  # HTTP status and JSON body


class AzureHost:
    """The handlers behind the triggers. One per process; sync, called from many threads."""

    def __init__(self, app: App, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.app = app
        self.redactor = app.redactor
        self.pause = pause
        self.expectations = Expectations(app.store, app.clock)
        self.batches = Batches(store=app.store, coordinator=app.coordinator, clock=app.clock)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, app_folder: Path) -> AzureHost:
        """
        Build the app from its settings.

        Raises:
            ConfigError: If the YAML is broken and nothing says where the system store is, or the queue has no address.
        """
        from odibi_core.logging_setup import configure_logging, log_event

        settings = Settings.from_environment(environment, default=app_folder / "pipelines" / "odibi.yaml")
        queue = ServiceBusQueue.from_environment(
            environment,
            node_runs=environment.get("ODIBI_NODE_RUNS_QUEUE") or "node-runs",
            run_finished=environment.get("ODIBI_RUN_FINISHED_QUEUE") or "run-finished",
        )
        app = build(settings, queue=queue, announce=log_event)
        configure_logging(environment, app.redactor)
        if app.problem is not None:
            _log.error("the project is broken, new runs are refused: %s", app.redactor.text(str(app.problem)))
        return cls(app)

    # ── arrivals ──

    @raising_no_secrets
    def on_blob_event(self, body: bytes) -> None:
        """
        An Event Grid message with one or several BlobCreated events.

        Events that no trigger wants are dropped. While the YAML is broken they are kept in the inbox of the system store: the sweep
        brings them back, so that nothing is lost and nothing circles in the queue.
        """
        if self.app.project is None:
            self._keep(body)
            return
        try:
            arrivals = arrivals_in(body)
        except ConfigError as error:
            self._bury(body, error)
            return
        for arrival in arrivals:
            self._patiently(lambda arrival=arrival: self._arrived(arrival))  # type: ignore[misc]  # the default binds the loop's value

    @raising_no_secrets
    def on_blob(self, url: str) -> None:
        """A blob seen by a polling trigger: the same as its event, with the version that is there now."""
        if self.app.project is None:
            return  # the sweep lists the landing zones when the project is whole again
        for connection, path in self.app.connections.match_url(url):
            for file in self.app.connections.files(connection, path):
                if file.path == path:
                    self._start_for(file)

    def _arrived(self, arrival: Arrival) -> None:
        places = self.app.connections.match_url(arrival.url)
        if not places:
            _log.warning("an event of a container that no connection names was dropped")
        for connection, path in places:
            self._start_for(FileVersion(connection=connection, path=path, etag=arrival.etag, size_bytes=arrival.size_bytes))

    def _start_for(self, file: FileVersion) -> None:
        for wanted in wanted_by(self.app.loaded(), file):
            self._take_in(wanted)

    def _take_in(self, wanted: Wanted) -> None:
        command, batch = wanted.command, wanted.batch
        self.expectations.arrived(command, wanted.source)
        start = self.app.coordinator.start_run if batch is None else lambda one: self.batches.arrived(one, Bounds.of(batch))
        self._refusing(command, lambda: start(command))

    def _start(self, command: StartRun) -> None:
        self._refusing(command, lambda: self.app.coordinator.start_run(command))

    def _refusing(self, command: StartRun, start: Callable[[], object]) -> None:
        """One pipeline that cannot be planned does not hold up the others; its files wait until the sweep finds it mended."""
        try:
            start()
        except ConfigError as error:
            _log.error("a run of pipeline '%s' was refused: %s", command.pipeline, self._safe(str(error)))

    def _keep(self, body: bytes) -> None:
        self.app.store.put_if_absent(f"inbox/{digest(body.decode(errors='replace'))}.json", body)
        _log.error("an event was kept in the inbox: the project is broken")

    # ── schedules, requests ──

    @raising_no_secrets
    def on_timer(self, pipeline: str, now: datetime) -> None:
        """A schedule is due. The run belongs to the time it was due for, so a timer that fires twice is one run."""
        project = self.app.loaded()
        scheduled = last_due(project, pipeline, now)
        self._patiently(lambda: self._start(command_for_tick(project, pipeline, scheduled)))

    @raising_no_secrets
    def on_start_request(self, body: Mapping[str, JsonValue]) -> Answer:
        """
        `POST runs`: {"pipeline": …, "key": …, "nodes": […]}. The same key is the same run.

        Where a node asks for the file of its run, each new file is a run; the answer then has them all under `runs`.
        """
        try:
            plans = [plan for command in self._requested(body) if (plan := self.app.coordinator.start_run(command)) is not None]
        except ConfigError as error:
            return 400, {"error": self._safe(str(error)), "problems": [self._safe(str(problem)) for problem in error.problems]}
        if not plans:
            return 200, {"run_id": None, "message": "no new files"}
        runs: list[JsonValue] = [{"run_id": plan.run_id, "status_url": f"runs/{plan.run_id}"} for plan in plans]
        first: dict[str, JsonValue] = {"run_id": plans[0].run_id, "pipeline": plans[0].pipeline, "status_url": f"runs/{plans[0].run_id}"}
        return 202, first if len(plans) == 1 else {**first, "runs": runs}

    def _requested(self, body: Mapping[str, JsonValue]) -> tuple[StartRun, ...]:
        unknown = sorted(set(body) - {"pipeline", "key", "nodes"})
        pipeline, nodes = body.get("pipeline"), body.get("nodes")
        if unknown or not isinstance(pipeline, str):
            raise ConfigError(
                "the request needs 'pipeline', and may have 'key' and 'nodes'", hint=f"Unknown: {', '.join(unknown) or 'none'}."
            )
        if nodes is not None and not (isinstance(nodes, list) and nodes and all(isinstance(node, str) for node in nodes)):
            raise ConfigError("'nodes' must be a list of names")
        key = body.get("key")
        return requested(
            self.app, pipeline, key=None if key is None else str(key), nodes=None if nodes is None else [str(node) for node in nodes]
        )

    @raising_no_secrets
    def on_status_request(self, run_id: str) -> Answer:
        """`GET runs/{id}`: how far a run is."""
        journal = self.app.coordinator.journal
        plan = journal.plan(run_id) if run_id.isalnum() and len(run_id) <= 40 else None
        if plan is None:
            return 404, {"error": "no such run"}
        final = journal.final(run_id)
        outcomes = journal.outcomes(run_id, [node.name for node in plan.nodes])
        nodes: list[JsonValue] = []
        for node in plan.nodes:
            outcome = outcomes.get(node.name)
            result = getattr(outcome, "result", None)
            status = "waiting" if outcome is None else "skipped" if result is None else result.status
            error = (
                None if result is None or result.error is None else {"code": result.error.code, "message": self._safe(result.error.message)}
            )
            nodes.append({"node": node.name, "status": status, "rows": None if result is None else result.rows_out, "error": error})
        return 200, {
            "run_id": run_id,
            "pipeline": plan.pipeline,
            "status": "running" if final is None else final.status,
            "nodes": nodes,
        }

    @raising_no_secrets
    def on_health_request(self) -> Answer:
        """`GET health`: whether new runs are taken. Tells a stranger nothing else, no version either; the log does."""
        healthy = self.app.problem is None
        return (200 if healthy else 503), {"status": "healthy" if healthy else "unhealthy"}

    # ── the queue ──

    @raising_no_secrets
    def on_node_run(self, body: bytes, *, delivery: int) -> None:
        """A `RunNode` or `TakeFiles` message. One that can never be processed is buried at once, and the run that it names is told."""
        try:
            command = parse_command(body)
            if isinstance(command, TakeFiles):
                self._or_later(command, lambda: self._wake_batch(command))
                return
            if not isinstance(command, RunNode):
                raise ConfigError("a message of another kind is in the queue of node runs", code="message_garbage")
            self._or_later(command, lambda: self.app.coordinator.run_node(command, delivery=delivery))
        except ConfigError as error:
            self._bury(body, error)

    @raising_no_secrets
    def on_run_finished(self, body: bytes) -> None:
        """A `FinishRun` message."""
        try:
            command = parse_command(body)
            if not isinstance(command, FinishRun):
                raise ConfigError("a message of another kind is in the queue of finished runs", code="message_garbage")
        except ConfigError as error:
            self._bury(body, error)
            return
        self._or_later(command, lambda: self.app.coordinator.finish_run(command))

    def _wake_batch(self, message: TakeFiles) -> None:
        """Files have waited long enough. Of a project that is broken, or a pipeline that is gone, the sweep takes care."""
        project = self.app.project
        if project is not None and (project.config.project, project.environment) == (message.project, message.environment):
            for probe, bounds in self._batching(project):
                if probe.pipeline == message.pipeline:
                    self._refusing(probe, partial(self.batches.wake, probe, bounds, resend=message.resend))

    def _batching(self, project: LoadedProject) -> Iterator[tuple[StartRun, Bounds]]:
        """The pipelines that take their files in batches."""
        for config in project.config.pipelines:
            batch = batch_of(config)
            if batch is not None:
                yield command_for_tick(project, config.pipeline, self.app.clock()), Bounds.of(batch)

    def _or_later(self, command: QueuedCommand, work: Callable[[], None]) -> None:
        """When a service is away, send the message again for later. An abandoned one would come back at once, ten times, and be dead."""
        try:
            work()
        except TransientServiceError as error:
            delay = delay_in_outage(command.resend)
            _log.warning("put off for %s s: %s", delay.seconds, self._safe(str(error)))
            self.app.coordinator.queue.send([command.model_copy(update={"resend": command.resend + 1})], delay=delay)

    def _patiently(self, work: Callable[[], object]) -> None:
        """
        Wait in place for a service that is away: these messages are not ours to send again, and abandoned ones would soon be dead.

        Raises:
            TransientServiceError: If it stays away for about ten minutes.
        """
        for tries in range(OUTAGE_TRIES):
            try:
                work()
            except TransientServiceError as error:
                if tries == OUTAGE_TRIES - 1:
                    raise
                _log.warning("waiting: %s", self._safe(str(error)))
                self.pause(delay_in_outage(tries).total_seconds())
            else:
                return

    @raising_no_secrets
    def on_dead_letter(self, body: bytes, *, message_id: str, reason: str) -> None:
        """A message of the node runs that the broker gave up after too many deliveries: kept, and its run told, so that it ends."""
        why = reason or "its message was delivered too often"
        self._bury(body, ConfigError(f"{why} (message {message_id or 'without id'})", code="dead_lettered"))

    def _bury(self, body: bytes, error: ConfigError) -> None:
        """
        Keep a message that cannot be processed, with the reason, and end what it names: circling in the queue would help nobody.

        Python functions cannot settle a message with a reason; so the reason stands beside the kept body, under `dead/`.
        """
        name = digest(error.message, body.decode(errors="replace"))
        reason, text = self._safe(error.message), self._safe(body[:262_144].decode(errors="replace"))
        kept = {"reason": reason, "hint": self._safe(error.hint), "size_bytes": len(body), "body": text}
        self._patiently(lambda: self.app.store.put_if_absent(f"dead/{name}.json", json.dumps(kept).encode()))
        _log.error("a message was given up and kept as dead/%s.json: %s", name, reason)
        command = _named_in(body)
        if isinstance(command, RunNode):
            given_up = _given_up(reason, name)
            self._patiently(lambda: self.app.coordinator.give_up(command, given_up))
        elif isinstance(command, FinishRun):
            self._patiently(lambda: self.app.coordinator.finish_run(command))

    # ── the net ──

    @raising_no_secrets
    def on_sweep(self) -> Swept:
        """Bring forward what stopped: runs, reports, kept events, files whose event was lost."""
        swept = sweep(self.app.coordinator, patience=PATIENCE)
        project = self.app.project
        if project is not None:
            self._empty_inbox()
            for wanted in self._missed(project):
                self._take_in(wanted)
            for probe, bounds in self._batching(project):
                self._refusing(probe, partial(self.batches.take, probe, bounds))
            for command in overdue(self.app, self.expectations):
                self._start(command)
        return swept

    def _empty_inbox(self) -> None:
        for path in list(self.app.store.list("inbox/")):
            stored = self.app.store.get(path)
            if stored is not None:
                self.on_blob_event(stored.data)
                self.app.store.delete(path)

    def _missed(self, project: LoadedProject) -> Iterator[Wanted]:
        """Files in the landing zones that no run has and that do not wait: their events were lost, or came while the project was broken."""
        for config in project.config.pipelines:
            files = landed(self.app, config) if blob_sources(config) else ()
            if files:
                probe = command_for_tick(project, config.pipeline, self.app.clock())
                waiting = self.batches.is_waiting(probe) if batch_of(config) is not None else frozenset()
                for file in self.app.coordinator.ledger.unclaimed(probe, files):
                    if version_of(file) not in waiting:
                        yield from (wanted for wanted in wanted_by(project, file) if wanted.command.pipeline == config.pipeline)

    def _safe(self, text: str) -> str:
        return self.redactor.text(text)


def last_due(project: LoadedProject, pipeline: str, now: datetime) -> datetime:
    """
    The newest time, up to now, that a schedule of the pipeline was due for; `now` to the second if it has none.

    A timer fires a little late, or a little early by clock skew: half a second is allowed for.
    """
    from cronsim import CronSim

    from odibi_core.planning.triggers import schedules

    moment = (now + timedelta(seconds=0.5)).astimezone(UTC)
    found: list[datetime] = []
    for schedule in schedules(project):
        if schedule.pipeline == pipeline:
            times = CronSim(schedule.expression, moment + timedelta(seconds=1), reverse=True)
            times.day_and = True  # NCRONTAB wants both fields for the day to match, cron one of them
            found += itertools.islice((time for time in times if time <= moment), 1)
    return max(found, default=now.astimezone(UTC).replace(microsecond=0))


def _given_up(reason: str, name: str) -> ErrorRecord:
    return ErrorRecord(
        code="dead_lettered",
        message=f"the message of this node was given up: {reason}",
        hint=f"The worker may have run out of memory or time, or the message is damaged; it is kept as dead/{name}.json.",
        exit_code=4,
    )


def _named_in(body: bytes) -> QueuedCommand | None:
    """The command that a message is, or as much of one as can be made out: what matters is which run waits for it."""
    try:
        return parse_command(body)
    except ConfigError:
        pass
    try:
        content = json.loads(body)
        return RunNode(run_id=content["run_id"], node=content["node"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


_host: AzureHost | None = None
_lock = threading.Lock()


def host(environment: Mapping[str, str], *, app_folder: Path) -> AzureHost:
    """The host of this process, built when the first event comes."""
    global _host  # noqa: PLW0603  # one per process, as the worker has one app
    with _lock:
        if _host is None:
            OUTLETS.guard(Redactor())  # until the project is open, by what secrets look like
            build = partial(AzureHost.from_environment, environment, app_folder=app_folder)
            _host = without_secrets(build, OUTLETS.redactor)
            OUTLETS.guard(_host.redactor)
        return _host


def explained(error: OdibiError) -> str:
    """An error for the log, every problem with its place."""
    return "\n".join(problem_text(problem) for problem in error.problems) if isinstance(error, ConfigError) else str(error)
