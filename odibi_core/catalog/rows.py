"""The rows of the System Catalog, as a pure function of the events of a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC

from odibi_core.catalog.schema import FileRow, RunRow, SchemaRow, StateRow, TableRow
from odibi_core.events import (
    AnyRunEvent,
    CheckResult,
    Column,
    ErrorRecord,
    NodeFinished,
    NodeHandedOff,
    NodeResult,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    Outcome,
    RunFinished,
    RunStarted,
    SchemaChange,
)
from odibi_core.frozen import Frozen
from odibi_core.messages import FileVersion, digest

_log = logging.getLogger(__name__)


class EndedRun(Frozen):
    """The events of one run, sorted out."""

    started: RunStarted
    finished: RunFinished
    outcomes: tuple[Outcome, ...]  # in the order of the plan
    workers: Mapping[tuple[str, int], str]  # by node and attempt: who took the last delivery

    @property
    def ended_nodes(self) -> tuple[NodeFinished, ...]:
        """The nodes that ran."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, NodeFinished))


def ended_runs(runs: Iterable[Iterable[AnyRunEvent]]) -> list[EndedRun]:
    """Sort the events of each run out. A run without a start or an end is left out: it must not hold up the others."""
    found = []
    for events in runs:
        run = _sorted_out(events)
        if run is None:
            _log.warning("a run without its first or last event is left out of the catalog")
        else:
            found.append(run)
    return found


def run_rows(run: EndedRun) -> list[RunRow]:
    """One row for the run, then one for each node that has an outcome, in the order of the plan."""
    return [_run_row(run), *(_node_row(run, outcome) for outcome in run.outcomes)]


def state_rows(run: EndedRun) -> list[StateRow]:
    """One row for every high-water mark that moved."""
    return [
        StateRow(
            key=moved.key,
            pipeline=run.started.pipeline,
            node=event.node,
            run_id=run.started.run_id,
            sequence=moved.sequence,
            column=moved.column,
            value_before=moved.before,
            value_after=moved.after,
            moved_at=event.at,
        )
        for event in run.ended_nodes
        if (moved := event.result.watermark) is not None
    ]


def file_rows(run: EndedRun) -> list[FileRow]:
    """One row for every file version that caused the run or was read by it, in that order."""
    readers: dict[tuple[str, str, str], list[tuple[NodeFinished, int | None]]] = {}
    versions: dict[tuple[str, str, str], FileVersion] = {}
    for version in _announced_files(run.started):
        versions.setdefault(_identity(version), version)
    for event in run.ended_nodes:
        for read in event.result.reads:
            for version in read.files:
                versions.setdefault(_identity(version), version)
                readers.setdefault(_identity(version), []).append((event, read.rows if len(read.files) == 1 else None))
    return [_file_row(run, version, readers.get(identity, [])) for identity, version in versions.items()]


def sighted_tables(run: EndedRun) -> list[TableRow]:
    """One row for every target whose columns the run knows, or which it created: candidates for `changed_tables`."""
    found = []
    for event in run.ended_nodes:
        aside = None if event.result.quarantined is None else event.result.quarantined.write
        for write in (event.result.write, *event.result.also_wrote, aside):
            if write is None or not (write.columns or write.created):
                continue
            columns = json.dumps([{"name": column.name, "type": column.type} for column in write.columns], ensure_ascii=False)
            found.append(
                TableRow(
                    dataset=write.dataset,
                    uri=write.uri,
                    format=write.format,
                    pipeline=run.started.pipeline,
                    node=event.node,
                    run_id=run.started.run_id,
                    version=write.version,
                    created=write.created,
                    columns=columns,
                    schema_hash=digest(columns),
                    seen_at=event.at,
                )
            )
    return found


def changed_tables(sighted: Iterable[TableRow], known: Mapping[str, str]) -> list[TableRow]:
    """Of the rows, in order of time, those that say something new. `known` is the newest hash per `uri`."""
    newest = dict(known)
    changed = []
    for row in sorted(sighted, key=lambda row: row.seen_at):
        if row.created or newest.get(row.uri) != row.schema_hash:
            changed.append(row)
        newest[row.uri] = row.schema_hash
    return changed


class KnownSchema(Frozen):
    """The newest columns of a place that the catalog has."""

    version: int
    columns: str


def changed_schemas(sighted: Iterable[TableRow], known: Mapping[str, KnownSchema]) -> list[SchemaRow]:
    """Of the targets, in order of time, those with other columns than before, each with its next number. Their order does not count."""
    newest = dict(known)
    rows = []
    for row in sorted(sighted, key=lambda row: row.seen_at):
        before = newest.get(row.uri)
        after = columns_of(row.columns)
        change = SchemaChange.between(columns_of(before.columns) if before is not None else (), after)
        if change is None or not after:
            continue
        newest[row.uri] = KnownSchema(version=1 if before is None else before.version + 1, columns=row.columns)
        rows.append(
            SchemaRow(
                dataset=row.dataset,
                table_path=row.dataset.partition("/")[2],
                uri=row.uri,
                schema_version=newest[row.uri].version,
                schema_hash=row.schema_hash,
                columns=row.columns,
                columns_added=tuple(column.name for column in change.added),
                columns_removed=tuple(column.name for column in change.removed),
                columns_type_changed=tuple(column.name for column in change.retyped),
                pipeline=row.pipeline,
                node=row.node,
                run_id=row.run_id,
                table_version=row.version,
                captured_at=row.seen_at,
            )
        )
    return rows


def columns_of(text: str) -> tuple[Column, ...]:
    """The columns that a row of the catalog tells as JSON."""
    return tuple(Column(name=column["name"], type=column["type"]) for column in json.loads(text))


def _sorted_out(events: Iterable[AnyRunEvent]) -> EndedRun | None:
    started: RunStarted | None = None
    finished: RunFinished | None = None
    outcomes: dict[str, Outcome] = {}
    workers: dict[tuple[str, int], str] = {}
    for event in events:
        match event:
            case RunStarted():
                started = event
            case RunFinished():
                finished = event
            case NodeFinished() | NodeSkipped():
                outcomes.setdefault(event.node, event)
            case NodeStarted():
                workers[event.node, event.attempt] = event.worker
            case NodeHandedOff() | NodeRetried():
                pass
    if started is None or finished is None:
        return None
    place = {node.name: number for number, node in enumerate(started.nodes)}
    in_order = sorted(outcomes.values(), key=lambda outcome: (place.get(outcome.node, len(place)), outcome.node))
    return EndedRun(started=started, finished=finished, outcomes=tuple(in_order), workers=workers)


def _run_row(run: EndedRun) -> RunRow:
    started, finished = run.started, run.finished
    results = [event.result for event in run.ended_nodes]
    written = [result.write.rows for result in results if result.write is not None and result.write.rows is not None]
    aside = [result.quarantined.rows for result in results if result.quarantined is not None]
    checks = [check for result in results for check in result.checks]
    failures = sorted((event for event in run.ended_nodes if event.result.error), key=lambda event: event.at)
    code, message, hint = _error_texts(failures[0].result.error if failures else None)
    return RunRow(
        run_id=started.run_id,
        project=started.project,
        pipeline=started.pipeline,
        environment=started.environment or None,
        kind="run",
        node=None,
        status=finished.status,
        cause=started.cause.kind,
        logical_time=started.logical_time,
        started_at=started.at,
        finished_at=finished.at,
        seconds=(finished.at - started.at).total_seconds(),
        attempts=None,
        engine=None,
        rows_in=None,
        rows_out=None,
        rows_filtered=None,
        rows_deduplicated=None,
        rows_joined_out=None,
        rows_gated=None,
        rows_written=sum(written) if written else None,
        rows_unparsed=_unparsed(results),
        rows_quarantined=sum(aside) if aside else None,
        target=None,
        table_version=None,
        checks_total=len(checks),
        checks_failed=_failed(checks),
        error_code=code,
        error_message=message,
        error_hint=hint,
        reason=None,
        config_fingerprint=started.config_fingerprint,
        odibi_version=started.versions.get("odibi_core"),
        worker=None,
        date=started.at.astimezone(UTC).date(),
    )


def _node_row(run: EndedRun, outcome: Outcome) -> RunRow:
    started = run.started
    result = outcome.result if isinstance(outcome, NodeFinished) else None
    attempts = outcome.attempt if isinstance(outcome, NodeFinished) else 0
    write = result.write if result else None
    checks = result.checks if result else ()
    code, message, hint = _error_texts(result.error if result else None)
    begun = result.started_at if result else None
    finished_at = result.finished_at if result else outcome.at
    return RunRow(
        run_id=started.run_id,
        project=started.project,
        pipeline=started.pipeline,
        environment=started.environment or None,
        kind="node",
        node=outcome.node,
        status=result.status if result else "skipped",
        cause=started.cause.kind,
        logical_time=started.logical_time,
        started_at=begun,
        finished_at=finished_at,
        seconds=result.seconds if result else None,
        attempts=attempts,
        engine=result.engine if result else None,
        rows_in=result.rows_in if result else None,
        rows_out=result.rows_out if result else None,
        rows_filtered=_left_out(result, "filtered"),
        rows_deduplicated=_left_out(result, "deduplicated"),
        rows_joined_out=_left_out(result, "joined_out"),
        rows_gated=result.gate.held_back if result and result.gate else None,
        rows_written=write.rows if write else None,
        rows_unparsed=_unparsed([result] if result else []),
        rows_quarantined=result.quarantined.rows if result and result.quarantined else None,
        target=write.dataset if write else None,
        table_version=write.version if write else None,
        checks_total=len(checks),
        checks_failed=_failed(checks),
        error_code=code,
        error_message=message,
        error_hint=hint,
        reason=(outcome.reason if isinstance(outcome, NodeSkipped) else outcome.result.reason) or None,
        config_fingerprint=started.config_fingerprint,
        odibi_version=started.versions.get("odibi_core"),
        worker=run.workers.get((outcome.node, attempts)) or None,
        date=(begun or finished_at).astimezone(UTC).date(),
    )


def _file_row(run: EndedRun, version: FileVersion, readers: list[tuple[NodeFinished, int | None]]) -> FileRow:
    if any(event.result.status == "failed" for event, _ in readers):
        status = "failed"
    elif readers:
        status = "succeeded"
    else:
        status = "skipped" if run.finished.status == "succeeded" else run.finished.status
    return FileRow(
        connection=version.connection,
        path=version.path,
        etag=version.etag,
        size_bytes=version.size_bytes,
        pipeline=run.started.pipeline,
        run_id=run.started.run_id,
        nodes=tuple(sorted({event.node for event, _ in readers})),
        status=status,
        rows=next((rows for _, rows in readers if rows is not None), None),
        processed_at=max((event.at for event, _ in readers), default=run.finished.at),
    )


def _unparsed(results: Iterable[NodeResult]) -> int | None:
    return sum(read.unparsed.rows for result in results for read in result.reads if read.unparsed is not None) or None


def _announced_files(started: RunStarted) -> tuple[FileVersion, ...]:
    return started.cause.files


def _identity(version: FileVersion) -> tuple[str, str, str]:
    return version.connection, version.path, version.etag


def _left_out(result: NodeResult | None, how: str) -> int | None:
    """Rows that left a node in one way; None if its rows are not accounted for."""
    return None if result is None or result.account is None else result.account.left_out.get(how, 0)


def _failed(checks: Iterable[CheckResult]) -> int:
    return sum(not check.passed for check in checks)


def _error_texts(error: ErrorRecord | None) -> tuple[str | None, str | None, str | None]:
    return (error.code, error.message, error.hint or None) if error else (None, None, None)
