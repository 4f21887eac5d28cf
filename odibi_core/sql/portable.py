"""The allow-list: what Polars computes with Spark's meaning. Everything else is refused, by its name, when the run is planned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp

from odibi_core.errors import Problem
from odibi_core.sql.statement import function_name, position

Rule = Callable[[Any], str]  # why this use is refused; empty if it is fine

_SPARK = "Set 'engine: spark' on the node."

# What to do instead, by the name in the text. A name that is missing here gets the general hint.
HINTS: dict[str, str] = {
    "now": "Write '${date:now}', which is the same for every retry of the run.",
    "current_timestamp": "Write '${date:now}', which is the same for every retry of the run.",
    "current_date": "Write '${date:today}', which is the same for every retry of the run.",
    "isnull": "Write 'x IS NULL'.",
    "isnotnull": "Write 'x IS NOT NULL'.",
    "nvl2": "Write CASE WHEN x IS NOT NULL THEN y ELSE z END.",
    "btrim": "Write TRIM(x).",
    "tablesample": "Use 'operation: sample'.",
    "rand": "Use 'operation: sample' to draw rows.",
    "distinct on": "Use the transformer 'deduplicate' with keys and order_by.",
    "first": "Say which row is first: FIRST_VALUE(x) OVER (… ORDER BY …), or the transformer 'deduplicate'.",
    "any_value": "Say which value: MIN(x), MAX(x) or the transformer 'deduplicate'.",
}

# Runs code outside the query: never, on any engine.
_UNSAFE_FUNCTIONS = frozenset({"java_method", "reflect", "try_reflect"})
_UNSAFE_NODES = (exp.QueryTransform, exp.Into, exp.Parameter, exp.Placeholder)

_PLAIN: frozenset[type[exp.Expr]] = frozenset({
    # a query and its clauses
    exp.From, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.CTE, exp.TableAlias, exp.Table, exp.Identifier, exp.Column, exp.Alias, exp.Star, exp.Subquery,
    exp.Union, exp.Except, exp.Intersect, exp.GroupingSets, exp.Tuple,
    # values and operators
    exp.Boolean, exp.Null, exp.Paren, exp.Var, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is,
    exp.In, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg,
    exp.DPipe, exp.Case, exp.If, exp.Filter, exp.DataTypeParam, exp.Literal,
    # aggregates
    exp.Avg, exp.CountIf, exp.Max, exp.Median, exp.Min, exp.Stddev, exp.StddevSamp, exp.Variance,
    # windows
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    # nulls, numbers
    exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs, exp.Exp, exp.Ln, exp.Log, exp.Pow, exp.Sqrt,
    # text
    exp.ConcatWs, exp.Contains, exp.EndsWith, exp.Length, exp.Lower, exp.Reverse, exp.StartsWith, exp.Upper,
    # dates
    exp.Day, exp.DayOfMonth, exp.DayOfYear, exp.Hour, exp.Minute, exp.Month, exp.Quarter, exp.Second,
    exp.WeekOfYear, exp.Year,
})  # fmt: skip

_TYPES = frozenset({
    exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL,
    exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.BOOLEAN, exp.DType.DATE,
    exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPNTZ,
})  # fmt: skip
_DATE_UNITS = frozenset({"DAY", "WEEK", "MONTH", "YEAR"})
_TRUNC_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})
_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
_FRAMES = frozenset({
    ("ROWS", "UNBOUNDED PRECEDING", "CURRENT ROW"),
    ("ROWS", "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"),
    ("ROWS", "n PRECEDING", "CURRENT ROW"),
    ("RANGE", "UNBOUNDED PRECEDING", "CURRENT ROW"),
})  # fmt: skip


def problems(query: exp.Expr, text: str) -> list[Problem]:
    """Every construct that Polars does not run with Spark's meaning."""
    return list(_refused(query, text))


def ambiguous(query: exp.Expr, text: str) -> list[Problem]:
    """What DuckDB and Spark write alike and mean differently, in a text that is declared as DuckDB's."""
    return [
        _problem(node, text, "counts the days of the week otherwise in Spark", "Set 'sql_dialect: spark'.")
        for node in query.find_all(exp.DayOfWeek)
    ]


def unsafe(query: exp.Expr, text: str) -> list[Problem]:
    """What no engine may run: calls out of the query."""
    return [
        _problem(node, text, "is not allowed", "A query may only read its inputs.")
        for node in query.walk()
        if isinstance(node, _UNSAFE_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in _UNSAFE_FUNCTIONS)
    ]


def _refused(node: exp.Expr, text: str) -> Iterator[Problem]:
    rule = _RULES.get(type(node))
    if rule is None and type(node) not in _PLAIN:
        yield _problem(node, text, "does not run on Polars with Spark's meaning", _SPARK)
        return  # what is inside it does not matter any more
    reason = rule(node) if rule else ""
    if reason:
        yield _problem(node, text, reason, _SPARK)
    for key, value in node.args.items():
        if key == "hint" or (isinstance(node, exp.Table) and key == "this"):
            continue  # an optimizer hint changes no result; what a query reads is judged in `relations`
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expr):
                yield from _refused(child, text)


def _problem(node: exp.Expr, text: str, reason: str, hint: str) -> Problem:
    name, kind = _called(node, text)
    return Problem(message=f"{kind}{name} {reason}{position(node, text)}", hint=HINTS.get(name.lower(), hint))


def _called(node: exp.Expr, text: str) -> tuple[str, str]:
    """The name of a construct as the author knows it, and what kind of thing it is."""
    if isinstance(node, exp.Distinct):
        return ("DISTINCT ON" if node.args.get("on") else "DISTINCT", "")
    if isinstance(node, exp.Func):
        return (function_name(node, text).upper(), "function ")
    return (_CONSTRUCTS.get(type(node), node.key.upper()), "")


_CONSTRUCTS: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL",
    exp.Pivot: "PIVOT",
    exp.TableSample: "TABLESAMPLE",
    exp.Version: "VERSION AS OF",
    exp.Placeholder: "a placeholder",
    exp.Parameter: "a parameter",
    exp.Sort: "SORT BY",
    exp.Cluster: "CLUSTER BY",
    exp.Distribute: "DISTRIBUTE BY",
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.Escape: "LIKE … ESCAPE",
    exp.Bracket: "an element [ ]",
    exp.Dot: "a field of a struct",
    exp.DataType: "the type",
    exp.QueryTransform: "TRANSFORM … USING",
    exp.Into: "SELECT INTO",
    exp.Lock: "FOR UPDATE",
    exp.Values: "VALUES",
}


def _is_number(node: Any) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()


def _distinct(node: exp.Distinct) -> str:
    if node.args.get("on"):
        return "does not run on Polars with Spark's meaning"
    return "over several columns does not run on Polars" if len(node.expressions) > 1 else ""


def _join(node: exp.Join) -> str:
    if node.args.get("using") and node.side in ("RIGHT", "FULL"):
        return f"{node.side} … USING leaves the key empty for rows of the right side only; write ON and COALESCE of both keys"
    if node.method not in ("", "NATURAL") or node.kind not in ("", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"):
        return f"{node.method or node.kind} does not run on Polars with Spark's meaning"
    if node.method == "NATURAL" and node.side in ("RIGHT", "FULL"):
        return f"NATURAL {node.side} leaves the key empty for rows of the right side only; write ON and COALESCE of both keys"
    return ""


def _select(node: exp.Select) -> str:
    if not any(isinstance(projection, exp.Star) for projection in node.expressions):
        return ""
    for join in node.args.get("joins") or []:
        on = join.args.get("on")
        for equality in on.find_all(exp.EQ) if on and join.kind not in ("SEMI", "ANTI") else ():
            left, right = equality.this, equality.expression
            if isinstance(left, exp.Column) and isinstance(right, exp.Column) and left.name.lower() == right.name.lower():
                return f"* over this JOIN gives two columns '{left.name.lower()}'; name the columns, or write USING ({left.name.lower()})"
    return ""


def _with(node: exp.With) -> str:
    return "RECURSIVE is not in every supported Spark" if node.args.get("recursive") else ""


def _window(node: exp.Window) -> str:
    named = node.args.get("alias") or isinstance(node.this, exp.Identifier)
    return "by name is not portable; write the window out after OVER" if named else ""


def _frame(node: exp.WindowSpec) -> str:
    def side(which: str) -> str:
        bound, direction = node.args.get(which), node.text(f"{which}_side") or node.args.get(f"{which}_side") or ""
        written = "n" if _is_number(bound) else str(bound.name if isinstance(bound, exp.Expr) else bound or "")
        return f"{written} {direction}".strip()

    frame = (str(node.args.get("kind") or ""), side("start"), side("end") or "CURRENT ROW")
    if node.args.get("exclude"):
        return "with EXCLUDE does not run on Polars"
    return "" if frame in _FRAMES else f"{frame[0]} BETWEEN {frame[1]} AND {frame[2]} does not run on Polars"


def _cast(node: exp.Cast) -> str:
    if node.args.get("format"):
        return "with a format does not run on Polars"
    target = node.to.this
    return "" if target in _TYPES else f"to {node.to.sql(dialect='spark')} does not run on Polars with Spark's meaning"


def _literal_pattern(node: exp.Expr) -> str:
    pattern = node.args.get("expression")
    if not isinstance(pattern, exp.Literal):
        return "needs a literal pattern"
    if isinstance(node, exp.RegexpLike):
        return "with look-around or back references does not run on Polars" if re.search(r"\(\?<?[=!]|\\[1-9]", pattern.name) else ""
    return "with a backslash means something else on Polars" if "\\" in pattern.name else ""


def _substring(node: exp.Substring) -> str:
    return "" if _is_number(node.args.get("start")) else "needs a literal start of 0 or more"


def _literal_length(node: exp.Expr) -> str:
    return "" if _is_number(node.args.get("expression")) and node.text("expression") != "0" else "needs a literal length of 1 or more"


def _concat(node: exp.Concat) -> str:
    if "start" in node.meta:
        return ""
    return "of neighbouring texts: 'it''s' is \"its\" in Spark 3 and \"it's\" elsewhere; write 'it\\'s', or CONCAT for the other"


def _replace(node: exp.Replace) -> str:
    sought = node.args.get("expression")
    return "" if isinstance(sought, exp.Literal) and sought.name else "needs a literal, not empty text to replace"


def _round(node: exp.Round) -> str:
    digits = node.args.get("decimals")
    return "" if digits is None or _is_number(digits) else "needs a literal number of digits, 0 or more"


def _one_argument(node: exp.Expr) -> str:
    return "with digits does not run on Polars" if node.args.get("decimals") or node.args.get("to") else ""


def _unit_in(units: frozenset[str]) -> Rule:
    def rule(node: exp.Expr) -> str:
        unit = node.text("unit").upper()
        return "" if unit in units or unit.removesuffix("S") in units else f"by {unit or 'this unit'} is not portable"

    return rule


def _interval(node: exp.Interval) -> str:
    value = node.args.get("this")
    if not (isinstance(value, exp.Literal) and value.name.isdigit()):
        return "needs a literal whole number"
    return _unit_in(_DATE_UNITS)(node)


def _extract(node: exp.Extract) -> str:
    return "" if node.name.upper() in _PARTS else f"of {node.name.upper()} is not portable"


def _to_date(node: exp.TsOrDsToDate) -> str:
    return "with a format does not run on Polars" if node.args.get("format") else ""


def _add_days(node: exp.TsOrDsAdd) -> str:
    return _unit_in(frozenset({"DAY"}))(node)


def _date_difference(node: exp.DateDiff) -> str:
    return "" if (node.text("unit") or "DAY").upper() == "DAY" else "in units other than days is not portable"


def _grouping(node: exp.Expr) -> str:
    return "" if node.expressions else f"after WITH does not run on Polars; write {node.key.upper()} (…)"


def _fine(_: exp.Expr) -> str:
    return ""


_RULES: dict[type[exp.Expr], Rule] = {
    exp.Cast: _cast,
    exp.Ceil: _one_argument,
    exp.Concat: _concat,
    exp.Count: _fine,
    exp.Cube: _grouping,
    exp.DataType: _fine,  # judged by the cast around it
    exp.DateDiff: _date_difference,
    exp.DateTrunc: _unit_in(_TRUNC_UNITS - {"HOUR", "MINUTE", "SECOND"}),
    exp.DayOfWeek: _fine,
    exp.Distinct: _distinct,
    exp.Extract: _extract,
    exp.Floor: _one_argument,
    exp.ILike: _literal_pattern,
    exp.Interval: _interval,
    exp.Join: _join,
    exp.Left: _literal_length,
    exp.Like: _literal_pattern,
    exp.Pad: _literal_length,
    exp.RegexpLike: _literal_pattern,
    exp.Replace: _replace,
    exp.Right: _literal_length,
    exp.Rollup: _grouping,
    exp.Round: _round,
    exp.Select: _select,
    exp.StrPosition: lambda node: "with a start does not run on Polars" if node.args.get("position") else "",
    exp.Substring: _substring,
    exp.Sum: _fine,
    exp.TimestampTrunc: _unit_in(_TRUNC_UNITS),
    exp.Trim: _fine,
    exp.TryCast: _cast,
    exp.TsOrDsAdd: _add_days,
    exp.TsOrDsToDate: _to_date,
    exp.Window: _window,
    exp.WindowSpec: _frame,
    exp.With: _with,
}
