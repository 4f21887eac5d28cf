"""`odibi run`: run pipelines in this process, show what happens, and end with an exit code that says who must act."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from odibi_core.cli.exits import OK, STOPPED
from odibi_core.cli.project_file import add_project_arguments, open_host, read_project
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.cli.progress import Progress
    from odibi_core.cli.selection import Chosen
    from odibi_core.cli.verdict import Verdict
    from odibi_core.events import AnyRunEvent, RunFinished
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.planning.plan import Plan
    from odibi_core.ports import EventSink

_log = logging.getLogger("odibi.cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    add_project_arguments(parser)
    parser.add_argument("--pipeline", action="append", default=[], metavar="P", help="run only this pipeline; may be repeated")
    parser.add_argument(
        "--node", action="append", default=[], metavar="[+]N", help="run exactly this node, or with '+' also what stands above it"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="run only nodes with this tag; may be repeated")
    parser.add_argument("--dry-run", action="store_true", help="show what would run; open and write nothing")
    parser.add_argument("--resume", action="store_true", help="go on with the last run of each pipeline where it stopped")
    parser.add_argument("--run", dest="run_id", metavar="RUN_ID", help="with --resume: go on with this run")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, screen: Screen) -> int:
    """
    Run, resume, or show what would run.

    Raises:
        ConfigError: If the options contradict each other, the YAML is broken, or a run is refused.
        TransientServiceError: If a service stays away.
    """
    _check_options(given)
    if given.dry_run:
        from odibi_core.cli.dry_run import dry_run
        from odibi_core.cli.selection import choose

        project = read_project(given, screen)
        return dry_run(project, choose(project, pipelines=given.pipeline, nodes=given.node, tags=given.tag), screen)
    from odibi_core.cli.interrupt import certain_stop

    session = _Session(given=given, screen=screen)
    with certain_stop(session.stopped):
        try:
            return session.work()
        except KeyboardInterrupt:
            return session.stopped()
        finally:
            session.close()


def _check_options(given: argparse.Namespace) -> None:
    if given.run_id and not given.resume:
        raise ConfigError("'--run' needs '--resume'", code="usage", hint=f"Write: odibi run --resume --run {given.run_id}.")
    if given.resume and (given.node or given.tag or given.dry_run):
        raise ConfigError("'--resume' goes on with the nodes of the run", code="usage", hint="Leave out '--node', '--tag' and '--dry-run'.")
    if given.run_id and given.pipeline:
        raise ConfigError("'--run' and '--pipeline' exclude each other", code="usage", hint="A run belongs to one pipeline.")


@dataclass(kw_only=True)
class _Session:
    """One `odibi run`, and how far it has come."""

    given: argparse.Namespace
    screen: Screen
    progress: Progress | None = None
    ahead: list[str] = field(default_factory=list)  # pipelines that have not begun
    under_way: str | None = None  # the pipeline that has begun and not ended
    run_id: str | None = None  # of its run
    tell_event: EventSink = lambda _event: None

    def work(self) -> int:
        host = self._open()
        for notice in host.app.loaded().notices:
            self.screen.complain(f"warning: {notice}")
        verdicts = self._resumed(host) if self.given.resume else self._run(host)
        exit_code = next((verdict.exit_code for verdict in verdicts if verdict.exit_code), OK)
        if any(verdict.run_id for verdict in verdicts):
            self.screen.say(f"more: {self._command('story last')}")
        self.screen.result(
            {
                "status": "succeeded" if exit_code == OK else "failed",
                "exit_code": exit_code,
                "pipelines": [verdict.as_dict() for verdict in verdicts],
            }
        )
        return exit_code

    def _open(self) -> InProcess:
        if self.screen.mode == "json":
            return open_host(self.given, self.screen, announce=self._heard)
        if self.screen.mode == "log":
            from odibi_core.logging_setup import log_event

            self.tell_event = log_event
            return open_host(self.given, self.screen, announce=self._heard)
        from odibi_core.cli.progress import Watch

        self.progress = _progress_for(self.screen)
        self.tell_event = watch = Watch(self.progress)
        host = open_host(self.given, self.screen, announce=self._heard)
        watch.journal = host.app.coordinator.journal
        return host

    def _heard(self, event: AnyRunEvent) -> None:
        from odibi_core.events import RunFinished

        ended = isinstance(event, RunFinished)
        self.run_id = None if ended else event.run_id
        self.under_way = None if ended else self.under_way
        self.tell_event(event)

    # ── new runs ──

    def _run(self, host: InProcess) -> list[Verdict]:
        from odibi_core.cli.planned import command_for
        from odibi_core.cli.selection import choose

        given = self.given
        project = host.app.loaded()
        chosen = choose(project, pipelines=given.pipeline, nodes=given.node, tags=given.tag)
        if len(chosen) > 1:  # refuse the last one before the first one has written
            for choice in chosen:
                host.app.coordinator.planner(command_for(project, choice.pipeline, choice.nodes))
        self.ahead = [choice.pipeline.pipeline for choice in chosen]
        return [verdict for choice in chosen for verdict in self._run_one(host, choice)]

    def _run_one(self, host: InProcess, choice: Chosen) -> list[Verdict]:
        """One run, or one for each new file where a node asks for the file of its run."""
        from odibi_core.cli.verdict import Verdict

        began = time.perf_counter()
        name = choice.pipeline.pipeline
        self._begin(name)
        verdicts = []
        for command in host.requests(name, nodes=choice.nodes):
            final = host.run(command)
            if final is not None:
                verdicts.append(self._ended(host, final, began))
                began = time.perf_counter()
        return verdicts or [self._nothing(host, Verdict(pipeline=name, status="no_new_files"))]

    # ── old runs ──

    def _resumed(self, host: InProcess) -> list[Verdict]:
        from odibi_core.cli.resuming import known_run
        from odibi_core.cli.selection import choose

        if self.given.run_id:
            plan = known_run(host, self.given.run_id)
            return [self._resume_one(host, plan.pipeline, plan)]
        chosen = choose(host.app.loaded(), pipelines=self.given.pipeline, nodes=(), tags=())
        self.ahead = [choice.pipeline.pipeline for choice in chosen]
        return [self._resume_one(host, choice.pipeline.pipeline, None) for choice in chosen]

    def _resume_one(self, host: InProcess, pipeline: str, plan: Plan | None) -> Verdict:
        from odibi_core.cli.verdict import Verdict

        began = time.perf_counter()
        self._begin(pipeline)
        final = host.resume(pipeline) if plan is None else host.resume_run(plan)
        if final is not None:
            return self._ended(host, final, began)
        return self._nothing(host, Verdict(pipeline=pipeline, status="nothing_to_resume"))

    # ── both ──

    def _begin(self, pipeline: str) -> None:
        self.ahead = [name for name in self.ahead if name != pipeline]
        self.under_way = pipeline

    def _nothing(self, host: InProcess, verdict: Verdict) -> Verdict:
        """Nothing to do, unless a run was forgotten."""
        from odibi_core.cli.resuming import unfinished_run

        self._tell(verdict)
        found = unfinished_run(host, verdict.pipeline)
        if found is not None:
            run_id, what = found
            self.screen.say(f"  run {run_id} {what}; go on with: {self._command('run', '--resume', '--run', run_id)}")
        self.under_way = None
        return verdict

    def _ended(self, host: InProcess, final: RunFinished, began: float) -> Verdict:
        from odibi_core.cli.stories import Stories
        from odibi_core.cli.verdict import Verdict

        self.close()
        journal = host.app.coordinator.journal
        plan = journal.plan(final.run_id)
        assert plan is not None
        outcomes = journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
        stories = Stories.of(host.app)
        story = stories.at(run_id=plan.run_id, pipeline=plan.pipeline, logical_time=plan.logical_time)
        written = stories.text(story) is not None
        verdict = Verdict(
            pipeline=plan.pipeline,
            status=final.status,
            run_id=plan.run_id,
            seconds=time.perf_counter() - began,
            outcomes={node.name: outcomes[node.name] for node in plan.nodes if node.name in outcomes},
            story=story if written else None,
        )
        self._tell(verdict)
        self.screen.say(f"  story: {story.page}" if written else "  story: not written yet, the next run tries again")
        if final.status == "failed":
            self.screen.say(f"  go on with: {self._command('run', '--resume', '--run', plan.run_id)}")
        return verdict

    def _tell(self, verdict: Verdict) -> None:
        if self.screen.mode == "log":
            story = verdict.story.page if verdict.story else None
            fields = {"pipeline": verdict.pipeline, "run_id": verdict.run_id, "status": verdict.status, "story": story}
            _log.log(logging.ERROR if verdict.exit_code else logging.INFO, verdict.text(), extra=fields)
        self.screen.say(verdict.text())

    def close(self) -> None:
        """Leave the terminal as it should be."""
        if self.progress is not None:
            self.progress.close()

    def stopped(self) -> int:
        """Say how to go on after Ctrl-C."""
        self.close()
        steps = []
        if self.run_id:
            steps = [self._command("run", "--resume", "--run", self.run_id)]
        elif self.under_way:
            self.ahead.insert(0, self.under_way)  # it had not come to a run
        steps += [self._command("run", *(word for name in self.ahead for word in ("--pipeline", name)))] if self.ahead else []
        text = f"stopped; go on with: {' ; '.join(steps)}" if steps else "stopped; nothing is left half done"
        self.screen.complain(text)
        if self.screen.mode == "log":
            _log.warning(text, extra={"exit_code": STOPPED})
        self.screen.result({"status": "stopped", "exit_code": STOPPED, "go_on_with": steps})
        return STOPPED

    def _command(self, verb: str, *options: str) -> str:
        """A command line for the same project."""
        file = [shlex.quote(self.given.file)] if self.given.file else []
        environment = ["--env", shlex.quote(self.given.env)] if self.given.env else []
        return " ".join(["odibi", verb, *file, *environment, *options])


def _progress_for(screen: Screen) -> Progress:
    """A live table for a person at a terminal, lines for everything else."""
    from odibi_core.cli.progress import Lines

    if os.environ.get("CI") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return Lines(screen)
    try:
        from odibi_core.cli.live import LiveTable
    except ModuleNotFoundError:  # rich comes with the extra `cli`
        return Lines(screen)
    return LiveTable(sys.stdout)
