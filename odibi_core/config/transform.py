"""`transform:` of a node: steps, each of which makes a frame from the one before."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from odibi_core.config.section import Section, Text, spelled, wrong

StepKind = Literal["sql", "sql_file", "function", "operation"]


class StepConfig(Section):
    """One step. In SQL the frame before it is the table `df`. A plain text in the YAML is read as `sql`."""

    sql: Text | None = None
    sql_file: Text | None = None
    function: Text | None = Field(default=None, validation_alias=spelled("function", "transformer"))
    operation: Text | None = None
    params: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [name for name in ("sql", "sql_file", "function", "operation") if getattr(self, name) is not None]
        if len(kinds) != 1:
            found = ", ".join(f"'{name}'" for name in kinds) or "none"
            raise wrong(f"a step has exactly one of 'sql', 'sql_file', 'function', 'operation'; found {found}")
        return self

    @property
    def kind(self) -> StepKind:
        """Which of the four it is."""
        if self.sql is not None:
            return "sql"
        if self.sql_file is not None:
            return "sql_file"
        return "function" if self.function is not None else "operation"


def _text_is_sql(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


class TransformConfig(Section):
    """The steps in their order."""

    steps: tuple[Annotated[StepConfig, BeforeValidator(_text_is_sql)], ...] = Field(min_length=1)
