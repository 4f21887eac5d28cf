"""Drive runs in this process, with the same coordinator as in the cloud: the queue is in memory, frames are handed over as they are."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from odibi_core.bootstrap import App, Settings, build, utc_now
from odibi_core.errors import TransientServiceError
from odibi_core.events import RunFinished
from odibi_core.frozen import Frozen
from odibi_core.hosts.own_process import cache_folder, load_ahead
from odibi_core.hosts.requests import overdue, requested
from odibi_core.messages import FinishRun, RunNode, StartRun
from odibi_core.planning.plan import Plan
from odibi_core.ports import Clock, EventSink
from odibi_core.queues.memory import MemoryQueue
from odibi_core.runtime.datasets import FramesInMemory
from odibi_core.runtime.expectations import Expectations
from odibi_core.runtime.resume import Failed, Interrupted, how_to_resume, last_run
from odibi_core.runtime.retry import delay_in_outage
from odibi_core.runtime.sweep import wake

_log = logging.getLogger("odibi.run")
REPORT_RESENDS = 1  # a report that fails twice waits for the next run: nobody sits and watches it
OUTAGE_LIMIT = 10  # times that one message waits for a service before a person is told


class InProcess(Frozen):
    """An app and the queue that it sends to."""

    app: App
    queue: MemoryQueue

    @classmethod
    def open(
        cls,
        project_file: Path,
        *,
        environment_name: str | None = None,
        environment: Mapping[str, str] | None = None,
        announce: EventSink = lambda _event: None,
        clock: Clock = utc_now,
    ) -> InProcess:
        """
        Load a project.

        Raises:
            ConfigError: If the YAML is broken.
        """
        queue = MemoryQueue(clock)
        settings = Settings(
            project_file=project_file,
            environment_name=environment_name,
            environment=os.environ if environment is None else environment,
            in_process=True,
            cache=cache_folder(os.environ if environment is None else environment),
        )
        app = build(settings, queue=queue, announce=announce, clock=clock)
        app.loaded()
        load_ahead()
        return cls(app=app, queue=queue)

    def request(self, pipeline: str, *, nodes: Sequence[str] | None = None, key: str | None = None) -> StartRun | None:
        """The first of `requests`, which is the only one unless a node asks for *the* file of its run; None if there is none."""
        return next(iter(self.requests(pipeline, nodes=nodes, key=key)), None)

    def requests(self, pipeline: str, *, nodes: Sequence[str] | None = None, key: str | None = None) -> tuple[StartRun, ...]:
        """
        The commands that run a pipeline now, with the files that wait in its landing zones.

        None of them if the pipeline lives on files and none is new; or, if one should have come by now, the run that tells so.

        Raises:
            ConfigError: If there is no such pipeline.
        """
        self.app.coordinator.recover()
        found = requested(self.app, pipeline, key=key, nodes=nodes)
        return found or overdue(self.app, Expectations(self.app.store, self.app.clock), pipeline)

    def run(self, command: StartRun) -> RunFinished | None:
        """
        Run to the end. None if every file of the cause belongs to another run.

        Raises:
            ConfigError: If the run is refused.
            TransientServiceError: If a service stays away.
        """
        plan = self.app.coordinator.start_run(command)
        return None if plan is None else self._drive(plan)

    def resume(self, pipeline: str) -> RunFinished | None:
        """Go on with the pipeline's last run where it stopped. None if there is nothing to go on with."""
        project = self.app.loaded()
        plan = last_run(self.app.coordinator.journal, pipeline, project=project.config.project, environment=project.environment)
        return None if plan is None else self.resume_run(plan)

    def resume_run(self, plan: Plan) -> RunFinished | None:
        """Go on with a run where it stopped. None if it succeeded."""
        match how_to_resume(self.app.coordinator.journal, plan):
            case None:
                return None
            case Interrupted(plan=interrupted):
                self.app.coordinator.ensure_started(interrupted)
                while self.queue.next(self.app.clock()) is not None:
                    continue  # the wake-up below asks for the same nodes with claims of their own
                wake(self.app.coordinator, interrupted)
                return self._drive(interrupted)
            case Failed(command=command):
                return self.run(command)

    def _drive(self, plan: Plan) -> RunFinished | None:
        coordinator = self.app.coordinator
        while len(self.queue):
            taken = self.queue.next(self.app.clock())
            if taken is None:
                self.queue.wait(timedelta(seconds=1))
                continue
            command, delivery = taken
            try:
                if isinstance(command, RunNode):
                    coordinator.run_node(command, delivery=delivery)
                    self._let_go(plan)
                elif isinstance(command, FinishRun) and command.resend <= REPORT_RESENDS:
                    coordinator.finish_run(command)
                else:
                    _log.warning("a report could not be written; the next run tries again")
            except TransientServiceError:
                if command.resend >= OUTAGE_LIMIT:
                    raise
                self.queue.send([command.model_copy(update={"resend": command.resend + 1})], delay=delay_in_outage(command.resend))
        return coordinator.journal.final(plan.run_id)

    def _let_go(self, plan: Plan) -> None:
        """Forget frames whose readers have all ended."""
        frames = self.app.frames
        if not isinstance(frames, FramesInMemory):
            return
        done = self.app.coordinator.journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
        for node in plan.nodes:
            if node.keep_frame and all(reader.name in done for reader in plan.nodes if node.name in reader.frames):
                frames.release(plan.run_id, node.name)
