"""Read an app's settings the way the Functions host does: local.settings.json, %NAME% in bindings, connection look-up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_REFERENCE = re.compile(r"%([^%]+)%")
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_SERVICE_BUS_FORMS = ("fullyQualifiedNamespace",)
_STORAGE_FORMS = ("blobServiceUri", "serviceUri", "accountName")
# The account of every Azurite: learn.microsoft.com/azure/storage/common/storage-use-azurite
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class SettingsError(ValueError):
    """A setting that the app refers to is missing or cannot be used on a laptop."""


def with_local_settings(app_folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return the environment with the `Values` of local.settings.json added. A variable that exists already stays as it is.

    Raises:
        SettingsError: If the file is not JSON with an object `Values` of plain values.
    """
    path = app_folder / "local.settings.json"
    if not path.exists():
        return dict(environment)
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig")).get("Values", {})
        named = {str(name): _as_text(value) for name, value in values.items()}
    except (ValueError, AttributeError) as error:
        raise SettingsError(f"local.settings.json cannot be read: {error}") from error
    return {**named, **environment}


def _as_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case _:
            raise SettingsError("local.settings.json may hold text, numbers and booleans only")


def resolve_references(text: str, environment: Mapping[str, str]) -> str:
    """
    Replace each %NAME% by the setting of that name.

    Raises:
        SettingsError: If there is no such setting, or it is empty.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        value = _setting(name, environment)
        if not value:
            raise SettingsError(f"'%{name}%' does not resolve to a value: set {name}")
        return value

    return _REFERENCE.sub(value_of, text)


def _setting(name: str, environment: Mapping[str, str]) -> str | None:
    # The host writes `A:B` as `A__B` in the environment.
    return environment.get(name) or environment.get(name.replace(":", "__"))


def service_bus_connection(name: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the connection string of a Service Bus connection: setting `name`, then `AzureWebJobs` + `name`.

    Raises:
        SettingsError: If neither is set, or it asks for an identity and is no emulator.
    """
    wanted = name or "AzureWebJobsServiceBus"
    value = _connection_string(wanted, environment)
    if value is not None:
        return value
    form, place = _identity_form(wanted, environment, _SERVICE_BUS_FORMS)
    host = place.removeprefix("sb://").split(":")[0]
    if host in _LOCAL_HOSTS:
        return f"Endpoint=sb://{place.removeprefix('sb://')};SharedAccessKeyName=local;SharedAccessKey=local;UseDevelopmentEmulator=true;"
    raise SettingsError(_no_identity(form))


def storage_connection(name: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the connection string of a storage account: setting `name`, then `AzureWebJobs` + `name`.

    Raises:
        SettingsError: If neither is set, or it asks for an identity and is no emulator.
    """
    wanted = name or "AzureWebJobsStorage"
    value = _connection_string(wanted, environment)
    if value is not None:
        return value
    form, place = _identity_form(wanted, environment, _STORAGE_FORMS)
    address = urlsplit(place)
    if address.hostname in _LOCAL_HOSTS:
        account = address.path.strip("/").split("/")[0] or "devstoreaccount1"
        return f"DefaultEndpointsProtocol={address.scheme};AccountName={account};AccountKey={_EMULATOR_KEY};BlobEndpoint={place};"
    raise SettingsError(_no_identity(form))


def _connection_string(name: str, environment: Mapping[str, str]) -> str | None:
    return _setting(name, environment) or _setting(f"AzureWebJobs{name}", environment)


def _identity_form(name: str, environment: Mapping[str, str], forms: tuple[str, ...]) -> tuple[str, str]:
    for prefix in (name, f"AzureWebJobs{name}"):
        for form in forms:
            value = environment.get(f"{prefix}__{form}")
            if value:
                return f"{prefix}__{form}", value
    raise SettingsError(f"connection '{name}' is not set: set {name} to a connection string")


def _no_identity(form: str) -> str:
    name = form.split("__", maxsplit=1)[0]
    return f"'{form}' asks for a managed identity, which a laptop does not have: set {name} to a connection string"
