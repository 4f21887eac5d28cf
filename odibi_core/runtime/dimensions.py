"""The tables that a node's foreign keys point into, each at one version: that of this run, or the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from odibi_core.errors import DataError
from odibi_core.events import DatasetRead, DatasetWrite
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Connections, Engine, Frame, Source


class Dimensions(Frozen):
    """Their frames by the names that the author gives them, and what was read."""

    frames: Mapping[str, Frame]
    reads: tuple[DatasetRead, ...]


def read_dimensions(
    plan: Plan, node: PlannedNode, *, connections: Connections, engine: Engine, written: Callable[[str], DatasetWrite | None]
) -> Dimensions:
    """
    Open the dimensions of a node. One that a node of this run wrote is read at exactly the version that it wrote.

    Raises:
        DataError: If one has never been written: an empty dimension is a table without rows.
    """
    frames: dict[str, Frame] = {}
    reads: list[DatasetRead] = []
    for name, stored in node.dimensions.items():
        own = name.removeprefix("$").removeprefix(f"{plan.pipeline}.")
        write = written(own) if own in node.upstream else None
        if stored is not None and (write is None or write.dataset != connections.locate(stored.connection, stored.path).name):
            source = Source(location=connections.locate(stored.connection, stored.path), format=stored.format)
        elif write is not None:
            connection, _, path = write.dataset.partition("/")
            source = Source(location=connections.locate(connection, path), format=write.format, version=write.version)
        else:
            raise DataError(f"dimension '{name}' wrote nothing in this run", code="missing_table", hint="Give it a 'write:'.")
        scanned = engine.scan(source)
        frames[name] = scanned.frame
        dataset = source.location.name if stored is None else stored.dataset
        reads.append(DatasetRead(dataset=dataset, format=source.format, rows=scanned.rows, version=scanned.version))
    return Dimensions(frames=frames, reads=tuple(reads))
