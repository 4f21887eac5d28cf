"""`system:` of the project: where run state and the system catalog live."""

from typing import ClassVar, Literal

from pydantic import Field

from odibi_core.config.section import Section, Text


class SyncToConfig(Section):
    """A second place that the catalog is copied to."""

    lenient: ClassVar[bool] = True

    connection: Text
    schema_name: str | None = "odibi_system"
    path: str | None = "_odibi_system"
    mode: Literal["incremental", "full"] = "incremental"
    on: Literal["after_run", "manual"] = "after_run"
    tables: tuple[str, ...] | None = None  # None: all
    async_sync: bool = True
    sync_last_days: int | None = Field(default=None, ge=1)


class SyncFromConfig(Section):
    """A place that the catalog is read from."""

    lenient: ClassVar[bool] = True

    connection: Text
    path: str | None = None
    schema_name: str | None = None


class CatalogRetention(Section):
    """Days after which rows of a catalog table may be removed."""

    lenient: ClassVar[bool] = True

    daily_stats: int = Field(default=365, ge=1)
    failures: int = Field(default=90, ge=1)
    observability_errors: int = Field(default=90, ge=1)


class SystemConfig(Section):
    """The system connection, and how the catalog is kept."""

    connection: Text
    path: Text = "_odibi_system"
    environment: str | None = None  # tag of every row
    schema_name: str | None = None  # deprecated, has no effect
    sync_to: SyncToConfig | None = None
    sync_from: SyncFromConfig | None = None
    cost_per_compute_hour: float | None = Field(default=None, ge=0)
    databricks_billing_enabled: bool = False
    retention_days: CatalogRetention | None = None
    optimize_catalog: bool = False
    sync_timeout_seconds: float = Field(default=30.0, gt=0)
    async_derived_updates: bool = True
    async_lineage: bool = True
    skip_sync_wait_in_databricks: bool = True
