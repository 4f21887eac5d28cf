"""Say what happened: one sentence per node, a verdict for the run, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from odibi_core.events import CheckResult, DatasetWrite, ErrorRecord, Quarantined, SchemaChange
from odibi_core.messages import BlobArrived, Cause, DatasetWritten, FilesMissing, Requested, TimerTicked
from odibi_core.story.model import NodeStory, RunStory, Tone, Totals, Verdict
from odibi_core.story.words import counted, instant, listed

RESUME = "odibi run --resume --run"  # followed by the run's id
_TITLES = {"succeeded": "Succeeded", "failed": "Failed", "cancelled": "Cancelled", "running": "Still running"}
_PRODUCT_FAULT = 70  # the exit code of an error that is nobody's but ours


def cause_text(cause: Cause) -> str:
    """Why the run happened, without a full stop."""
    match cause:
        case BlobArrived(files=files):
            names = listed([file.path.rpartition("/")[2] for file in files])
            return f"{'file' if len(files) == 1 else 'files'} {names} arrived"
        case TimerTicked(scheduled_time=time):
            return f"the schedule was due at {instant(time)}"
        case DatasetWritten(dataset=dataset, run_id=run_id):
            return f"{dataset} was written by run {run_id}"
        case FilesMissing(connection=connection, path=path, due=due):
            return f"no file {path} had come to {connection} by {instant(due)}"
        case Requested(resumes=resumes, nodes=nodes):
            what = f"to resume run {resumes}" if resumes else "for this run"
            return f"somebody asked {what}" + (f", only for {listed(nodes)}" if nodes else "")


def node_sentence(node: NodeStory) -> str:
    """What a node did: 'bronze wrote 1,204 rows to lake/bronze/orders (version 3)'."""
    match node.status:
        case "failed":
            return f"{node.name} failed: {node.error.message if node.error else 'without a reason on record'}"
        case "skipped" if node.blocked_by:
            return f"{node.name} was skipped because {node.blocked_by} did not succeed"
        case "skipped":
            return f"{node.name} was skipped: {node.reason}" if node.reason else f"{node.name} was skipped"
        case "running":
            return f"{node.name} was started and has no outcome"
        case "not_started":
            return f"{node.name} was not started"
        case "succeeded" if node.write:
            return f"{node.name} wrote {_amount(node.write)}to {_table(node.write)}{_aside(node.quarantined)}"
        case _:
            return (
                f"{node.name} prepared {'its output' if node.rows_out is None else counted(node.rows_out, 'row')}{_aside(node.quarantined)}"
            )


def verdict(run: RunStory, nodes: Sequence[NodeStory], totals: Totals) -> Verdict:
    """The run in one line and the next action."""
    failed = next((node for node in nodes if node.status == "failed"), None)
    if run.status == "failed" or (failed and run.status == "running"):
        return _failure(run, nodes, totals, failed)
    if run.status in {"cancelled", "running"}:
        return _unfinished(run, totals)
    return _success(run, nodes, totals)


def _failure(run: RunStory, nodes: Sequence[NodeStory], totals: Totals, failed: NodeStory | None) -> Verdict:
    said = [f"node {node_sentence(failed)}" if failed else "the run failed"]
    if totals.failed > 1:
        said.append(f"{counted(totals.failed - 1, 'other node')} failed, too")
    if totals.skipped:
        said.append(f"{counted(totals.skipped, 'node was', 'nodes were')} skipped")
    kept = [node.write for node in nodes if node.status == "succeeded" and node.write]
    if kept:
        said.append(f"already written and safe: {listed([_table(write) for write in kept])}")
    return Verdict(
        tone="bad",
        title=_TITLES[run.status],
        sentence=_sentences(said),
        next_action=_remedy(failed.error if failed else None, totals),
        command=_resume(run),
    )


def _remedy(error: ErrorRecord | None, totals: Totals) -> str:
    if error and error.exit_code == _PRODUCT_FAULT:
        first = error.hint or f"This is a fault of the product, not of the data: report it with the code '{error.code}'."
    else:
        first = error.hint if error and error.hint else "Remove the cause."
    taken = f": {counted(totals.succeeded, 'finished node is', 'finished nodes are')} taken over" if totals.succeeded else ""
    return f"{first} Then resume the run{taken}."


def _unfinished(run: RunStory, totals: Totals) -> Verdict:
    ended = totals.succeeded + totals.failed + totals.skipped
    progress = f"{ended:,} of {counted(totals.nodes, 'node')} had ended"
    if run.status == "running":
        return Verdict(tone="idle", title=_TITLES["running"], sentence=f"The run has no end on record; {progress}.")
    return Verdict(
        tone="warn" if not totals.failed else "bad",
        title=_TITLES[run.status],
        sentence=f"The run was cancelled when {progress}; what they wrote stays.",
        next_action="Resume the run to do the rest.",
        command=_resume(run),
    )


def _success(run: RunStory, nodes: Sequence[NodeStory], totals: Totals) -> Verdict:
    quiet = all(node.tone != "warn" for node in nodes)
    tone: Tone = "good" if quiet else "warn"
    said = [run.cause.text, _effect(nodes, totals)]
    if totals.skipped and totals.succeeded:
        said.append(f"{counted(totals.skipped, 'node was', 'nodes were')} skipped")
    if totals.checks:
        said.append(_checks(totals))
    said += [f"{counted(one.rows, 'row was', 'rows were')} set aside in {one.dataset}" for one in _filled(nodes)]
    return Verdict(
        tone=tone,
        title=_TITLES["succeeded"] if quiet else "Succeeded with warnings",
        sentence=_sentences(said),
        next_action="Nothing to do." if quiet else _look(nodes),
    )


def _effect(nodes: Sequence[NodeStory], totals: Totals) -> str:
    if not totals.nodes:
        return "the pipeline has no nodes, so there was nothing to do"
    if not totals.succeeded:
        return f"nothing was done: {counted(totals.skipped, 'node was', 'nodes were')} skipped"
    ends = _last_writes(nodes)
    if not ends:
        return f"{counted(totals.succeeded, 'node')} finished; nothing was written"
    came = f"{counted(totals.rows_in, 'row')} came in, " if totals.rows_in is not None else ""
    if len(ends) <= 2:
        return f"{came}{' and '.join(_went(write) for write in ends)}"
    return f"{came}{counted(totals.tables, 'table')} were written"


def _last_writes(nodes: Sequence[NodeStory]) -> list[DatasetWrite]:
    """The writes with no other write behind them: what the run was for."""
    covered: set[str] = set()
    ends: list[DatasetWrite] = []
    for node in reversed(nodes):
        if node.write and node.name not in covered:
            ends.append(node.write)
        if node.write or node.name in covered:
            covered.update(node.upstream)
    return ends[::-1]


def _checks(totals: Totals) -> str:
    if totals.checks_passed == totals.checks:
        return {1: "the check passed", 2: "both checks passed"}.get(totals.checks, f"all {totals.checks:,} checks passed")
    rest = [
        f"{count:,} {word}"
        for count, word in (
            (totals.checks_failed, "failed"),
            (totals.checks_warned, "warned"),
            (totals.checks_quarantined, "set rows aside"),
        )
        if count
    ]
    return f"{totals.checks_passed:,} of {counted(totals.checks, 'check')} passed, {listed(rest)}"


def _filled(nodes: Sequence[NodeStory]) -> list[Quarantined]:
    return [node.quarantined for node in nodes if node.quarantined is not None and node.quarantined.rows]


def _aside(quarantined: Quarantined | None) -> str:
    return "" if quarantined is None or not quarantined.rows else f" and set {counted(quarantined.rows, 'row')} aside"


def kept_rows(quarantined: Quarantined) -> str:
    """12 rows, of which 10 were kept"""
    less = "" if quarantined.kept == quarantined.rows else f", of which {quarantined.kept:,} were kept"
    return f"{counted(quarantined.rows, 'row')}{less}"


def _look(nodes: Sequence[NodeStory]) -> str:
    found = [f"'{check.name}' of {node.name} ({broken_rows(check)})" for node in nodes for check in node.checks if not check.passed]
    if found:
        return f"Look at {listed(found)}."
    return f"Read the warnings of {listed([node.name for node in nodes if node.warnings])}."


def broken_rows(check: CheckResult) -> str:
    """12 of 1,204 rows"""
    return f"{check.failed_rows:,} of {counted(check.rows, 'row')}"


def change_text(change: SchemaChange) -> str:
    """What happened to a target's columns: 'added note (String); changed amount from Int32 to Int64'."""
    parts = [
        ("added", [f"{column.name} ({column.type})" for column in change.added]),
        ("removed", [column.name for column in change.removed]),
        ("changed", [f"{column.name} from {column.before} to {column.after}" for column in change.retyped]),
    ]
    return "; ".join(f"{what} {listed(names)}" for what, names in parts if names)


def _amount(write: DatasetWrite) -> str:
    return "" if write.rows is None else f"{counted(write.rows, 'row')} " if write.rows else "no rows "


def _went(write: DatasetWrite) -> str:
    return f"{_amount(write)}went to {_table(write)}" if write.rows is not None else f"{_table(write)} was written"


def _table(write: DatasetWrite) -> str:
    facts = [f"version {write.version:,}"] if write.version is not None else []
    facts += ["new"] if write.created else []
    facts += ["written by an earlier attempt"] if write.recovered else []
    return f"{write.dataset} ({', '.join(facts)})" if facts else write.dataset


def _resume(run: RunStory) -> str:
    return f"{RESUME} {shlex.quote(run.run_id)}"


def _sentences(said: Sequence[str]) -> str:
    return " ".join(f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in said)
