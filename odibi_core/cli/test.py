"""`odibi test`: given rows, expected rows. Each test is a real run of one node, in a folder of its own, without any connection."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import environment_name, project_file, shown
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError, OdibiError
from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject
    from odibi_core.config.data_tests import DataTest

FAILED = 3  # the code did not do with the data what its author wanted
_PATTERNS = ("**/*test*.yaml", "**/*test*.yml")
_SHOWN = 5  # rows of a difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    parser.add_argument("path", nargs="?", help="a file of tests, or a folder of them; without it tests/ beside the project")
    parser.add_argument("--project", metavar="FILE", help="the project's YAML; without it $ODIBI_PROJECT, or where it usually lies")
    parser.add_argument("--env", metavar="NAME", help="lay this environment's overrides over the project; without it $ODIBI_ENV")
    parser.add_argument("--only", metavar="TEXT", help="only tests with this text in their name")
    parser.add_argument("--snapshot", action="store_true", help="write what comes out as what is expected, for tests without 'expected'")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=test)


class Outcome(Frozen):
    """How one test ended."""

    file: str
    name: str
    ok: bool
    seconds: float
    said: tuple[str, ...] = ()  # what is different


def test(given: argparse.Namespace, screen: Screen) -> int:
    """
    Run the tests and show each.

    Raises:
        ConfigError: If there is none, a file is broken, or a test names what does not exist.
    """
    from odibi_core.config import load_project
    from odibi_core.config.data_tests import load_data_tests

    main = project_file(given.project, os.environ)
    project = load_project(main, environment=environment_name(given.env, os.environ))
    where = Path(given.path) if given.path else main.parent / "tests"
    files = tuple(_files(where))
    if not files:
        raise ConfigError(
            f"there are no tests in '{shown(where)}'", code="no_tests", hint="A file of tests has 'test' in its name: a_test.yaml."
        )
    loaded = [(file, load_data_tests(file)) for file in files]
    outcomes = []
    for file, tests in loaded:
        screen.say(shown(file))
        for case in tests:
            if given.only is None or given.only in case.name:
                outcomes.append(_outcome(case, file, project, snapshot=given.snapshot))
                screen.say("\n".join(_told(outcomes[-1])))
    failed = sum(not outcome.ok for outcome in outcomes)
    screen.say(f"{len(outcomes) - failed} passed, {failed} failed")
    code = FAILED if failed or not outcomes else OK
    screen.result({"exit_code": code, "tests": [vars(outcome) for outcome in outcomes]})
    return code


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    found = {file for pattern in _PATTERNS for file in path.glob(pattern)}
    yield from sorted(file for file in found if not any(part.startswith((".", "__")) for part in file.parts))


def _told(outcome: Outcome) -> list[str]:
    return [
        f"  {'ok    ' if outcome.ok else 'FAILED'} {outcome.name}  {outcome.seconds:.2f} s",
        *(f"         {line}" for line in outcome.said),
    ]


def _outcome(case: DataTest, file: Path, project: LoadedProject, *, snapshot: bool) -> Outcome:
    from odibi_core.cli.trial import Trial

    began = time.perf_counter()
    try:
        said = _of_rows(case, file, Trial.of(case, file.resolve().parent, project).rows(), snapshot=snapshot)
    except OdibiError as error:
        said = _of_error(case, error)
    return Outcome(file=shown(file), name=case.name, ok=not said, seconds=time.perf_counter() - began, said=tuple(said))


def _of_error(case: DataTest, error: OdibiError) -> list[str]:
    if case.fails == error.error_code:
        return []
    wanted = "" if case.fails is None else f", and not '{case.fails}'"
    hint = [f"hint: {error.hint}"] if error.hint else []
    return [f"it failed with '{error.error_code}'{wanted}: {error.message}", *hint]


def _of_rows(case: DataTest, file: Path, found: Sequence[dict[str, Any]], *, snapshot: bool) -> list[str]:
    from odibi_core.cli.comparing import differences, kept, remembered

    if case.fails is not None:
        return [f"it succeeded with {len(found)} rows, and should have failed with '{case.fails}'"]
    if case.expected is None and snapshot:
        kept(case, file, found)
        return []
    return differences(remembered(case, file), found, ordered=case.ordered, ignore=case.ignore, most=_SHOWN)
