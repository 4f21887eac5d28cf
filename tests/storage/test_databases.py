"""Where a database is and how to get in: an address without credentials, whatever way the login is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odibi_core.errors import ConfigError
from odibi_core.storage import ResolvedConnections

SERVER = {"type": "sql_server", "host": "h.database.windows.net", "database": "my db"}
POSTGRES = {"type": "postgres", "host": "h", "database": "d"}


class Token:
    """An identity that gives a token for what it is asked."""

    def __init__(self, client_id: str | None) -> None:
        self.client_id = client_id

    def get_token(self, scope: str) -> Any:
        return type("AccessToken", (), {"token": f"{self.client_id}:{scope}"})


def _resolved(tmp_path: Path, **connections: Any) -> ResolvedConnections:
    return ResolvedConnections(
        connections=connections,
        directory=tmp_path,
        secret=lambda name: f"<{name}>",
        credential=Token,  # type: ignore[arg-type]  # all that is asked of an identity
        environment={},
    )


@pytest.mark.parametrize(
    ("given", "uri", "options"),
    [
        (
            {**SERVER, "auth": {"mode": "sql_login", "username": "u", "password": "p w"}},
            "sqlserver://h.database.windows.net:1433/my%20db",
            {"user": "u", "password": "p w"},
        ),
        (
            {**SERVER, "port": 1500, "username": "u", "password": "hunter2"},
            "sqlserver://h.database.windows.net:1500/my%20db",
            {"user": "u", "password": "hunter2"},
        ),
        (SERVER, "sqlserver://h.database.windows.net:1433/my%20db", {"access_token": "None:https://database.windows.net/.default"}),
        (
            {**SERVER, "type": "azure_sql", "auth": {"mode": "managed_identity", "client_id": "me"}},
            "sqlserver://h.database.windows.net:1433/my%20db",
            {"access_token": "me:https://database.windows.net/.default"},
        ),
        (
            {**SERVER, "auth": {"key_vault_name": "v", "secret_name": "s", "username": "u"}},
            "sqlserver://h.database.windows.net:1433/my%20db",
            {"user": "u", "password": "<v/s>"},
        ),
        (
            {
                **SERVER,
                "auth": {"connection_string": "Server=tcp:x,1444;Initial Catalog=c;User ID=u;Pwd={a;}}b};TrustServerCertificate=yes;"},
            },
            "sqlserver://x:1444/c",
            {"user": "u", "password": "a;}b", "trust_server_certificate": "true"},
        ),
        (
            {**POSTGRES, "auth": {"username": "u", "password": "${secret:pg}"}},
            "postgresql://h:5432/d",
            {"sslmode": "require", "user": "u", "password": "<pg>"},
        ),
        (
            {**POSTGRES, "host": "/run/pg", "sslmode": "disable", "username": "u", "password": "hunter2"},
            "postgresql://localhost:5432/d",
            {"sslmode": "disable", "host": "/run/pg", "user": "u", "password": "hunter2"},
        ),
        (
            {**POSTGRES, "auth": {"client_id": "me"}},
            "postgresql://h:5432/d",
            {"sslmode": "require", "user": "me", "password": "me:https://ossrdbms-aad.database.windows.net/.default"},
        ),
    ],
)
def test_databases(tmp_path: Path, given: dict[str, Any], uri: str, options: dict[str, str]) -> None:
    """The secret is in the options only, which are not shown."""
    place = _resolved(tmp_path, c=given).locate("c", "dbo.t")
    assert (place.uri, place.options, place.name) == (uri, options, "c/dbo.t")
    for value in (options.get("password"), options.get("access_token")):
        assert value is None or value not in repr(place)


def test_a_sqlite_file_counts_from_the_project(tmp_path: Path) -> None:
    """As a local folder does."""
    connections = _resolved(tmp_path, c={"type": "sqlite", "database": "data/my shop.db"})
    assert connections.locate("c", "t").uri == f"sqlite://{tmp_path}/data/my%20shop.db"
    with pytest.raises(ConfigError, match="is a database and holds no files"):
        connections.store("c", "")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"type": "sql_server", "host": "h"}, "connection 'c': database: Field required"),
        (POSTGRES, "connection 'c' has no login"),
        ({**SERVER, "auth": {"key_vault": "v", "secret": "s"}}, "connection 'c' has no 'username'"),
        ({**SERVER, "auth": {"mode": "sql_login", "username": "u"}}, "connection 'c': auth.sql_login.password: Field required"),
    ],
)
def test_databases_that_lack_something(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    """With the key, and without what stands in the others."""
    with pytest.raises(ConfigError) as caught:
        _resolved(tmp_path, c=given).locate("c", "t")
    assert says in caught.value.message
