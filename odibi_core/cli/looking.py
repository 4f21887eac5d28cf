"""Look at the sources that lie on this machine: which columns they have. Only what tells their schema is read, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_core.errors import OdibiError

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject, ReadConfig
    from odibi_core.engines.polars import PolarsEngine
    from odibi_core.ports import Connections

_FORMATS = frozenset({"csv", "json", "ndjson", "parquet", "delta", "excel", "avro"})


class LocalSources:
    """The columns of sources on local connections, each looked at once; what could not be looked at is told in `notes`."""

    def __init__(self, project: LoadedProject, connections: Connections, engine: PolarsEngine) -> None:
        self.notes: list[str] = []
        self._project, self._connections, self._engine = project, connections, engine
        self._known: dict[tuple[str, str, str], tuple[str, ...] | None] = {}

    def __call__(self, pipeline: str, node: str, alias: str) -> tuple[str, ...] | None:
        """Their names before any query of the read; None if the source is elsewhere, or not there."""
        here = pipeline, node, alias
        if here not in self._known:
            self._known[here] = self._look(pipeline, node, alias)
        return self._known[here]

    def _look(self, pipeline: str, node: str, alias: str) -> tuple[str, ...] | None:
        from odibi_core.planning.reading import reads_of

        home = next(each for each in self._project.config.pipelines if each.pipeline == pipeline)
        read = reads_of(home.node(node))[alias]
        connection = self._project.config.connections.get(read.connection or "")
        if getattr(connection, "type", "") != "local" or read.format not in _FORMATS or "${" in (read.path or read.table or ""):
            return None
        try:
            return self._names(read, node, alias)
        except OdibiError as error:
            self.notes.append(f"node '{node}' of pipeline '{pipeline}': its source was not looked at: {error.message}")
            return None

    def _names(self, read: ReadConfig, node: str, alias: str) -> tuple[str, ...]:
        from odibi_core.planning.plan import PlannedNode
        from odibi_core.runtime.datasets import scan_source

        bare = read.model_copy(update={"query": None, "sql_file": None, "filter": None})
        source = scan_source(bare, PlannedNode(name=node, config={}), self._connections, alias=alias)
        return tuple(self._engine.scan(source).frame.collect_schema().names())
