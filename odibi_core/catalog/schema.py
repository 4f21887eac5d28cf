"""
The tables of the System Catalog: one row type per table, and its column types, declared here and nowhere else.

No table is partitioned. A batch adds a few rows; a partition by date or pipeline would turn its one file per table into one per value,
and the log would grow by as many entries. Readers skip files by the minimum and maximum that the log keeps of each file instead.
Instants are UTC with microseconds. An absent value is null, never an empty text. Columns may be added, not renamed or retyped:
releases share a catalog.
"""

from __future__ import annotations

import types
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from deltalake import Schema

TableName = Literal["meta_runs", "meta_state", "meta_files", "meta_tables", "meta_schemas"]


class RunRow(Frozen):
    """`meta_runs`: a run (`kind` "run") or one node of it ("node"). In a run's row counts are sums and the error is the first one."""

    run_id: str
    project: str
    pipeline: str
    environment: str | None
    kind: str
    node: str | None  # null for a run
    status: str  # succeeded, failed, skipped (a node), cancelled (a run)
    cause: str  # blob, timer, dataset, overdue, request
    logical_time: datetime
    started_at: datetime | None  # null for a node that never started
    finished_at: datetime
    seconds: float | None  # wall clock
    attempts: int | None  # tries of a node, 0 if it never started; null for a run
    engine: str | None
    rows_in: int | None  # null for a run
    rows_out: int | None  # null for a run
    rows_filtered: int | None  # of a node whose rows are accounted for: rows that a condition, a limit or a query left out
    rows_deduplicated: int | None  # the same, as doubles of others
    rows_joined_out: int | None  # the same, for what they met or did not meet in another dataset
    rows_gated: int | None  # the same, as held back by the gate
    rows_written: int | None
    rows_unparsed: int | None  # of sources, that did not parse and were rescued, archived or dropped; null if all did
    rows_quarantined: int | None  # set aside by checks, also those that the quarantine did not keep
    target: str | None  # connection/path
    table_version: int | None  # of the target after the commit
    checks_total: int
    checks_failed: int
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    reason: str | None  # why a node was skipped
    config_fingerprint: str
    odibi_version: str | None
    worker: str | None  # that took the last delivery of a node
    date: date  # UTC, of the start, or of the end where nothing started


class StateRow(Frozen):
    """`meta_state`: one move of a high-water mark. The highest sequence of a key holds its value. Values are typed JSON text."""

    key: str
    pipeline: str
    node: str
    run_id: str
    sequence: int
    column: str
    value_before: str | None
    value_after: str | None
    moved_at: datetime


class FileRow(Frozen):
    """`meta_files`: a version of a file and the run that took it in."""

    connection: str
    path: str
    etag: str
    size_bytes: int
    pipeline: str
    run_id: str
    nodes: tuple[str, ...]  # that read it, sorted; empty if none came to it
    status: str  # succeeded; failed if a reader or the run failed; cancelled; skipped if nobody wanted it
    rows: int | None  # known where it was the only file of a read
    processed_at: datetime


class TableRow(Frozen):
    """`meta_tables`: a target as it was created, or after its columns changed. The newest row of a `uri` is how it is now."""

    dataset: str  # connection/path
    uri: str
    format: str
    pipeline: str
    node: str
    run_id: str
    version: int | None  # of a Delta table
    created: bool  # by this run
    columns: str  # JSON: [{"name": …, "type": …}, …] in order
    schema_hash: str  # of `columns`
    seen_at: datetime


class SchemaRow(Frozen):
    """`meta_schemas`: the columns of a target, numbered anew each time they changed, and what the change was."""

    dataset: str  # connection/path
    table_path: str  # inside the connection
    uri: str
    schema_version: int  # 1, 2, 3 … of this place
    schema_hash: str  # of `columns`
    columns: str  # JSON: [{"name": …, "type": …}, …] in order
    columns_added: tuple[str, ...]  # names; all of them in the first version
    columns_removed: tuple[str, ...]
    columns_type_changed: tuple[str, ...]
    pipeline: str
    node: str
    run_id: str
    table_version: int | None  # of a Delta table
    captured_at: datetime


Row = RunRow | StateRow | FileRow | TableRow | SchemaRow
TABLES: dict[TableName, type[Row]] = {
    "meta_runs": RunRow,
    "meta_state": StateRow,
    "meta_files": FileRow,
    "meta_tables": TableRow,
    "meta_schemas": SchemaRow,
}

# Readers filter by these; everything else would only make every log entry longer, and put error texts into it.
_STATISTICS: dict[TableName, str] = {
    "meta_runs": "run_id,pipeline,kind,node,status,started_at,finished_at,date",
    "meta_state": "key,pipeline,sequence,moved_at",
    "meta_files": "pipeline,connection,path,run_id,processed_at",
    "meta_tables": "dataset,uri,pipeline,run_id,seen_at",
    "meta_schemas": "dataset,uri,schema_version,pipeline,run_id,captured_at",
}


def table_properties(table: TableName) -> dict[str, str]:
    """The Delta properties that a catalog table is created with."""
    return {
        "delta.checkpointInterval": "10",  # opening costs about two reads per commit since the last checkpoint
        "delta.setTransactionRetentionDuration": "interval 30 days",
        "delta.dataSkippingStatsColumns": _STATISTICS[table],
    }


@cache
def columns(table: TableName) -> dict[str, type]:
    """The columns of a table in order, each with its Python type; every column may be null."""
    hints = get_type_hints(TABLES[table])
    return {field.name: _without_none(hints[field.name]) for field in fields(TABLES[table])}


@cache
def polars_schema(table: TableName) -> pl.Schema:
    """The declared columns as Polars types."""
    import polars as pl

    known: dict[type, pl.DataType] = {
        str: pl.String(),
        int: pl.Int64(),
        float: pl.Float64(),
        bool: pl.Boolean(),
        date: pl.Date(),
        datetime: pl.Datetime("us", "UTC"),
        tuple: pl.List(pl.String()),
    }
    return pl.Schema({name: known[kind] for name, kind in columns(table).items()})


@cache
def delta_schema(table: TableName) -> Schema:
    """The declared columns as Delta types."""
    from deltalake import Schema
    from deltalake.schema import ArrayType, Field, PrimitiveType

    known: dict[type, PrimitiveType | ArrayType] = {
        str: PrimitiveType("string"),
        int: PrimitiveType("long"),
        float: PrimitiveType("double"),
        bool: PrimitiveType("boolean"),
        date: PrimitiveType("date"),
        datetime: PrimitiveType("timestamp"),
        tuple: ArrayType(PrimitiveType("string"), contains_null=True),
    }
    return Schema([Field(name, known[kind], nullable=True) for name, kind in columns(table).items()])


def to_frame(table: TableName, rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame with exactly the declared types."""
    import polars as pl

    values = attrgetter(*columns(table))
    return pl.DataFrame([values(row) for row in rows], schema=polars_schema(table), orient="row")


def _without_none(hint: Any) -> type:
    """`str | None` → `str`, `tuple[str, ...]` → `tuple`."""
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        (hint,) = (part for part in get_args(hint) if part is not types.NoneType)
    origin: type = get_origin(hint) or hint
    return origin
