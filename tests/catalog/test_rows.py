"""The rows that follow from hand-written events, compared whole."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from odibi_core.catalog.rows import changed_tables, ended_runs, file_rows, run_rows, sighted_tables, state_rows
from odibi_core.catalog.schema import FileRow, RunRow, StateRow, TableRow
from odibi_core.events import (
    CheckResult,
    Column,
    DatasetRead,
    DatasetWrite,
    ErrorRecord,
    NodeFinished,
    NodeHandedOff,
    NodeResult,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    PlannedNodeFacts,
    Quarantined,
    RunFinished,
    RunStarted,
    WatermarkMoved,
)
from odibi_core.messages import BlobArrived, FileVersion

RUN = "0123456789abcdef0123456789abcdef"


def at(second: float) -> datetime:
    """An instant of the run."""
    return datetime(2026, 3, 1, 23, 59, tzinfo=UTC) + timedelta(seconds=second)


LANDED = FileVersion(connection="landing", path="in/orders.csv", etag="e1", size_bytes=120)
SIDE = FileVersion(connection="landing", path="in/side.csv", etag="e2", size_bytes=7)
LATE = FileVersion(connection="landing", path="in/late.csv", etag="e3", size_bytes=8)
ERROR = ErrorRecord(code="check_failed", message="check 'not_null' found 2 rows that break it", hint="Fix the rows.", exit_code=3)

EVENTS = (
    RunStarted(
        run_id=RUN,
        project="shop",
        pipeline="sales",
        environment="prod",
        cause=BlobArrived(files=(LANDED, LATE)),
        logical_time=at(-60),
        at=at(0),
        nodes=(
            PlannedNodeFacts(name="load"),
            PlannedNodeFacts(name="check", upstream=("load",)),
            PlannedNodeFacts(name="publish", upstream=("check",)),
        ),
        config_fingerprint="f1",
        versions={"odibi_core": "1.2.3", "polars": "2.1.0"},
    ),
    NodeStarted(run_id=RUN, node="load", attempt=1, at=at(1), worker="w1"),
    NodeRetried(run_id=RUN, node="load", attempt=1, delay_seconds=1, error=ERROR, at=at(2)),
    NodeStarted(run_id=RUN, node="load", attempt=2, at=at(3), worker="w2"),
    NodeStarted(run_id=RUN, node="load", attempt=2, delivery=2, at=at(4), worker="w3"),
    NodeHandedOff(run_id=RUN, node="check", attempt=1, to="spark", job="7", at=at(4)),
    NodeFinished(
        run_id=RUN,
        node="load",
        attempt=2,
        at=at(70),
        result=NodeResult(
            status="succeeded",
            started_at=at(61),
            finished_at=at(70),
            seconds=9.5,
            reads=(
                DatasetRead(dataset="landing/in/orders.csv", format="csv", rows=12, files=(LANDED,)),
                DatasetRead(dataset="landing/in", format="csv", rows=99, files=(LANDED, SIDE)),
            ),
            write=DatasetWrite(
                dataset="lake/orders",
                uri="abfss://lake@shop.dfs.core.windows.net/orders",
                format="delta",
                mode="append",
                rows=11,
                version=4,
                created=True,
                columns=(Column(name="id", type="Int64"), Column(name="größe", type="String")),
            ),
            rows_in=12,
            rows_out=11,
            quarantined=Quarantined(dataset="lake/bad", rows=3, kept=2),
            checks=(CheckResult(name="not_null", kind="not_null", passed=True), CheckResult(name="few", kind="rows", passed=False)),
            watermark=WatermarkMoved(
                key="sales/load", column="id", sequence=8, before='{"t": "int", "v": 1}', after='{"t": "int", "v": 7}'
            ),
        ),
    ),
    NodeSkipped(run_id=RUN, node="publish", reason="upstream 'check' failed", blocked_by="check", at=at(81)),
    NodeFinished(
        run_id=RUN,
        node="check",
        attempt=1,
        at=at(80),
        result=NodeResult(
            status="failed",
            started_at=at(71),
            finished_at=at(80),
            seconds=9.0,
            engine="spark",
            checks=(CheckResult(name="not_null", kind="not_null", passed=False, failed_rows=2),),
            error=ERROR,
        ),
    ),
    RunFinished(run_id=RUN, status="failed", at=at(81.5), succeeded=1, failed=1, skipped=1),
)


def test_a_run_gives_one_row_for_itself_and_one_per_node_in_the_order_of_the_plan():
    """Nodes are dated by their own start, runs sum up, a node that never started has no start."""
    (run,) = ended_runs([EVENTS])

    of_run = RunRow(
        run_id=RUN,
        project="shop",
        pipeline="sales",
        environment="prod",
        kind="run",
        node=None,
        status="failed",
        cause="blob",
        logical_time=at(-60),
        started_at=at(0),
        finished_at=at(81.5),
        seconds=81.5,
        attempts=None,
        engine=None,
        rows_in=None,
        rows_out=None,
        rows_filtered=None,
        rows_deduplicated=None,
        rows_joined_out=None,
        rows_gated=None,
        rows_written=11,
        rows_unparsed=None,
        rows_quarantined=3,
        target=None,
        table_version=None,
        checks_total=3,
        checks_failed=2,
        error_code="check_failed",
        error_message="check 'not_null' found 2 rows that break it",
        error_hint="Fix the rows.",
        reason=None,
        config_fingerprint="f1",
        odibi_version="1.2.3",
        worker=None,
        date=date(2026, 3, 1),
    )
    of_load = replace(
        of_run,
        kind="node",
        node="load",
        status="succeeded",
        started_at=at(61),
        finished_at=at(70),
        seconds=9.5,
        attempts=2,
        engine="polars",
        rows_in=12,
        rows_out=11,
        target="lake/orders",
        table_version=4,
        checks_total=2,
        checks_failed=1,
        error_code=None,
        error_message=None,
        error_hint=None,
        worker="w3",
        date=date(2026, 3, 2),
    )
    of_check = replace(
        of_run,
        kind="node",
        node="check",
        started_at=at(71),
        finished_at=at(80),
        seconds=9.0,
        attempts=1,
        engine="spark",
        rows_filtered=None,
        rows_deduplicated=None,
        rows_joined_out=None,
        rows_gated=None,
        rows_written=None,
        rows_unparsed=None,
        rows_quarantined=None,
        checks_total=1,
        checks_failed=1,
        date=date(2026, 3, 2),
    )
    of_publish = replace(
        of_run,
        kind="node",
        node="publish",
        status="skipped",
        started_at=None,
        finished_at=at(81),
        seconds=None,
        attempts=0,
        rows_filtered=None,
        rows_deduplicated=None,
        rows_joined_out=None,
        rows_gated=None,
        rows_written=None,
        rows_unparsed=None,
        rows_quarantined=None,
        checks_total=0,
        checks_failed=0,
        error_code=None,
        error_message=None,
        error_hint=None,
        reason="upstream 'check' failed",
        date=date(2026, 3, 2),
    )
    assert run_rows(run) == [of_run, of_load, of_check, of_publish]


def test_a_moved_high_water_mark_gives_one_row():
    """The values stay the typed text that the event holds."""
    (run,) = ended_runs([EVENTS])

    assert state_rows(run) == [
        StateRow(
            key="sales/load",
            pipeline="sales",
            node="load",
            run_id=RUN,
            sequence=8,
            column="id",
            value_before='{"t": "int", "v": 1}',
            value_after='{"t": "int", "v": 7}',
            moved_at=at(70),
        )
    ]


def test_a_file_version_gives_one_row_however_often_it_was_read():
    """Announced files come first; a file that nobody read has the status of the run that failed."""
    (run,) = ended_runs([EVENTS])

    read = FileRow(
        connection="landing",
        path="in/orders.csv",
        etag="e1",
        size_bytes=120,
        pipeline="sales",
        run_id=RUN,
        nodes=("load",),
        status="succeeded",
        rows=12,
        processed_at=at(70),
    )
    assert file_rows(run) == [
        read,
        replace(read, path="in/late.csv", etag="e3", size_bytes=8, nodes=(), status="failed", rows=None, processed_at=at(81.5)),
        replace(read, path="in/side.csv", etag="e2", size_bytes=7, rows=None),
    ]


def test_a_written_table_is_sighted_with_its_columns():
    """The columns are JSON in their order, and the hash is of that text."""
    (run,) = ended_runs([EVENTS])

    assert sighted_tables(run) == [
        TableRow(
            dataset="lake/orders",
            uri="abfss://lake@shop.dfs.core.windows.net/orders",
            format="delta",
            pipeline="sales",
            node="load",
            run_id=RUN,
            version=4,
            created=True,
            columns='[{"name": "id", "type": "Int64"}, {"name": "größe", "type": "String"}]',
            schema_hash="d8d65585d222cce64a825dc238cb76e6",
            seen_at=at(70),
        )
    ]


def test_only_a_created_table_or_other_columns_say_something_new():
    """The same columns again are dropped, in the batch and against what is known; going back to old columns is a change."""
    (run,) = ended_runs([EVENTS])
    first = replace(sighted_tables(run)[0], created=False)
    again, wider, back = (
        replace(first, seen_at=at(100)),
        replace(first, schema_hash="h2", seen_at=at(101)),
        replace(first, seen_at=at(102)),
    )
    recreated = replace(first, created=True, seen_at=at(103))

    assert changed_tables([recreated, back, wider, again, first], {}) == [first, wider, back, recreated]
    assert changed_tables([first], {first.uri: first.schema_hash}) == []
    assert changed_tables([first], {first.uri: "other"}) == [first]
    assert changed_tables([first], {"elsewhere": first.schema_hash}) == [first]


def test_a_run_without_its_end_does_not_hold_up_the_others(caplog):
    """It is left out with a warning."""
    with caplog.at_level(logging.WARNING):
        found = ended_runs([EVENTS[:-1], EVENTS, EVENTS[1:]])

    assert [run.started.run_id for run in found] == [RUN]
    assert [record.getMessage() for record in caplog.records] == ["a run without its first or last event is left out of the catalog"] * 2


def test_a_day_is_a_day_in_utc():
    """An instant may come with another offset."""
    berlin = timezone(timedelta(hours=2))
    started = EVENTS[0].model_copy(update={"at": datetime(2026, 3, 2, 1, tzinfo=berlin)})
    (run,) = ended_runs([(started, EVENTS[-1])])

    assert [row.date for row in run_rows(run)] == [date(2026, 3, 1)]
