"""What a Delta table says about itself without a row being read."""

from __future__ import annotations

import polars as pl

from odibi_core.engines.polars.delta_table import is_placeholder, open_table
from odibi_core.engines.polars.errors import translated
from odibi_core.frozen import Frozen
from odibi_core.ports import Location


class TableFacts(Frozen):
    """A table as its log has it."""

    version: int
    rows: int
    size_bytes: int
    files: int


def table_facts(location: Location) -> TableFacts | None:
    """
    The newest state of a table, or None if there is none.

    Raises:
        OdibiError: If the table is there and cannot be opened.
    """
    with translated(f"opening table '{location.name}'"):
        table = open_table(location)
        if table is None or is_placeholder(table):
            return None
        added = pl.DataFrame(table.get_add_actions(flatten=True))
        return TableFacts(
            version=table.version(), rows=int(added["num_records"].sum()), size_bytes=int(added["size_bytes"].sum()), files=added.height
        )
