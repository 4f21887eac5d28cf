"""Refuse a quarantine that would lose rows, mix them with good ones, or come too late."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from pydantic import JsonValue

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError
from odibi_core.planning.plan import PlannedTarget

_FILE_CONNECTIONS = frozenset({"local", "azure_blob", "azure_adls", "s3"})


def refuse_quarantine(config: NodeConfig, connections: Mapping[str, JsonValue], targets: Collection[PlannedTarget]) -> None:
    """
    Raises:
        ConfigError: If the node's quarantine cannot be opened by the Polars engine, or is where the node writes its good rows.
    """
    settings = None if config.validation is None else config.validation.quarantine
    if settings is None:
        return
    given = connections.get(settings.connection)
    if given is None:
        raise ConfigError(
            f"'validation.quarantine' names an unknown connection '{settings.connection}'", hint=f"Known: {', '.join(connections)}."
        )
    kind = given.get("type", "local") if isinstance(given, dict) else "local"
    if kind not in _FILE_CONNECTIONS:
        raise ConfigError(
            f"'validation.quarantine' cannot use connection '{settings.connection}' of type '{kind}' yet",
            code="not_available",
            hint="Use a connection that holds files or Delta tables.",
        )
    place = (settings.connection, _tidy(settings.table or settings.path))
    write = config.write
    written = {(one.connection, _tidy(one.path)) for one in targets if one.use != "read"}
    if write is not None:
        written.add((write.connection, _tidy(write.path or write.table)))
    if place in written:
        raise ConfigError("'validation.quarantine' is where the node writes", hint="Name another path.")
    if any(one.use == "replace" and not one.is_output for one in targets):
        raise ConfigError(
            "'validation.quarantine' would come after the pattern has written its target", hint="Set it on the node above this one."
        )


def _tidy(path: str | None) -> str:
    return str(PurePosixPath(path or "")).strip("/")
