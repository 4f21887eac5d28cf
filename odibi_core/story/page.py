"""The sections of the page, in the order of the reader's questions."""

from __future__ import annotations

from collections.abc import Iterator

from odibi_core.story.blocks import Bit, Block, Drawing, Facts, Fold, Head, Line, Lines, Section, Table, Tile
from odibi_core.story.cards import card, pill
from odibi_core.story.flow import flow
from odibi_core.story.matrix import matrix
from odibi_core.story.model import Story, Totals
from odibi_core.story.timeline import timeline
from odibi_core.story.words import UNKNOWN, counted, duration, instant, number, size

Anchors = dict[str, str]


def tiles(totals: Totals, seconds: float | None) -> tuple[Tile, ...]:
    """The run in six numbers."""
    nodes = _counts((totals.succeeded, "succeeded"), (totals.failed, "failed"), (totals.skipped, "skipped"))
    broken = _counts((totals.checks_failed, "failed"), (totals.checks_warned, "warned"), (totals.checks_quarantined, "set rows aside"))
    passed = f"{totals.checks_passed:,} of {totals.checks:,}" if totals.checks else UNKNOWN
    return (
        Tile("Duration", duration(seconds), nodes or counted(totals.nodes, "node")),
        Tile("Rows in", number(totals.rows_in), "not counted" if totals.rows_in is None else "from outside"),
        Tile("Rows written", number(totals.rows_written), f"to {counted(totals.tables, 'table')}"),
        Tile("Files", number(totals.files), size(totals.file_bytes) if totals.files else "none"),
        Tile("Attempts", number(totals.attempts), counted(totals.retries, "retry", "retries") if totals.retries else "no retries"),
        Tile("Checks passed", passed, broken or ("all passed" if totals.checks else "no checks")),
    )


def sections(story: Story, anchors: Anchors) -> Iterator[Section]:
    """Those that have something to say."""
    if story.nodes:
        yield _flow(story, anchors)
    drawn = timeline(story.run, story.nodes, anchors)
    if drawn:
        note = f"From {instant(story.run.started_at)}, when the plan was frozen. Thin bars: waiting for a worker or for the next attempt."
        yield Section("timeline", "Timeline", (_note(note), Drawing(drawn)))
    if story.files or story.watermarks:
        yield Section("files", "Files and watermarks", tuple(_files(story)))
    if any(node.checks for node in story.nodes):
        yield Section("checks", "Checks", (_checks(story, anchors),))
    if story.nodes:
        cards = tuple(card(node, story.run.started_at, anchors[node.name]) for node in story.nodes)
        yield Section("nodes", "Nodes", (_note("What failed or warned is open."), *cards))
    yield Section("provenance", "Provenance and privacy", (_provenance(story),))


def _flow(story: Story, anchors: Anchors) -> Section:
    drawn = flow(story.nodes, anchors)
    rows = tuple(
        (
            (Bit(node.name, anchor=anchors[node.name]),),
            (", ".join(node.upstream),),
            (pill(node.tone, node.status.replace("_", " ")),),
            (number(node.rows_in),),
            (number(node.rows_out),),
            (duration(node.seconds),),
            (number(len(node.attempts)),),
        )
        for node in story.nodes
    )
    heads = (
        Head("Node"),
        Head("After"),
        Head("Status"),
        Head("Rows in", "n"),
        Head("Rows out", "n"),
        Head("Time", "n"),
        Head("Attempts", "n"),
    )
    table = Fold("The same as a table", not drawn, (Table("Nodes in run order", heads, rows),))
    if not drawn:
        return Section("flow", "Flow", (_note(f"{counted(len(story.nodes), 'node')} are too many to draw; the table has them all."), table))
    note = _note("The wider a line, the more rows went along it. Choose a node to read about it.")
    return Section("flow", "Flow", (note, Drawing(drawn), table))


def _files(story: Story) -> Iterator[Block]:
    if story.files:
        yield Table(
            f"{counted(len(story.files), 'file version')} of this run",
            (Head("File", "mono"), Head("Size", "n"), Head("ETag", "mono"), Head("Read by")),
            tuple(((file.path,), (size(file.size_bytes),), (file.etag,), (", ".join(file.nodes) or "no node",)) for file in story.files),
        )
    if story.watermarks:
        yield Table(
            "High-water marks that moved",
            (Head("Node"), Head("Column", "mono"), Head("From", "mono"), Head("To", "mono")),
            tuple(
                (
                    (mark.node,),
                    (mark.column,),
                    ("none" if mark.before is None else mark.before,),
                    ("none" if mark.after is None else mark.after,),
                )
                for mark in story.watermarks
            ),
        )


def _checks(story: Story, anchors: Anchors) -> Table:
    found = matrix(story.nodes)
    passed = f"{number(story.totals.checks_passed)} of {counted(story.totals.checks, 'check')} passed; numbers are broken rows of all rows"
    rows = tuple(
        ((Bit(row.node, anchor=anchors[row.node]),), *(tuple(pill(mark.tone, mark.text) for mark in cell) for cell in row.cells))
        for row in found.rows
    )
    return Table(passed, (Head("Node"), *(Head(kind) for kind in found.kinds)), rows)


def _provenance(story: Story) -> Facts:
    run, known = story.run, story.provenance
    rows: list[tuple[str, Line]] = [("Run", _mono(run.run_id)), ("Why", (run.cause.text,))]
    if run.cause.resumes:
        rows.append(("Resumes", _mono(run.cause.resumes)))
    rows += [
        ("Started", (instant(run.started_at),)),
        ("Ended", (instant(run.finished_at),)),
        ("Logical time", (instant(run.logical_time),)),
        ("Configuration", _mono(known.config_fingerprint)),
    ]
    if known.versions:
        rows.append(("Versions", tuple(Bit(f"{name} {version}", "pill") for name, version in known.versions.items())))
    rows += [("Table read", (Bit(table.dataset, "mono"), f" version {table.version:,}")) for table in known.tables_read]
    rows += [("Table written", (Bit(table.dataset, "mono"), f" version {table.version:,}")) for table in known.tables_written]
    rows += [(f"Hidden in {hidden.node}", (", ".join(hidden.columns) or hidden.note,)) for hidden in story.privacy.masked]
    marks = story.privacy.redactions
    rows.append(("Redactions", (f"{counted(marks, 'value')} shown as [REDACTED]" if marks else "none",)))
    return Facts(tuple(rows))


def _note(text: str) -> Lines:
    return Lines("note", ((text,),))


def _mono(text: str) -> Line:
    return (Bit(text, "mono"),)


def _counts(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)
