"""`odibi list KIND` and `odibi explain NAME`: the words that a YAML can use, with their parameters and an example."""

from __future__ import annotations

import argparse
import os
import textwrap
from typing import TYPE_CHECKING, Any

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import project_file
from odibi_core.cli.screen import Screen, aligned
from odibi_core.cli.vocabulary import KINDS, Parameter, Term, terms
from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_core.registry import Registry

_WIDTH = 100


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Define `odibi list`."""
    parser.add_argument("kind", choices=sorted(KINDS), help="what to list")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=list_terms)


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """Define `odibi explain`."""
    parser.add_argument("name", help="a transformer, a pattern, an operation or a check")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=explain)


def list_terms(given: argparse.Namespace, screen: Screen) -> int:
    """Show the names of one kind, a line each."""
    found = [term for term in terms(_own_functions(screen)) if term.kind == KINDS[given.kind]]
    screen.say(aligned(("name", "what it does"), [(term.name, term.summary) for term in found]))
    screen.result([{"name": term.name, "summary": term.summary} for term in found])
    return OK


def explain(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show everything about one name.

    Raises:
        ConfigError: If nothing has that name.
    """
    everything = terms(_own_functions(screen))
    found = [term for term in everything if term.name == given.name]
    if not found:
        from odibi_core.config import suggestion

        raise ConfigError(
            f"nothing is called '{given.name}'", code="unknown_name", hint=suggestion(given.name, [term.name for term in everything])
        )
    screen.say("\n\n".join(_told(term) for term in found))
    screen.result([_as_dict(term) for term in found])
    return OK


def _own_functions(screen: Screen) -> Registry[Any] | None:
    """What the authors of the project here have written, if there is a project; its YAML may be broken."""
    from odibi_core.config.code_files import read_code
    from odibi_core.transforms import load_functions

    try:
        directory = project_file(None, os.environ).resolve().parent
    except ConfigError:
        return None
    try:
        return load_functions(read_code(directory), directory)
    except ConfigError as error:
        for problem in error.problems:
            screen.complain(f"warning: {problem}")
        return None


def _told(term: Term) -> str:
    lines = [f"{term.name} ({term.kind})", *_wrapped(term.summary)]
    if term.text:
        lines += ["", *(line for part in term.text.split("\n\n") for line in _wrapped(part))]
    lines += ["", "parameters" if term.parameters else "no parameters"]
    lines += [f"  {line}" for line in _table(term.parameters)]
    for title in ("Shape", "Example", "Source"):
        if title in term.sections:
            lines += ["", f"{title.lower()}: {term.sections[title]}"]
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH) or [""]


def _table(parameters: Sequence[Parameter]) -> list[str]:
    if not parameters:
        return []
    rows = [(parameter.name, parameter.type, stated_default(parameter), parameter.note) for parameter in parameters]
    return aligned(("name", "type", "default", ""), rows).splitlines()


def stated_default(parameter: Parameter) -> str:
    """A default as one would write it in YAML."""
    match parameter:
        case Parameter(required=True):
            return "required"
        case Parameter(default=None | "" | [] | {}):
            return "none"
        case Parameter(default=bool() as value):
            return str(value).lower()
        case _:
            return str(parameter.default)


def _as_dict(term: Term) -> dict[str, Any]:
    return {
        "kind": term.kind,
        "name": term.name,
        "summary": term.summary,
        "text": term.text,
        **{title.lower(): text for title, text in term.sections.items() if title != "Raises"},
        "parameters": [
            {"name": one.name, "type": one.type, "required": one.required, "default": one.default, "note": one.note}
            for one in term.parameters
        ],
    }
