"""`pipelines:` of the project: nodes that run together, and what starts them."""

from typing import Literal

from pydantic import Field

from odibi_core.config.node import NodeConfig
from odibi_core.config.section import Duration, Name, Section, Text
from odibi_core.config.trigger import TriggerConfig


class ConcurrencyConfig(Section):
    """How many runs that share `key` may be under way at once."""

    key: Text | None = None  # None: the pipeline itself
    max: int = Field(default=1, ge=1)


class PipelineConfig(Section):
    """A graph of nodes."""

    pipeline: Name
    description: str | None = None
    layer: str | None = None
    owner: str | None = None  # None: the project's
    freshness_sla: Duration | None = None
    freshness_anchor: Literal["run_completion", "table_max_timestamp", "watermark_state"] = "run_completion"
    tags: tuple[str, ...] = ()
    auto_cache_threshold: int | None = Field(default=3, ge=2)
    triggers: tuple[TriggerConfig, ...] = ()
    concurrency: ConcurrencyConfig | None = None
    nodes: tuple[NodeConfig, ...]

    @property
    def name(self) -> str:
        """The pipeline's name; its YAML key is `pipeline`."""
        return self.pipeline

    def node(self, name: str) -> NodeConfig:
        """
        The node of that name.

        Raises:
            KeyError: If there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
