"""Where the database of a connection is, and how to get in. Nothing is opened here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from pydantic import JsonValue, ValidationError

from odibi_core.config import PostgresConnection, SqliteConnection, SqlServerConnection
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import Location, SecretSource

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

# What a token must be for: learn.microsoft.com/azure/azure-sql/database/authentication-aad-configure
_SCOPE = {"sqlserver": "https://database.windows.net/.default", "postgresql": "https://ossrdbms-aad.database.windows.net/.default"}
_KEYS = {
    "server": "host",
    "data source": "host",
    "address": "host",
    "database": "database",
    "initial catalog": "database",
    "uid": "user",
    "user id": "user",
    "user": "user",
    "pwd": "password",
    "password": "password",
    "trustservercertificate": "trust_server_certificate",
}


class Database(Frozen):
    """An address without credentials, and the options to get in with; a token is fetched each time."""

    what: ClassVar[str] = "a database"

    uri: str
    given: Mapping[str, str] = field(repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)

    def at(self, connection: str, path: str) -> Location:
        """The database, for a query: a path does not change it."""
        return Location(connection=connection, path=path, uri=self.uri, options=self.options())

    def options(self) -> dict[str, str]:
        """What a driver needs, with secrets."""
        if self.token is None:
            return dict(self.given)
        key = "access_token" if self.uri.startswith("sqlserver://") else "password"
        return {**self.given, key: self.token()}


def read_database(
    name: str,
    fields: Mapping[str, JsonValue],
    *,
    secret: SecretSource,
    credential: Callable[[str | None], TokenCredential],
    directory: Path,
) -> Database:
    """
    The database of a connection.

    Raises:
        ConfigError: If the connection lacks something, or its sign-in cannot be used with such a database.
    """
    kind = str(fields.get("type"))
    if kind == "sqlite":
        sqlite = _validated(SqliteConnection, name, fields)
        path = Path(sqlite.database).expanduser()
        return Database(uri=f"sqlite://{quote(str(path if path.is_absolute() else (directory / path).resolve()))}", given={})
    server = _validated(SqlServerConnection if kind in ("sql_server", "azure_sql") else PostgresConnection, name, fields)
    scheme = "sqlserver" if isinstance(server, SqlServerConnection) else "postgresql"
    given = {"trust_server_certificate": "true"} if isinstance(server, SqlServerConnection) and server.trust_server_certificate else {}
    if isinstance(server, PostgresConnection):
        given = {"sslmode": server.sslmode, **({"host": server.host} if server.host.startswith("/") else {})}
    host, port, database = server.host, server.port, server.database
    auth, token = server.auth, None
    match auth.mode:
        case "sql_login":
            given |= {"user": auth.username, "password": auth.password}
        case "key_vault":
            if not auth.username:
                raise ConfigError(f"connection '{name}' has no 'username'", hint="The vault holds the password: name the login beside it.")
            given |= {"user": auth.username, "password": secret(f"{auth.key_vault_name}/{auth.secret_name}")}
        case "connection_string":
            parts = _parts(auth.connection_string) if scheme == "sqlserver" else {"connection_string": auth.connection_string}
            host, port = _address(parts.pop("host", host), port)
            database = parts.pop("database", database)
            given |= parts
        case "service_principal":
            token = _token(lambda: _principal(auth), scheme)
            given |= {"user": auth.client_id} if scheme == "postgresql" else {}
        case _:
            client_id = auth.client_id
            if scheme == "postgresql" and not client_id:
                raise ConfigError(
                    f"connection '{name}' has no login", hint="Set 'auth: {username, password}', or the 'client_id' of the identity."
                )
            token = _token(lambda: credential(client_id), scheme)
            given |= {"user": client_id} if scheme == "postgresql" and client_id else {}
    address = "localhost" if host.startswith("/") else host
    return Database(uri=f"{scheme}://{quote(address)}:{port}/{quote(database, safe='')}", given=given, token=token)


def _validated(model: Any, name: str, fields: Mapping[str, JsonValue]) -> Any:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"connection '{name}': {where}: {first['msg']}") from None


def _token(credential: Callable[[], TokenCredential], scheme: str) -> Callable[[], str]:
    return lambda: credential().get_token(_SCOPE[scheme]).token


def _principal(auth: Any) -> TokenCredential:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(auth.tenant_id, auth.client_id, auth.client_secret)


def _parts(text: str) -> dict[str, str]:
    """A connection string of SQL Server, as ODBC and ADO.NET have it; what concerns their own drivers is left out."""
    found: dict[str, str] = {}
    for match in re.finditer(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)", text):
        key, value = _KEYS.get(match[1].lower()), match[2].strip()
        if key is not None:
            found[key] = value[1:-1].replace("}}", "}") if value.startswith("{") else value
    if "trust_server_certificate" in found:
        found["trust_server_certificate"] = "true" if found["trust_server_certificate"].lower() in ("true", "yes") else "false"
    return found


def _address(host: str, port: int) -> tuple[str, int]:
    name, _, number = host.removeprefix("tcp:").partition(",")
    return name.strip(), int(number) if number.strip().isdigit() else port
