"""Compile one query: parse, refuse what is not a pure function of its inputs, write it for each engine."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from odibi_core.errors import ConfigError, Problem
from odibi_core.ports import CompiledSql, EngineName
from odibi_core.sql import tree
from odibi_core.sql.dialect import Dialect

_CLOCK = ("current_date", "current_timestamp", "unix_timestamp")
COMPILER_VERSION = "2"  # raise it with every change of the generated tree: cached ones of an older version are not used


def compile_sql(text: str, *, tables: Collection[str], dialect: Dialect = "spark", engine: EngineName = "polars") -> CompiledSql:
    """
    One SELECT, WITH … SELECT or set operation over the given inputs, for each engine.

    Identifiers are case-insensitive as in Spark, and the result's columns are spelled as in `text`.
    With `dialect="duckdb"` names, operators, the order of NULL and the functions of that name are DuckDB's, and a number with a fraction
    is rounded when it is cast to a whole one; what is left means what it means in Spark.
    With `engine="spark"` functions that Polars lacks are accepted, and the tree for Polars is empty.

    Raises:
        ConfigError: If the text does not parse, is anything but one query, reads a relation that is not an input, or uses what
            Polars does not compute with Spark's meaning. Carries every problem, each with line and column inside the text.
    """
    from odibi_core.sql import names, queries, relations, statement

    query = statement.parse(text, dialect)
    known = frozenset(name.lower() for name in tables)
    found = relations.read_by(query, text)
    problems = relations.unknown(found, known, text)
    lowered, work = queries.lowered(query, text, dialect)
    problems += work.problems if engine == "polars" else relations.unsafe(query, text)
    if problems:
        raise ConfigError.of(tuple(dict.fromkeys(problems)))
    written = query if dialect == "spark" else statement.parse(text, dialect, plain=False)
    names.name_results(written)
    return CompiledSql(
        text=text,
        polars=tree.encoded(lowered) if engine == "polars" else "",
        spark=names.spark_text(written),
        tables=tuple(sorted({relation.name for relation in found})),
        clock=any(isinstance(node, tree.Call) and node.name in _CLOCK for node in tree.walk(lowered, into_queries=True)),
    )


def expression(
    condition: str, *, columns: Collection[str] | None = None, dialect: Dialect = "spark", engine: EngineName = "polars"
) -> CompiledSql:
    """
    The rows of the table `df` for which a boolean expression is true.

    Raises:
        ConfigError: If it is not one expression, not portable, or reads a column that is not among `columns` (None: not checked).
    """
    from odibi_core.sql import statement

    parsed = statement.parse_condition(condition, dialect)
    if columns is not None:
        _refuse_unknown_columns(statement.columns_of(parsed), columns)
    rows = f"SELECT * FROM df WHERE ({condition}\n)"  # noqa: S608  it was parsed as one expression: nothing of it gets out of the WHERE
    return compile_sql(rows, tables=["df"], dialect=dialect, engine=engine)


def tables_of(text: str, *, dialect: Dialect = "spark") -> tuple[str, ...]:
    """
    The relations that a query reads, lower case and sorted; its CTEs are not among them.

    Raises:
        ConfigError: If the text is anything but one query.
    """
    from odibi_core.sql import relations, statement

    return tuple(sorted({relation.name for relation in relations.read_by(statement.parse(text, dialect), text)}))


def _refuse_unknown_columns(read: Collection[str], columns: Collection[str]) -> None:
    known = {name.lower(): name for name in columns}
    missing = [name for name in sorted(read) if name.lower() not in known]
    if not missing:
        return
    problems = []
    for name in missing:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        suggestion = f"Did you mean '{known[near[0]]}'? " if near else ""
        problems.append(Problem(message=f"SQL reads the unknown column '{name}'", hint=f"{suggestion}Known: {', '.join(sorted(columns))}."))
    raise ConfigError.of(tuple(problems))
