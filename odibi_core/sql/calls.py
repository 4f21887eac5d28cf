"""A function call: its name, its arguments, and what must be a literal among them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from sqlglot import exp

from odibi_core.sql import date_patterns, regex, tree
from odibi_core.sql.date_patterns import TRUNC_UNITS
from odibi_core.sql.duckdb_names import RENAMED, REWRITTEN
from odibi_core.sql.functions import HINTS, INTERNAL, Signature, signatures
from odibi_core.sql.tree import Aggregate, Call, Cast, Expression, Value

INTERVAL_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"})
_CASTS = {
    "string": "string", "int": "int", "bigint": "bigint", "double": "double", "float": "float", "boolean": "boolean", "date": "date",
    "timestamp": "timestamp", "smallint": "smallint", "tinyint": "tinyint", "decimal": "decimal(10,0)",
}  # fmt: skip
_PART_NAMES = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "day": "day",
    "dow": "dayofweek",
    "dayofweek": "dayofweek",
    "doy": "dayofyear",
    "week": "weekofyear",
    "hour": "hour",
    "minute": "minute",
    "second": "second_fraction",
    "isodow": "dayofweek_iso",
    "epoch": "unix_seconds",
}
UNSAFE_FUNCTIONS = frozenset({"java_method", "reflect", "try_reflect"})
_GENERAL = "Set 'engine: spark' on the node where Spark is available, or use a transformer."


class Writer(Protocol):
    """What works on the expression around the call."""

    dialect: Any
    over: bool

    def expression(self, node: Any) -> Expression: ...

    def order(self, clause: exp.Order | None) -> tuple[tree.Order, ...]: ...

    def refuse(self, node: exp.Expr, reason: str, hint: str = "") -> Value: ...


def hint_for(name: str) -> str:
    """What to do instead of a construct that is refused."""
    if hint := HINTS.get(name.lower()):
        return hint
    near = difflib.get_close_matches(name.lower(), sorted(known for known in signatures() if known not in INTERNAL), n=1, cutoff=0.65)
    return f"Did you mean '{near[0].upper()}'? {_GENERAL}" if near else _GENERAL


def call(writer: Writer, node: exp.Anonymous) -> Expression:
    """A call by name."""
    name = node.name.lower()
    over, writer.over = writer.over, False
    if name in UNSAFE_FUNCTIONS:
        return writer.refuse(node, "is not allowed", "A query may only read its inputs.")
    if name in ("struct", "struct_pack", "named_struct"):
        return _struct(writer, node)
    arguments, distinct, order = _arguments(writer, node)
    if name in INTERNAL:
        return writer.refuse(node, "does not run on Polars with Spark's meaning")
    if name in _CASTS and len(arguments) == 1:
        return Cast(value=arguments[0], to=_CASTS[name], rounded=writer.dialect == "duckdb")
    made = _with_unit(writer, node, name, arguments)
    if made is not None:
        return made
    if writer.dialect == "duckdb" and name in REWRITTEN:
        return _rewritten(writer, node, name, arguments, distinct=distinct)
    name = RENAMED.get(name, name) if writer.dialect == "duckdb" else name
    signature = signatures().get(name)
    if signature is None:
        return writer.refuse(node, "does not run on Polars with Spark's meaning")
    if signature.kind in ("scalar", "generator"):
        return checked(writer, node, name, arguments)
    if signature.kind == "window" and not over:
        return writer.refuse(node, "needs a window", f"Write {name.upper()}(…) OVER (ORDER BY …).")
    reason = _wrong(signature, arguments)
    if name in ("percentile_cont", "percentile_disc") and len(arguments) == 1 and not isinstance(node.parent, exp.WithinGroup):
        reason = "needs WITHIN GROUP (ORDER BY …)"
    if reason:
        return writer.refuse(node, reason)
    return _aggregate(signature.name, arguments, distinct=distinct, order=order)


def _rewritten(writer: Writer, node: exp.Anonymous, name: str, arguments: tuple[Expression, ...], *, distinct: bool) -> Expression:
    """A function of DuckDB in Spark's words."""
    least, most, rewrite = REWRITTEN[name]
    if not least <= len(arguments) <= most:
        return writer.refuse(node, f"takes {_counted(least, most)}, found {len(arguments)}")
    made = rewrite(arguments)
    if isinstance(made, Call):
        return checked(writer, node, made.name, made.args)
    return replace(made, distinct=distinct) if isinstance(made, Aggregate) else made


def checked(writer: Writer, node: exp.Expr, name: str, arguments: tuple[Expression, ...]) -> Expression:
    """A scalar function whose arguments fit."""
    signature = signatures()[name]
    reason = _wrong(signature, arguments)
    if not reason and (check := _CHECKS.get(signature.name)):
        reason = check(arguments)
    if reason:
        return writer.refuse(node, reason)
    return Call(name=signature.name, args=arguments)


def within_group(function: Aggregate, order: tuple[tree.Order, ...]) -> Aggregate:
    """PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x) takes its values from the order; others are ordered by it."""
    if function.name in ("percentile_cont", "percentile_disc", "mode") and len(order) == 1:
        share = function.args[0] if function.args else None
        if order[0].descending and isinstance(share, Value):
            share = Value(type="number", text=str(1 - float(share.text)))
        args = (order[0].value, share) if share is not None else (order[0].value,)
        return replace(function, args=args)
    return replace(function, order=order)


def _arguments(writer: Writer, node: exp.Anonymous) -> tuple[tuple[Expression, ...], bool, tuple[tree.Order, ...]]:
    distinct = False
    order: tuple[tree.Order, ...] = ()
    found: list[Expression] = []
    for item in node.expressions:
        inner = item
        if isinstance(inner, exp.Order) and inner.this is not None:
            order = writer.order(inner)
            inner = inner.this
        if isinstance(inner, exp.Distinct):
            distinct = True
            for value in inner.expressions:
                if isinstance(value, exp.Order):
                    order = writer.order(value)
                found.append(writer.expression(value.this if isinstance(value, exp.Order) else value))
        elif isinstance(inner, exp.Star):
            continue  # COUNT(*) is COUNT()
        else:
            found.append(writer.expression(inner))
    return tuple(found), distinct, order


def _aggregate(name: str, arguments: tuple[Expression, ...], *, distinct: bool, order: tuple[tree.Order, ...]) -> Aggregate:
    ignore = False
    if name in ("first", "last", "any_value", "first_non_null") and len(arguments) > 1:
        last = arguments[-1]
        ignore = isinstance(last, Value) and last.text == "true"
        arguments = arguments[:1]
    if name == "count" and not distinct and len(arguments) == 1 and isinstance(arguments[0], Value) and arguments[0].type != "null":
        arguments = ()  # COUNT(1) counts rows
    return Aggregate(name=name, args=arguments, distinct=distinct, order=order, ignore_nulls=ignore)


def _wrong(signature: Signature, arguments: tuple[Expression, ...]) -> str:
    """Why the arguments do not fit; empty if they do."""
    count = len(arguments)
    if count < signature.least or (signature.most is not None and count > signature.most and signature.kind != "window"):
        return f"takes {_counted(signature.least, signature.most)}, found {count}"
    for place in sorted(signature.literals):
        if place <= count and not isinstance(arguments[place - 1], Value):
            return f"needs a literal as argument {place}"
    return ""


def _counted(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more arguments"
    return f"{least} argument{'s' if least != 1 else ''}" if least == most else f"{least} to {most} arguments"


def _unit_of(argument: Expression) -> str:
    """DAY, 'day' or "days"."""
    text = argument.name if isinstance(argument, tree.Column) else argument.text if isinstance(argument, Value) else ""
    unit = text.upper().removesuffix("S")
    return unit if unit in INTERVAL_UNITS else ""


def _with_unit(writer: Writer, node: exp.Anonymous, name: str, arguments: tuple[Expression, ...]) -> Expression | None:
    """The functions that take a unit or a part as their first argument, in both dialects."""
    if name in ("date_part", "datepart") and len(arguments) == 2 and isinstance(arguments[0], Value):
        part = _PART_NAMES.get(arguments[0].text.lower().removesuffix("s"), "")
        if writer.dialect == "duckdb":
            part = "second" if part == "second_fraction" else part
            if part == "dayofweek":
                return Call(name="subtract", args=(Call(name=part, args=arguments[1:]), Value(type="number", text="1")))
        return Call(name=part, args=arguments[1:]) if part else writer.refuse(node, "of this part is not portable")
    three = len(arguments) == 3
    spark_names = ("datediff", "date_diff", "timestampdiff", "date_add", "dateadd", "timestampadd")
    if not three or name not in spark_names or writer.dialect == "duckdb":
        if name == "dateadd" or (name == "date_diff" and writer.dialect == "spark"):
            return checked(writer, node, "date_add" if name == "dateadd" else "datediff", arguments)
        return None
    unit = _unit_of(arguments[0])
    if not unit:
        return writer.refuse(node, "by this unit is not portable", f"Known: {', '.join(sorted(INTERVAL_UNITS))}.")
    return Call(name="unit_diff" if "diff" in name else "unit_add", args=(Value(type="text", text=unit), *arguments[1:]))


def _struct(writer: Writer, node: exp.Anonymous) -> Expression:
    args: list[Expression] = []
    for place, item in enumerate(node.expressions):
        if isinstance(item, exp.Alias | exp.PropertyEQ):
            value = item.this if isinstance(item, exp.Alias) else item.expression
            args += [Value(type="text", text=item.alias if isinstance(item, exp.Alias) else item.this.name), writer.expression(value)]
        elif node.name.lower() == "named_struct":
            args.append(writer.expression(item))
        else:
            name = item.name if isinstance(item, exp.Column) else f"col{place + 1}"
            args += [Value(type="text", text=name), writer.expression(item)]
    if len(args) % 2 or not args or not all(isinstance(name, Value) and name.type == "text" for name in args[::2]):
        return writer.refuse(node, "needs a literal name before each value")
    return Call(name="named_struct", args=tuple(args))


def _text(arguments: tuple[Expression, ...], place: int) -> str | None:
    if place > len(arguments):
        return None
    argument = arguments[place - 1]
    return argument.text if isinstance(argument, Value) else None


def _pattern(arguments: tuple[Expression, ...]) -> str:
    return regex.trouble(_text(arguments, 2) or "")


def _replacement(arguments: tuple[Expression, ...]) -> str:
    return regex.trouble(_text(arguments, 2) or "") or regex.replacement_trouble(_text(arguments, 3) or "")


def _reads(arguments: tuple[Expression, ...]) -> str:
    return date_patterns.trouble(_text(arguments, 2), reading=True)


def _writes(arguments: tuple[Expression, ...]) -> str:
    return date_patterns.trouble(_text(arguments, 2), reading=False)


def _trunc(arguments: tuple[Expression, ...]) -> str:
    return "" if (_text(arguments, 2) or "").upper() in TRUNC_UNITS else "by this unit is not portable"


def _date_trunc(arguments: tuple[Expression, ...]) -> str:
    return "" if (_text(arguments, 1) or "").upper().removesuffix("S") in TRUNC_UNITS else "by this unit is not portable"


def _replace(arguments: tuple[Expression, ...]) -> str:
    return "needs a text to look for" if _text(arguments, 2) == "" else ""


_CHECKS: dict[str, Callable[[tuple[Expression, ...]], str]] = {
    "regexp_like": _pattern,
    "regexp_full": _pattern,
    "regexp_extract": _pattern,
    "regexp_extract_all": _pattern,
    "regexp_count": _pattern,
    "split": _pattern,
    "regexp_replace": _replacement,
    "regexp_replace_first": _replacement,
    "to_date": _reads,
    "try_to_date": _reads,
    "to_timestamp": _reads,
    "try_to_timestamp": _reads,
    "unix_timestamp": _reads,
    "date_format": _writes,
    "from_unixtime": _writes,
    "trunc": _trunc,
    "date_trunc": _date_trunc,
    "replace": _replace,
}
