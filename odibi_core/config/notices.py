"""Say once what is accepted but has no effect. Silence would be a lie."""

from __future__ import annotations

from collections.abc import Iterator

from odibi_core.config.connection import CustomConnection
from odibi_core.config.marks import MarkedMapping
from odibi_core.config.node import NodeConfig, PrivacyConfig
from odibi_core.config.project import ProjectConfig
from odibi_core.config.read import ReadConfig
from odibi_core.config.rescue import TEXT_FORMATS
from odibi_core.config.validation import ValidationConfig
from odibi_core.config.write import SAFE_RETENTION_HOURS, WriteConfig


def notices_of(config: ProjectConfig, tree: MarkedMapping) -> Iterator[str]:
    """What the author should know although it is no error."""
    if tree.get("engine") == "pandas":
        yield "engine: 'pandas' is read as 'polars'"
    if config.semantic is not None:
        yield "semantic: the semantic layer is not part of this product; the section has no effect"
    performance = config.performance.model_fields_set
    if "use_arrow" in performance:
        yield "performance.use_arrow: concerns pandas only and has no effect"
    if config.performance.spark_config and not _uses_spark(config):
        yield "performance.spark_config: no node runs on Spark, so it has no effect"
    if config.logging.metadata:
        yield "logging.metadata: has no effect"
    if config.system is not None and config.system.schema_name is not None:
        yield "system.schema_name: is deprecated and has no effect"
    if config.system is not None and config.system.databricks_billing_enabled:
        yield "system.databricks_billing_enabled: costs are not queried; it has no effect"
    yield from _of_later(config)
    for name, connection in config.connections.items():
        if isinstance(connection, CustomConnection):
            yield f"connections.{name}: type '{connection.type}' is not known; a run that uses it is refused"
    yield from _of_shared_quarantines(config)
    for pipeline in config.pipelines:
        for node in pipeline.nodes:
            for text in _of_node(node, config):
                yield f"{pipeline.name}.{node.name}.{text}"


def _of_engine(node: NodeConfig, *, spark: bool) -> Iterator[str]:
    """What the engine does by itself."""
    if node.cache and not spark:
        yield "cache: has no effect; a node's rows are computed once, whoever reads them"
    if node.log_level is not None:
        yield "log_level: has no effect on a single node; set 'logging.level' of the project"
    if node.on_overflow is not None and not spark:
        yield "on_overflow: concerns 'engine: auto' only and has no effect"


def _of_merge(write: WriteConfig) -> Iterator[str]:
    """What of a database merge has no meaning for a Delta table."""
    given = set() if write.merge_options is None else write.merge_options.model_fields_set
    for key in sorted(
        given - {"update_condition", "insert_condition", "delete_condition", "exclude_columns", "audit_cols"} - {"bulk_copy"}
    ):
        yield f"write.merge_options.{key}: concerns databases only and has no effect on a Delta table"
    if given and write.mode != "merge":
        yield f"write.merge_options: concerns 'mode: merge' only and has no effect with '{write.mode}'"
    if write.overwrite_options is not None:
        yield "write.overwrite_options: concerns databases only and has no effect on a Delta table"


def _of_write(node: NodeConfig, write: WriteConfig, *, spark: bool) -> Iterator[str]:
    delta_only: dict[str, object] = {
        "zorder_by": write.zorder_by,
        "table_properties": write.table_properties,
        "merge_schema": write.merge_schema,
        "overwrite_schema": write.overwrite_schema,
        "auto_optimize": write.auto_optimize,
        "skip_if_unchanged": write.skip_if_unchanged,
    }
    for key, used in delta_only.items():
        if used and write.format != "delta":
            yield f"write.{key}: concerns Delta tables only and has no effect with 'format: {write.format}'"
    if write.format == "delta":
        yield from (f"write.options.{key}: has no effect on a Delta table" for key in write.delta.unknown)
        yield from _of_merge(write)
    incremental = node.read.incremental if node.read is not None else None
    if write.skip_if_unchanged and incremental is not None and incremental.mode == "stateful":
        yield "write.skip_if_unchanged: has no effect on a stateful load, whose mark moves with each write"
    if write.register_table is not None and not spark:
        yield "write.register_table: concerns Spark only and has no effect; the table is found by its path"
    optimize = write.auto_optimize
    if optimize is not None and 0 < optimize.vacuum_retention_hours < SAFE_RETENTION_HOURS:
        week = SAFE_RETENTION_HOURS
        yield f"write.auto_optimize.vacuum_retention_hours: less than {week} would break readers, so {week} count"
    if node.pre_sql or node.post_sql:
        yield "pre_sql, post_sql: are checked and not run, a query whose result nobody reads has no effect; use 'transform.steps'"
    if node.materialized == "view":
        yield "materialized: a 'view' is written as a table"
    if node.materialized == "incremental" and "mode" in write.model_fields_set and write.mode != "append":
        yield f"write.mode: 'materialized: incremental' appends, so '{write.mode}' has no effect"


def _of_policy(node: NodeConfig) -> Iterator[str]:
    policy = node.schema_policy
    if policy is not None and node.write is None:
        yield "schema_policy: has no effect without a 'write'"
    elif policy is not None and "rescue_column" in policy.model_fields_set and not policy.rescues:
        yield "schema_policy.rescue_column: nothing goes there, since neither new nor changed columns are rescued"


def _of_shared_quarantines(config: ProjectConfig) -> Iterator[str]:
    """Rows of several nodes in one place can only be told apart by a column."""
    nodes: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for pipeline in config.pipelines:
        for node in pipeline.nodes:
            settings = node.validation.quarantine if node.validation else None
            if settings is not None:
                place = settings.connection, (settings.table or settings.path or "").strip("/")
                nodes.setdefault(place, []).append((f"{pipeline.name}.{node.name}", settings.add_columns.original_node))
    for (connection, path), found in nodes.items():
        if len(found) > 1 and not all(told for _, told in found):
            names = ", ".join(name for name, _ in found)
            yield f"validation.quarantine: '{connection}/{path}' is shared by {names}; set 'add_columns.original_node: true' on each"


def _of_checks(node: NodeConfig) -> Iterator[str]:
    validation = node.validation or ValidationConfig()
    if "on_fail" in validation.model_fields_set:
        yield "validation.on_fail: has no effect; alerts follow from 'alerts'"
    if validation.cache_df:
        yield "validation.cache_df: has no effect, all checks run in one query"
    if validation.quarantine:
        yield from _of_quarantine(node, validation)
    elif any(check.on_fail == "quarantine" for check in validation.tests):
        yield "validation: 'on_fail: quarantine' fails the node, because no 'quarantine' says where the rows go"
    if not node.columns and any(check.type == "schema" for check in (*node.contracts, *validation.tests)):
        yield "schema: the check passes whatever comes, because the node has no 'columns' to compare with"


def _of_quarantine(node: NodeConfig, validation: ValidationConfig) -> Iterator[str]:
    settings = validation.quarantine
    parts = any(check.on_fail == "quarantine" for check in validation.tests)
    if not parts and not any(key.on_violation == "quarantine" for key in node.relationships):
        yield "validation.quarantine: no test has 'on_fail: quarantine', so nothing goes there"
    if settings is not None and settings.retention_days is not None and not settings.add_columns.rejected_at:
        yield "validation.quarantine.retention_days: without the column '_rejected_at' no row has an age, so all are kept"
    if settings is not None and not settings.add_columns.source_batch_id:
        yield "validation.quarantine.add_columns: without '_source_batch_id' rows belong to no run and cannot be released"


def _of_privacy(privacy: PrivacyConfig) -> Iterator[str]:
    if privacy.method == "hash" and not privacy.salt:
        yield "privacy: a 'hash' without 'salt' is undone by trying out values; use 'method: hmac' with 'key: ${secret:name}'"
    if privacy.salt is not None and privacy.method != "hash":
        yield f"privacy.salt: has no effect with 'method: {privacy.method}'"
    if privacy.key is not None and privacy.method != "hmac":
        yield f"privacy.key: has no effect with 'method: {privacy.method}'"


def _of_later(config: ProjectConfig) -> Iterator[str]:
    """Sections that are read and not acted on yet."""
    if config.lineage is not None:
        yield "lineage: no OpenLineage events are sent yet; the section has no effect"
    if config.alerts:
        yield "alerts: no alerts are sent yet; the section has no effect"


def _uses_spark(config: ProjectConfig) -> bool:
    return config.engine != "polars" or any(
        node.engine not in (None, "polars") or node.on_overflow == "spark" for pipeline in config.pipelines for node in pipeline.nodes
    )


def _of_node(node: NodeConfig, config: ProjectConfig) -> Iterator[str]:
    spark = (node.engine or config.engine) != "polars"
    yield from _of_checks(node)
    if node.write is not None:
        yield from _of_write(node, node.write, spark=spark)
    yield from _of_policy(node)
    if node.privacy is not None:
        yield from _of_privacy(node.privacy)
    yield from _of_engine(node, spark=spark)
    if node.streaming or (node.write and node.write.streaming) or (node.read and node.read.streaming):
        yield "streaming: is not supported; a run of this node is refused"
    reads = {"read": node.read} if node.read else {}
    reads |= {f"inputs.{alias}": source for alias, source in (node.inputs or {}).items() if isinstance(source, ReadConfig)}
    for where, read in reads.items():
        if read.format in ("cloudFiles", "simulation"):
            yield f"{where}.format: '{read.format}' is not supported; a run of this node is refused"
        if read.schema_ddl is not None and read.format not in ("csv", "json", "ndjson", "excel", "api") and not spark:
            yield f"{where}.schema_ddl: a {read.format} source has its own types, so it has no effect"
        if read.archive_options and read.format not in TEXT_FORMATS and not spark:
            yield f"{where}.archive_options: a {read.format} source has no rows that do not parse, so it has no effect"
    if node.write and node.write.merge_options and node.write.merge_options.bulk_copy:
        yield "write.merge_options.bulk_copy: is not supported and has no effect"
    if node.write and node.write.overwrite_options and node.write.overwrite_options.bulk_copy:
        yield "write.overwrite_options.bulk_copy: is not supported and has no effect"
