"""What the planner would refuse, each with the place in the YAML that it is about."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.errors import ConfigError, Place, Problem

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject
    from odibi_core.config.marks import Mark
    from odibi_core.planning.outlines import Looked


def refusals_with_places(project: LoadedProject, file: Path, looked: Looked | None = None) -> tuple[Problem, ...]:
    """What is wrong with the authors' functions, and what the planner says, with the places of the nodes, or of the words in their SQL."""
    from odibi_core.cli.planned import library_of, refusals_of

    problems: dict[Problem, None] = {}
    try:
        library_of(project).own()
    except ConfigError as broken:
        problems.update(dict.fromkeys(broken.problems))
    for pipeline in project.config.pipelines:
        refusals = refusals_of(project, pipeline, looked)
        source = _Source(project, file) if refusals else None
        for node, error in refusals:
            for problem in error.problems:
                if source is not None:
                    problems[source.placed(problem, pipeline.pipeline, node)] = None
    return tuple(problems)


class _Source:
    """The YAML as it is written, with its marks."""

    def __init__(self, project: LoadedProject, file: Path) -> None:
        from odibi_core.config.imports import ProjectFiles, read_project

        self._directory = project.directory
        self._files = ProjectFiles(directory=project.directory)
        self._tree = read_project(file.resolve(), self._files, os.environ)
        self._main = file.name

    def placed(self, problem: Problem, pipeline: str, node: str | None) -> Problem:
        from odibi_core.config.marks import Mark, locate

        path = _path_to(self._tree, pipeline, node)
        if problem.place is not None and not problem.path:
            return problem  # in a file of its own
        if path is None:
            return replace(problem, place=None, path=())
        start = Mark(self._main, 1, 1)
        if problem.path:
            mark = locate(self._tree, (*path[:-1], *problem.path), start, on_key=problem.on_key)
            if mark == locate(self._tree, path[:-1], start):  # an environment or a recipe put it there: the node itself is near enough
                mark = locate(self._tree, path, start)
            place = self._inside(mark, problem.place) if problem.place is not None else None
            return replace(problem, place=place or self._files.sources.place(mark), path=(), on_key=False)
        return replace(problem, place=self._files.sources.place(locate(self._tree, path, start)))

    def _inside(self, mark: Mark, place: Place) -> Place | None:
        """A place in a text of the YAML: its line is looked for where the text begins, and for as many lines as it may be away."""
        from odibi_core.config.marks import Mark

        written = place.excerpt.strip()
        lines = (self._directory / mark.file).read_text(encoding="utf-8-sig").splitlines()
        for number in range(mark.line, min(len(lines), mark.line + place.line + 1) + 1):
            line = lines[number - 1]
            column = line.find(written, mark.column - 1 if number == mark.line else 0) if written else -1
            if column >= 0:
                shift = place.column - 1 - (len(place.excerpt) - len(place.excerpt.lstrip()))
                return self._files.sources.place(Mark(mark.file, number, max(1, column + shift + 1)))
        return None


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
