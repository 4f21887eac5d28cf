"""`odibi validate`: everything that is wrong with a project, at once, without touching any store."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.cli.annotations import annotation
from odibi_core.cli.exits import CONFIG, OK, as_dict
from odibi_core.cli.project_file import add_project_arguments, project_file, read_project, seen_from_here, shown
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError, Place, Problem

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    add_project_arguments(parser)
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
    problems = _refusals(project, file)
    if problems:
        return _refuse(seen_from_here(ConfigError.of(problems), file), file, screen, warnings=project.notices)
    pipelines = project.config.pipelines
    nodes = sum(len(pipeline.nodes) for pipeline in pipelines)
    screen.say(f"ok: {_counted(len(pipelines), 'pipeline')}, {_counted(nodes, 'node')}")
    screen.result({**_found(file, project.notices), "ok": True, "exit_code": OK, "pipelines": len(pipelines), "nodes": nodes})
    return OK


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


def _refusals(project: LoadedProject, file: Path) -> tuple[Problem, ...]:
    """What the planner says, with the places of the nodes that it is about."""
    from odibi_core.cli.planned import refusals_of

    problems: dict[Problem, None] = {}
    for pipeline in project.config.pipelines:
        for node, error in refusals_of(project, pipeline):
            place = _place_of(project, file, pipeline.pipeline, node)
            for problem in error.problems:
                problems[replace(problem, place=problem.place or place)] = None
    return tuple(problems)


def _place_of(project: LoadedProject, file: Path, pipeline: str, node: str | None) -> Place | None:
    """Where a node, or a pipeline, is named."""
    from odibi_core.config.imports import ProjectFiles, read_project
    from odibi_core.config.marks import Mark, locate

    files = ProjectFiles(directory=project.directory)
    tree = read_project(file.resolve(), files, os.environ)
    path = _path_to(tree, pipeline, node)
    return None if path is None else files.sources.place(locate(tree, path, Mark(file.name, 1, 1)))


def _path_to(tree: Any, pipeline: str, node: str | None) -> tuple[str | int, ...] | None:
    """The path of a name in the parsed YAML, or None if an environment or a recipe put it there."""
    for number, found in enumerate(tree.get("pipelines") or []):
        if isinstance(found, dict) and found.get("pipeline") == pipeline:
            if node is None:
                return ("pipelines", number, "pipeline")
            for place, inner in enumerate(found.get("nodes") or []):
                if isinstance(inner, dict) and inner.get("name") == node:
                    return ("pipelines", number, "nodes", place, "name")
    return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"
