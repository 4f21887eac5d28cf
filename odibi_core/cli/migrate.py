"""`odibi migrate`: read a project of the reference and say, line by line, what runs as it is, what differs and what must change."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from odibi_core.cli.differences import shown_in
from odibi_core.cli.exits import CONFIG, OK
from odibi_core.cli.project_file import environment_name, project_file, seen_from_here, shown
from odibi_core.cli.refusals import refusals_with_places
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError, Place, Problem
from odibi_core.frozen import Frozen

_TITLES: Mapping[str, str] = {
    "change": "must change before it runs",
    "later": "is not available, and its nodes are refused",
    "silent": "is accepted and has no effect",
    "differs": "runs, and means something else",
}


class Finding(Frozen):
    """One thing that whoever brings a project along should know."""

    kind: str  # a key of _TITLES
    text: str
    hint: str = ""
    place: Place | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    parser.add_argument("file", nargs="?", help="the project's YAML; without it $ODIBI_PROJECT, or where it usually lies")
    parser.add_argument("--env", metavar="NAME", help="lay this environment's overrides over the project; without it $ODIBI_ENV")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=migrate)


def migrate(given: argparse.Namespace, screen: Screen) -> int:
    """Show the findings, what must change first: exit 2 if anything must, else 0. Nothing is opened but the project's files."""
    file = project_file(given.file, os.environ)
    findings, nodes = _findings(file, environment_name(given.env, os.environ))
    for kind, title in _TITLES.items():
        mine = [finding for finding in findings if finding.kind == kind]
        if mine:
            screen.say(f"{title}:")
            screen.say("".join(f"{line}\n" for finding in mine for line in _lines(finding)))
    stopping = sum(finding.kind in ("change", "later") for finding in findings)
    runs = "everything runs" if not stopping else f"{stopping} to look at before everything runs"
    screen.say(f"{shown(file)}: {nodes if nodes is not None else 'its'} nodes; {runs}")
    code = CONFIG if stopping else OK
    screen.result({"file": shown(file), "exit_code": code, "nodes": nodes, "findings": [_as_dict(finding) for finding in findings]})
    return code


def _findings(file: Path, environment: str | None) -> tuple[list[Finding], int | None]:
    from odibi_core.config import load_project

    try:
        project = load_project(file, environment=environment)
    except ConfigError as error:
        return [*_of_problems("change", seen_from_here(error, file).problems), *_differences(file)], None
    refusals = seen_from_here(ConfigError.of(found), file).problems if (found := refusals_with_places(project, file)) else ()
    silent = [Finding(kind="silent", text=notice) for notice in project.notices]
    nodes = sum(len(pipeline.nodes) for pipeline in project.config.pipelines)
    return [*_of_problems("later", refusals), *silent, *_differences(file)], nodes


def _of_problems(kind: str, problems: Iterable[Problem]) -> list[Finding]:
    return [Finding(kind=kind, text=problem.message, hint=problem.hint, place=problem.place) for problem in problems]


def _differences(file: Path) -> list[Finding]:
    from odibi_core.config.dotenv import environment_of
    from odibi_core.config.imports import ProjectFiles, read_project
    from odibi_core.config.marks import Mark

    file = file.resolve()
    files = ProjectFiles(directory=file.parent)
    try:
        tree = read_project(file, files, environment_of(file.parent, os.environ))
    except ConfigError:
        return []  # a file cannot be read, and is among the problems
    found = shown_in(tree, Mark(file.name, 1, 1))
    return [
        Finding(
            kind="differs",
            text=one.difference.says,
            hint=f"Because {one.difference.why}.",
            place=_place(files.sources.place(one.mark), file),
        )
        for one in found
    ]


def _place(place: Place, file: Path) -> Place:
    return replace(place, file=shown(file.parent / place.file))


def _lines(finding: Finding) -> list[str]:
    where = f"{finding.place}: " if finding.place else ""
    return [f"  {where}{finding.text}", *([f"      {finding.hint}"] if finding.hint else [])]


def _as_dict(finding: Finding) -> dict[str, Any]:
    place = finding.place
    at = {"file": place.file, "line": place.line, "column": place.column} if place else {}
    return {"kind": finding.kind, "text": finding.text, "hint": finding.hint, **at}
