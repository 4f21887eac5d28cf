"""`connections:` of the project: every place that data are read from or written to, by name."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator

from odibi_core.config.auth import (
    FLAT_AUTH_KEYS,
    AadMsiAuth,
    AzureAuth,
    DefaultChainAuth,
    HttpAuth,
    NoAuth,
    S3Auth,
    SqlAuth,
    gathered,
    with_canonical_mode,
)
from odibi_core.config.marks import having
from odibi_core.config.section import Section, Text, spelled

TYPE_SPELLINGS: Mapping[str, str] = {
    "azure_adls": "azure_blob",
    "azure_sql": "sql_server",
    "postgresql": "postgres",
}
KNOWN_TYPES = ("local", "azure_blob", "s3", "delta", "unity_catalog", "sql_server", "postgres", "sqlite", "http")
FILE_TYPES = ("local", "azure_blob", "s3")  # what can hold state, stories and files


class BaseConnection(Section):
    """What all connections have in common."""

    validation_mode: Literal["lazy", "eager"] = "lazy"

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Write the type in its canonical spelling."""
        kind = data.get("type")
        return having(data, "type", TYPE_SPELLINGS[kind]) if isinstance(kind, str) and kind in TYPE_SPELLINGS else data


class LocalConnection(BaseConnection):
    """A folder. A relative one starts at the folder of the project's YAML."""

    type: Literal["local"] = "local"
    base_path: Text = "./data"


class AzureBlobConnection(BaseConnection):
    """A container of a storage account: Blob Storage or Data Lake Gen2."""

    also_known: ClassVar[tuple[str, ...]] = FLAT_AUTH_KEYS

    type: Literal["azure_blob"] = "azure_blob"
    account_name: Text = Field(validation_alias=spelled("account_name", "account"))
    container: Text
    path_prefix: str = ""
    endpoint: str | None = None  # of an emulator or a private cloud
    auth: AzureAuth = Field(default_factory=AadMsiAuth)

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Understand the flat spelling and the older names of modes."""
        return gathered(super().respelled(data), "aad_msi")


class S3Connection(BaseConnection):
    """A bucket of S3, or of a store that speaks its language."""

    type: Literal["s3"] = "s3"
    bucket: Text
    path_prefix: str = Field(default="", validation_alias=spelled("path_prefix", "prefix"))
    region: str | None = None
    endpoint: str | None = Field(default=None, validation_alias=spelled("endpoint", "endpoint_url"))
    auth: S3Auth = Field(default_factory=DefaultChainAuth)

    @field_validator("auth", mode="before")
    @classmethod
    def _guess_the_mode(cls, auth: Any) -> Any:
        if isinstance(auth, dict) and "mode" not in auth:
            return having(auth, "mode", "access_key" if auth else "default")
        return auth


class DeltaConnection(BaseConnection):
    """A schema in Spark's metastore."""

    type: Literal["delta"] = "delta"
    catalog: Text
    schema_name: Text = Field(validation_alias=spelled("schema", "schema_name"))
    table: str | None = None


class UnityCatalogConnection(BaseConnection):
    """A schema in Unity Catalog."""

    type: Literal["unity_catalog"] = "unity_catalog"
    catalog: Text
    schema_name: Text = Field(default="default", validation_alias=spelled("schema", "schema_name"))
    create_schema: bool = True


class SqlServerConnection(BaseConnection):
    """A database of SQL Server or Azure SQL."""

    also_known: ClassVar[tuple[str, ...]] = FLAT_AUTH_KEYS

    type: Literal["sql_server"] = "sql_server"
    host: Text = Field(validation_alias=spelled("host", "server"))
    database: Text
    port: int = Field(default=1433, ge=1, le=65535)
    driver: str = "ODBC Driver 18 for SQL Server"
    trust_server_certificate: bool = False
    auth: SqlAuth = Field(default_factory=AadMsiAuth)

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Understand the flat spelling and the older names of modes."""
        return gathered(super().respelled(data), "aad_msi")


class PostgresConnection(BaseConnection):
    """A PostgreSQL database."""

    also_known: ClassVar[tuple[str, ...]] = FLAT_AUTH_KEYS

    type: Literal["postgres"] = "postgres"
    host: Text = Field(validation_alias=spelled("host", "server"))
    database: Text
    port: int = Field(default=5432, ge=1, le=65535)
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "require"
    auth: SqlAuth = Field(default_factory=AadMsiAuth)

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Understand the flat spelling and the older names of modes."""
        return gathered(super().respelled(data), "aad_msi")


class SqliteConnection(BaseConnection):
    """A SQLite file. A relative path starts at the folder of the project's YAML."""

    type: Literal["sqlite"] = "sqlite"
    database: Text = Field(validation_alias=spelled("database", "path"))


class HttpConnection(BaseConnection):
    """A web API."""

    type: Literal["http"] = "http"
    base_url: Text
    headers: dict[str, str] = Field(default={}, repr=False)  # may carry credentials
    auth: HttpAuth = Field(default_factory=NoAuth)

    @field_validator("auth", mode="before")
    @classmethod
    def _guess_the_mode(cls, auth: Any) -> Any:
        if not isinstance(auth, dict) or "mode" in auth:
            return auth
        for key, mode in (("token", "bearer"), ("api_key", "api_key"), ("password", "basic")):
            if key in auth:
                return having(auth, "mode", mode)
        return with_canonical_mode(auth, "none")


class CustomConnection(BaseConnection):
    """A type that this product does not know: kept with `strict: false`, refused where a run would use it."""

    model_config = ConfigDict(extra="allow")

    type: str

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """The type only: nobody knows which of the other values are secret."""
        return [("type", self.type)]


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if not isinstance(kind, str):
        return None
    kind = TYPE_SPELLINGS.get(kind, kind)
    return kind if kind in KNOWN_TYPES else "custom"


ConnectionConfig = Annotated[
    Annotated[LocalConnection, Tag("local")]
    | Annotated[AzureBlobConnection, Tag("azure_blob")]
    | Annotated[S3Connection, Tag("s3")]
    | Annotated[DeltaConnection, Tag("delta")]
    | Annotated[UnityCatalogConnection, Tag("unity_catalog")]
    | Annotated[SqlServerConnection, Tag("sql_server")]
    | Annotated[PostgresConnection, Tag("postgres")]
    | Annotated[SqliteConnection, Tag("sqlite")]
    | Annotated[HttpConnection, Tag("http")]
    | Annotated[CustomConnection, Tag("custom")],
    Discriminator(
        _kind, custom_error_type="section", custom_error_message="{message}", custom_error_context={"message": "'type' is missing"}
    ),
]
