"""Follow runs from outside: the facts come from the journal, the pages from the place of the stories."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_core.events import AnyRunEvent, CheckResult, NodeFinished, NodeSkipped, RunFinished, RunStarted
from odibi_core.messages import BlobArrived, DatasetWritten, FilesMissing, Requested
from odibi_core.runtime.journal import path_of
from odibi_local.demo.output import coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from odibi_core.bootstrap import App
    from odibi_core.ports import ObjectStore

_SHORT = 8  # letters of a run id that people need


def open_app(project_file: Path, environment_name: str | None, settings: Mapping[str, str]) -> App:
    """
    The product as a reader: it starts nothing. `settings` are laid over this process's environment.

    Raises:
        ConfigError: If the YAML is broken.
    """
    from odibi_core.bootstrap import Settings, build, utc_now
    from odibi_core.queues.memory import MemoryQueue

    given = Settings(project_file=project_file, environment_name=environment_name, environment={**os.environ, **settings})
    app = build(given, queue=MemoryQueue(utc_now))
    app.loaded()
    return app


class RunFollower:
    """What is new in the journal since the last look. Not safe for several threads."""

    def __init__(self, app: App) -> None:
        """Runs that ended before now are the past; those that are under way are followed."""
        self._journal = app.coordinator.journal
        self._told: dict[str, set[str]] = {}  # run that has not ended → places of the facts that were told
        self._ended = set(self._journal.run_ids()) - set(self._journal.open_runs())

    def news(self, *, thorough: bool) -> Iterator[AnyRunEvent]:
        """
        The facts that were not told before: run by run, of each in the order of time.

        Only `thorough` finds runs that began and ended between two looks: it lists the whole history.
        """
        found = {*self._told, *self._journal.open_runs(), *(self._journal.run_ids() if thorough else ())}
        for run_id in sorted(found - self._ended):
            told = self._told.setdefault(run_id, set())
            for event in self._journal.events(run_id):
                if (place := path_of(event)) not in told:
                    told.add(place)
                    yield event
                if isinstance(event, RunFinished):
                    self._ended.add(run_id)
                    self._told.pop(run_id, None)


@dataclass(frozen=True, kw_only=True)
class StoryPage:
    """The Data Story of one run."""

    store: ObjectStore
    folder: str  # in the store
    place: str  # "connection/folder", for people

    @classmethod
    def of(cls, app: App, run: RunStarted) -> StoryPage | None:
        """Where the story of a run will be; None if the project says nothing of stories."""
        from odibi_core.story.archive import story_path

        story = app.loaded().config.story
        if story is None:
            return None
        folder = story_path(run.run_id, run.pipeline, run.logical_time, story.path)
        return cls(store=app.connections.store(story.connection, ""), folder=folder, place=f"{story.connection}/{folder}")

    def copy_to(self, file: Path) -> bool:
        """Copy the page; False if it has not been written yet."""
        page = self.store.get(f"{self.folder}/index.html")
        if page is None:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(page.data)
        return True


def short(run_id: str) -> str:
    """The first letters of a run id."""
    return run_id[:_SHORT]


def cause_of(run: RunStarted) -> str:
    """Why a run happened, in a few words."""
    match run.cause:
        case BlobArrived(files=files) | Requested(files=files) if files:
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            return f"{files[0].connection}/{files[0].path}{more}"
        case BlobArrived() | Requested():
            return "a request"
        case FilesMissing(connection=connection, path=path):
            return f"no file {connection}/{path} came"
        case DatasetWritten(dataset=dataset):
            return f"{dataset} was written"
        case tick:
            return f"the schedule, due {tick.scheduled_time:%H:%M:%S}"


def outcome_line(outcome: NodeFinished | NodeSkipped, *, width: int) -> str:
    """`✓ silver_orders    312 rows   0.31 s`, or why not. `width` is that of the name."""
    name = f"{outcome.node:<{width}}"
    if isinstance(outcome, NodeSkipped):
        return f"{coloured('–', 'dim')} {name}  skipped: {outcome.reason}"
    result = outcome.result
    rows = "" if result.rows_out is None else f"{result.rows_out:,} {'row' if result.rows_out == 1 else 'rows'}"
    numbers = f"{rows:>11}  {result.seconds:5.2f} s"
    if result.status == "failed":
        return f"{coloured('✗', 'red')} {name}  {numbers}  failed" + ("" if result.write else ", nothing was written")
    return f"{coloured('✓', 'green')} {name}  {numbers}" + (f"  skipped: {result.reason}" if result.status == "skipped" else "")


def broken_checks(outcome: NodeFinished) -> list[CheckResult]:
    """The checks that found rows."""
    return [check for check in outcome.result.checks if not check.passed]


def check_line(check: CheckResult) -> str:
    """`range (quantity): 2 of 7 rows break it`."""
    columns = f" ({', '.join(check.columns)})" if check.columns else ""
    return f"check {check.name}{columns}: {check.failed_rows:,} of {check.rows:,} rows break it"
