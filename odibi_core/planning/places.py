"""What kind of connection a format needs: files, a database or a web API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError, Problem
from odibi_core.planning.reading import reads_of
from odibi_core.ports import DATABASE_FORMATS

_KINDS = {"local": "files", "azure_blob": "files", "s3": "files", "sql_server": "database", "postgres": "database", "sqlite": "database",
          "http": "web API"}  # fmt: skip
_FILE_FORMATS = frozenset({"csv", "json", "ndjson", "parquet", "delta", "excel", "avro"})
_HINTS = {
    "files": "Name a connection of type local or azure_blob",
    "database": "Name a connection of type sql_server, postgres or sqlite",
    "web API": "Name a connection of type http",
}
_FORMAT_FOR = {"files": "the format of the files", "database": "'format: sql'", "web API": "'format: api'"}


def refuse_mismatches(config: NodeConfig, connections: Mapping[str, Any], *, about: str) -> None:
    """
    Raises:
        ConfigError: If a format of the node cannot come from its connection, or go there. Of a type that is not known nothing is said.
    """
    problems = tuple(
        Problem(message=f"{about}: {message}", hint=hint, path=path) for path, message, hint in _mismatches(config, connections)
    )
    if problems:
        raise ConfigError.of(problems, code="connection_kind")


def _mismatches(config: NodeConfig, connections: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    used = [(("read",) if alias == "df" else ("inputs", alias), read.connection, read.format) for alias, read in reads_of(config).items()]
    used += [(("write",), config.write.connection, config.write.format)] if config.write is not None else []
    for path, name, form in used:
        kind = str(getattr(connections.get(name or ""), "type", ""))
        found, wanted = _KINDS.get(kind), _wanted(form)
        if found is not None and wanted is not None and found != wanted:
            message = f"format '{form}' and connection '{name}' of type '{kind}' do not go together"
            yield (*path, "format"), message, f"{_HINTS[wanted]}, or write {_FORMAT_FOR[found]}."


def _wanted(form: str) -> str | None:
    if form in _FILE_FORMATS:
        return "files"
    return "database" if form in DATABASE_FORMATS else "web API" if form == "api" else None
