"""
The configuration: what the author wrote, as frozen models.

Names are imported when they are first used: a worker that only reads a message does not pay for the loader.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odibi_core.config.alert import AlertConfig
    from odibi_core.config.auth import (
        AadMsiAuth,
        AccessKeyAuth,
        AccountKeyAuth,
        ApiKeyAuth,
        BasicAuth,
        BearerAuth,
        ConnectionStringAuth,
        DefaultChainAuth,
        KeyVaultAuth,
        NoAuth,
        SasAuth,
        ServicePrincipalAuth,
        SqlLoginAuth,
    )
    from odibi_core.config.blob_pattern import BlobPattern
    from odibi_core.config.connection import (
        AzureBlobConnection,
        ConnectionConfig,
        CustomConnection,
        DeltaConnection,
        HttpConnection,
        LocalConnection,
        PostgresConnection,
        S3Connection,
        SqliteConnection,
        SqlServerConnection,
        UnityCatalogConnection,
    )
    from odibi_core.config.dotenv import environment_of
    from odibi_core.config.incremental import IncrementalConfig
    from odibi_core.config.lineage import LineageConfig
    from odibi_core.config.loader import LoadedProject, load_project
    from odibi_core.config.logging import LoggingConfig
    from odibi_core.config.node import (
        ColumnConfig,
        EngineChoice,
        InputConfig,
        NodeConfig,
        PrivacyConfig,
        RelationshipConfig,
        SchemaPolicy,
    )
    from odibi_core.config.pattern import PatternConfig
    from odibi_core.config.performance import PerformanceConfig
    from odibi_core.config.pipeline import ConcurrencyConfig, PipelineConfig
    from odibi_core.config.places import problem_text, suggestion
    from odibi_core.config.project import ProjectConfig
    from odibi_core.config.read import Format, ReadConfig, TimeTravelConfig
    from odibi_core.config.retry import RetryConfig
    from odibi_core.config.section import Section
    from odibi_core.config.story import DocsConfig, StoryConfig
    from odibi_core.config.system import SystemConfig
    from odibi_core.config.transform import StepConfig, TransformConfig
    from odibi_core.config.trigger import BatchConfig, BlobSource, BlobTrigger, DatasetTrigger, ScheduleTrigger, TriggerConfig
    from odibi_core.config.validation import (
        AcceptedValuesCheck,
        CheckConfig,
        CustomSqlCheck,
        DistributionCheck,
        FreshnessCheck,
        GateConfig,
        GateRowCount,
        GateThreshold,
        NotNullCheck,
        QuarantineColumns,
        QuarantineConfig,
        RangeCheck,
        RegexMatchCheck,
        RowCountCheck,
        SchemaCheck,
        UniqueCheck,
        ValidationConfig,
        VolumeDropCheck,
    )
    from odibi_core.config.variables import Scope, resolve, resolve_sql
    from odibi_core.config.write import AutoOptimizeConfig, MergeOptions, MetadataColumns, OverwriteOptions, WriteConfig, WriteMode

_HOMES = {
    "alert": ("AlertConfig",),
    "auth": (
        "AadMsiAuth",
        "AccessKeyAuth",
        "AccountKeyAuth",
        "ApiKeyAuth",
        "BasicAuth",
        "BearerAuth",
        "ConnectionStringAuth",
        "DefaultChainAuth",
        "KeyVaultAuth",
        "NoAuth",
        "SasAuth",
        "ServicePrincipalAuth",
        "SqlLoginAuth",
    ),
    "blob_pattern": ("BlobPattern",),
    "connection": (
        "AzureBlobConnection",
        "ConnectionConfig",
        "CustomConnection",
        "DeltaConnection",
        "HttpConnection",
        "LocalConnection",
        "PostgresConnection",
        "S3Connection",
        "SqliteConnection",
        "SqlServerConnection",
        "SqliteConnection",
        "UnityCatalogConnection",
    ),
    "dotenv": ("environment_of",),
    "incremental": ("IncrementalConfig",),
    "lineage": ("LineageConfig",),
    "loader": (
        "LoadedProject",
        "load_project",
    ),
    "logging": ("LoggingConfig",),
    "node": (
        "ColumnConfig",
        "EngineChoice",
        "InputConfig",
        "NodeConfig",
        "PrivacyConfig",
        "RelationshipConfig",
        "SchemaPolicy",
    ),
    "pattern": ("PatternConfig",),
    "performance": ("PerformanceConfig",),
    "pipeline": (
        "ConcurrencyConfig",
        "PipelineConfig",
    ),
    "places": (
        "problem_text",
        "suggestion",
    ),
    "project": ("ProjectConfig",),
    "read": (
        "Format",
        "ReadConfig",
        "TimeTravelConfig",
    ),
    "retry": ("RetryConfig",),
    "section": ("Section",),
    "story": (
        "DocsConfig",
        "StoryConfig",
    ),
    "system": ("SystemConfig",),
    "transform": (
        "StepConfig",
        "TransformConfig",
    ),
    "trigger": (
        "BatchConfig",
        "BlobSource",
        "BlobTrigger",
        "DatasetTrigger",
        "ScheduleTrigger",
        "TriggerConfig",
    ),
    "validation": (
        "AcceptedValuesCheck",
        "CheckConfig",
        "CustomSqlCheck",
        "DistributionCheck",
        "FreshnessCheck",
        "GateConfig",
        "GateRowCount",
        "GateThreshold",
        "NotNullCheck",
        "QuarantineColumns",
        "QuarantineConfig",
        "RangeCheck",
        "RegexMatchCheck",
        "RowCountCheck",
        "SchemaCheck",
        "UniqueCheck",
        "ValidationConfig",
        "VolumeDropCheck",
    ),
    "variables": (
        "Scope",
        "resolve",
        "resolve_sql",
    ),
    "write": (
        "AutoOptimizeConfig",
        "MergeOptions",
        "MetadataColumns",
        "OverwriteOptions",
        "WriteConfig",
        "WriteMode",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AadMsiAuth",
    "AcceptedValuesCheck",
    "AccessKeyAuth",
    "AccountKeyAuth",
    "AlertConfig",
    "ApiKeyAuth",
    "AutoOptimizeConfig",
    "AzureBlobConnection",
    "BasicAuth",
    "BatchConfig",
    "BearerAuth",
    "BlobPattern",
    "BlobSource",
    "BlobTrigger",
    "CheckConfig",
    "ColumnConfig",
    "ConcurrencyConfig",
    "ConnectionConfig",
    "ConnectionStringAuth",
    "CustomConnection",
    "CustomSqlCheck",
    "DatasetTrigger",
    "DefaultChainAuth",
    "DeltaConnection",
    "DistributionCheck",
    "DocsConfig",
    "EngineChoice",
    "Format",
    "FreshnessCheck",
    "GateConfig",
    "GateRowCount",
    "GateThreshold",
    "HttpConnection",
    "IncrementalConfig",
    "InputConfig",
    "KeyVaultAuth",
    "LineageConfig",
    "LoadedProject",
    "LocalConnection",
    "LoggingConfig",
    "MergeOptions",
    "MetadataColumns",
    "NoAuth",
    "NodeConfig",
    "NotNullCheck",
    "OverwriteOptions",
    "PatternConfig",
    "PerformanceConfig",
    "PipelineConfig",
    "PostgresConnection",
    "PrivacyConfig",
    "ProjectConfig",
    "QuarantineColumns",
    "QuarantineConfig",
    "RangeCheck",
    "ReadConfig",
    "RegexMatchCheck",
    "RelationshipConfig",
    "RetryConfig",
    "RowCountCheck",
    "S3Connection",
    "SasAuth",
    "ScheduleTrigger",
    "SchemaCheck",
    "SchemaPolicy",
    "Scope",
    "Section",
    "ServicePrincipalAuth",
    "SqlLoginAuth",
    "SqlServerConnection",
    "SqliteConnection",
    "StepConfig",
    "StoryConfig",
    "SystemConfig",
    "TimeTravelConfig",
    "TransformConfig",
    "TriggerConfig",
    "UniqueCheck",
    "UnityCatalogConnection",
    "ValidationConfig",
    "VolumeDropCheck",
    "WriteConfig",
    "WriteMode",
    "environment_of",
    "load_project",
    "problem_text",
    "resolve",
    "resolve_sql",
    "suggestion",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
