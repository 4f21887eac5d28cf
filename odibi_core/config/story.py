"""`story:` of the project: where Data Stories are kept, and what is in them."""

from typing import ClassVar

from pydantic import Field

from odibi_core.config.section import Section, Text, spelled


class DocsOutputs(Section):
    """Which documents are written."""

    lenient: ClassVar[bool] = True

    readme: bool = True
    technical_details: bool = True
    node_cards: bool = True
    run_memo: bool = True


class DocsInclude(Section):
    """What the documents show."""

    lenient: ClassVar[bool] = True

    sql: bool = True
    config_snapshot: bool = True
    schema_tables: bool = Field(default=True, validation_alias=spelled("schema", "schema_tables"))


class DocsConfig(Section):
    """Documents about the pipelines, written beside the stories."""

    lenient: ClassVar[bool] = True

    enabled: bool = False
    output_path: str = "docs/generated/"
    outputs: DocsOutputs = Field(default_factory=DocsOutputs)
    include: DocsInclude = Field(default_factory=DocsInclude)


class StoryConfig(Section):
    """Where stories go and how long they stay."""

    connection: Text
    path: Text
    max_sample_rows: int = Field(default=10, ge=0, le=100)  # 0: no sample
    auto_generate: bool = True
    retention_days: int | None = Field(default=30, ge=1)
    retention_count: int | None = Field(default=100, ge=1)
    failure_sample_size: int = Field(default=100, ge=0, le=1000)
    max_failure_samples: int = Field(default=500, ge=0, le=5000)
    max_sampled_validations: int = Field(default=5, ge=1, le=20)
    async_generation: bool = False
    generate_lineage: bool = True
    docs: DocsConfig | None = None
