"""What rows hold, as one number: two results with the same rows have the same fingerprint, whoever computed them and in which order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import polars as pl

from odibi_core.engines.polars.errors import some_names
from odibi_core.errors import SchemaMismatchError

_SLICE = 50_000  # rows; their text is held at once


def fingerprint(rows: pl.DataFrame, columns: Sequence[str] | None) -> str:
    """
    SHA-256 in hex over the names of the columns and the text of every row, whatever their order.

    Missing and empty are different, and so are columns of another name; the same number as an integer or a decimal has another text.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    missing = [name for name in columns or () if name not in rows.columns]
    if missing:
        raise SchemaMismatchError(
            f"'skip_if_unchanged' compares by missing columns: {some_names(missing)}", hint=f"There is: {some_names(rows.columns)}."
        )
    names = list(dict.fromkeys(rows.columns if columns is None else columns))
    texts = rows.select(_text(name, rows.schema[name]) for name in names).sort(names, nulls_last=True)
    digest = hashlib.sha256(json.dumps(names).encode())
    for part in texts.iter_slices(_SLICE):
        digest.update(part.write_ndjson().encode())
    return digest.hexdigest()


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_nested():
        return pl.struct(column).struct.json_encode().alias(name)
    if dtype == pl.Binary():
        return column.bin.encode("hex")
    return column.cast(pl.Int64 if isinstance(dtype, pl.Duration) else pl.String).cast(pl.String)
