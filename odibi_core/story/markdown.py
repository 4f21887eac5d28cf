"""A story in at most 60 lines of Markdown: for a chat, a pull request, or a reader that is a machine."""

from __future__ import annotations

import re

from odibi_core.story.model import NodeStory, Story
from odibi_core.story.sentences import broken_rows, change_text
from odibi_core.story.words import UNKNOWN, counted, duration, instant, number, shortened, visible

MOST_LINES = 60
_NODES, _FINDINGS, _LETTERS = 25, 10, 300
_SIGNS = {"good": "✅", "warn": "⚠️", "bad": "❌", "idle": "⏸️"}
_RANK = {"bad": 0, "warn": 1, "good": 2, "idle": 3}
# What could begin markup, a link or the next cell (CommonMark 0.31, section 2.4, "Backslash escapes"; GFM, "Tables" and "Autolinks").
_MARKUP = re.compile(r"([\\`*\[\]<>|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//))")


def summary(story: Story) -> str:
    """The verdict, the numbers, the nodes that matter most, and what broke."""
    run, totals, verdict = story.run, story.totals, story.verdict
    lines = [
        f"# {_SIGNS[verdict.tone]} {_text(run.pipeline)}: {_text(verdict.title)}",
        "",
        _text(verdict.sentence, 1000),
        "",
    ]
    if verdict.next_action:
        lines += [f"**Next:** {_text(verdict.next_action, 1000)}" + (f" `{_code(verdict.command)}`" if verdict.command else ""), ""]
    lines += [
        f"- Project {_text(run.project)}{f', environment {_text(run.environment)}' if run.environment else ''}, run {_text(run.run_id)}",
        f"- Started {_text(instant(run.started_at))}, took {duration(run.seconds)}, because {_text(run.cause.text)}",
        f"- {number(totals.rows_in)} rows in, {number(totals.rows_written)} written, {counted(totals.files, 'file')}",
        f"- {counted(totals.attempts, 'attempt')}, {totals.checks_passed:,} of {counted(totals.checks, 'check')} passed",
        "",
    ]
    lines += _table(story)
    lines += _findings(story)
    return "\n".join(lines[:MOST_LINES]) + "\n"


def _table(story: Story) -> list[str]:
    if not story.nodes:
        return []
    shown = sorted(story.nodes, key=lambda node: _RANK[node.tone])[:_NODES] if len(story.nodes) > _NODES else story.nodes
    lines = ["| Node | Status | Rows out | Time | Attempts |", "| --- | --- | ---: | ---: | ---: |", *map(_row, shown)]
    left = len(story.nodes) - len(shown)
    return [*lines, "", *([f"{counted(left, 'more node')} in the page.", ""] if left else [])]


def _row(node: NodeStory) -> str:
    status = f"{_SIGNS[node.tone]} {node.status.replace('_', ' ')}"
    return f"| {_text(node.name)} | {status} | {number(node.rows_out)} | {duration(node.seconds)} | {len(node.attempts) or UNKNOWN} |"


def _findings(story: Story) -> list[str]:
    found = []
    for node in story.nodes:
        if node.error:
            found.append(
                f"- **{_text(node.name)}** {_text(node.error.code)}: {_text(node.error.message)}. {_text(node.error.hint)}".rstrip()
            )
        found += [f"- {_text(node.name)}: check {_text(check.name)}, {broken_rows(check)}" for check in node.checks if not check.passed]
        found += [f"- {_text(node.name)}: {_text(warning)}" for warning in node.warnings]
        if node.write and node.write.change:
            found.append(f"- {_text(node.name)}: columns of {_text(node.write.dataset)}: {_text(change_text(node.write.change))}")
    if not found:
        return []
    left = len(found) - _FINDINGS
    return ["## What to look at", "", *found[:_FINDINGS], *([f"- {left:,} more in the page"] if left > 0 else [])]


def _text(text: str, letters: int = _LETTERS) -> str:
    """One line of plain text: nothing in it is markup."""
    return _MARKUP.sub(r"\\\1", shortened(" ".join(visible(text).split()), letters))


def _code(text: str) -> str:
    return " ".join(visible(text).split()).replace("`", "'")
