"""`odibi run`: run pipelines in this process, show what happens, and end with an exit code that says who must act."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
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
    from odibi_core.events import RunFinished
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.messages import StartRun
    from odibi_core.planning.plan import Plan

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
    host: InProcess | None = None
    ahead: list[str] = field(default_factory=list)  # pipelines that have not begun
    under_way: str | None = None

    def work(self) -> int:
        host = self.host = self._open()
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
        if self.screen.mode == "log":
            from odibi_core.logging_setup import log_event

            return open_host(self.given, self.screen, announce=log_event)
        from odibi_core.cli.progress import Watch, progress_for

        self.progress = progress_for(self.screen, os.environ)
        watch = Watch(self.progress)
        host = open_host(self.given, self.screen, announce=watch)
        watch.journal = host.app.coordinator.journal
        return host

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
        return [self._run_one(host, choice) for choice in chosen]

    def _run_one(self, host: InProcess, choice: Chosen) -> Verdict:
        from odibi_core.cli.resuming import unfinished_run
        from odibi_core.cli.verdict import Verdict

        began = time.perf_counter()
        name = choice.pipeline.pipeline
        self._begin(name)
        command = _command_with_files(host, choice)
        final = None if command is None else host.run(command)
        if final is not None:
            return self._ended(host, final, began)
        verdict = Verdict(pipeline=name, status="no_new_files")
        self._say(verdict.text())
        found = unfinished_run(host, name)
        if found is not None:
            run_id, what = found
            self._say(f"  run {run_id} {what}; go on with: {self._command('run', '--resume', '--run', run_id)}")
        self.under_way = None
        return verdict

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
        from odibi_core.cli.resuming import resume
        from odibi_core.cli.verdict import Verdict

        began = time.perf_counter()
        self._begin(pipeline)
        final = host.resume(pipeline) if plan is None else resume(host, plan)
        if final is not None:
            return self._ended(host, final, began)
        verdict = Verdict(pipeline=pipeline, status="nothing_to_resume", run_id=None if plan is None else plan.run_id)
        self._say(verdict.text())
        self.under_way = None
        return verdict

    # ── both ──

    def _begin(self, pipeline: str) -> None:
        self.ahead = [name for name in self.ahead if name != pipeline]
        self.under_way = pipeline

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
        self._say(verdict.text())
        self._say(f"  story: {story.page}" if written else "  story: not written yet, the next run tries again")
        if final.status == "failed":
            self._say(f"  go on with: {self._command('run', '--resume', '--run', plan.run_id)}")
        self.under_way = None
        return verdict

    def close(self) -> None:
        """Leave the terminal as it should be."""
        if self.progress is not None:
            self.progress.close()

    def stopped(self) -> int:
        """Say how to go on after Ctrl-C."""
        self.close()
        steps = [self._command("run", "--pipeline", self.under_way, "--resume")] if self.under_way else []
        steps += [self._command("run", *(word for name in self.ahead for word in ("--pipeline", name)))] if self.ahead else []
        text = f"stopped; go on with: {' ; '.join(steps)}" if steps else "stopped; nothing is left half done"
        self.screen.complain(text)
        if self.screen.mode == "log":
            _log.warning(text, extra={"exit_code": STOPPED})
        self.screen.result({"status": "stopped", "exit_code": STOPPED, "go_on_with": steps})
        return STOPPED

    def _say(self, text: str) -> None:
        if self.screen.mode == "log":
            _log.info(text.strip())
        self.screen.say(text)

    def _command(self, verb: str, *options: str) -> str:
        """A command line for the same project."""
        file = [shlex.quote(self.given.file)] if self.given.file else []
        environment = ["--env", shlex.quote(self.given.env)] if self.given.env else []
        return " ".join(["odibi", verb, *file, *environment, *options])


def _command_with_files(host: InProcess, choice: Chosen) -> StartRun | None:
    """
    The command for a choice, with the files that are new. None if the chosen nodes live on files and none is new.

    A single node that reads a landing zone gets only new files, too: reading all of them again would append them again.
    """
    from odibi_core.planning.triggers import blob_sources

    command = host.request(choice.pipeline.pipeline, nodes=choice.nodes)
    landings = {source.connection for source in blob_sources(choice.pipeline)}
    reads = (choice.pipeline.node(name).read for name in choice.nodes or ())
    if command is None or not any(read is not None and read.connection in landings for read in reads):
        return command
    files = host.app.coordinator.ledger.unclaimed(command, host.landed(choice.pipeline))
    return command.model_copy(update={"cause": command.cause.model_copy(update={"files": files})}) if files else None
