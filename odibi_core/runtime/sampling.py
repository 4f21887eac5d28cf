"""A few rows of a node's output for the story, masked before they leave this module."""

from __future__ import annotations

from collections.abc import Collection

from odibi_core.config import NodeConfig
from odibi_core.config.rescue import CORRUPT_RECORD, RESCUED_DATA
from odibi_core.events import Sample
from odibi_core.planning.personal import EVERYTHING
from odibi_core.planning.reading import reads_of
from odibi_core.ports import Frame
from odibi_core.redaction import REDACTED, SENSITIVE_SAMPLE

CELL_LIMIT = 200  # characters
COLUMN_LIMIT = 60


def sample_of(frame: Frame, config: NodeConfig, *, rows: int, personal: Collection[str] = ()) -> Sample | None:
    """
    The first rows as text.

    `sensitive: true` gives no rows at all, a list masks those columns (in any spelling of the case) and those flagged `pii`, here or in
    a node above (`personal`; EVERYTHING among them gives no rows, either).
    """
    if rows <= 0:
        return None
    if config.sensitive is True or EVERYTHING in personal:
        return Sample(columns=(), rows=(), note=SENSITIVE_SAMPLE)
    collected = frame.head(rows).collect()
    columns = tuple(collected.columns[:COLUMN_LIMIT])
    hidden = {name.lower() for name in masked_columns(config)}
    if not hidden <= {name.lower() for name in collected.columns}:
        # A column that must not be shown is not here under its name: it may be here under another.
        return Sample(columns=(), rows=(), note=SENSITIVE_SAMPLE)
    hidden |= {name.lower() for name in personal}
    hidden |= {name.lower() for name in _raw_columns(config)} if hidden else set()
    masks = [column.lower() in hidden for column in columns]
    texts = tuple(
        tuple(REDACTED if masked and value is not None else _text(value) for value, masked in zip(row, masks, strict=False))
        for row in collected.select(list(columns)).rows()
    )
    note = "" if len(columns) == len(collected.columns) else f"the first {COLUMN_LIMIT} of {len(collected.columns)} columns"
    return Sample(
        columns=columns, rows=texts, masked=tuple(column for column, masked in zip(columns, masks, strict=True) if masked), note=note
    )


def masked_columns(config: NodeConfig) -> tuple[str, ...]:
    """Columns that no report may show: declared sensitive, or flagged as personal."""
    declared = tuple(config.sensitive) if isinstance(config.sensitive, list | tuple) else ()
    return declared + tuple(name for name, column in (config.columns or {}).items() if column.pii)


def _raw_columns(config: NodeConfig) -> tuple[str, ...]:
    """Columns with texts that did not parse: what must not be shown of a row may be in them."""
    rescues = [read.rescue for read in reads_of(config).values()]
    return (CORRUPT_RECORD, RESCUED_DATA, *(name for rescue in rescues if rescue is not None for name in rescue.columns))


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= CELL_LIMIT else f"{text[:CELL_LIMIT]}…"
