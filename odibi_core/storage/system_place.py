"""Where what the product keeps for itself is: the system store, at an explicit location or below a connection, and the stories of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from odibi_core.config import Scope, resolve
from odibi_core.planning.plan import Plan
from odibi_core.storage.paths import safe_join


def connection_at(uri: str, environment: Mapping[str, str]) -> dict[str, JsonValue]:
    """A connection for an explicit location: a folder, or `abfss://container@account…/path`."""
    if "://" not in uri or uri.startswith("file://"):
        return {"type": "local", "base_path": str(Path(uri.removeprefix("file://")).absolute())}
    from odibi_core.storage.urls import read_lake_uri

    account, container, _, path = read_lake_uri(uri)
    text = environment.get("ODIBI_STORAGE")
    auth: dict[str, JsonValue] = {"mode": "connection_string", "connection_string": text} if text else {"mode": "aad_msi"}
    client_id = environment.get("AZURE_CLIENT_ID")
    if not text and client_id:
        auth["client_id"] = client_id
    return {"type": "azure_blob", "account_name": account, "container": container, "path_prefix": path, "auth": auth}


def connection_below(connection: Mapping[str, JsonValue], path: str) -> dict[str, JsonValue]:
    """
    The same connection, rooted at a path inside it.

    Raises:
        ConfigError: If the path leads out of it.
    """
    key = "base_path" if connection.get("type") == "local" else "path_prefix"
    above = str(connection.get(key) or ("./data" if key == "base_path" else ""))
    return {**connection, key: safe_join(above, path.strip("/"))}


def story_place(plan: Plan, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """
    The connection and the path in it that a run's story goes to; None if the project names none.

    Raises:
        ConfigError: If the path leads out of the connection.
    """
    if plan.story is None:
        return None
    story = resolve(dict(plan.story), Scope(environment=environment, now=plan.logical_time))
    assert isinstance(story, dict)
    return str(story["connection"]), safe_join("", str(story["path"]).strip("/"))
