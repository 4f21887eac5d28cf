"""`performance:` of the project."""

from typing import ClassVar

from odibi_core.config.section import Section


class PerformanceConfig(Section):
    """What may be left out or passed to an engine to save time."""

    lenient: ClassVar[bool] = True

    use_arrow: bool = True  # has no effect: it concerned pandas
    spark_config: dict[str, str] = {}
    delta_table_properties: dict[str, str] = {}
    skip_null_profiling: bool = False
    skip_catalog_writes: bool = False
    skip_run_logging: bool = False
