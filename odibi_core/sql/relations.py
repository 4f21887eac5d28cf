"""Which relations a query reads, by the scope rules of WITH."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from sqlglot import exp

from odibi_core.errors import Problem
from odibi_core.frozen import Frozen
from odibi_core.sql.calls import UNSAFE_FUNCTIONS
from odibi_core.sql.expressions import CONSTRUCTS
from odibi_core.sql.statement import function_name, place_in

_UNSAFE_NODES = (exp.QueryTransform, exp.Into, exp.Parameter, exp.Placeholder)


class Relation(Frozen):
    """Something behind FROM or JOIN that is not a CTE."""

    name: str  # lower case; of a table function, its name
    node: exp.Table
    is_function: bool


def read_by(query: exp.Expr, text: str) -> list[Relation]:
    """Every relation in the query that no WITH around it defines, in reading order."""
    return list(_visit(query, frozenset(), text))


def unknown(found: list[Relation], known: frozenset[str], text: str) -> list[Problem]:
    """What is read although it is not an input."""
    inputs = f"Known inputs: {', '.join(sorted(known)) or 'none'}."
    problems = []
    for relation in found:
        if relation.is_function:
            message = f"SQL calls the table function '{relation.name}'"
            hint = f"Read data with 'read:' or 'inputs:' and name the input here. {inputs}"
        elif relation.name not in known:
            near = difflib.get_close_matches(relation.name, known, n=1)
            message = f"SQL reads '{relation.name}', which is not an input"
            hint = (f"Did you mean '{near[0]}'? " if near else "") + inputs
        else:
            continue
        problems.append(Problem(message=message, hint=hint, place=place_in(relation.node, text)))
    return problems


def unsafe(query: exp.Expr, text: str) -> list[Problem]:
    """What no engine may run: calls out of the query."""
    return [
        Problem(message=f"{_called(node)} is not allowed", hint="A query may only read its inputs.", place=place_in(node, text))
        for node in query.walk()
        if isinstance(node, _UNSAFE_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in UNSAFE_FUNCTIONS)
    ]


def _called(node: exp.Expr) -> str:
    return f"function {node.name.upper()}" if isinstance(node, exp.Anonymous) else CONSTRUCTS.get(type(node), node.key.upper())


def _visit(node: exp.Expr, ctes: frozenset[str], text: str) -> Iterator[Relation]:
    clause = node.args.get("with_")
    if isinstance(clause, exp.With):
        recursive = bool(clause.args.get("recursive"))
        for cte in clause.expressions:
            name = cte.alias.lower()
            yield from _visit(cte.this, ctes | {name} if recursive else ctes, text)
            ctes |= {name}
    if isinstance(node, exp.Table) and not (_is_plain(node) and node.name.lower() in ctes):
        is_function = not isinstance(node.this, exp.Identifier)
        yield Relation(name=function_name(node.this, text).lower() if is_function else _spelled(node), node=node, is_function=is_function)
    for key, value in node.args.items():
        if key in ("with_", "hint"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expr):
                yield from _visit(child, ctes, text)


def _is_plain(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Identifier) and not table.args.get("db") and not table.args.get("catalog")


def _spelled(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts).lower()
