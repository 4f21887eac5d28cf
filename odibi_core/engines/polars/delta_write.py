"""The write modes on one open handle. Each commits exactly once, under the transactions it is given, or raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from odibi_core.engines.polars.delta_commit import TABLE, now_ms
from odibi_core.engines.polars.delta_schema import check_keys, need_keys
from odibi_core.engines.polars.delta_table import lazy_rows
from odibi_core.errors import DataError
from odibi_core.ports import Location, MergeRules, Target


def rows_to_write(table: DeltaTable, target: Target, rows: pl.DataFrame) -> pl.DataFrame:
    """
    Which of the rows the mode lets in. Commits nothing.

    Raises:
        DataError: If keys do not name one row each, or the mode is 'error' and the table has rows.
    """
    match target.mode:
        case "overwrite" | "append":
            return rows
        case "upsert" | "merge":
            check_keys(rows, target.keys)
            return rows
        case "append_once":
            need_keys(rows, target.keys)
            return _with_new_keys(table, target, rows)
        case "error" | "ignore":
            if rows_in_log(table) == 0:
                return rows
            if target.mode == "ignore":
                return rows.clear()
            raise DataError(
                f"table '{target.location.name}' has rows already and the mode is 'error'",
                code="table_not_empty",
                hint="Choose 'overwrite' or 'append', or empty the table.",
            )


def _with_new_keys(table: DeltaTable, target: Target, rows: pl.DataFrame) -> pl.DataFrame:
    """
    Reads the table's keys only. They cannot be stale: a commit of somebody else in between refuses ours.

    A missing value is a key like another one, so that rows with it do not come again and again.
    """
    if rows.is_empty() or not table.file_uris():
        return rows
    keys = list(target.keys)
    there = lazy_rows(table, target.location).select(keys)
    return rows.lazy().join(there, on=keys, how="anti", nulls_equal=True, maintain_order="left").collect()


def commit_rows(table: DeltaTable, target: Target, rows: pl.DataFrame, properties: CommitProperties) -> None:
    """One commit of rows that fit the table. No rows are a commit too: it holds the transactions."""
    if target.mode == "overwrite":
        partition_by = list(target.partition_by) if target.overwrite_schema and target.partition_by else None
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            schema_mode=_schema_mode(target),
            partition_by=partition_by,
            predicate=target.replace_where,
            commit_properties=properties,
        )
    elif target.mode in {"upsert", "merge"} and not rows.is_empty() and (table.file_uris() or _chooses(target)):
        # Merging no rows would commit nothing and read the whole table (delta-rs#2348).
        _merge(table, target, rows, properties)
    else:  # an append; so is a merge into a table without files: nothing can match, and the transactions refuse any commit in between
        write_deltalake(table, rows, mode="append", schema_mode="merge" if target.merge_schema else None, commit_properties=properties)


def widen(table: DeltaTable, location: Location, types: Mapping[str, pl.DataType]) -> None:
    """The same rows with wider types, in one commit that is alone: Delta has no cheaper way that every reader knows."""
    rows = lazy_rows(table, location).with_columns(pl.col(name).cast(dtype) for name, dtype in types.items()).collect()
    there = table.metadata().partition_columns
    alone = CommitProperties(app_transactions=[Transaction(TABLE, table.version() + 1, now_ms())], max_commit_retries=0)
    write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite", partition_by=there or None, commit_properties=alone)


def _chooses(target: Target) -> bool:
    """Whether even a table without rows does not get all of a merge's."""
    return target.merge is not None and target.merge.insert is not None


def _schema_mode(target: Target) -> Literal["merge", "overwrite"] | None:
    if target.overwrite_schema:
        return "overwrite"
    return "merge" if target.merge_schema else None


def _merge(table: DeltaTable, target: Target, rows: pl.DataFrame, properties: CommitProperties) -> None:
    rules = target.merge or MergeRules()
    merger = table.merge(
        rows,
        predicate=" AND ".join(f"target.{_quoted(key)} = source.{_quoted(key)}" for key in target.keys),
        source_alias="source",
        target_alias="target",
        merge_schema=target.merge_schema,
        commit_properties=properties,
        streamed_exec=False,  # reads the source first: its key range then prunes the table's files
    )
    # Columns that the batch lacks keep their value, or are null in new rows.
    cells = {_quoted(name): f"source.{_quoted(name)}" for name in rows.columns}
    changed = {_quoted(name): cells[_quoted(name)] for name in rows.columns if name not in rules.inserted_only}
    if rules.delete is not None:
        merger = merger.when_matched_delete(rules.delete)
    merger.when_matched_update(changed, predicate=rules.update).when_not_matched_insert(cells, predicate=rules.insert).execute()


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def rows_in_log(table: DeltaTable) -> int | None:
    """The number of rows as the log's statistics know it; None if a file has none."""
    actions = table.get_add_actions()
    counts = actions.column("num_records").to_pylist() if "num_records" in actions.schema.names else [None] * actions.num_rows
    return None if None in counts else sum(counts)
