"""`nodes:` of a pipeline: read → transform → validate → write."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator

from odibi_core.config.logging import LogLevel
from odibi_core.config.pattern import PatternConfig
from odibi_core.config.read import ReadConfig
from odibi_core.config.retry import RetryConfig
from odibi_core.config.section import Columns, Duration, Name, Section, Text, wrong
from odibi_core.config.transform import TransformConfig
from odibi_core.config.validation import CheckConfig, ValidationConfig
from odibi_core.config.write import WriteConfig

EngineChoice = Literal["polars", "spark", "auto"]


ColumnKind = Literal["integer", "float", "decimal", "string", "boolean", "date", "timestamp"]
_KINDS: Mapping[str, ColumnKind] = {
    **dict.fromkeys(("int", "bigint", "long", "smallint", "tinyint"), "integer"),
    **dict.fromkeys(("double", "real"), "float"),
    **dict.fromkeys(("str", "text", "varchar"), "string"),
    "numeric": "decimal",
    "bool": "boolean",
    "datetime": "timestamp",
}


def _kind_of(value: Any) -> Any:
    return _KINDS.get(value.lower(), value.lower()) if isinstance(value, str) else value


class ColumnConfig(Section):
    """What is known about a column."""

    lenient: ClassVar[bool] = True

    type: Annotated[ColumnKind, BeforeValidator(_kind_of)] | None = None  # for a `schema` check
    description: str | None = None
    pii: bool = False
    tags: tuple[str, ...] = ()


NewColumns = Literal["ignore", "fail", "add_nullable", "rescue"]


class SchemaPolicy(Section):
    """
    What happens when the frame and the target have different columns.

    A column that is spelled in another case has changed, as one of another type has.
    """

    lenient: ClassVar[bool] = True

    mode: Literal["enforce", "evolve"] = "enforce"
    on_new_columns: NewColumns | None = None  # `rescue`: their values go into the rescue column
    on_missing_columns: Literal["fill_null", "fail"] = "fill_null"
    on_changed_columns: Literal["fail", "evolve", "rescue"] | None = None  # of another type; None: what loses nothing is cast
    rescue_column: Text = "_rescued_data"  # gets what `rescue` finds, as JSON

    @property
    def new_columns(self) -> NewColumns:
        """`on_new_columns`, or what `mode` implies."""
        return self.on_new_columns or ("add_nullable" if self.mode == "evolve" else "ignore")

    @property
    def rescues(self) -> bool:
        """Whether anything may go into the rescue column."""
        return "rescue" in (self.on_new_columns, self.on_changed_columns)


class PrivacyConfig(Section):
    """
    How columns with `pii: true`, inherited ones too, are made anonymous.

    `hmac` with a key from a secret store is the method of choice: who knows the salt of a `hash` can try out every value there is.
    """

    lenient: ClassVar[bool] = True

    method: Literal["hash", "hmac", "mask", "redact"]
    salt: str | None = Field(default=None, repr=False)  # of `hash`: stands behind the value
    key: str | None = Field(default=None, repr=False)  # of `hmac`
    declassify: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if self.method == "hmac" and not self.key:
            raise wrong("method 'hmac' needs a key", hint="Set 'key: ${secret:name}'.")
        return self


class RelationshipConfig(Section):
    """
    A foreign key: each `fact_key` of this node is a `dimension_key` of another.

    It is looked for in the whole table of the other node, at the version that this run wrote, else in the newest. NULL is no key: it is
    allowed with `nullable`. A list of columns is one key.
    """

    name: Text | None = None
    fact: Text | None = None  # None: this node
    dimension: Text  # a node of this pipeline, or "pipeline.node"
    fact_key: Text | Columns  # a list: the columns together are the key
    dimension_key: Text | Columns
    nullable: bool = False
    on_violation: Literal["error", "warn", "quarantine"] = "error"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key, here."""
        return (self.fact_key,) if isinstance(self.fact_key, str) else self.fact_key

    @property
    def dimension_keys(self) -> tuple[str, ...]:
        """The columns of the key, there."""
        return (self.dimension_key,) if isinstance(self.dimension_key, str) else self.dimension_key

    @model_validator(mode="after")
    def _keys_pair(self) -> Self:
        if len(self.keys) != len(self.dimension_keys):
            raise wrong("'fact_key' and 'dimension_key' have different numbers of columns")
        return self


def _input_kind(value: Any) -> str:
    return "a reference" if isinstance(value, str) else "a source"


InputRef = Annotated[str, Field(pattern=r"^\$[a-zA-Z_][a-zA-Z0-9_]*\.[a-zA-Z_][a-zA-Z0-9_]*$")]  # "$pipeline.node"
InputConfig = Annotated[
    Annotated[InputRef, Tag("a reference")] | Annotated[ReadConfig, Tag("a source")],
    Discriminator(_input_kind),
]


def _switch_or_columns(value: Any) -> Any:
    if isinstance(value, str) and value.lower() not in ("true", "false"):
        raise wrong("expected true, false or a list of columns")
    return value.lower() == "true" if isinstance(value, str) else value


class NodeConfig(Section):
    """
    One unit of work.

    `transformer` and `params` are filled however they were spelled: as such, or as `pattern: {type, params}`.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "source": "Write 'read'.",
        "sink": "Write 'write'.",
        "target": "Write 'write'.",
        "outputs": "Write 'write'.",
        "sql": "Write 'query' in 'read', or a step in 'transform'.",
    }

    name: Name
    description: str | None = None
    explanation: str | None = None
    explanation_file: str | None = None
    runbook_url: str | None = None
    enabled: bool = True
    tags: tuple[str, ...] = ()
    depends_on: tuple[Name, ...] = ()
    columns: dict[str, ColumnConfig] = {}
    read: ReadConfig | None = None
    inputs: dict[Name, InputConfig] | None = Field(default=None, min_length=1)
    transformer: Text | None = None
    params: dict[str, JsonValue] = {}
    pattern: PatternConfig | None = None
    transform: TransformConfig | None = None
    validation: ValidationConfig | None = None
    contracts: tuple[CheckConfig, ...] = ()
    relationships: tuple[RelationshipConfig, ...] = ()
    schema_policy: SchemaPolicy | None = None
    privacy: PrivacyConfig | None = None
    sensitive: Annotated[bool | tuple[Text, ...], BeforeValidator(_switch_or_columns)] = False
    write: WriteConfig | None = None
    materialized: Literal["table", "view", "incremental"] | None = None
    pre_sql: tuple[Text, ...] = ()
    post_sql: tuple[Text, ...] = ()
    streaming: bool = False
    cache: bool = False
    log_level: LogLevel | None = None
    on_error: Literal["fail_fast", "fail_later", "ignore"] = "fail_later"
    engine: EngineChoice | None = None  # None: the project's
    on_overflow: Literal["spark", "fail"] | None = None  # None: the project's
    timeout: Duration | None = None
    retry: RetryConfig | None = None  # None: the project's
    recipe: Text | None = None  # consumed by the loader
    recipe_vars: dict[str, JsonValue] = {}

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Fill `transformer` and `params` from `pattern`, whose params win, and read pandas as Polars."""
        if data.get("engine") == "pandas":
            data = {**data, "engine": "polars"}
        pattern = data.get("pattern")
        kind = pattern.get("type") if isinstance(pattern, dict) else getattr(pattern, "type", None)
        params = pattern.get("params") if isinstance(pattern, dict) else getattr(pattern, "params", None)
        if not isinstance(kind, str):
            return data
        if data.get("transformer") not in (None, kind):
            raise wrong("'pattern' and 'transformer' exclude each other", hint="Keep one of them.")
        own = data.get("params") or {}
        if isinstance(own, dict) and isinstance(params or {}, dict):
            return {**data, "transformer": kind, "params": {**own, **(params or {})}}
        return data

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.read or self.inputs or self.transform or self.write or self.transformer or self.recipe):
            raise wrong("a node needs at least one of 'read', 'inputs', 'transform', 'transformer', 'write'")
        if self.read and self.inputs:
            raise wrong("'read' and 'inputs' exclude each other", hint="Put the source into 'inputs' under a name.")
        if self.explanation and self.explanation_file:
            raise wrong("'explanation' and 'explanation_file' exclude each other")
        return self
