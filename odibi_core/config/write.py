"""`write:` of a node: its one effect."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from odibi_core.config.delta_options import DeltaOptions
from odibi_core.config.read import Format
from odibi_core.config.section import Section, Text, wrong

SAFE_RETENTION_HOURS = 168  # a week: longer than any reader or writer works on one version of a table
WriteMode = Literal["overwrite", "append", "upsert", "append_once", "merge"]


def as_properties(given: Any) -> Any:
    """Properties of a table as texts: YAML reads `true` and `7` as what they are."""
    if not isinstance(given, dict):
        return given
    return {key: str(value).lower() if isinstance(value, bool | int | float) else value for key, value in given.items()}


class AutoOptimizeConfig(Section):
    """Compact and vacuum a Delta table after the write."""

    lenient: ClassVar[bool] = True

    enabled: bool = True
    vacuum_retention_hours: int = Field(default=168, ge=0)  # 0: no vacuum


class MetadataColumns(Section):
    """Which columns about the origin of a row are added: `_extracted_at`, `_source_file`, …"""

    lenient: ClassVar[bool] = True

    extracted_at: bool = True
    source_file: bool = True  # file sources only
    source_connection: bool = False
    source_table: bool = False


class AuditColumns(Section):
    """Columns stamped by a database merge."""

    lenient: ClassVar[bool] = True

    created_col: str | None = None
    updated_col: str | None = None


class MergeValidations(Section):
    """Checks of the keys before a database merge."""

    lenient: ClassVar[bool] = True

    check_null_keys: bool = True
    check_duplicate_keys: bool = True
    fail_on_validation_error: bool = True


class TargetEvolution(Section):
    """What happens when a database table lacks a column."""

    lenient: ClassVar[bool] = True

    mode: Literal["strict", "evolve", "ignore"] = "strict"
    add_columns: bool = False


class _DatabaseOptions(Section):
    """What merging into and overwriting a database table have in common."""

    lenient: ClassVar[bool] = True

    audit_cols: AuditColumns | None = None
    validations: MergeValidations | None = None
    auto_create_schema: bool = False
    auto_create_table: bool = False
    schema_evolution: TargetEvolution | None = None
    batch_size: int | None = Field(default=None, ge=1)
    bulk_copy: bool = False
    staging_connection: str | None = None
    staging_path: str | None = None
    external_data_source: str | None = None
    keep_staging_files: bool = False
    auto_setup: bool = False
    force_recreate: bool = False
    csv_options: dict[str, str] | None = None


class MergeOptions(_DatabaseOptions):
    """`mode: merge` into a database table."""

    update_condition: str | None = None
    delete_condition: str | None = None
    insert_condition: str | None = None
    exclude_columns: tuple[str, ...] = ()
    staging_schema: str = "staging"
    primary_key_on_merge_keys: bool = False
    index_on_merge_keys: bool = False
    incremental: bool = False
    hash_column: str | None = None
    change_detection_columns: tuple[str, ...] | None = None


class OverwriteOptions(_DatabaseOptions):
    """`mode: overwrite` of a database table."""

    strategy: Literal["truncate_insert", "drop_create", "delete_insert"] = "truncate_insert"


class StreamingTrigger(Section):
    """When a streaming query takes its next batch."""

    lenient: ClassVar[bool] = True

    processing_time: str | None = None
    once: bool | None = None
    available_now: bool | None = None
    continuous: str | None = None


class StreamingWriteConfig(Section):
    """A streaming write: accepted, refused at run time."""

    lenient: ClassVar[bool] = True

    output_mode: Literal["append", "update", "complete"] = "append"
    checkpoint_location: Text
    trigger: StreamingTrigger | None = None
    query_name: str | None = None
    await_termination: bool = False
    timeout_seconds: int | None = Field(default=None, ge=1)


class WriteConfig(Section):
    """Where a frame goes and how it meets what is there."""

    connection: Text
    format: Format
    table: Text | None = None
    path: Text | None = None
    mode: WriteMode = "overwrite"
    options: dict[str, JsonValue] = {}
    partition_by: tuple[Text, ...] = ()
    zorder_by: tuple[Text, ...] = ()
    table_properties: dict[str, str] = {}
    merge_schema: bool = False
    overwrite_schema: bool = False
    first_run_query: Text | None = None
    auto_optimize: AutoOptimizeConfig | None = None
    add_metadata: MetadataColumns | None = None
    skip_if_unchanged: bool = False
    skip_hash_columns: tuple[Text, ...] | None = None
    skip_hash_sort_columns: tuple[Text, ...] | None = None
    register_table: Text | None = None
    streaming: StreamingWriteConfig | None = None
    merge_keys: tuple[Text, ...] | None = None
    merge_options: MergeOptions | None = None
    overwrite_options: OverwriteOptions | None = None

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Read `true` and `false` of the two keys that are a switch or a section."""
        data = {**data, "table_properties": as_properties(data["table_properties"])} if "table_properties" in data else data
        for key in ("auto_optimize", "add_metadata"):
            if isinstance(data.get(key), bool):
                data = {**data, key: {} if data[key] else None}
        return data

    @model_validator(mode="after")
    def _names_one_target(self) -> Self:
        if (self.table is None) == (self.path is None):
            if self.table is None:
                raise wrong("no target is named", hint="Add 'path' or 'table'.")
            raise wrong("'table' and 'path' exclude each other", hint="Keep 'table' for a database or catalog, 'path' for files.")
        if self.delta.replace_where is not None and self.format == "delta" and self.mode != "overwrite":
            raise wrong(f"'replace_where' needs 'mode: overwrite', not '{self.mode}'", hint="It says which rows are replaced.")
        if self.mode in ("upsert", "append_once", "merge") and not self.keys:
            where = "merge_keys" if self.mode == "merge" else "options.keys"
            raise wrong(f"mode '{self.mode}' needs keys", hint=f"Name the key columns in '{where}'.")
        return self

    @property
    def delta(self) -> DeltaOptions:
        """What `options` says about a Delta table."""
        return DeltaOptions.read(self.options)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns: `merge_keys`, or `options.keys`."""
        if self.merge_keys:
            return self.merge_keys
        keys = self.options.get("keys")
        if isinstance(keys, str):
            return (keys,)
        return tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else ()
