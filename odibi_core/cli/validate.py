"""`odibi validate`: everything that is wrong with a project, at once, without touching any store. `--with-data` looks at local sources."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.cli.annotations import annotation
from odibi_core.cli.exits import CONFIG, OK, as_dict
from odibi_core.cli.project_file import add_project_arguments, project_file, read_project, seen_from_here, shown
from odibi_core.cli.refusals import refusals_with_places
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError, Problem

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    add_project_arguments(parser)
    parser.add_argument("--with-data", action="store_true", help="look at the sources on local connections, too: which columns they have")
    parser.set_defaults(run=validate)


def validate(given: argparse.Namespace, screen: Screen) -> int:
    """Load the project, compile every pipeline, and show all problems: exit 2, or 0 if there is none."""
    file = project_file(given.file, os.environ)
    try:
        project = read_project(given, screen)
    except ConfigError as error:
        return _refuse(error, file, screen)
    for notice in project.notices:
        screen.complain(f"warning: {notice}")
    problems = _with_data(given, project, file, screen) if given.with_data else refusals_with_places(project, file)
    if problems:
        return _refuse(seen_from_here(ConfigError.of(problems), file), file, screen, warnings=project.notices)
    pipelines = project.config.pipelines
    nodes = sum(len(pipeline.nodes) for pipeline in pipelines)
    screen.say(f"ok: {_counted(len(pipelines), 'pipeline')}, {_counted(nodes, 'node')}")
    screen.result({**_found(file, project.notices), "ok": True, "exit_code": OK, "pipelines": len(pipelines), "nodes": nodes})
    return OK


def _with_data(given: argparse.Namespace, project: LoadedProject, file: Path, screen: Screen) -> tuple[Problem, ...]:
    """What a run would be refused for, with the columns that the local sources have now."""
    from odibi_core.cli.looking import LocalSources
    from odibi_core.cli.project_file import open_host
    from odibi_core.engines.polars import PolarsEngine

    engine = PolarsEngine()
    try:
        sources = LocalSources(project, open_host(given, screen).app.connections, engine)
        problems = refusals_with_places(project, file, sources)
    finally:
        engine.release()
    for note in sources.notes:
        screen.complain(f"note: {note}")
    return problems


def _refuse(error: ConfigError, file: Path, screen: Screen, *, warnings: tuple[str, ...] = ()) -> int:
    from odibi_core.config import problem_text

    for problem in sorted(error.problems, key=_in_reading_order):
        screen.complain(f"{problem_text(problem)}\n")
    screen.complain(f"{_counted(len(error.problems), 'problem')} in {shown(file)}")
    if os.environ.get("GITHUB_ACTIONS"):
        for problem in error.problems:
            screen.say(annotation(problem, file=shown(file)))  # GitHub looks for them in what a step prints
    screen.result({**_found(file, warnings), "ok": False, "exit_code": CONFIG, "problems": as_dict(error)["problems"]})
    return CONFIG


def _in_reading_order(problem: Problem) -> tuple[str, int, int]:
    return (problem.place.file, problem.place.line, problem.place.column) if problem.place else ("", 0, 0)


def _found(file: Path, warnings: tuple[str, ...]) -> dict[str, Any]:
    return {"file": shown(file), "problems": [], "warnings": list(warnings)}


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"
