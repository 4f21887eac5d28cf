"""The past of a node, as far as its gates and checks measure today's rows by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from odibi_core.frozen import Frozen


class NodeId(Frozen):
    """A node over all of its runs."""

    project: str
    environment: str
    pipeline: str
    node: str


class PastRun(Frozen):
    """How many rows a node had in one of its runs that succeeded."""

    at: datetime  # aware, UTC: its end
    rows_in: int | None
    rows: int  # that it made, before quarantine and gate
    kept: int  # that it handed on


RowHistory = Callable[[NodeId], Sequence[PastRun]]  # of a node's runs that succeeded and are in the catalog, the newest first
