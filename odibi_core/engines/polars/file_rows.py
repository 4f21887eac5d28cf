"""Rows that go into a file beside those that are there: append, upsert and append_once, by putting the whole file back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from odibi_core.engines.polars.delta_schema import check_keys, need_keys
from odibi_core.engines.polars.delta_types import fits_by_value, widens
from odibi_core.engines.polars.drift import columns_before, common_type, conformed
from odibi_core.engines.polars.errors import some_names, translated
from odibi_core.engines.polars.evolution import as_text, with_case_of
from odibi_core.engines.polars.frames import Collect, framed, native
from odibi_core.engines.polars.parquet_table import ParquetTable
from odibi_core.engines.polars.text_file import TextFile, parsed, written
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.events import Column
from odibi_core.ports import Frame, Scanned, Target, WriteReceipt

MODES = frozenset({"append", "upsert", "append_once", "merge"})


class FileRows:
    """
    A CSV, JSON or Parquet file whose rows are kept. See `ports.Sink` for the contract; a text file has no fence.

    The file is opened before anything is read, and put back only over what was opened. The same node of the same run adds its rows once.
    """

    def __init__(self, target: Target, collect: Collect, new_folder: Callable[[], Path]) -> None:
        if target.mode not in {"append"} and not target.keys:
            raise ConfigError(f"mode '{target.mode}' needs keys", hint="Set 'keys' in the write options.")
        self._target = target
        self._collect = collect
        self._name = target.location.name
        whole = replace(target, mode="overwrite", keys=())
        self._parquet = ParquetTable(whole, collect, new_folder) if target.format == "parquet" else None
        self._text = TextFile(target) if target.format != "parquet" else None
        if self._text is not None:
            written(pl.DataFrame(), target)  # an option that is not known is said before anything is read
        elif target.options:
            raise ConfigError(f"{target.format} option '{next(iter(target.options))}' is not known")
        self.exists = self._text.exists if self._text is not None else self._parquet is not None and self._parquet.exists

    def committed(self) -> WriteReceipt | None:
        """The receipt of an earlier commit; how many rows it added is not known."""
        if self._parquet is not None:
            receipt = self._parquet.committed()
            return None if receipt is None else replace(receipt, rows=None)
        held = self._text is not None and self._text.holds(self._target.transaction)
        return WriteReceipt(rows=None, version=None, recovered=True) if held else None

    def transaction(self, application: str) -> int | None:  # noqa: ARG002 - the contract's
        """Files know no transactions of others."""
        return None

    def present(self) -> Scanned | None:
        """The rows as they were when the file was opened."""
        if self._parquet is not None:
            return self._parquet.present()
        rows = None if self._text is None else self._text.rows(as_text=False)
        return None if rows is None else Scanned(frame=framed(rows.lazy()), rows=rows.height)

    def rehearse(self, frame: Frame) -> None:
        """Compare the rows with the file, as `write` will."""
        rows = self._collect(frame, f"computing the rows for '{self._name}'")
        self._check_keys(rows)
        if self._parquet is not None and not self._target.watched:
            self._whole(rows)
        elif self._parquet is None:
            written(rows, self._target)

    def write(self, frame: Frame, facts: Mapping[str, str], *, sequence: int = 1, marks: Mapping[str, int] | None = None) -> WriteReceipt:
        """Add the rows and put the file back, or return the receipt of the commit that is there already."""
        earlier = self.committed()
        if earlier is not None:
            return earlier
        rows = self._collect(frame, f"computing the rows for '{self._name}'")
        present = self.present() if self._target.watched else None
        rescued, before = 0, pl.Schema()
        if present is not None:
            with translated(f"comparing the rows with '{self._name}'"):
                rows, rescued = conformed(rows, native(present.frame), self._target)
                before = native(present.frame).collect_schema()
        self._check_keys(rows)
        added, columns = self._added_to_text(rows) if self._text is not None else self._added_to_parquet(rows, facts, sequence, marks)
        return WriteReceipt(
            rows=added,
            version=None,
            created=not self.exists,
            columns=columns,
            before=columns_before(before, rows.schema, self._target),
            rescued=rescued,
            facts=dict(facts),
        )

    def maintain(self) -> str:
        """Remove the rows that have been kept long enough; of a Parquet file only."""
        return "" if self._parquet is None else self._parquet.maintain()

    def fence(self, application: str) -> None:
        """
        Close a Parquet file to an application. A text file is closed to nobody.

        Raises:
            ConfigError: If it is a text file.
            WriteConflictError: If that application committed meanwhile.
        """
        if self._parquet is not None:
            self._parquet.fence(application)
            return
        raise ConfigError(f"a {self._target.format} target cannot be fenced", hint="Set 'format: delta'.")

    def _check_keys(self, rows: pl.DataFrame) -> None:
        if self._target.mode in {"upsert", "merge"}:
            check_keys(rows, self._target.keys)
        else:
            need_keys(rows, self._target.keys)

    def _whole(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """All rows of a Parquet file after the write, and how many of them are new."""
        assert self._parquet is not None
        present = self._parquet.present()
        there = pl.DataFrame() if present is None else native(present.frame).collect()
        evolves = self._target.evolves
        kept, added = self._chosen(there, with_case_of(rows, there.columns) if evolves else rows)
        return together(kept, added, text_for_both=evolves), added.height

    def _added_to_parquet(
        self, rows: pl.DataFrame, facts: Mapping[str, str], sequence: int, marks: Mapping[str, int] | None
    ) -> tuple[int, tuple[Column, ...]]:
        assert self._parquet is not None
        whole, added = self._whole(rows)
        receipt = self._parquet.write(framed(whole.lazy()), facts, sequence=sequence, marks=marks)
        return added, receipt.columns

    def _added_to_text(self, rows: pl.DataFrame) -> tuple[int, tuple[Column, ...]]:
        """What stands in the file stays as it is written: a CSV file's fields are not read as numbers and written anew."""
        assert self._text is not None
        there, together_with = self._text.rows(as_text=True), pl.DataFrame()
        added = rows
        if there is not None and there.width and rows.height:
            with translated(f"writing the rows for '{self._name}'"):
                new = parsed(written(rows, self._target), self._target, as_text=True)
            keep, add = self._masks(there, new, rows)
            together_with, added = there.filter(keep), new.filter(add)
        elif there is not None:
            together_with, added = there, rows.clear() if there.width else rows
        whole = together(together_with, added)
        self._text.put(written(whole, self._target), self._target.transaction)
        return added.height, tuple(Column(name=name, type=str(rows.schema.get(name, dtype))) for name, dtype in whole.schema.items())

    def _chosen(self, there: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        if not there.width:
            return there, rows
        keep, add = self._masks(there, rows, rows)
        return there.filter(keep), rows.filter(add)

    def _masks(self, there: pl.DataFrame, new: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Which of the rows that are there stay, and which of the new ones go in. `new` are the rows as the file would have them."""
        stay, go = pl.repeat(value=True, n=there.height, eager=True), pl.repeat(value=True, n=rows.height, eager=True)
        if self._target.mode == "append":
            return stay, go
        missing = [key for key in self._target.keys if key not in there.columns]
        if missing:
            raise SchemaMismatchError(
                f"key column {some_names(missing)} is not in '{self._name}'", hint=f"It has: {some_names(there.columns)}."
            )
        pairs = [_as_keys(there[key], new[key], rows[key]) for key in self._target.keys]
        have, wanted = pl.DataFrame([pair[0] for pair in pairs]), pl.DataFrame([pair[1] for pair in pairs])
        return (stay, ~_is_in(wanted, have)) if self._target.mode == "append_once" else (~_is_in(have, wanted), go)


def _as_keys(there: pl.Series, new: pl.Series, computed: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A key of the file and of the new rows, so that they can be compared: as numbers, if the new ones are, else as they are written."""
    if computed.dtype.is_numeric():
        return there.cast(computed.dtype, strict=False), computed
    return (there, new) if there.dtype == new.dtype else (there.cast(pl.String), new.cast(pl.String))


def _is_in(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """For each row, whether it is among the others. A missing value is like another one."""
    marked = others.unique().with_columns(pl.lit(value=True).alias("__there"))
    found = rows.lazy().join(marked.lazy(), on=rows.columns, how="left", nulls_equal=True, maintain_order="left").collect()
    return found["__there"].fill_null(value=False)


def together(there: pl.DataFrame, new: pl.DataFrame, *, text_for_both: bool = False) -> pl.DataFrame:
    """
    The rows that are there and the new ones; a column that one of them lacks is missing in its rows.

    Raises:
        SchemaMismatchError: If a column has two types of which neither holds the values of the other exactly, and text is not wanted.
    """
    if not there.width or not new.height:
        return there if there.width else new
    types: dict[str, pl.DataType] = {}
    for name in [*there.columns, *(name for name in new.columns if name not in there.columns)]:
        types[name] = _common(there, new, name, text_for_both=text_for_both)
    return pl.concat([_as(there, types), _as(new, types)])


def _common(there: pl.DataFrame, new: pl.DataFrame, name: str, *, text_for_both: bool) -> pl.DataType:
    if name not in there.columns or name not in new.columns:
        return (there if name in there.columns else new).schema[name]
    have, want = new.schema[name], there.schema[name]
    if have == want or isinstance(have, pl.Null):
        return want
    if isinstance(want, pl.Null) or widens(want, have) or fits_by_value(there[name], have, want):
        return have
    if widens(have, want) or fits_by_value(new[name], want, have):
        return want
    if (both := common_type(have, want)) is not None:
        return both
    if text_for_both:
        return pl.String()
    raise SchemaMismatchError(f"column '{name}' is {have} and the file has {want}", hint="Cast the column in the node.", columns=(name,))


def _as(rows: pl.DataFrame, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.select(_cast(rows, name, dtype) for name, dtype in types.items())


def _cast(rows: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    if name not in rows.columns:
        return pl.lit(None, dtype=dtype).alias(name)
    have = rows.schema[name]
    return as_text(pl.col(name), have) if isinstance(dtype, pl.String) and have != dtype else pl.col(name).cast(dtype)
