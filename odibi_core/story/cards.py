"""The card of a node: everything about it, for the reader who opened it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from odibi_core.events import CheckResult, DatasetRead, DatasetWrite, GateResult, Sample
from odibi_core.story.blocks import Bit, Block, Card, Chips, Code, Facts, Grid, Head, Heading, Line, Lines, Table
from odibi_core.story.matrix import outcome
from odibi_core.story.model import Attempt, AttemptOutcome, NodeStory, Tone
from odibi_core.story.sentences import broken_rows, change_text, kept_rows
from odibi_core.story.words import UNKNOWN, clock, counted, duration, offset

_ENDED: dict[AttemptOutcome, tuple[Tone, str]] = {
    "succeeded": ("good", "succeeded"),
    "failed": ("bad", "failed"),
    "retried": ("warn", "failed, tried again"),
    "lost": ("warn", "worker lost"),
    "handed_off": ("idle", "handed over"),
    "running": ("idle", "no outcome"),
}


def pill(tone: Tone, text: str) -> Bit:
    """A short outcome in its colour."""
    return Bit(text, f"pill {tone}")


def card(node: NodeStory, start: datetime, anchor: str) -> Card:
    """The node's card. Times are also given from the start of the run."""
    aside = node.status.replace("_", " ") if node.seconds is None else duration(node.seconds)
    return Card(anchor, node.tone, node.sentence, aside, tuple(_blocks(node, start)))


def _blocks(node: NodeStory, start: datetime) -> Iterator[Block]:
    if node.description:
        yield Lines("note", ((node.description,),))
    if node.explanation:
        yield Code(node.explanation)
    if node.error:
        error = node.error
        hint: tuple[Line, ...] = ((error.hint,),) if error.hint else ()
        passing = " · may pass by itself" if error.retryable else ""
        yield Lines(
            "box bad", ((Bit(error.message, "strong"),), *hint, (Bit(f"{error.code} · exit code {error.exit_code}{passing}", "mono"),))
        )
    if node.warnings:
        yield Lines("box warn", tuple((warning,) for warning in node.warnings))
    yield Facts(tuple(_facts(node, start)))
    if len(node.attempts) > 1:
        yield from (Heading("Attempts"), _attempts(node, start))
    if node.steps:
        yield Heading("Steps")
        for place, step in enumerate(node.steps, 1):
            yield from (Lines("quiet", ((f"{place}. {step.kind}",),)), Code(step.text))
    if node.checks:
        yield from (Heading("Checks"), _checks(f"Checks of {node.name}", node.checks))
        for one in node.failing:
            yield from _rows(
                one.sample, f"of {node.name} {'breaks' if len(one.sample.rows) == 1 else 'break'} {_WHAT[one.of]} '{one.check}'"
            )
    if node.columns:
        yield from (Heading("Columns"), Chips(tuple((f"{column.name} ", Bit(column.type, "quiet")) for column in node.columns)))
    yield from _sample(node)


_WHAT = {"input": "contract", "output": "check"}
_LEFT_OUT = {"joined_out": "without a match that counts", "set_aside": "set aside by a pattern", "gated": "held back by the gate"}


def _facts(node: NodeStory, start: datetime) -> Iterator[tuple[str, Line]]:
    if node.reason:
        yield "Reason", (node.reason,)
    if node.runbook_url:
        yield "Runbook", (Bit(node.runbook_url, "mono"),)
    if node.blocked_by:
        yield "Blocked by", (node.blocked_by,)
    if node.upstream:
        yield "After", (", ".join(node.upstream),)
    if node.tags:
        yield "Tags", (", ".join(node.tags),)
    if node.started_at:
        span = f"{clock(node.started_at)} to {clock(node.finished_at)} UTC ({offset(node.started_at, start)})"
        yield "Time", (span + (f", engine {node.engine}" if node.engine else ""),)
    yield from _row_facts(node)
    if node.watermark:
        yield "Watermark", (Bit(node.watermark.column, "mono"), " to ", Bit(node.watermark.after or "none", "mono"))
    for handoff in node.handoffs:
        yield "Handed to", (f"{handoff.to}, job ", Bit(handoff.job, "mono"), f" ({offset(handoff.at, start)})")


def _row_facts(node: NodeStory) -> Iterator[tuple[str, Line]]:
    """Where they came from, where they went, and which did not get there."""
    rows = [f"{count:,} {side}" for count, side in ((node.rows_in, "in"), (node.rows_out, "out")) if count is not None]
    if rows:
        yield "Rows", (", ".join(rows),)
    if node.account is not None and node.account.left_out:
        yield "Left out", (", ".join(f"{count:,} {_LEFT_OUT.get(how, how)}" for how, count in node.account.left_out.items()),)
    for read in node.reads:
        yield "Read", (Bit(read.dataset, "mono"), " ", Bit(_read(read), "quiet"))
    if node.write:
        yield from _written(node.write)
    if node.quarantined and node.quarantined.rows:
        yield "Set aside", (Bit(node.quarantined.dataset, "mono"), " ", Bit(kept_rows(node.quarantined), "quiet"))
    if node.gate is not None:
        yield "Gate", _gate(node.gate)


def _written(write: DatasetWrite) -> Iterator[tuple[str, Line]]:
    yield "Wrote", (Bit(write.dataset, "mono"), " ", Bit(_write(write), "quiet"))
    yield "Location", (Bit(write.uri, "mono"),)
    if write.change:
        yield "Schema", (change_text(write.change),)


def _gate(gate: GateResult) -> Line:
    passed = f"{gate.passed_rows:,} of {counted(gate.rows, 'row')} pass all checks"
    return ("open" if gate.passed else f"shut ({gate.action})", " ", Bit(passed, "quiet"))


def _read(read: DatasetRead) -> str:
    facts = [read.format]
    facts += [counted(read.rows, "row")] if read.rows is not None else []
    facts += [f"version {read.version:,}"] if read.version is not None else []
    facts += [counted(len(read.files), "file")] if read.files else []
    facts += [f"{counted(read.unparsed.rows, 'row')} did not parse"] if read.unparsed else []
    return ", ".join(facts)


def _write(write: DatasetWrite) -> str:
    facts = [write.format, write.mode]
    facts += [counted(write.rows, "row")] if write.rows is not None else []
    facts += [f"version {write.version:,}"] if write.version is not None else []
    facts += ["created"] if write.created else []
    facts += ["committed by an earlier attempt"] if write.recovered else []
    return ", ".join(facts)


def _attempts(node: NodeStory, start: datetime) -> Table:
    heads = (Head("Attempt"), Head("Started"), Head("Took", "n"), Head("Outcome"), Head("Why"))
    rows = tuple(
        (
            (f"{attempt.number}{f', delivery {attempt.delivery}' if attempt.delivery > 1 else ''}",),
            (offset(attempt.started_at, start), Bit(f" on {attempt.worker}" if attempt.worker else "", "quiet")),
            (duration((attempt.ended_at - attempt.started_at).total_seconds()) if attempt.ended_at else UNKNOWN,),
            (pill(*_ENDED[attempt.outcome]),),
            _why(attempt),
        )
        for attempt in node.attempts
    )
    return Table(f"{counted(len(rows), 'attempt')} of {node.name}", heads, rows)


def _why(attempt: Attempt) -> Line:
    error: Line = (f"{attempt.error.message} ", Bit(attempt.error.code, "mono quiet")) if attempt.error else ()
    if attempt.delay_seconds is None:
        return error
    return (*error, Bit(f" next attempt after {duration(attempt.delay_seconds)}", "quiet"))


def _named(check: CheckResult) -> Line:
    return (check.name,) if check.of == "output" else (f"{check.name} ", Bit("contract", "quiet"))


def _checks(caption: str, checks: Sequence[CheckResult]) -> Table:
    heads = (Head("Check"), Head("Kind"), Head("Columns"), Head("Result"), Head("Broken rows", "n"), Head("Detail"))
    rows = tuple(
        (_named(check), (check.kind,), (", ".join(check.columns),), (pill(*outcome(check)),), (broken_rows(check),), (check.detail,))
        for check in checks
    )
    return Table(caption, heads, rows)


def _sample(node: NodeStory) -> Iterator[Block]:
    if node.sample is not None:
        yield Heading("Sample")
        yield from _rows(node.sample, f"of {node.name}")


def _rows(sample: Sample, what: str) -> Iterator[Block]:
    if sample.note:
        yield Lines("note", ((sample.note,),))
    if sample.rows:
        hidden = f"; hidden: {', '.join(sample.masked)}" if sample.masked else ""
        yield Grid(f"{counted(len(sample.rows), 'row')} {what}{hidden}", sample.columns, sample.rows)
