"""Resolve the places that patterns name to connections and paths. No store is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import JsonValue

from odibi_core.config import NodeConfig, PipelineConfig, WriteConfig
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import PlannedTarget
from odibi_core.planning.refusals import bind_call, calls_by_place

if TYPE_CHECKING:
    from odibi_core.patterns import PatternParams, Place
    from odibi_core.transforms import Library, Params

_FILE_CONNECTIONS = frozenset({"local", "azure_blob", "azure_adls", "s3"})
_DATABASES = frozenset({"sqlite", "postgres", "postgresql", "sql_server", "azure_sql"})
_BY_SUFFIX = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_HELD = ("delta", "parquet")  # what a pattern can read, change and put back


def pair_queries(params: Params) -> tuple[str, ...]:
    """The queries over `source` and `target` that a pattern will ask for."""
    from odibi_core.patterns import PatternParams

    return params.pair_queries() if isinstance(params, PatternParams) else ()


def nodes_named(params: Params, upstream: Sequence[str]) -> tuple[str, ...]:
    """The nodes above that a pattern names as its target."""
    from odibi_core.patterns import PatternParams

    named = [place.target for place in params.places()] if isinstance(params, PatternParams) else []
    return tuple(name for name in named if name is not None and name in upstream)


def variables_in(values: Sequence[JsonValue]) -> frozenset[str]:
    """The names of the variables of the environment that go into these values."""
    from odibi_core.config.placeholders import names_of

    return frozenset(found.name for found in names_of(json.dumps(values)) if found.kind == "environment")


class TargetResolver(Frozen):
    """Knows what a pattern's `target` can mean in one node."""

    connections: Mapping[str, JsonValue]  # with their variables resolved
    directory: Path  # where the project lies
    pipeline: PipelineConfig
    upstream: tuple[str, ...]
    hidden: frozenset[str]  # values that a plan may not hold

    def targets_of(self, config: NodeConfig, library: Library) -> dict[str, PlannedTarget]:
        """
        Every place of a node's patterns, by "place.role".

        Raises:
            ConfigError: If a place is not known, or cannot be what the pattern needs.
        """
        from odibi_core.patterns import PatternParams

        calls = calls_by_place(config)
        last = None if config.transform is None else f"transform.{len(config.transform.steps) - 1}"
        found: dict[str, PlannedTarget] = {}
        for place, kind, name, given in calls:
            params = bind_call(kind, name, given, library)[1]
            if not isinstance(params, PatternParams):
                continue
            at_the_end = place == (last if config.transform is not None and config.transform.steps else "transformer")
            for wanted in params.places():
                planned = self._resolved(wanted, config, name)
                if planned.is_write and wanted.use == "replace":
                    _check_write(config, params, name, at_the_end=at_the_end)
                is_output = wanted.use == "replace" and params.gives_table and at_the_end
                found[f"{place}.{wanted.role}"] = planned.model_copy(update={"is_output": is_output})
        return found

    def _resolved(self, place: Place, config: NodeConfig, name: str) -> PlannedTarget:
        write = config.write
        if place.target is not None and place.target in self.upstream:
            return self._of_node(place, place.target, config, name)
        if place.role == "source":
            return self._source(place, name)
        if not place.named:
            if write is None or not place.or_write:
                raise ConfigError(f"'{name}' needs a target", hint="Set 'target', or 'connection' and 'path', in its params.")
            connection, path, stored = write.connection, write.path or write.table or "", None
        elif place.path is not None:
            connection, path, stored = str(place.connection), place.path, None
        else:
            connection, path = self._named(str(place.target), write, name)
            stored = path
            if any(value in path for value in self.hidden):
                raise ConfigError(
                    f"the target of '{name}' holds a value of the environment, and a plan holds none",
                    hint="Write 'connection:' and 'path:' instead of 'target:'.",
                )
        self._check_connection(connection, name)
        same = write is not None and (connection, _tidy(path)) == (write.connection, _tidy(write.path or write.table or ""))
        kind = write.format if same and write is not None else place.format or _BY_SUFFIX.get(PurePosixPath(path).suffix.lower(), "delta")
        if place.use == "replace" and kind not in _HELD:
            raise ConfigError(f"the target of '{name}' would be {kind}", hint="A pattern keeps its target in Delta or in one parquet file.")
        if place.use == "append" and same:
            raise ConfigError(f"the quarantine of '{name}' is where the node writes", hint="Name another path.")
        if stored is None and not place.named:
            stored = path
        return PlannedTarget(
            role=place.role,
            use=place.use,
            connection=connection,
            path=stored,
            format=kind,
            is_write=same,
            properties=dict(place.properties),
        )

    def _of_node(self, place: Place, node: str, config: NodeConfig, name: str) -> PlannedTarget:
        """A node above: the table that it writes, or its output as it is, which then is only read."""
        write = self.pipeline.node(node).write
        path = None if write is None else write.path or write.table
        if write is None or path is None or write.format not in _HELD:
            if config.write is None:
                raise ConfigError(f"'{name}' has the target '{node}', which is no table that it can write", hint="Add a 'write:'.")
            return PlannedTarget(role=place.role, use="read", node=node)
        same = config.write is not None and (write.connection, _tidy(path)) == (
            config.write.connection,
            _tidy(config.write.path or config.write.table or ""),
        )
        return PlannedTarget(role=place.role, use=place.use, connection=write.connection, path=path, format=write.format, is_write=same)

    def _source(self, place: Place, name: str) -> PlannedTarget:
        """What is compared with: a file or a table, or the rows of a database. A query stays in the params: a plan holds no values."""
        connection = str(place.connection)
        if self._kind(connection) in _DATABASES:
            return PlannedTarget(role="source", use="read", connection=connection, path=place.path or "", format="sql")
        self._check_connection(connection, name)
        if place.path is None:
            raise ConfigError(f"'{name}' has a 'source_query' and connection '{connection}' knows no SQL", hint="Name a 'source_table'.")
        kind = _BY_SUFFIX.get(PurePosixPath(place.path).suffix.lower(), "delta")
        return PlannedTarget(role="source", use="read", connection=connection, path=place.path, format=kind)

    def _kind(self, connection: str) -> str:
        given = self.connections.get(connection)
        return str(given.get("type", "local")) if isinstance(given, dict) else "local"

    def _check_connection(self, connection: str, name: str) -> None:
        given = self.connections.get(connection)
        if given is None:
            raise ConfigError(f"'{name}' names an unknown connection '{connection}'", hint=f"Known: {', '.join(self.connections)}.")
        kind = self._kind(connection)
        if kind not in _FILE_CONNECTIONS:
            raise ConfigError(
                f"'{name}' cannot use connection '{connection}' of type '{kind}' yet",
                code="not_available",
                hint="Use a connection that holds files or Delta tables.",
            )

    def _named(self, target: str, write: WriteConfig | None, name: str) -> tuple[str, str]:
        """The connection and the path inside it that a text means: `connection.path`, the node's own `write:`, or a path."""
        connection, _, path = target.partition(".")
        if connection in self.connections and path and not path.startswith("/"):
            return connection, path
        if write is not None and _tidy(target) == _tidy(write.path or write.table or ""):
            return write.connection, write.path or write.table or ""
        inside = self._inside_a_folder(target)
        if inside is not None:
            return inside
        connection, _, path = target.partition("/")
        if connection in self.connections and path:
            return connection, path
        if write is not None and not Path(target).is_absolute():
            return write.connection, target
        raise ConfigError(
            f"the target '{target}' of '{name}' lies in no connection",
            hint=f"Write 'connection.path', with one of these connections: {', '.join(self.connections)}.",
        )

    def _inside_a_folder(self, target: str) -> tuple[str, str] | None:
        """The local connection whose folder a path lies in, the deepest one."""
        whole = Path(os.path.normpath(self.directory.absolute() / Path(target).expanduser()))
        found: list[tuple[int, str, str]] = []
        for name, given in self.connections.items():
            if not isinstance(given, dict) or given.get("type", "local") != "local":
                continue
            base = Path(os.path.normpath(self.directory.absolute() / Path(str(given.get("base_path") or "./data")).expanduser()))
            if whole.is_relative_to(base) and whole != base:
                found.append((len(base.parts), name, whole.relative_to(base).as_posix()))
        return max(found, default=(0, "", ""), key=lambda place: place[0])[1:] if found else None


def _check_write(config: NodeConfig, params: PatternParams, name: str, *, at_the_end: bool) -> None:
    """`write:` at the target itself: it is written once, whole, as the pattern says."""
    write = config.write
    if write is None:
        return
    if write.mode in ("append", "append_once"):
        raise ConfigError(
            f"'{name}' makes the whole table, and 'write:' would append it to itself", hint="Set 'mode: overwrite', or remove 'write:'."
        )
    if not params.gives_table and not at_the_end:
        raise ConfigError(
            f"'{name}' writes its target, and 'write:' would replace it by what later steps make", hint="Write to another path."
        )


def _tidy(path: str) -> str:
    """A path as it is compared: without what does not matter in it."""
    return str(PurePosixPath(path)).strip("/")
