"""Read SQL text into a tree, and accept nothing but one query."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from odibi_core.errors import ConfigError, Place, Problem
from odibi_core.sql.grammar import PlainDuckDB, PlainSpark

if TYPE_CHECKING:
    from odibi_core.sql.dialect import Dialect

# It warns about statements that it cannot parse, quoting them; every such statement is refused here, with a better text.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

IN_TEXT = "SQL"  # the file of a place inside a text, until somebody knows where the text stands
_ONE_QUERY = "A step turns its inputs into one table: write one SELECT, WITH … SELECT or a set operation of them."


def parse(text: str, dialect: Dialect, *, plain: bool = True) -> exp.Query:
    """
    The tree of one query; with `plain` its function calls are left as they are written.

    Raises:
        ConfigError: If the text does not parse, or is empty, several statements or not a query.
    """
    try:
        statements = [
            statement
            for statement in sqlglot.parse(text, dialect=_grammar(dialect) if plain else _written(dialect))
            if statement is not None
        ]
    except SqlglotError as error:
        _refuse_syntax(error, text)
    except RecursionError:
        raise ConfigError("SQL is nested too deeply", hint="Split it into several steps.") from None
    if not statements:
        raise ConfigError("SQL is empty", hint=_ONE_QUERY)
    if len(statements) > 1:
        raise ConfigError(f"SQL holds {len(statements)} statements, expected one", hint=_ONE_QUERY)
    query = statements[0]
    if not isinstance(query, exp.Select | exp.SetOperation | exp.Subquery):
        raise ConfigError(f"SQL must be one query, found {_statement_kind(query)}", hint=_ONE_QUERY)
    return query


def parse_condition(text: str, dialect: Dialect) -> exp.Expr:
    """
    The tree of one expression.

    Raises:
        ConfigError: If the text is not one expression.
    """
    try:
        parsed: Any = sqlglot.parse_one(text, dialect=_grammar(dialect), into=exp.Condition)
    except SqlglotError as error:
        _refuse_syntax(error, text)
    except RecursionError:
        raise ConfigError("SQL is nested too deeply", hint="Simplify the condition.") from None
    if isinstance(parsed, exp.Query | exp.Alias | exp.Command) or not isinstance(parsed, exp.Expr):
        raise ConfigError("SQL must be a condition", hint="Write what would follow WHERE, for example amount > 0.")
    return parsed


def columns_of(tree: exp.Expr) -> frozenset[str]:
    """The names of the columns that a tree reads."""
    return frozenset(column.name for column in tree.find_all(exp.Column) if not isinstance(column.this, exp.Star))


def offset_of(node: exp.Expr) -> int:
    """Where a node begins in the text, or -1 if the parser did not say."""
    for inner in node.walk():
        start = inner.meta.get("start")
        if isinstance(start, int):
            return start
    return -1


def place_in(node: exp.Expr, text: str) -> Place | None:
    """Where a node stands in the text."""
    return place_at(offset_of(node), text)


def place_at(offset: int, text: str) -> Place | None:
    """An offset as line and column."""
    if not 0 <= offset < len(text):
        return None
    line = text.count("\n", 0, offset)
    return Place(file=IN_TEXT, line=line + 1, column=offset - text.rfind("\n", 0, offset), excerpt=text.split("\n")[line])


def function_name(node: exp.Expr, text: str) -> str:
    """A function as it is written in the text, or as the parser calls it."""
    start, end = node.meta.get("start"), node.meta.get("end")
    if isinstance(start, int) and isinstance(end, int) and re.fullmatch(r"\w+", text[start : end + 1]):
        return text[start : end + 1]
    if isinstance(node, exp.Anonymous):
        return node.name
    return node.sql_name() if isinstance(node, exp.Func) else node.key


def _written(dialect: Dialect) -> Any:
    """The grammar with all its functions."""
    from odibi_core.sql.grammar import QuotedDuckDB

    return QuotedDuckDB if dialect == "duckdb" else dialect


def _grammar(dialect: Dialect) -> type[sqlglot.Dialect]:
    return PlainDuckDB if dialect == "duckdb" else PlainSpark


def _refuse_syntax(error: SqlglotError, text: str) -> NoReturn:
    details: dict[str, Any] = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    line, column = details.get("line"), details.get("col")
    if line and column:
        column = max(1, column - len(details.get("highlight") or " ") + 1)  # it names the last column of the token
    elif place := re.search(r"(\d+):(\d+)", str(error)):
        line, column = int(place[1]), int(place[2])
    lines = text.split("\n")
    near = f" near '{details['highlight']}'" if details.get("highlight") else ""
    where = Place(file=IN_TEXT, line=line, column=column or 1, excerpt=lines[line - 1] if line <= len(lines) else "") if line else None
    problem = Problem(message=f"SQL does not parse{near}", hint="Write Spark SQL, or set 'sql_dialect: duckdb'.", place=where)
    raise ConfigError.of((problem,)) from None


def _statement_kind(statement: exp.Expr) -> str:
    if isinstance(statement, exp.Command):
        return str(statement.this).upper()
    if isinstance(statement, exp.Create | exp.Drop):
        return f"{statement.key.upper()} {statement.args.get('kind') or ''}".strip()
    return statement.key.upper()
