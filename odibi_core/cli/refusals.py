"""What the planner would refuse, each with the place in the YAML that it is about."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.errors import Place, Problem

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject


def refusals_with_places(project: LoadedProject, file: Path) -> tuple[Problem, ...]:
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
