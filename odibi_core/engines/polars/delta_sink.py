"""The Delta sink: one handle from before the read to the commit, so that a result lands once or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from odibi_core.engines.polars.delta_commit import Commit, columns_of, fence_properties, found_commit, now_ms
from odibi_core.engines.polars.delta_schema import Batch, fitted, new_table, storable, with_partition_values
from odibi_core.engines.polars.delta_table import (
    PLACEHOLDER,
    found_table,
    is_founded_only,
    is_placeholder,
    lazy_rows,
    open_table,
    refuse_properties,
    refuse_unwritable,
    table_schema,
)
from odibi_core.engines.polars.delta_upkeep import keep_up, merge_small_files
from odibi_core.engines.polars.delta_write import commit_rows, rows_in_log, rows_to_write, widen
from odibi_core.engines.polars.drift import conformed, wider_types
from odibi_core.engines.polars.errors import service_trouble, some_names, translate, translated
from odibi_core.engines.polars.evolution import with_case_of
from odibi_core.engines.polars.frames import Collect, framed
from odibi_core.engines.polars.guard import TableGuard
from odibi_core.engines.polars.open_tables import Borrowed
from odibi_core.engines.polars.pinned_files import listed
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError, SchemaMismatchError
from odibi_core.events import Column
from odibi_core.ports import FENCED, FencedError, Frame, Scanned, Target, Upkeep, WriteConflictError, WriteReceipt

_KEYED = frozenset({"upsert", "merge", "append_once"})


class DeltaSink:
    """
    A Delta table that was opened before anything was read. See `ports.Sink` for the contract.

    All modes but a plain append must be alone: they also carry the table's own transaction, and any commit since the opening refuses
    them. A handle belongs to one thread.
    """

    def __init__(self, target: Target, guard: TableGuard, collect: Collect, tables: Borrowed) -> None:
        self._target = target
        self._guard = guard
        self._collect = collect
        self._tables = tables
        self._name = target.location.name
        self._earlier: WriteReceipt | None = None
        self._before: tuple[Column, ...] = ()  # the table's columns before they were widened
        self._wider: Mapping[str, pl.DataType] = {}  # the types that an overwrite brings
        self._looked_up = False  # once is enough: the handle does not move
        if target.mode in _KEYED and not target.keys:
            raise ConfigError(f"mode '{target.mode}' needs keys", hint="Set 'keys' in the write options.")
        refuse_properties(target.properties)
        if target.mode != "append":
            tables.wait_for_turn(target.location)
        with translated(f"opening table '{self._name}'"):
            self._table = tables.take(target.location)
            if self._table is None:
                self._refuse_vanished()
            else:
                refuse_unwritable(self._table, self._name)
            # A founder that died before its rows left an empty table: the first load is still to come.
            self.exists = self._table is not None and not is_placeholder(self._table) and not is_founded_only(self._table)

    def committed(self) -> WriteReceipt | None:
        """The receipt of an earlier commit under the same transaction, or None."""
        if not self._looked_up and self._table is not None:
            with translated(f"looking for an earlier commit in table '{self._name}'"):
                self._earlier = self._found_in(self._table)
        self._looked_up = True
        return self._earlier

    def transaction(self, application: str) -> int | None:
        """The version last committed under an application id, as of the opening."""
        if self._table is None:
            return None
        with translated(f"reading the transactions of table '{self._name}'"):
            return self._table.transaction_version(application)

    def present(self) -> Scanned | None:
        """The rows at the version of the opening. Files without a Delta log are no first load: something else lies there."""
        if self._table is None or not self.exists:
            with translated(f"looking for '{self._name}'"):
                found = self._table is None and next(iter(listed(self._target.location)), None) is not None
            if found:
                raise DataError(
                    f"there are files at '{self._name}' and no Delta table",
                    code="unreadable_target",
                    hint="Move them away, or name a '.parquet' file.",
                )
            return None
        with translated(f"reading table '{self._name}'"):
            frame = lazy_rows(self._table, self._target.location)
            return Scanned(frame=framed(frame), version=self._table.version(), rows=rows_in_log(self._table))

    def rehearse(self, frame: Frame) -> None:
        """Compare the rows with the table, as `write` will."""
        rows = self._collect(frame, f"computing the rows for table '{self._name}'")
        with translated(f"checking the rows for table '{self._name}'"):
            batch = storable(self._conformed(rows)[0])
            if self._table is None or is_placeholder(self._table):
                with_partition_values(batch.rows, self._target.partition_by)
            elif not self._target.evolves and self._target.on_changed is None:
                rows_to_write(self._table, self._target, self._fit(self._table, self._target, batch))

    def write(self, frame: Frame, facts: Mapping[str, str], *, sequence: int = 1, marks: Mapping[str, int] | None = None) -> WriteReceipt:
        """Commit the frame, or return the receipt of the commit that is there already. A missing table is created empty first."""
        earlier = self.committed()
        if earlier is not None:
            return earlier
        rows = self._collect(frame, f"computing the rows for table '{self._name}'")
        with translated(f"checking the rows for table '{self._name}'"):
            rows, rescued = self._conformed(rows)
            batch = storable(rows)
        self._widen(batch)
        created = False
        if self._table is None:
            self._table, created = self._found(batch)
        table = self._table
        with translated(f"preparing the write to table '{self._name}'"):
            self._guard.remember(self._target.location.uri)
            fenced_only = is_placeholder(table)
            target = replace(self._target, mode="overwrite", overwrite_schema=True) if fenced_only else self._target
            if target.evolves and not fenced_only:
                target, rows = self._evolved(table, batch)
            else:
                rows = rows_to_write(table, self._target, self._fit(table, target, batch))
            if self._wider:
                partitions = tuple(table.metadata().partition_columns)
                target = replace(target, overwrite_schema=True, partition_by=partitions)
        new = batch.rows.height if target.evolves else rows.height
        created = created or fenced_only
        before = self._before or (columns_of(table) if self.exists and rows.schema != table_schema(table) else ())
        commit = Commit(
            target=target,
            rows=new,
            created=created,
            facts=facts,
            before=before,
            rescued=rescued,
            sequence=sequence,
            marks=marks or {},
        )
        try:
            commit_rows(table, target, rows, commit.properties(table, alone=target.mode != "append"))
            return commit.receipt(table)
        except BaseException as error:  # noqa: BLE001 - a panic too; whether it was committed is asked of the table, not of the error
            return self._receipt_after(error, commit)

    def maintain(self) -> str:
        """
        Set properties, compact, order and vacuum as the target says; merge small files where there are many.

        The rows are in: what goes wrong is told and nothing more. Small files that could not be merged now are no news.
        """
        if self._table is None:
            return ""
        asked = False
        try:
            merge_small_files(self._table)
            asked = True
            keep_up(self._table, self._target.upkeep or Upkeep(), self._target.properties)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except CommitFailedError:
            self._tables.forget(self._table)
            return f"table '{self._name}' was not kept up, somebody else works on it; the next write does it" if asked else ""
        except BaseException as error:  # noqa: BLE001 - a panic too: nothing of this may fail a node whose rows are in
            self._tables.forget(self._table)
            known = translate(error, f"keeping up table '{self._name}'")
            return f"table '{self._name}' was not kept up: {known.message if isinstance(known, OdibiError) else type(error).__name__}"
        return ""

    def fence(self, application: str) -> None:
        """
        Commit no rows, only an application id, as FENCED. Doing it twice is fine.

        A missing table is founded with it and a placeholder column: the creation of a zombie then fails, and the next rows replace it.
        """
        if self._table is None:
            self._found_fenced(application)
            return
        state = self.transaction(application)
        if state is not None:
            self._settled(state)
            return
        try:
            write_deltalake(
                self._table, table_schema(self._table).to_frame(), mode="append", commit_properties=fence_properties(application)
            )
        except BaseException as error:  # noqa: BLE001 - a panic too; whether it was committed is asked of the table, not of the error
            table = self._reopened(error)
            with translated(f"reading the transactions of table '{self._name}'"):
                state = None if table is None else table.transaction_version(application)
            if state is None:
                raise self._judged(error) from None
            self._settled(state)

    def _settled(self, state: int | None) -> None:
        if state != FENCED:
            raise WriteConflictError(f"table '{self._name}' holds the result already")

    def _found_fenced(self, application: str) -> None:
        schema = pl.Schema({PLACEHOLDER: pl.String()})
        fence = (application, FENCED, now_ms())
        table, won = found_table(self._target.location, schema, properties=self._target.properties, transaction=fence)
        self._guard.remember(self._target.location.uri)
        if not won:
            self._settled(table.transaction_version(application))

    def _refuse_vanished(self) -> None:
        if self._guard.existed(self._target.location.uri):
            raise PermanentServiceError(
                f"table '{self._name}' is missing, and it was there before",
                code="table_vanished",
                hint="Restore it or its '_delta_log'; to start anew on purpose, make the product forget the table.",
            )

    def _found(self, batch: Batch) -> tuple[DeltaTable, bool]:
        target = self._target
        with_partition_values(batch.rows, target.partition_by)
        with translated(f"creating table '{self._name}'"):
            if open_table(target.location, version=0) is None:
                self._refuse_vanished()
            table, won = found_table(target.location, new_table(batch), partition_by=target.partition_by, properties=target.properties)
            refuse_unwritable(table, self._name)
            if not won:
                self._refuse_fenced(table.transaction_version(target.transaction))
        return table, won

    def _found_in(self, table: DeltaTable, attempt: str | None = None) -> WriteReceipt | None:
        state = table.transaction_version(self._target.transaction)
        self._refuse_fenced(state)
        return None if state is None else found_commit(table, self._target.transaction, attempt=attempt)

    def _refuse_fenced(self, state: int | None) -> None:
        if state == FENCED:
            raise FencedError(f"table '{self._name}' is closed to this node", hint="Its run was given up; the next run writes.")

    def _fit(self, table: DeltaTable, target: Target, batch: Batch) -> pl.DataFrame:
        """The rows as the table takes them."""
        if target.mode == "overwrite" and target.overwrite_schema:
            return with_partition_values(batch.rows, target.partition_by)
        there = tuple(table.metadata().partition_columns)
        if target.partition_by and target.partition_by != there:
            raise SchemaMismatchError(
                f"table '{self._name}' is partitioned by {some_names(list(there))}, the node says {some_names(list(target.partition_by))}",
                hint="Take over the table's partitions, or replace it with 'mode: overwrite' and 'overwrite_schema: true'.",
            )
        grows = target.merge_schema
        rows = fitted(
            batch, pl.Schema({**table_schema(table), **self._wider}), add_columns=grows, fill_missing=grows and target.mode != "overwrite"
        )
        return with_partition_values(rows, there)

    def _conformed(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows as the target's rule for changed columns wants them, and how many were rescued."""
        if self._target.on_changed is None or self._table is None or not self.exists:
            return rows, 0
        return conformed(rows, lazy_rows(self._table, self._target.location), self._target)

    def _widen(self, batch: Batch) -> None:
        """
        Give columns of the table the wider types of the batch: a commit of its own, with the same rows.

        Whoever dies behind it leaves a table that holds what it held.

        Raises:
            WriteConflictError: If somebody else committed since the opening.
        """
        table = self._table
        if self._target.on_changed != "evolve" or table is None or not self.exists:
            return
        types = wider_types(batch.rows, table_schema(table))
        if not types:
            return
        self._before = columns_of(table)
        if self._target.mode == "overwrite" and self._target.replace_where is None:  # no old row stays: one commit does both
            self._wider = types
            return
        try:
            widen(table, self._target.location, types)
        except BaseException as error:  # noqa: BLE001 - a panic too; the next attempt finds the table widened or as it was
            self._reopened(error)
            raise self._judged(error) from None

    def _evolved(self, table: DeltaTable, batch: Batch) -> tuple[Target, pl.DataFrame]:
        """How rows go in whose columns are not those of the table: beside the others, or with all of them if a column changes its type."""
        rows = with_case_of(batch.rows, table_schema(table).names())
        declared = pl.Schema(zip(rows.columns, batch.declared.dtypes(), strict=True))
        try:
            fitting = fitted(Batch(rows=rows, declared=declared), table_schema(table), add_columns=True, fill_missing=True)
        except SchemaMismatchError:
            from odibi_core.engines.polars.file_rows import together

            there = lazy_rows(table, self._target.location).collect()
            whole = together(there, rows, text_for_both=True)
            return replace(self._target, mode="overwrite", overwrite_schema=True), whole
        return self._target, fitting

    def _receipt_after(self, error: BaseException, commit: Commit) -> WriteReceipt:
        """The receipt if the commit happened although it raised; otherwise raises what went wrong."""
        table = self._reopened(error)
        if table is not None:
            with translated(f"looking for the commit in table '{self._name}'"):
                receipt = self._found_in(table, commit.attempt)
            if receipt is not None:
                return receipt
        raise self._judged(error) from None

    def _reopened(self, error: BaseException) -> DeltaTable | None:
        self._tables.forget(self._table)
        if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise error
        with translated(f"opening table '{self._name}' again"):
            return open_table(self._target.location)

    def _judged(self, error: BaseException) -> BaseException:
        """What a commit's error means, now that the commit is known to be absent."""
        doing = f"writing to table '{self._name}'"
        trouble = service_trouble(error, doing)
        if trouble is not None:
            return trouble
        if isinstance(error, CommitFailedError):
            return WriteConflictError(f"somebody else wrote to table '{self._name}' since it was opened", hint="The node runs again.")
        return translate(error, doing) or error
