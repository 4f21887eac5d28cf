"""What a node hands to its target: the columns that its schema policy lets through, and columns that say where a row came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from odibi_core.config import NodeConfig, ReadConfig
from odibi_core.config.write import MetadataColumns
from odibi_core.events import DatasetRead
from odibi_core.messages import digest
from odibi_core.planning.plan import Plan
from odibi_core.ports import Engine, Frame, Scanned
from odibi_core.runtime.datasets import SOURCE_FILE
from odibi_core.runtime.drift import by_policy

EXTRACTED_AT = "_extracted_at"
SOURCE_CONNECTION = "_source_connection"
SOURCE_TABLE = "_source_table"
_CONTENT_DIGITS = 15  # of the fingerprint, in hex: 60 bits, so that it is a transaction's version and smaller than FENCED
_FILES = frozenset({"csv", "json", "ndjson", "parquet", "excel", "avro"})


def wants_file_of_each_row(config: NodeConfig) -> bool:
    """
    Whether each row can say from which file it is: only where rows are written as they were read.

    A transform over a column that tells files apart would give other rows: `distinct` would keep one of each file.
    """
    if config.write is None or config.write.add_metadata is None or not config.write.add_metadata.source_file:
        return False
    read, validation = config.read, config.validation
    asks = read is None or read.query is not None or read.sql_file is not None or read.filter is not None
    changes = config.transformer is not None or config.transform is not None or bool(config.contracts)
    return not (asks or changes or (validation is not None and validation.quarantine is not None))


def without_origin(frame: Frame, config: NodeConfig) -> Frame:
    """The rows as nodes behind and checks see them: columns about the origin belong to the table alone."""
    if not wants_file_of_each_row(config) or SOURCE_FILE not in frame.collect_schema().names():
        return frame
    return frame.drop(SOURCE_FILE)


def content_of(plan: Plan, node: str, config: NodeConfig, frame: Frame, engine: Engine) -> tuple[str, int] | None:
    """
    Under which application id a table remembers what a node wrote last, in whichever run, and what it would remember of these rows.

    None if the node does not ask, by `skip_if_unchanged`.
    """
    write = config.write
    if write is None or not write.skip_if_unchanged or write.format != "delta":
        return None
    text = engine.fingerprint(without_origin(frame, config), write.skip_hash_columns)
    key = f"odibi/content/{digest(plan.project, plan.environment, plan.pipeline, node)}"
    return key, int(text[:_CONTENT_DIGITS], 16)


def outgoing(
    frame: Frame,
    config: NodeConfig,
    plan: Plan,
    reads: Collection[DatasetRead],
    *,
    present: Callable[[], Scanned | None],
    tell: Callable[[str], None],
) -> Frame:
    """
    The frame as it is written. `present` asks for what the target has now; None if there is no target yet. `tell` takes warnings.

    Raises:
        SchemaMismatchError: If columns are new, missing or spelled otherwise and the policy says `fail`.
    """
    frame = _for_merge(frame, config, plan)
    wanted = None if config.write is None else config.write.add_metadata
    told = {} if wanted is None else _origin(wanted, config.read, reads)
    policy = config.schema_policy
    there = present() if policy is not None and config.write is not None else None
    if policy is not None and there is not None:
        also = {*told, *([EXTRACTED_AT] if wanted is not None and wanted.extracted_at else [])}
        also |= {policy.rescue_column} if policy.rescues else set()
        frame = by_policy(frame, policy, there.frame.collect_schema().names(), also=also, tell=tell)
    return frame if wanted is None else _with_origin(frame, config, told, plan)


def _for_merge(frame: Frame, config: NodeConfig, plan: Plan) -> Frame:
    """Without the columns that a merge leaves out, and with those that say when a row came and when it changed."""
    import narwhals as nw

    write = config.write
    if write is None or write.mode != "merge" or write.format != "delta" or write.merge_options is None:
        return frame
    audit, left_out = write.merge_options.audit_cols, {*write.merge_options.exclude_columns} - {*write.keys}
    frame = frame.select([name for name in frame.collect_schema().names() if name not in left_out])
    stamped = [] if audit is None else [name for name in (audit.created_col, audit.updated_col) if name is not None]
    now = nw.lit(plan.planned_at, dtype=nw.Datetime("us", "UTC"))
    return frame.with_columns(*(now.alias(name) for name in stamped)) if stamped else frame


def _origin(wanted: MetadataColumns, read: ReadConfig | None, reads: Collection[DatasetRead]) -> dict[str, str]:
    """What is the same for all rows of the node's own source."""
    if read is None:
        return {}
    told: dict[str, str | None] = {}
    files = [file.path for found in reads for file in found.files]
    if wanted.source_file and read.format in _FILES:
        told[SOURCE_FILE] = files[0] if len(files) == 1 else read.path
    if wanted.source_connection:
        told[SOURCE_CONNECTION] = read.connection
    if wanted.source_table:
        told[SOURCE_TABLE] = read.table
    return {name: text for name, text in told.items() if text is not None}


def _with_origin(frame: Frame, config: NodeConfig, told: Mapping[str, str], plan: Plan) -> Frame:
    """Add them behind the others. The time is the run's, so that a retry writes the same rows."""
    import narwhals as nw

    have = frame.collect_schema().names()
    columns = {name: nw.lit(text) for name, text in told.items()}
    if wants_file_of_each_row(config) and SOURCE_FILE in have:
        columns[SOURCE_FILE] = nw.col(SOURCE_FILE)
    if config.write is not None and config.write.add_metadata is not None and config.write.add_metadata.extracted_at:
        columns = {EXTRACTED_AT: nw.lit(plan.planned_at, dtype=nw.Datetime("us", "UTC")), **columns}
    kept = [nw.col(name) for name in have if name not in columns]
    return frame.select(*kept, *(column.alias(name) for name, column in columns.items())) if columns else frame
