"""The rows of a database as a lazy frame: fetched in batches into Parquet files, so that memory holds one batch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from odibi_core.engines.databases.connecting import connected, dialect_of
from odibi_core.engines.databases.dialect import Dialect
from odibi_core.engines.databases.result_types import ResultColumn, described
from odibi_core.engines.polars.errors import some_names, translated
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.ports import Source

BATCH_ROWS = 50_000
# Options of Spark's and pandas' readers that change how rows travel, not which.
_IGNORED = frozenset(
    {"numpartitions", "partitioncolumn", "lowerbound", "upperbound", "fetchsize", "chunksize", "batch_size", "use_arrow", "schema"}
)
_TYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "json": pl.String(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "time": pl.Time(),
    "bytes": pl.Binary(),
}


def fetch(source: Source, folder: Path) -> tuple[pl.LazyFrame, int]:
    """
    Every row that the source's query, filter and window let through, and perhaps a few beyond the window: what is exact is judged later.

    Raises:
        ConfigError: If the location is no database, or the database does not understand the query.
        SchemaMismatchError: If two columns have the same name.
        OdibiError: Whatever the database says.
    """
    for option in source.options:
        if option.lower() not in _IGNORED:
            raise ConfigError(f"sql option '{option}' is not known", hint="A database is read with 'table', 'query' and 'filter'.")
    dialect, doing = dialect_of(source.location), f"reading from '{source.location.name}'"
    parts: list[Path] = []
    rows = 0
    with connected(source.location, doing) as connection:
        text, columns = _asked(source, dialect, connection)
        twice = [column.name for number, column in enumerate(columns) if column.name in {other.name for other in columns[:number]}]
        if twice:
            raise SchemaMismatchError(f"the query gives column {some_names(twice)} more than once", hint="Give one of them another name.")
        for batch in _batches(dialect, connection, text):
            part = folder / f"{len(parts):06d}.parquet"
            with translated(doing):
                frame = _frame(batch, columns)
                frame.write_parquet(part, compression="lz4")
            parts.append(part)
            rows += frame.height
    with translated(doing):
        if not parts:
            return _frame([], columns).lazy(), 0
        scans = [pl.scan_parquet(part, glob=False) for part in parts]
        return scans[0] if len(scans) == 1 else pl.concat(scans, how="vertical_relaxed"), rows


def text_for(source: Source, dialect: Dialect, columns: Sequence[ResultColumn]) -> str:
    """The query that a database gets."""
    table = source.location.path or ""
    conditions = [] if source.filter is None else [source.filter]
    if source.window is not None:
        window = dialect.window(source.window, {column.name.lower(): column.family for column in columns})
        if window is not None and (source.query is None or _may_be_wrapped(source.query, dialect)):
            conditions.append(window)
    if source.query is None:
        return dialect.rows(table=table, query=None, conditions=tuple(conditions))
    if not conditions:
        return source.query.strip().rstrip(";").rstrip()
    if not _may_be_wrapped(source.query, dialect):
        raise ConfigError(
            "a query with WITH or ORDER BY cannot have a 'filter' in SQL Server",
            hint="Write the condition into the query.",
        )
    return dialect.rows(table="", query=source.query, conditions=tuple(conditions))


def _may_be_wrapped(query: str, dialect: Dialect) -> bool:
    """SQL Server takes neither WITH nor a bare ORDER BY inside a derived table."""
    if dialect.name != "sql_server":
        return True
    return not re.match(r"\s*with\b", query, re.IGNORECASE) and (
        not re.search(r"\border\s+by\b(?![^(]*\))", query, re.IGNORECASE) or bool(re.search(r"\b(?:top|offset)\b", query, re.IGNORECASE))
    )


def _asked(source: Source, dialect: Dialect, connection: Any) -> tuple[str, list[ResultColumn]]:
    whole = text_for(_without_window(source), dialect, [])
    columns = described(dialect, connection, whole)
    looked_at = columns
    if source.window is not None:
        names = {source.window.column.lower(), (source.window.fallback_column or "").lower()}
        looked_at = [_looked_at(column, whole, dialect, connection) if column.name.lower() in names else column for column in columns]
    return text_for(source, dialect, looked_at), columns


def _without_window(source: Source) -> Source:
    return replace(source, window=None)


def _looked_at(column: ResultColumn, query: str, dialect: Dialect, connection: Any) -> ResultColumn:
    """SQLite knows no types: what a column holds is asked of its values."""
    if dialect.name != "sqlite":
        return column
    name = dialect.quoted(column.name)
    kinds = connection.execute(f"SELECT DISTINCT typeof({name}) FROM (\n{query}\n) AS src WHERE {name} IS NOT NULL").fetchall()  # noqa: S608  quoted
    found = {kind for (kind,) in kinds}
    if found == {"text"}:
        return ResultColumn(name=column.name, kind="text")
    return ResultColumn(name=column.name, kind="float") if found and found <= {"integer", "real"} else column


def _batches(dialect: Dialect, connection: Any, text: str) -> Iterator[list[tuple[Any, ...]]]:
    # A cursor with a name stays on the server: without one, the whole result would come at once.
    cursor = connection.cursor(name="odibi") if dialect.name == "postgres" else connection.cursor()
    cursor.execute(text)
    while batch := cursor.fetchmany(BATCH_ROWS):
        yield batch


def _frame(batch: Sequence[tuple[Any, ...]], columns: Sequence[ResultColumn]) -> pl.DataFrame:
    return pl.DataFrame([_series(column, [row[place] for row in batch]) for place, column in enumerate(columns)])


def _series(column: ResultColumn, values: list[Any]) -> pl.Series:
    if column.kind == "any":
        return pl.Series(column.name, [_plain(value) for value in values], strict=False)
    match column.kind:
        case "decimal":
            return pl.Series(column.name, values, dtype=pl.Decimal(38, _scale(column, values)))
        case "json":
            values = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
        case "text":
            values = [value if value is None or isinstance(value, str) else str(value) for value in values]
        case "timestamptz":
            values = [value.astimezone(UTC) if isinstance(value, datetime) else value for value in values]
        case "bool":
            values = [value if value is None else bool(value) for value in values]
    return pl.Series(column.name, values, dtype=_TYPES[column.kind])


def _scale(column: ResultColumn, values: list[Any]) -> int:
    if column.scale is not None:
        return column.scale
    return max((max(0, -int(value.as_tuple().exponent)) for value in values if isinstance(value, Decimal) and value.is_finite()), default=0)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | bytes | datetime | Decimal | list) else str(value)
