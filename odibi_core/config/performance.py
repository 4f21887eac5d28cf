"""`performance:` of the project."""

from typing import Any, ClassVar

from odibi_core.config.section import Section
from odibi_core.config.write import as_properties


class PerformanceConfig(Section):
    """What may be left out or passed to an engine to save time."""

    lenient: ClassVar[bool] = True

    use_arrow: bool = True  # has no effect: it concerned pandas
    spark_config: dict[str, str] = {}
    delta_table_properties: dict[str, str] = {}
    skip_null_profiling: bool = False
    skip_catalog_writes: bool = False
    skip_run_logging: bool = False

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Properties of tables may be numbers and switches."""
        given = data.get("delta_table_properties")
        return data if given is None else {**data, "delta_table_properties": as_properties(given)}
