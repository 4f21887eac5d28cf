"""The SQL of a `read:`: a query and a filter over its source, to be compiled for files and tables, and passed on to databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from odibi_core.config import NodeConfig, ReadConfig
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import DATABASE_FORMATS


def reads_of(config: NodeConfig) -> dict[str, ReadConfig]:
    """The sources that a node opens itself, by their names in SQL: `df` is its `read:`."""
    reads = {} if config.read is None else {"df": config.read}
    return reads | {alias: read for alias, read in (config.inputs or {}).items() if not isinstance(read, str)}


def read_place(alias: str, what: str) -> str:
    """The key of a read's query or filter in the plan."""
    return f"read.{alias}.{what}"


def names_of_source(read: ReadConfig, node: str) -> frozenset[str]:
    """How a query may call the rows that are read: `df`, the node, or the last part of the table's name or the path."""
    whole = (read.table or read.path or "").replace(".", "/") if read.table else (read.path or "").rstrip("/")
    last = whole.rpartition("/")[2]
    return frozenset(name for name in ("df", node.lower(), last.lower()) if name.isidentifier())


def rows_that(condition: str) -> str:
    """A filter as a query."""
    return f"SELECT * FROM df WHERE (\n{condition}\n)"  # noqa: S608  the author's own text; it is parsed as one query over `df`


class ReadText(Frozen):
    """One SQL text of a read."""

    place: str  # its key in the plan
    text: str
    tables: frozenset[str]
    path: tuple[str | int, ...]  # in the node
    file: str | None = None
    database: bool = False  # passed on as it is


def texts_of_reads(config: NodeConfig, files: Mapping[str, str]) -> Iterator[ReadText]:
    """
    Every SQL text of a node's reads that its plan has to know.

    Raises:
        ConfigError: If the file with it was not read.
    """
    for alias, read in reads_of(config).items():
        path: tuple[str | int, ...] = ("read",) if alias == "df" else ("inputs", alias)
        database, names = read.format in DATABASE_FORMATS, names_of_source(read, config.name)
        if read.sql_file is not None:
            text = files.get(read.sql_file)
            if text is None:
                raise ConfigError(f"sql_file '{read.sql_file}' was not read", hint="Write its name without a placeholder.")
            place = read_place(alias, "query")
            yield ReadText(place=place, text=text, tables=names, path=(*path, "sql_file"), file=read.sql_file, database=database)
        if database:
            continue
        if read.query is not None:
            yield ReadText(place=read_place(alias, "query"), text=read.query, tables=names, path=(*path, "query"))
        if read.filter is not None:
            filtering = rows_that(read.filter)
            yield ReadText(place=read_place(alias, "filter"), text=filtering, tables=frozenset({"df"}), path=(*path, "filter"))
        if alias == "df" and config.write is not None and config.write.first_run_query is not None:
            place = read_place(alias, "first_run")
            yield ReadText(place=place, text=config.write.first_run_query, tables=names, path=("write", "first_run_query"))
