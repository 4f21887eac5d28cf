"""An expression of a query as a Polars expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from decimal import Decimal
from typing import assert_never

import polars as pl

from odibi_core.engines.polars.sql import dates, intervals, nested, numbers, texts
from odibi_core.engines.polars.sql.casts import cast, flag
from odibi_core.engines.polars.sql.library import FUNCTIONS
from odibi_core.engines.polars.sql.operators import constant
from odibi_core.engines.polars.sql.scope import Relation, Work
from odibi_core.engines.polars.sql.typed import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    NULL,
    TEXT,
    TIMESTAMP,
    Typed,
    inner_type,
    parsed_type,
    typed,
)
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree

_FAMILIES = (dates, intervals, nested, numbers, texts)  # imported for what they register
_LAST_INT = 2**31
_LAST_BIGINT = 2**63


class Reading(Frozen):
    """What the names in an expression stand for."""

    columns: Mapping[str, Typed]
    work: Work
    parameters: Mapping[str, Typed] = field(default_factory=dict)  # of the lambda functions around

    @classmethod
    def of(cls, relation: Relation, work: Work) -> Reading:
        """The columns of a relation."""
        return cls(columns={found.physical: found.value for found in relation.fields}, work=work)


def translated(node: tree.Expression, reading: Reading) -> Typed:
    """
    The Polars expression of a bound expression.

    Raises:
        SchemaMismatchError: If types do not fit.
        ConfigError: If it holds what cannot stand there.
    """
    match node:
        case tree.Column():
            if node.table != tree.BOUND:
                return reading.parameters[node.name.lower()]
            return reading.columns[node.name]
        case tree.Value():
            return literal_of(node)
        case tree.Call():
            return _call(node, reading)
        case tree.Case():
            branches = [(translated(condition, reading), translated(value, reading)) for condition, value in node.branches]
            return numbers.choice(branches, translated(node.otherwise, reading) if node.otherwise is not None else constant(None))
        case tree.Cast():
            return cast(translated(node.value, reading), parsed_type(node.to), safe=node.safe, rounding=node.rounded)
        case tree.Aggregate():
            raise ConfigError(f"{node.name.upper()} in SQL stands where no aggregate can", hint="Compute it in a SELECT of its own.")
        case tree.Window():
            raise ConfigError("a window function in SQL stands where none can", hint="Compute it in a SELECT of its own.")
        case tree.Lambda() | tree.Star() | tree.InQuery() | tree.Exists() | tree.Scalar():
            raise ConfigError(f"SQL has {node.kind.upper()} where it cannot be computed", hint="Compute it in a SELECT of its own.")
        case _:
            assert_never(node)


def condition(node: tree.Expression, reading: Reading) -> pl.Expr:
    """A bound expression as true, false or NULL."""
    return flag(translated(node, reading))


def literal_of(node: tree.Value) -> Typed:
    """A constant with Spark's type: 5 is INT, 1.5 DECIMAL, 1e3 DOUBLE."""
    text = node.text
    match node.type:
        case "null":
            return typed(pl.lit(None), NULL)
        case "boolean":
            return Typed(expr=pl.lit(text == "true"), dtype=BOOLEAN, literal=text)
        case "text":
            return Typed(expr=pl.lit(text, dtype=pl.String), dtype=TEXT, literal=text)
        case "number":
            return _number(text)
        case _:
            assert_never(node.type)


def _number(text: str) -> Typed:
    if "e" in text.lower():
        return Typed(expr=pl.lit(float(text), dtype=pl.Float64), dtype=DOUBLE, literal=text)
    if "." not in text:
        number = int(text)
        if -_LAST_INT <= number < _LAST_INT:
            return Typed(expr=pl.lit(number, dtype=pl.Int32), dtype=INT, literal=text)
        if -_LAST_BIGINT <= number < _LAST_BIGINT:
            return Typed(expr=pl.lit(number, dtype=pl.Int64), dtype=BIGINT, literal=text)
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    if digits > 38:
        return Typed(expr=pl.lit(float(text), dtype=pl.Float64), dtype=DOUBLE, literal=text)
    dtype = pl.Decimal(max(digits, len(fraction), 1), len(fraction))
    return Typed(expr=pl.lit(Decimal(text), dtype=dtype), dtype=dtype, soft=True, literal=text)


def _call(node: tree.Call, reading: Reading) -> Typed:
    if node.name == "current_date":
        return typed(pl.lit(reading.work.now.date()), DATE)
    if node.name == "current_timestamp" or (node.name == "unix_timestamp" and not node.args):
        now = typed(pl.lit(reading.work.now.replace(tzinfo=None), dtype=pl.Datetime("us")), TIMESTAMP)
        return now if node.name == "current_timestamp" else FUNCTIONS["unix_seconds"]([now])
    if node.args and isinstance(node.args[-1], tree.Lambda):
        return _over_elements(node.name, translated(node.args[0], reading), node.args[-1], reading)
    build = FUNCTIONS.get(node.name)
    if build is None:
        raise ConfigError(
            f"function {node.name.upper()} cannot stand here in SQL", hint="EXPLODE stands alone in a SELECT, or in LATERAL VIEW."
        )
    return build([translated(arg, reading) for arg in node.args])


def _over_elements(name: str, value: Typed, function: tree.Lambda, reading: Reading) -> Typed:
    """TRANSFORM, FILTER, EXISTS and FORALL over a list."""
    if any(isinstance(part, tree.Column) and part.table == tree.BOUND for part in tree.walk(function.body)):
        raise SchemaMismatchError(
            f"the function in {name.upper()} reads a column, which does not run on Polars",
            hint="Use LATERAL VIEW EXPLODE and aggregate again.",
        )
    if len(function.names) != 1:
        raise SchemaMismatchError(f"the function in {name.upper()} takes one parameter on Polars")
    element = typed(pl.element(), inner_type(value.dtype))
    body = translated(function.body, replace(reading, parameters={**reading.parameters, function.names[0]: element}))
    match name:
        case "transform":
            hard = body.hard()
            return typed(value.expr.list.eval(hard.expr), pl.List(hard.dtype))
        case "filter":
            return value.but(value.expr.list.eval(pl.element().filter(flag(body))))
        case "exists" | "forall":
            flags = value.expr.list.eval(flag(body))
            return typed(flags.list.any() if name == "exists" else flags.list.all(), BOOLEAN)
        case _:
            raise ConfigError(f"function {name.upper()} takes no function on Polars", hint="Known: TRANSFORM, FILTER, EXISTS, FORALL.")
