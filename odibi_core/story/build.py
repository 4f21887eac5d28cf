"""Build a story from the events of one run. Pure: the same events, in any order and however often, tell the same story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from odibi_core.events import (
    AnyRunEvent,
    NodeClosing,
    NodeFinished,
    NodeHandedOff,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    PlannedNodeFacts,
    RunFinished,
    RunStarted,
)
from odibi_core.messages import Cause, FileVersion, Requested
from odibi_core.story.attempts import attempts_of
from odibi_core.story.model import (
    CauseStory,
    DeltaVersion,
    FileStory,
    Handoff,
    MaskedSample,
    NodeStory,
    Privacy,
    Provenance,
    RunStory,
    Story,
    Tone,
    Totals,
)
from odibi_core.story.privacy import counted_marks
from odibi_core.story.sentences import cause_text, node_sentence, verdict
from odibi_core.story.watermarks import moved


@dataclass(kw_only=True)
class _Events:
    """The events of one node."""

    facts: PlannedNodeFacts
    started: list[NodeStarted] = field(default_factory=list)
    retried: list[NodeRetried] = field(default_factory=list)
    handed_off: list[NodeHandedOff] = field(default_factory=list)
    outcome: NodeFinished | NodeSkipped | None = None


def build(events: Sequence[AnyRunEvent]) -> Story:
    """
    Tell one run.

    Raises:
        ValueError: If the run's RunStarted is not among the events.
    """
    start, end, gathered = _gather(events)
    nodes = _nodes(start, gathered)
    run = _run(start, end)
    files = _files(start.cause, nodes)
    totals = _totals(nodes, files, start.pipeline)
    story = Story(
        run=run,
        verdict=verdict(run, nodes, totals),
        totals=totals,
        nodes=nodes,
        files=files,
        watermarks=tuple(node.watermark for node in nodes if node.watermark),
        provenance=_provenance(start, nodes),
        privacy=Privacy(masked=_masked(nodes)),
    )
    return counted_marks(story)


def _gather(events: Iterable[AnyRunEvent]) -> tuple[RunStarted, RunFinished | None, dict[str, _Events]]:
    start: RunStarted | None = None
    end: RunFinished | None = None
    loose: list[NodeStarted | NodeRetried | NodeHandedOff | NodeFinished | NodeSkipped] = []
    for event in events:
        match event:
            case RunStarted():
                start = event
            case RunFinished():
                end = event
            case NodeClosing():
                pass  # what becomes of it, the outcome tells
            case _:
                loose.append(event)
    if start is None:
        raise ValueError("a story begins with the RunStarted event of its run")
    gathered = {facts.name: _Events(facts=facts) for facts in start.nodes}
    for event in loose:
        _sort_in(event, gathered.setdefault(event.node, _Events(facts=PlannedNodeFacts(name=event.node))))
    return start, end, gathered


def _sort_in(event: NodeStarted | NodeRetried | NodeHandedOff | NodeFinished | NodeSkipped, into: _Events) -> None:
    match event:
        case NodeStarted():
            into.started.append(event)
        case NodeRetried():
            into.retried.append(event)
        case NodeHandedOff():
            into.handed_off.append(event)
        case NodeFinished() | NodeSkipped():
            into.outcome = event
        case _:
            assert_never(event)


def _run(start: RunStarted, end: RunFinished | None) -> RunStory:
    cause = start.cause
    return RunStory(
        run_id=start.run_id,
        project=start.project,
        pipeline=start.pipeline,
        environment=start.environment,
        status=end.status if end else "running",
        cause=CauseStory(
            kind=cause.kind,
            text=cause_text(cause),
            resumes=cause.resumes if isinstance(cause, Requested) else None,
        ),
        logical_time=start.logical_time,
        started_at=start.at,
        finished_at=end.at if end else None,
        seconds=(end.at - start.at).total_seconds() if end else None,
    )


def _nodes(start: RunStarted, gathered: dict[str, _Events]) -> tuple[NodeStory, ...]:
    ended = {name: _ended_at(events) for name, events in gathered.items()}
    return tuple(_node(events, _ready_at(events, ended, start.at)) for events in gathered.values())


def _ended_at(events: _Events) -> datetime | None:
    match events.outcome:
        case NodeFinished(result=result):
            return result.finished_at
        case NodeSkipped(at=at):
            return at
        case None:
            return None


def _ready_at(events: _Events, ended: dict[str, datetime | None], start: datetime) -> datetime | None:
    above = [ended.get(name) for name in events.facts.upstream]
    known = [at for at in above if at is not None]
    return max([start, *known]) if len(known) == len(above) else None


def _node(events: _Events, ready_at: datetime | None) -> NodeStory:
    facts, outcome = events.facts, events.outcome
    attempts = attempts_of(events.started, events.retried, events.handed_off, outcome if isinstance(outcome, NodeFinished) else None)
    story = NodeStory(
        name=facts.name,
        description=facts.description,
        explanation=facts.explanation,
        runbook_url=facts.runbook_url,
        tags=facts.tags,
        upstream=facts.upstream,
        status="running" if attempts else "not_started",
        tone="idle",
        sentence="",
        ready_at=ready_at,
        started_at=attempts[0].started_at if attempts else None,
        attempts=attempts,
        handoffs=tuple(
            Handoff(to=to, job=job, at=at) for at, to, job in sorted({(handed.at, handed.to, handed.job) for handed in events.handed_off})
        ),
    )
    match outcome:
        case NodeFinished():
            story = _with_result(story, outcome)
        case NodeSkipped():
            update = {"status": "skipped", "finished_at": outcome.at, "reason": outcome.reason, "blocked_by": outcome.blocked_by}
            story = story.model_copy(update=update)
        case None:
            pass
    return story.model_copy(update={"tone": _tone(story), "sentence": node_sentence(story)})


def _with_result(story: NodeStory, finished: NodeFinished) -> NodeStory:
    result = finished.result
    return story.model_copy(
        update={
            "status": result.status,
            "engine": result.engine,
            "started_at": story.started_at or result.started_at,
            "finished_at": result.finished_at,
            "seconds": result.seconds,
            "rows_in": result.rows_in,
            "rows_out": result.rows_out,
            "account": result.account,
            "reads": result.reads,
            "write": result.write,
            "columns": result.write.columns if result.write else (),
            "steps": result.steps,
            "checks": result.checks,
            "failing": result.failing,
            "gate": result.gate,
            "quarantined": result.quarantined,
            "watermark": moved(story.name, result.watermark, result.sample) if result.watermark else None,
            "sample": result.sample,
            "error": result.error,
            "reason": result.reason,
            "warnings": result.warnings,
        }
    )


def _tone(node: NodeStory) -> Tone:
    if node.status == "failed":
        return "bad"
    if node.status != "succeeded":
        return "idle"
    return "warn" if node.warnings or not all(check.passed for check in node.checks) else "good"


def _files(cause: Cause, nodes: Sequence[NodeStory]) -> tuple[FileStory, ...]:
    readers: dict[tuple[str, str, int], list[str]] = {(_path(file), file.etag, file.size_bytes): [] for file in cause.files}
    for node in nodes:
        for file in (file for read in node.reads for file in read.files):
            names = readers.setdefault((_path(file), file.etag, file.size_bytes), [])
            if node.name not in names:
                names.append(node.name)
    return tuple(FileStory(path=path, etag=etag, size_bytes=size, nodes=tuple(names)) for (path, etag, size), names in readers.items())


def _path(file: FileVersion) -> str:
    return f"{file.connection}/{file.path}"


def _totals(nodes: Sequence[NodeStory], files: Sequence[FileStory], pipeline: str) -> Totals:
    checks = [check for node in nodes for check in node.checks]
    broken = [check.severity for check in checks if not check.passed]
    written = [node.write.rows for node in nodes if node.write]
    statuses = [node.status for node in nodes]
    return Totals(
        rows_in=_rows_in(nodes, pipeline),
        rows_written=_sum(written),
        rows_quarantined=_sum(node.quarantined.rows for node in nodes if node.quarantined),
        tables=len({node.write.dataset for node in nodes if node.write}),
        files=len(files),
        file_bytes=sum(file.size_bytes for file in files),
        nodes=len(nodes),
        succeeded=statuses.count("succeeded"),
        failed=statuses.count("failed"),
        skipped=statuses.count("skipped"),
        attempts=sum(len(node.attempts) for node in nodes),
        retries=sum(max(len(node.attempts) - len(node.handoffs) - 1, 0) for node in nodes),
        checks=len(checks),
        checks_passed=len(checks) - len(broken),
        checks_warned=broken.count("warn"),
        checks_quarantined=broken.count("quarantine"),
        checks_failed=broken.count("fail"),
        warnings=sum(len(node.warnings) for node in nodes),
    )


def _rows_in(nodes: Sequence[NodeStory], pipeline: str) -> int | None:
    """Rows that came from outside: reads of another node's frame are the same rows once more."""
    frames = {f"{pipeline}.{node.name}" for node in nodes} | {node.name for node in nodes}
    tables = {node.write.dataset for node in nodes if node.write}
    counts: list[int | None] = []
    for node in nodes:
        outside = [read.rows for read in node.reads if read.dataset not in frames | tables]
        # Sources that were not counted one by one: the node counted what came out of them.
        counts.extend([node.rows_in] if not node.upstream and (None in outside or not node.reads) else outside)
    return _sum(counts)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _provenance(start: RunStarted, nodes: Sequence[NodeStory]) -> Provenance:
    read = {(read.dataset, read.version): None for node in nodes for read in node.reads if read.version is not None}
    written = {(node.write.dataset, node.write.version): None for node in nodes if node.write and node.write.version is not None}
    return Provenance(
        config_fingerprint=start.config_fingerprint,
        versions=dict(sorted(start.versions.items())),
        tables_read=tuple(DeltaVersion(dataset=name, version=version) for name, version in read if version is not None),
        tables_written=tuple(DeltaVersion(dataset=name, version=version) for name, version in written if version is not None),
    )


def _masked(nodes: Sequence[NodeStory]) -> tuple[MaskedSample, ...]:
    found: dict[tuple[str, str], dict[str, None]] = {}
    for node in nodes:
        for sample in (node.sample, *(one.sample for one in node.failing)):
            if sample is not None and (sample.masked or (sample.note and not sample.rows)):
                found.setdefault((node.name, "" if sample.rows else sample.note), {}).update(dict.fromkeys(sample.masked))
    return tuple(MaskedSample(node=name, columns=tuple(columns), note=note) for (name, note), columns in found.items())
