"""Checks as a matrix: nodes down, kinds of check across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from odibi_core.events import CheckResult
from odibi_core.story.model import NodeStory, Tone
from odibi_core.story.words import number

_WORDS = {"fail": "failed", "warn": "warned", "quarantine": "set aside"}


class Mark(NamedTuple):
    """One pill of a cell."""

    tone: Tone
    text: str


class MatrixRow(NamedTuple):
    """A node, with the marks of each kind of check."""

    node: str
    cells: tuple[tuple[Mark, ...], ...]


class Matrix(NamedTuple):
    """All checks of a run."""

    kinds: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


def matrix(nodes: Sequence[NodeStory]) -> Matrix:
    """Every check that broke has its own mark; those that passed are counted."""
    kinds = tuple(dict.fromkeys(check.kind for node in nodes for check in node.checks))
    rows = [
        MatrixRow(node=node.name, cells=tuple(_cell([check for check in node.checks if check.kind == kind]) for kind in kinds))
        for node in nodes
        if node.checks
    ]
    return Matrix(kinds=kinds, rows=tuple(rows))


def outcome(check: CheckResult) -> tuple[Tone, str]:
    """How a check ended, as a colour and a word."""
    if check.passed:
        return "good", "passed"
    return ("bad" if check.severity == "fail" else "warn"), _WORDS[check.severity]


def _cell(checks: Sequence[CheckResult]) -> tuple[Mark, ...]:
    broken = [check for check in checks if not check.passed]
    marks = [
        Mark(tone=tone, text=f"{number(check.failed_rows)} of {number(check.rows)} {word}")
        for check in broken
        for tone, word in [outcome(check)]
    ]
    passed = len(checks) - len(broken)
    if passed:
        marks.append(Mark(tone="good", text="passed" if passed == 1 else f"{passed} passed"))
    return tuple(marks)
