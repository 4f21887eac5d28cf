"""Find the project's file and open it: for running, or only for reading what it says."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError
from odibi_core.redaction import Redactor

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.ports import EventSink

Value = TypeVar("Value")
FILE_NAME = "odibi.yaml"
USUAL = (FILE_NAME, f"pipelines/{FILE_NAME}")


def add_project_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command takes that needs a project."""
    parser.add_argument("file", nargs="?", help=f"the project's YAML; without it $ODIBI_PROJECT, {' or '.join(USUAL)}")
    parser.add_argument("--env", metavar="NAME", help="lay this environment's overrides over the project; without it $ODIBI_ENV")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")


def project_file(given: str | None, environment: Mapping[str, str]) -> Path:
    """
    The project's file: as given, a folder that holds it, or where one usually lies.

    Raises:
        ConfigError: If it does not exist.
    """
    named = given or environment.get("ODIBI_PROJECT")
    candidates = [Path(named)] if named else [Path(name) for name in USUAL]
    for candidate in candidates:
        path = candidate / FILE_NAME if candidate.is_dir() else candidate
        if path.is_file():
            return path
    if named:
        raise ConfigError(f"there is no file '{named}'", code="no_project", hint="Name the project's YAML, or its folder.")
    raise ConfigError(
        f"there is no project here: neither {' nor '.join(USUAL)} exists",
        code="no_project",
        hint="Name the project's YAML: odibi run FILE.",
    )


def environment_name(given: str | None, environment: Mapping[str, str]) -> str | None:
    """The name of the overrides, if any."""
    return given or environment.get("ODIBI_ENV") or None


def open_host(given: argparse.Namespace, screen: Screen, *, announce: EventSink = lambda _event: None) -> InProcess:
    """
    The project, ready to run; from here on nothing that is said or logged holds its secrets.

    Raises:
        ConfigError: If the YAML is broken.
    """
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.logging_setup import configure_logging

    file = project_file(given.file, os.environ)
    use_redactor(screen, _before_it_is_open(file))
    host = with_shown_places(
        file, lambda: InProcess.open(file, environment_name=environment_name(given.env, os.environ), announce=announce)
    )
    use_redactor(screen, host.app.redactor)
    # Only a run speaks in log lines; the output of the other commands is what was asked for.
    variables = os.environ if screen.mode == "log" else {**os.environ, "ODIBI_LOG_FORMAT": "text"}
    configure_logging(variables, host.app.redactor)
    return host


def read_project(given: argparse.Namespace, screen: Screen) -> LoadedProject:
    """
    What the project says, without opening anything that it names.

    Raises:
        ConfigError: If the YAML is broken; with every problem.
    """
    from odibi_core.config import load_project
    from odibi_core.config.known_secrets import known_secrets

    file = project_file(given.file, os.environ)
    use_redactor(screen, _before_it_is_open(file))
    project = with_shown_places(file, lambda: load_project(file, environment=environment_name(given.env, os.environ)))
    for value, always in known_secrets(project):
        screen.redactor.register(value, always=always)
    return project


def use_redactor(screen: Screen, redactor: Redactor) -> None:
    """Let everything that this process says pass a redactor from now on."""
    from odibi_core.redaction.process import OUTLETS

    screen.redactor = redactor
    if OUTLETS.are_guarded:
        OUTLETS.guard(redactor)


def _before_it_is_open(file: Path) -> Redactor:
    """What is said about a project that cannot be loaded holds none of the values that it names."""
    from odibi_core.config.known_secrets import named_variables

    redactor = Redactor()
    for value in named_variables(file, os.environ):
        redactor.register(value)
    return redactor


def with_shown_places(file: Path, load: Callable[[], Value]) -> Value:
    """
    Call `load`, with the files of its problems named as they are seen from here: what a terminal, or GitHub, can open.

    Raises:
        ConfigError: As `load` does.
    """
    try:
        return load()
    except ConfigError as error:
        raise seen_from_here(error, file) from error


def seen_from_here(error: ConfigError, file: Path) -> ConfigError:
    """The same error; the places in it, relative to the project's folder, become relative to the current one."""
    problems = tuple(
        replace(problem, place=replace(problem.place, file=shown(file.parent / problem.place.file))) if problem.place else problem
        for problem in error.problems
    )
    return ConfigError(error.message, code=error.error_code, hint=error.hint, problems=problems)


def shown(path: Path | str) -> str:
    """A path as short as it can be said here: relative if it lies below the current folder."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109  lexical on purpose: symbolic links stay as the user wrote them
    inside = os.path.relpath(absolute, here) if os.path.commonpath([absolute, here]) == here else absolute
    return inside.replace(os.sep, "/")
