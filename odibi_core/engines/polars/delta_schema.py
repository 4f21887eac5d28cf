"""The schema guard: delta-rs casts silently (1.7 becomes 1, '7' becomes 7), so nothing reaches it that does not fit exactly."""

from __future__ import annotations

import polars as pl

from odibi_core.engines.polars.delta_types import UTC, check_names, fits_by_value, missing_and_extra, stored, stored_expression, widens
from odibi_core.engines.polars.errors import some_names
from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.frozen import Frozen

_MAX_PARTITION_CHARACTERS = 200  # the value becomes a folder name


class Batch(Frozen):
    """Rows as a table stores them, and the types that the node had declared."""

    rows: pl.DataFrame
    declared: pl.Schema


def storable(rows: pl.DataFrame) -> Batch:
    """
    Rows with stored types and legal names.

    Raises:
        SchemaMismatchError: If a name is illegal or a type cannot be stored.
    """
    declared = rows.schema
    check_names(declared.names())
    casts = [cast for name, dtype in declared.items() if (cast := stored_expression(name, dtype)) is not None]
    # Lazy: an eager `with_columns` also joins the chunks of every other column, which copies the whole batch.
    return Batch(rows=rows.lazy().with_columns(casts).collect() if casts else rows, declared=declared)


def fitted(batch: Batch, table: pl.Schema, *, add_columns: bool, fill_missing: bool) -> pl.DataFrame:
    """
    The batch with exactly the table's columns and types, in its order; new columns come last.

    Raises:
        SchemaMismatchError: Names every column that does not fit, both types, and what to do.
    """
    have = batch.rows.schema
    _check_columns(have.names(), table.names(), add_columns=add_columns, fill_missing=fill_missing)
    columns: list[pl.Expr] = []
    wrong: list[str] = []
    names: list[str] = []
    for name, want in table.items():
        if name not in have:
            continue
        if have[name] == want:
            columns.append(pl.col(name))
        elif isinstance(batch.declared[name], pl.Null) or _fits(batch, name, want):
            columns.append(_cast(name, have[name], want))
        else:
            names.append(name)
            wrong.append(f"'{name}' is {have[name]} and the table has {want}")
    if wrong:
        raise SchemaMismatchError(
            f"column types differ from the table: {'; '.join(wrong[:10])}",
            hint="Cast the columns in the node, or replace the table's schema with 'mode: overwrite' and 'overwrite_schema: true'.",
            columns=tuple(names),
        )
    columns += [pl.col(name) for name in have if name not in table]
    in_order = have.names() == [column.meta.output_name() for column in columns]
    return batch.rows if in_order and all(have[name] == table.get(name, have[name]) for name in have) else batch.rows.select(columns)


def _fits(batch: Batch, name: str, want: pl.DataType) -> bool:
    series = batch.rows[name]
    return widens(series.dtype, want) or fits_by_value(series, want, batch.declared[name])


def _cast(name: str, have: pl.DataType, want: pl.DataType) -> pl.Expr:
    if have == UTC and isinstance(want, pl.Datetime) and want.time_zone is None:
        return pl.col(name).dt.replace_time_zone(None).cast(want)
    # Not strict: whatever passed the guard is exact, or null already.
    return pl.col(name).cast(want, strict=False)


def _check_columns(have: list[str], want: list[str], *, add_columns: bool, fill_missing: bool) -> None:
    by_case = {name.lower(): name for name in want}
    for name in have:
        other = by_case.get(name.lower(), name)
        if other != name:
            raise SchemaMismatchError(f"column '{name}' is called '{other}' in the table", hint="Rename it in the node.", columns=(other,))
    missing = [name for name in want if name not in have]
    extra = [name for name in have if name not in want]
    if (missing and not fill_missing) or (extra and not add_columns):
        raise SchemaMismatchError(
            f"columns differ from the table: {missing_and_extra(have, want)}",
            hint=f"The table has {some_names(want)}. Select the columns in the node, or set 'merge_schema: true' to let the table grow.",
            columns=(*(missing if not fill_missing else ()), *(extra if not add_columns else ())),
        )


def new_table(batch: Batch) -> pl.Schema:
    """The schema of a table that this batch founds."""
    return pl.Schema({name: stored(dtype, name) for name, dtype in batch.declared.items()})


def with_partition_values(rows: pl.DataFrame, partition_by: tuple[str, ...]) -> pl.DataFrame:
    """
    Rows whose partition values every engine reads alike: an empty text is null (Delta protocol, "Partition Value Serialization").

    Raises:
        SchemaMismatchError: If a partition column is missing or is not a plain value.
        DataError: If a value is too long for a folder name.
    """
    texts = []
    for name in partition_by:
        if name not in rows.columns:
            raise SchemaMismatchError(f"partition column '{name}' is missing", hint=f"There is: {some_names(rows.columns)}.")
        if rows.schema[name].is_nested() or rows.schema[name] == pl.Binary():
            raise SchemaMismatchError(f"partition column '{name}' is {rows.schema[name]}", hint="Partition by a plain value.")
        if rows.schema[name] == pl.String():
            texts.append(name)
            longest = rows[name].str.len_chars().max()
            if isinstance(longest, int) and longest > _MAX_PARTITION_CHARACTERS:
                raise DataError(
                    f"partition column '{name}' has a value of {longest} characters",
                    code="partition_value",
                    hint="Partition by a short value.",
                )
    if partition_by and len(partition_by) == len(rows.columns):
        raise SchemaMismatchError("every column is a partition column", hint="Leave at least one column for the files.")
    if not texts:
        return rows
    empty = pl.lit("")
    return rows.with_columns([pl.when(pl.col(name) == empty).then(None).otherwise(pl.col(name)).alias(name) for name in texts])


def need_keys(rows: pl.DataFrame, keys: tuple[str, ...]) -> None:
    """
    Raises:
        SchemaMismatchError: If a key column is missing.
    """
    missing = [key for key in keys if key not in rows.columns]
    if missing:
        raise SchemaMismatchError(f"key column {some_names(missing)} is missing", hint=f"There is: {some_names(rows.columns)}.")


def check_keys(rows: pl.DataFrame, keys: tuple[str, ...]) -> None:
    """
    Refuse keys that do not name one row.

    Raises:
        SchemaMismatchError: If a key column is missing.
        DataError: If a key is null, or two rows have the same key.
    """
    need_keys(rows, keys)
    names = some_names(list(keys))
    nulls = sum(rows.select(pl.any_horizontal(pl.col(list(keys)).is_null()).sum()).row(0))
    if nulls:
        raise DataError(
            f"{nulls} of {rows.height} rows have a null in key {names}", code="null_keys", hint="Filter them, or set a default."
        )
    extra = rows.height - rows.select(keys).n_unique() if rows.height else 0
    if extra:
        raise DataError(
            f"{extra} of {rows.height} rows repeat a key of {names}",
            code="duplicate_keys",
            hint="Add a 'dedupe' step on these keys before the write.",
        )
