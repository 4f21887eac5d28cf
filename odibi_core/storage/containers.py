"""One blob container of a connection: how to name it, and how to get in, for engines and for Azure's own library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import SecretSource
from odibi_core.storage.identity import identity_options
from odibi_core.storage.paths import safe_join
from odibi_core.storage.urls import PUBLIC_SUFFIX, service_of, standard_service

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient, ContainerClient

AuthMode = Literal["account_key", "sas", "connection_string", "key_vault", "managed_identity", "service_principal"]
CredentialSource = Callable[[str | None], "TokenCredential"]  # client id of a user-assigned identity → credential

_MODES: Mapping[str, AuthMode] = {
    "account_key": "account_key",
    "direct_key": "account_key",
    "sas": "sas",
    "sas_token": "sas",
    "connection_string": "connection_string",
    "key_vault": "key_vault",
    "managed_identity": "managed_identity",
    "aad_msi": "managed_identity",
    "service_principal": "service_principal",
    "aad_service_principal": "service_principal",
}
_NEEDED: Mapping[AuthMode, tuple[str, ...]] = {
    "account_key": ("account_key",),
    "sas": ("sas_token",),
    "connection_string": ("connection_string",),
    "key_vault": ("key_vault", "secret"),
    "managed_identity": (),
    "service_principal": ("tenant_id", "client_id", "client_secret"),
}
_DETECTED: tuple[AuthMode, ...] = ("connection_string", "account_key", "sas", "key_vault", "service_principal")
_SPELLINGS = {
    "account": "account_name",
    "direct_key": "account_key",
    "sas": "sas_token",
    "key_vault_name": "key_vault",
    "secret_name": "secret",
    "auth_mode": "mode",
}
# The emulator's account, published by Microsoft: learn.microsoft.com/azure/storage/common/storage-use-azurite
_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
)
# One request may hang for at most as long as a node can spare: the defaults allow more than three minutes for each.
PATIENCE: Mapping[str, str] = {"timeout": "120s", "connect_timeout": "10s", "max_retries": "5", "retry_timeout": "60s"}


class BlobContainer(Frozen):
    """A container, the path in it where the connection starts, and the way in."""

    account: str
    container: str
    prefix: str = ""  # without slashes at its ends
    suffix: str = PUBLIC_SUFFIX
    endpoint: str | None = None  # of the blob service, where it is not the account's own; Azurite's, for example
    mode: AuthMode = "managed_identity"
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the mode needs, with secrets

    @property
    def root(self) -> str:
        """The URI of the connection's base, without a slash at the end."""
        base = f"abfss://{self.container}@{self.account}.dfs.{self.suffix}"
        return f"{base}/{self.prefix}" if self.prefix else base

    @property
    def service(self) -> str:
        """What `read_blob_url` finds as the service of this container's blobs."""
        return service_of(self.endpoint) if self.endpoint else standard_service(self.account, self.suffix)

    def options(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The options of engines' object stores, with secrets. Every value is text."""
        options = {"account_name": self.account, **PATIENCE}
        if self.endpoint:
            options["azure_storage_endpoint"] = self.endpoint
            if self.endpoint.startswith("http://"):
                options["allow_http"] = "true"
        match self.mode:
            case "managed_identity":
                return options | identity_options(self.fields.get("client_id"), environment)
            case "service_principal":
                return options | {name: self.fields[name] for name in _NEEDED["service_principal"]}
            case _:
                return options | dict(self.fields)

    def client(self, credential: CredentialSource) -> ContainerClient:
        """A client of Azure's library. It makes no request yet."""
        return self._service_client(credential).get_container_client(self.container)

    def _service_client(self, credential: CredentialSource) -> BlobServiceClient:
        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
        from azure.storage.blob import BlobServiceClient

        from odibi_core.storage.azure import client_settings

        url = self.endpoint or f"https://{standard_service(self.account, self.suffix)}"
        way_in: Any
        if "account_key" in self.fields:
            way_in = AzureNamedKeyCredential(self.account, self.fields["account_key"])
        elif "sas_token" in self.fields:
            way_in = AzureSasCredential(self.fields["sas_token"])
        elif self.mode == "service_principal":
            from azure.identity import ClientSecretCredential

            way_in = ClientSecretCredential(self.fields["tenant_id"], self.fields["client_id"], self.fields["client_secret"])
        else:
            way_in = credential(self.fields.get("client_id"))
        return BlobServiceClient(url, credential=way_in, **client_settings())


def read_container(name: str, given: Mapping[str, Any], secret: SecretSource) -> BlobContainer:
    """
    Understand the mapping of an `azure_blob` or `azure_adls` connection, in any of its spellings.

    A Key Vault's secret is asked for as `vault/name`; it may hold an account key, a connection string or a shared access signature.

    Raises:
        ConfigError: If a field is missing or the auth mode is unknown.
    """
    fields = _flat(given)
    mode = _mode(name, fields)
    missing = [key for key in _NEEDED[mode] if not fields.get(key)]
    if missing:
        raise ConfigError(f"connection '{name}' with auth mode '{mode}' lacks {', '.join(missing)}")
    way_in = {key: fields[key] for key in (*_NEEDED[mode], "client_id") if key in fields}
    if mode == "key_vault":
        way_in = _by_content(secret(f"{fields['key_vault']}/{fields['secret']}"))
    if "sas_token" in way_in:
        way_in["sas_token"] = way_in["sas_token"].removeprefix("?")
    if not fields.get("container"):
        raise ConfigError(f"connection '{name}' lacks container")
    prefix = safe_join("", fields.get("path_prefix", "").strip("/"))
    if "connection_string" in way_in:
        return _from_connection_string(name, way_in["connection_string"], fields, mode, prefix)
    if not fields.get("account_name"):
        raise ConfigError(f"connection '{name}' lacks account_name")
    return BlobContainer(account=fields["account_name"], container=fields["container"], prefix=prefix, mode=mode, fields=way_in)


def _flat(given: Mapping[str, Any]) -> dict[str, str]:
    """All fields on one level under one spelling each; those of `auth` win. Nulls count as not given."""
    auth = given.get("auth")
    nested = {"mode": auth} if isinstance(auth, str) else dict(auth or {})
    flat = {key: value for key, value in given.items() if key not in {"auth", "type"}}
    return {_SPELLINGS.get(key, key): str(value) for key, value in (*flat.items(), *nested.items()) if value is not None}


def _mode(name: str, fields: Mapping[str, str]) -> AuthMode:
    said = fields.get("mode")
    if said is None:
        return next((mode for mode in _DETECTED if all(fields.get(key) for key in _NEEDED[mode])), "managed_identity")
    mode = _MODES.get(said)
    if mode is None:
        raise ConfigError(f"connection '{name}' has the unknown auth mode '{said}'", hint=f"Known are {', '.join(sorted(_MODES))}.")
    return mode


def _by_content(value: str) -> dict[str, str]:
    if "AccountName=" in value:
        return {"connection_string": value}
    return {"sas_token": value} if "sig=" in value else {"account_key": value}


def _from_connection_string(name: str, text: str, fields: Mapping[str, str], mode: AuthMode, prefix: str) -> BlobContainer:
    text = _EMULATOR if "UseDevelopmentStorage=true" in text else text
    parts = dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)
    account = parts.get("AccountName") or fields.get("account_name")
    if not account:
        raise ConfigError(f"the connection string of connection '{name}' lacks AccountName")
    if fields.get("account_name", account) != account:
        raise ConfigError(f"connection '{name}' names account '{fields['account_name']}', its connection string another")
    way_in = {"connection_string": text}
    if "AccountKey" in parts:
        way_in["account_key"] = parts["AccountKey"]
    elif "SharedAccessSignature" in parts:
        way_in["sas_token"] = parts["SharedAccessSignature"].removeprefix("?")
    else:
        raise ConfigError(f"the connection string of connection '{name}' has neither AccountKey nor SharedAccessSignature")
    suffix = parts.get("EndpointSuffix") or PUBLIC_SUFFIX
    endpoint = parts.get("BlobEndpoint", "").rstrip("/") or None
    if endpoint and service_of(endpoint) == standard_service(account, suffix):
        endpoint = None
    return BlobContainer(
        account=account, container=fields["container"], prefix=prefix, suffix=suffix, endpoint=endpoint, mode=mode, fields=way_in
    )
