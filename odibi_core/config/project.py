"""The whole project: what stands at the top of the YAML."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from odibi_core.config.alert import AlertConfig
from odibi_core.config.connection import ConnectionConfig
from odibi_core.config.lineage import LineageConfig
from odibi_core.config.logging import LoggingConfig
from odibi_core.config.node import EngineChoice
from odibi_core.config.performance import PerformanceConfig
from odibi_core.config.pipeline import PipelineConfig
from odibi_core.config.retry import RetryConfig
from odibi_core.config.section import Section, Text
from odibi_core.config.story import StoryConfig
from odibi_core.config.system import SystemConfig


class ProjectConfig(Section):
    """
    Everything a team wrote down.

    `imports`, `environments` and `recipes` are consumed by the loader and empty afterwards.
    """

    project: Text
    engine: EngineChoice = "polars"
    on_overflow: Literal["spark", "fail"] = "fail"  # when a node is too big for Polars and `engine` is auto
    sql_dialect: Literal["spark", "duckdb"] = "spark"
    strict: bool = True  # False: keys that the reference ignores silently are warnings
    description: str | None = None
    owner: str | None = None
    version: str = "1.0.0"
    vars: dict[str, JsonValue] = Field(default={}, repr=False)
    connections: dict[Text, ConnectionConfig]
    pipelines: tuple[PipelineConfig, ...]
    story: StoryConfig | None = None
    system: SystemConfig | None = None
    lineage: LineageConfig | None = None
    retry: RetryConfig = Field(default_factory=RetryConfig)
    logging: LoggingConfig = Field(default_factory=LoggingConfig)
    alerts: tuple[AlertConfig, ...] = ()
    performance: PerformanceConfig = Field(default_factory=PerformanceConfig)
    semantic: dict[str, JsonValue] | None = None  # has no effect
    imports: str | tuple[str, ...] = ()
    environments: dict[str, dict[str, JsonValue]] | None = None
    recipes: dict[str, JsonValue] = {}

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Read pandas as Polars."""
        return {**data, "engine": "polars"} if data.get("engine") == "pandas" else data

    def pipeline(self, name: str) -> PipelineConfig:
        """
        The pipeline of that name.

        Raises:
            KeyError: If there is none.
        """
        for pipeline in self.pipelines:
            if pipeline.name == name:
                return pipeline
        raise KeyError(name)
