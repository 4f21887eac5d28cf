"""`auth:` of a connection: one model per mode. Secrets stay out of `repr`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from odibi_core.config.marks import having, picked
from odibi_core.config.section import Secret, Section, Text, ToldBy, spelled, wrong


class AadMsiAuth(Section):
    """The identity of the process: a managed identity in Azure, `az login` on a laptop. No key to manage."""

    mode: Literal["aad_msi"] = "aad_msi"
    client_id: str | None = None  # of a user-assigned identity


class AccountKeyAuth(Section):
    """A storage account key."""

    mode: Literal["account_key"] = "account_key"
    account_key: Secret


class SasAuth(Section):
    """A shared access signature."""

    mode: Literal["sas"] = "sas"
    sas_token: Secret = Field(validation_alias=spelled("sas_token", "sas"))


class ConnectionStringAuth(Section):
    """A whole connection string."""

    mode: Literal["connection_string"] = "connection_string"
    connection_string: Secret


class KeyVaultAuth(Section):
    """A secret in a Key Vault; it is fetched when the connection is used."""

    mode: Literal["key_vault"] = "key_vault"
    key_vault_name: Text = Field(validation_alias=spelled("key_vault_name", "key_vault"))
    secret_name: Text = Field(validation_alias=spelled("secret_name", "secret"))
    username: str | None = None  # for a database login whose password is in the vault


class ServicePrincipalAuth(Section):
    """An application with a client secret."""

    mode: Literal["service_principal"] = "service_principal"
    tenant_id: Text
    client_id: Text
    client_secret: Secret


class SqlLoginAuth(Section):
    """User and password of the database."""

    mode: Literal["sql_login"] = "sql_login"
    username: Text
    password: Secret


class NoAuth(Section):
    """Anonymous."""

    mode: Literal["none"] = "none"


class BasicAuth(Section):
    """HTTP basic."""

    mode: Literal["basic"] = "basic"
    username: Text
    password: Secret


class BearerAuth(Section):
    """A bearer token."""

    mode: Literal["bearer"] = "bearer"
    token: Secret


class ApiKeyAuth(Section):
    """A key in a header."""

    mode: Literal["api_key"] = "api_key"
    api_key: Secret
    header_name: Text = "Authorization"
    value_template: str = "Bearer {token}"


class DefaultChainAuth(Section):
    """The usual places of the AWS tools: environment, profile, instance role."""

    mode: Literal["default"] = "default"


class AccessKeyAuth(Section):
    """An AWS access key."""

    mode: Literal["access_key"] = "access_key"
    access_key_id: Text
    secret_access_key: Secret
    session_token: str | None = Field(default=None, repr=False)


AzureAuth = Annotated[
    AadMsiAuth | AccountKeyAuth | SasAuth | ConnectionStringAuth | KeyVaultAuth | ServicePrincipalAuth, ToldBy(key="mode")
]
SqlAuth = Annotated[AadMsiAuth | SqlLoginAuth | ConnectionStringAuth | KeyVaultAuth | ServicePrincipalAuth, ToldBy(key="mode")]
HttpAuth = Annotated[NoAuth | BasicAuth | BearerAuth | ApiKeyAuth, ToldBy(key="mode")]
S3Auth = Annotated[DefaultChainAuth | AccessKeyAuth, ToldBy(key="mode")]

MODE_SPELLINGS: Mapping[str, str] = {
    "managed_identity": "aad_msi",
    "default": "aad_msi",
    "direct_key": "account_key",
    "sas_token": "sas",
    "aad_password": "service_principal",
    "aad_service_principal": "service_principal",
    "sql": "sql_login",
}
# The mode that a field gives away when no mode is named. The first that is present wins.
_TELLTALES = (
    ("connection_string", "connection_string"),
    ("account_key", "account_key"),
    ("sas_token", "sas"),
    ("sas", "sas"),
    ("key_vault_name", "key_vault"),
    ("key_vault", "key_vault"),
    ("client_secret", "service_principal"),
    ("password", "sql_login"),
    ("client_id", "aad_msi"),
)
FLAT_AUTH_KEYS = (
    "auth_mode",
    "account_key",
    "sas_token",
    "sas",
    "connection_string",
    "key_vault_name",
    "key_vault",
    "secret_name",
    "secret",
    "tenant_id",
    "client_id",
    "client_secret",
    "username",
    "password",
)


def with_canonical_mode(auth: dict[str, Any], default: str) -> dict[str, Any]:
    """The same settings with `mode` in its canonical spelling, taken from the fields that are present if it is missing."""
    mode = auth.get("mode")
    if mode is None:
        mode = next((found for key, found in _TELLTALES if auth.get(key) is not None), default)
    canonical = MODE_SPELLINGS.get(mode, mode) if isinstance(mode, str) else mode
    return auth if auth.get("mode") == canonical else having(auth, "mode", canonical)


def gathered(data: dict[str, Any], default: str) -> dict[str, Any]:
    """The older flat spelling (`auth_mode:`, `account_key:` … beside `type:`) as an `auth:` section."""
    flat = [key for key in FLAT_AUTH_KEYS if key in data]
    auth = data.get("auth")
    if flat and auth is not None:
        raise wrong(f"'{flat[0]}' stands beside 'auth'", hint="Write it into 'auth'.")
    if flat:
        auth = picked(data, [key for key in flat if key != "auth_mode"])
        auth = having(auth, "mode", data["auth_mode"]) if "auth_mode" in data else auth
        data = picked(data, [key for key in data if key not in flat])
    return having(data, "auth", with_canonical_mode(auth, default)) if isinstance(auth, dict) else data
