"""
Problems as annotations of a pull request on GitHub.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
"""

from __future__ import annotations

from odibi_core.errors import Problem


def annotation(problem: Problem, *, file: str) -> str:
    """The workflow command for a problem; `file` is where it is shown if it has no place of its own."""
    place = problem.place
    where = {"file": place.file, "line": str(place.line), "col": str(place.column)} if place else {"file": file}
    properties = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    return f"::error {properties},title=odibi::{_data(problem.message + (f'{chr(10)}{problem.hint}' if problem.hint else ''))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
