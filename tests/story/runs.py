"""Runs as sequences of events, as a journal would hold them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from odibi_core.events import (
    AnyRunEvent,
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
    RunFinished,
    RunStarted,
    Sample,
    StepRecord,
    WatermarkMoved,
)
from odibi_core.messages import BlobArrived, Cause, FileVersion, Requested, TimerTicked

START = datetime(2026, 11, 22, 10, 0, 3, tzinfo=UTC)
RUN = "0f3c9a7be21d4586a9f0c1d2e3b4a596"
ORDERS = FileVersion(connection="landing", path="orders/2026-11-22/orders.csv", etag="0x8DD0A1B2C3D4E5F", size_bytes=184_320)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(nodes: Sequence[PlannedNodeFacts], cause: Cause | None = None, pipeline: str = "orders") -> RunStarted:
    return RunStarted(
        run_id=RUN,
        project="shop",
        pipeline=pipeline,
        environment="prod",
        cause=cause or BlobArrived(files=(ORDERS,)),
        logical_time=START,
        at=START,
        nodes=tuple(nodes),
        config_fingerprint="9b1c7f20",
        versions={"odibi_core": "0.1.0", "polars": "2.1.0", "deltalake": "1.6.6", "python": "3.11.7"},
    )


def took(node: str, seconds: float, *, attempt: int = 1, delivery: int = 1) -> NodeStarted:
    return NodeStarted(run_id=RUN, node=node, attempt=attempt, delivery=delivery, at=at(seconds), worker="worker-1")


def finished(node: str, result: NodeResult, *, attempt: int = 1) -> NodeFinished:
    return NodeFinished(run_id=RUN, node=node, attempt=attempt, result=result, at=result.finished_at)


def skipped(node: str, seconds: float, reason: str, blocked_by: str | None = None) -> NodeSkipped:
    return NodeSkipped(run_id=RUN, node=node, reason=reason, blocked_by=blocked_by, at=at(seconds))


def ended(status: str, seconds: float, succeeded: int = 0, failed: int = 0, skips: int = 0) -> RunFinished:
    return RunFinished(run_id=RUN, status=status, at=at(seconds), succeeded=succeeded, failed=failed, skipped=skips)


def wrote(layer: str, rows: int | None, version: int | None, *, created: bool = False, mode: str = "append") -> DatasetWrite:
    return DatasetWrite(
        dataset=f"lake/{layer}/orders",
        uri=f"abfss://lake@shop.dfs.core.windows.net/{layer}/orders",
        format="delta",
        mode=mode,
        rows=rows,
        version=version,
        created=created,
        columns=(
            Column(name="order_id", type="Int64"),
            Column(name="email", type="String"),
            Column(name="amount", type="Decimal(18,2)"),
            Column(name="ordered_at", type="Datetime"),
        ),
    )


def sample(rows: int = 10) -> Sample:
    cities = ("Lyon", "Zürich", "São Paulo", "Kraków")
    return Sample(
        columns=("order_id", "email", "amount", "ordered_at", "city", "note"),
        rows=tuple(
            (
                str(10_000 + row),
                "[REDACTED]",
                f"{19.5 + row * 7.25:.2f}",
                f"2026-11-22 09:{row:02}:41",
                cities[row % 4],
                None if row % 3 else "gift wrap",
            )
            for row in range(rows)
        ),
        masked=("email",),
    )


def check(name: str, kind: str, *, failed: int = 0, rows: int = 1204, severity: str = "fail", columns: tuple[str, ...] = ()) -> CheckResult:
    detail = f"{failed / rows:.1%} of the rows" if failed else ""
    return CheckResult(
        name=name, kind=kind, columns=columns, severity=severity, passed=not failed, failed_rows=failed, rows=rows, detail=detail
    )


def succeeded(start: float, seconds: float, **facts: object) -> NodeResult:
    return NodeResult(status="succeeded", started_at=at(start), finished_at=at(start + seconds), seconds=seconds, **facts)


def failed(start: float, seconds: float, error: ErrorRecord, **facts: object) -> NodeResult:
    return NodeResult(status="failed", started_at=at(start), finished_at=at(start + seconds), seconds=seconds, error=error, **facts)


NODES = (
    PlannedNodeFacts(name="bronze", description="Orders as they arrived.", tags=("daily",)),
    PlannedNodeFacts(name="silver", upstream=("bronze",)),
    PlannedNodeFacts(name="gold", upstream=("silver",)),
)


def bronze_result() -> NodeResult:
    return succeeded(
        0.4,
        0.8,
        reads=(DatasetRead(dataset="landing/orders", format="csv", rows=1210, files=(ORDERS,)),),
        write=wrote("bronze", 1204, 3),
        rows_in=1210,
        rows_out=1204,
        steps=(StepRecord(kind="transformer", text="deduplicate: {keys: [order_id]}"),),
        checks=(check("order_id is there", "not_null", columns=("order_id",)), check("at least one row", "row_count")),
        watermark=WatermarkMoved(
            key="orders.bronze", column="ordered_at", sequence=8, before=None, after='{"t": "datetime", "v": "2026-11-22T09:59:41"}'
        ),
        sample=sample(),
    )


SQL = """SELECT o.order_id, o.email, CAST(o.amount AS DECIMAL(18, 2)) AS amount, o.ordered_at
FROM df AS o
WHERE o.amount >= 0 AND o.ordered_at < current_timestamp()"""


def silver_result() -> NodeResult:
    return succeeded(
        1.5,
        1.1,
        reads=(DatasetRead(dataset="orders.bronze", format="delta", rows=1204, version=3),),
        write=wrote("silver", 1198, 42, mode="upsert"),
        rows_in=1204,
        rows_out=1198,
        steps=(StepRecord(kind="sql", text=SQL),),
        checks=(check("unique orders", "unique", columns=("order_id",)), check("amount is not negative", "range", columns=("amount",))),
        sample=sample(),
    )


def gold_result() -> NodeResult:
    return succeeded(
        2.8,
        0.3,
        reads=(DatasetRead(dataset="orders.silver", format="delta", rows=1198, version=42),),
        write=wrote("gold", 12, 0, created=True, mode="overwrite"),
        rows_in=1198,
        rows_out=12,
        steps=(StepRecord(kind="sql", text="SELECT city, sum(amount) AS revenue FROM df GROUP BY city"),),
    )


def success() -> list[AnyRunEvent]:
    """One file through three nodes."""
    return [
        started(NODES),
        took("bronze", 0.4),
        finished("bronze", bronze_result()),
        took("silver", 1.5),
        finished("silver", silver_result()),
        took("gold", 2.8),
        finished("gold", gold_result()),
        ended("succeeded", 3.2, succeeded=3),
    ]


NULLS = ErrorRecord(
    code="check_failed",
    message="check 'not_null' found 12 rows that break it",
    hint="Fix the rows at the source, or set 'on_fail: quarantine' to set them aside.",
    exit_code=3,
)


def failed_check() -> list[AnyRunEvent]:
    """Silver fails its check; gold is skipped."""
    broken = (
        check("order_id is there", "not_null", failed=12, columns=("order_id",)),
        check("known country", "accepted_values", failed=3, severity="warn", columns=("country",)),
        check("amount is sane", "range", failed=6, severity="quarantine", columns=("amount",)),
        check("unique orders", "unique"),
    )
    return [
        started(NODES),
        took("bronze", 0.4),
        finished("bronze", bronze_result()),
        took("silver", 1.5),
        finished(
            "silver",
            failed(
                1.5,
                0.9,
                NULLS,
                rows_in=1204,
                checks=broken,
                warnings=("column 'country' is new and was added",),
                steps=(StepRecord(kind="sql", text=SQL),),
            ),
        ),
        skipped("gold", 2.4, "upstream failed", blocked_by="silver"),
        ended("failed", 2.5, succeeded=1, failed=1, skips=1),
    ]


BUSY = ErrorRecord(code="write_conflict", message="another writer committed to lake/bronze/orders first", retryable=True, exit_code=4)


def retries() -> list[AnyRunEvent]:
    """A worker is lost, the second delivery fails and is retried, the second attempt succeeds on Spark."""
    again = silver_result().model_copy(update={"started_at": at(9), "finished_at": at(12), "seconds": 3.0, "engine": "spark"})
    return [
        started(NODES[:2], TimerTicked(scheduled_time=START)),
        took("bronze", 0.4),
        took("bronze", 2.0, delivery=2),
        NodeRetried(run_id=RUN, node="bronze", attempt=1, delay_seconds=2.5, error=BUSY, at=at(3)),
        took("bronze", 5.5, attempt=2),
        finished(
            "bronze",
            bronze_result().model_copy(update={"started_at": at(5.5), "finished_at": at(6.5), "seconds": 1.0}),
            attempt=2,
        ),
        took("silver", 7.0),
        NodeHandedOff(run_id=RUN, node="silver", attempt=1, to="spark", job="job-17", at=at(7.5)),
        took("silver", 9.0, delivery=2),
        finished("silver", again),
        ended("succeeded", 12.5, succeeded=2),
    ]


def no_files() -> list[AnyRunEvent]:
    """Somebody asked, and there was nothing new to read."""
    nothing = succeeded(0.2, 0.1, rows_in=0, rows_out=0, write=wrote("bronze", 0, 3))
    return [started(NODES[:1], Requested(key="k")), took("bronze", 0.2), finished("bronze", nothing), ended("succeeded", 0.4, succeeded=1)]


def sensitive() -> list[AnyRunEvent]:
    """The whole sample is hidden, and the watermark of a hidden column with it."""
    hidden = bronze_result().model_copy(update={"sample": Sample(columns=(), rows=(), note="[REDACTED: Sensitive Data]")})
    return [started(NODES[:1]), took("bronze", 0.4), finished("bronze", hidden), ended("succeeded", 1.4, succeeded=1)]


def empty() -> list[AnyRunEvent]:
    """A pipeline without nodes."""
    return [started((), Requested(key="k")), ended("succeeded", 0.01)]


def cancelled() -> list[AnyRunEvent]:
    """Stopped while silver was running."""
    return [
        started(NODES),
        took("bronze", 0.4),
        finished("bronze", bronze_result()),
        took("silver", 1.5),
        ended("cancelled", 2.0, succeeded=1),
    ]


def wide(count: int) -> list[AnyRunEvent]:
    """Many nodes in layers of five, each after one or two of the layer before and some after an early one."""
    facts, events = [], []
    for place in range(count):
        layer, lane = divmod(place, 5)
        above = [f"table_{(layer - 1) * 5 + lane:02}"] if layer else []
        above += [f"table_{(layer - 1) * 5 + (lane + 1) % 5:02}"] if layer and lane % 2 else []
        above += [f"table_{lane:02}"] if layer > 2 and lane == 3 else []
        facts.append(PlannedNodeFacts(name=f"table_{place:02}", upstream=tuple(above)))
        start = 0.5 + layer * 2.0 + lane * 0.2
        rows = 1000 * (place + 1) * (lane + 1)
        result = succeeded(
            start,
            1.2 + lane * 0.1,
            reads=tuple(DatasetRead(dataset=f"wide.{name}", format="delta", version=2) for name in above)
            or (
                DatasetRead(
                    dataset=f"landing/{place}", format="csv", rows=rows, files=(ORDERS.model_copy(update={"path": f"in/{place}.csv"}),)
                ),
            ),
            write=wrote(f"layer{layer}/{place}", rows, layer + 1),
            rows_in=rows,
            rows_out=rows,
            steps=(StepRecord(kind="sql", text=SQL),),
            checks=(check("key is there", "not_null"), check("unique key", "unique", failed=lane == 4 and layer == 1, severity="warn")),
            sample=sample(),
        )
        events += [took(facts[-1].name, start), finished(facts[-1].name, result)]
    return [started(facts, pipeline="wide"), *events, ended("succeeded", 1 + 2.0 * (count // 5 + 1), succeeded=count)]


ALL = {
    run.__name__: run
    for run in (success, failed_check, retries, no_files, sensitive, empty, cancelled, lambda: wide(15), lambda: wide(60))
    if run.__name__ != "<lambda>"
} | {"fifteen": lambda: wide(15), "sixty": lambda: wide(60)}
