"""From the parser's tree of an expression to the product's own, refusing by name what no engine here computes with Spark's meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from odibi_core.errors import Problem
from odibi_core.sql import calls, tree
from odibi_core.sql.duckdb_names import span as duckdb_span
from odibi_core.sql.statement import offset_of, place_in
from odibi_core.sql.tree import Aggregate, Call, Case, Cast, Column, Expression, Value

if TYPE_CHECKING:
    from odibi_core.sql.dialect import Dialect

NOTHING = Value(type="null")  # stands for what was refused; nothing of it runs

_BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "add", exp.Sub: "subtract", exp.Mul: "multiply", exp.Div: "divide", exp.IntDiv: "div", exp.Mod: "mod", exp.Pow: "pow",
    exp.EQ: "eq", exp.NEQ: "ne", exp.GT: "gt", exp.GTE: "ge", exp.LT: "lt", exp.LTE: "le", exp.And: "and", exp.Or: "or",
    exp.NullSafeEQ: "equal_null", exp.DPipe: "concat", exp.BitwiseAnd: "bit_and_of", exp.BitwiseOr: "bit_or_of",
    exp.BitwiseXor: "bit_xor_of",
    exp.BitwiseLeftShift: "shiftleft", exp.BitwiseRightShift: "shiftright",
}  # fmt: skip
_UNARY: dict[type[exp.Expr], str] = {exp.Neg: "negative", exp.Not: "not", exp.BitwiseNot: "bit_not", exp.Abs: "abs"}
_PARTS = {
    "YEAR": "year", "QUARTER": "quarter", "MONTH": "month", "DAY": "day", "DAYS": "day", "DAYOFWEEK": "dayofweek", "DOW": "dayofweek",
    "DAYOFWEEK_ISO": "dayofweek_iso", "DOW_ISO": "dayofweek_iso", "ISODOW": "dayofweek_iso", "DOY": "dayofyear", "DAYOFYEAR": "dayofyear",
    "WEEK": "weekofyear", "WEEKOFYEAR": "weekofyear", "YEAROFWEEK": "yearofweek", "HOUR": "hour", "MINUTE": "minute",
    "SECOND": "second_fraction",
    "YEARS": "year", "MONTHS": "month", "HOURS": "hour", "MINUTES": "minute", "SECONDS": "second_fraction", "ISOYEAR": "yearofweek",
    "EPOCH": "unix_seconds",
}  # fmt: skip
_TYPES = frozenset({
    exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL,
    exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.ARRAY, exp.DType.STRUCT, exp.DType.LIST,
    exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPNTZ, exp.DType.BINARY, exp.DType.VARBINARY, exp.DType.DATETIME,
})  # fmt: skip
CONSTRUCTS: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL",
    exp.Pivot: "PIVOT",
    exp.TableSample: "TABLESAMPLE",
    exp.Version: "VERSION AS OF",
    exp.Placeholder: "a placeholder",
    exp.Parameter: "a parameter",
    exp.Sort: "SORT BY",
    exp.Cluster: "CLUSTER BY",
    exp.Distribute: "DISTRIBUTE BY",
    exp.Escape: "LIKE … ESCAPE",
    exp.DataType: "the type",
    exp.QueryTransform: "TRANSFORM … USING",
    exp.Into: "SELECT INTO",
    exp.Lock: "FOR UPDATE",
    exp.Tuple: "a tuple",
    exp.Var: "ORDER BY ALL",
}


@dataclass(kw_only=True)
class Lowering:
    """The work on one text, and what is wrong with it."""

    text: str
    dialect: Dialect
    problems: list[Problem] = field(default_factory=list)
    over: bool = False  # the next call stands before OVER
    names: frozenset[str] = frozenset()  # the parameters of the lambda functions around
    windows: dict[str, exp.Window] = field(default_factory=dict)
    query: Callable[[exp.Expr], tree.Query]  # how a query inside an expression is lowered

    def refuse(self, node: exp.Expr, reason: str, hint: str = "") -> Value:
        """Remember what is wrong, and go on with something harmless."""
        name = node.name.upper() if isinstance(node, exp.Anonymous) else CONSTRUCTS.get(type(node), node.key.upper())
        kind = "function " if isinstance(node, exp.Anonymous) else ""
        hint = hint or calls.hint_for(node.name if kind else name)
        self.problems.append(Problem(message=f"{kind}{name} {reason}", hint=hint, place=place_in(node, self.text)))
        return NOTHING

    def expression(self, node: Any) -> Expression:
        """An expression of any kind."""
        kind = type(node)
        if kind in _BINARY:
            return self._binary(node, _BINARY[kind])
        if kind in _UNARY:
            return _negated(self.expression(node.this), _UNARY[kind])
        special = _SPECIAL.get(kind)
        if special is not None:
            return special(self, node)
        return self.refuse(node, "does not run on Polars with Spark's meaning")

    def expressions(self, nodes: Any) -> tuple[Expression, ...]:
        """Several of them."""
        return tuple(self.expression(node) for node in nodes or ())

    def order(self, clause: exp.Order | None) -> tuple[tree.Order, ...]:
        """ORDER BY with its place of NULL spelled out."""
        if clause is None:
            return ()
        return tuple(
            tree.Order(
                value=self.expression(term.this), descending=bool(term.args.get("desc")), nulls_first=bool(term.args.get("nulls_first"))
            )
            for term in clause.expressions
        )

    def _binary(self, node: exp.Binary, name: str) -> Expression:
        left, right = node.this, node.expression
        if name == "subtract" and self.dialect == "duckdb":
            name = "duckdb_subtract"
        if isinstance(left, exp.Tuple) or isinstance(right, exp.Tuple):
            return self.refuse(left if isinstance(left, exp.Tuple) else right, "cannot be compared", "Compare each of its columns.")
        if isinstance(right, exp.Any | exp.All):
            return self.refuse(right, "is not portable", "Write IN, or OR of each.")
        return Call(name=name, args=(self.expression(left), self.expression(right)))

    def column(self, node: exp.Column) -> Expression:
        """A column, or a field of a struct."""
        if isinstance(node.this, exp.Star):
            return tree.Star(table=node.table)
        if not node.table and node.name.lower() in self.names:
            return Column(name=node.name, at=offset_of(node))
        if node.args.get("db"):
            outer = Column(name=node.table, table=node.text("db"), at=offset_of(node))
            return Call(name="field", args=(outer, Value(type="text", text=node.name)))
        return Column(name=node.name, table=node.table, at=offset_of(node))

    def literal(self, node: exp.Literal) -> Expression:
        """A text or a number."""
        return Value(type="text" if node.is_string else "number", text=node.name)

    def case(self, node: exp.Case) -> Expression:
        """CASE with and without an operand."""
        operand = self.expression(node.this) if node.this is not None else None
        branches = []
        for branch in node.args["ifs"]:
            condition = self.expression(branch.this)
            if operand is not None:
                condition = Call(name="eq", args=(operand, condition))
            branches.append((condition, self.expression(branch.args["true"])))
        default = node.args.get("default")
        return Case(branches=tuple(branches), otherwise=self.expression(default) if default is not None else None)

    def if_(self, node: exp.If) -> Expression:
        """IF(condition, then, else)."""
        otherwise = node.args.get("false")
        branch = (self.expression(node.this), self.expression(node.args["true"]))
        return Case(branches=(branch,), otherwise=self.expression(otherwise) if otherwise is not None else None)

    def cast(self, node: exp.Cast) -> Expression:
        """CAST, TRY_CAST, x::type, DATE '…'. Spark's parser makes every CAST a TryCast; only TRY_CAST is marked as safe."""
        refused = next((inner for inner in node.to.find_all(exp.DataType) if inner.this not in _TYPES), None)
        if refused is not None:
            return self.refuse(node.to, f"{refused.sql(dialect='spark').upper()} does not run on Polars with Spark's meaning")
        if node.args.get("format"):
            return self.refuse(node, "with a format is not portable", "Write TO_DATE or TO_TIMESTAMP with a format.")
        safe = bool(node.args.get("safe"))
        return Cast(value=self.expression(node.this), to=node.to.sql(dialect="spark").lower(), safe=safe, rounded=self.dialect == "duckdb")

    def is_(self, node: exp.Is) -> Expression:
        """IS NULL, IS TRUE, IS FALSE."""
        value, against = self.expression(node.this), node.expression
        if isinstance(against, exp.Null):
            return Call(name="isnull", args=(value,))
        if isinstance(against, exp.Boolean):
            return Call(name="is_true" if against.this else "is_false", args=(value,))
        return self.refuse(node, "takes NULL, TRUE or FALSE here")

    def in_(self, node: exp.In) -> Expression:
        """IN a list or a query."""
        if isinstance(node.this, exp.Tuple):
            return self.refuse(node.this, "cannot be looked up with IN", "Write EXISTS, or a JOIN over all columns.")
        value = self.expression(node.this)
        query = node.args.get("query")
        if query is not None:
            return tree.InQuery(value=value, query=self.query(query))
        if not node.expressions:
            return self.refuse(node, "needs a list or a query")
        return Call(name="in", args=(value, *self.expressions(node.expressions)))

    def like(self, node: exp.Binary, escape: Expression | None = None) -> Expression:
        """LIKE and ILIKE, with a list behind ANY or ALL, too."""
        name = "ilike" if isinstance(node, exp.ILike) else "like"
        patterns = node.expression
        extra = (escape,) if escape is not None else ()
        if isinstance(patterns, exp.Any | exp.All):
            listed = patterns.this
            every = [
                Call(name=name, args=(self.expression(node.this), pattern, *extra))
                for pattern in self.expressions(listed.expressions if isinstance(listed, exp.Tuple) else [listed.unnest()])
            ]
            joined: Expression = every[0]
            for one in every[1:]:
                joined = Call(name="and" if isinstance(patterns, exp.All) else "or", args=(joined, one))
            return joined
        found = calls.checked(self, node, name, (self.expression(node.this), self.expression(patterns), *extra))
        return Call(name="not", args=(found,)) if node.args.get("negate") else found

    def rlike(self, node: exp.RegexpLike) -> Expression:
        """RLIKE and ~."""
        return calls.checked(self, node, "regexp_like", (self.expression(node.this), self.expression(node.expression)))

    def escape(self, node: exp.Escape) -> Expression:
        """LIKE … ESCAPE."""
        return self.like(node.this, self.expression(node.expression))

    def between(self, node: exp.Between) -> Expression:
        """BETWEEN, both ends included."""
        return Call(
            name="between", args=(self.expression(node.this), self.expression(node.args["low"]), self.expression(node.args["high"]))
        )

    def interval(self, node: exp.Interval) -> Expression:
        """A span of calendar and clock; INTERVAL '1 month 2 days' is a sum."""
        unit = node.text("unit").upper()
        value: Any = node.this
        value = value.this if isinstance(value, exp.Paren) else value
        words = value.name.split() if isinstance(value, exp.Literal) else []
        pairs: list[tuple[Expression, str]] = [(self.expression(value), unit)] if unit else []
        if not unit and len(words) % 2 == 0:
            pairs = [(Value(type="number", text=words[place]), words[place + 1].upper()) for place in range(0, len(words), 2)]
        total: Expression | None = None
        for amount, name in pairs:
            short = name.removesuffix("S")
            if short not in calls.INTERVAL_UNITS:
                return self.refuse(node, f"by {name} is not portable", "Write YEAR, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND.")
            number = Value(type="number", text=amount.text) if isinstance(amount, Value) else amount
            if self.dialect == "duckdb":
                span = duckdb_span(number, short)
            else:
                span = Call(name="interval", args=(number, Value(type="text", text=short)))
            total = span if total is None else Call(name="add", args=(total, span))
        return total if total is not None else self.refuse(node, "needs a number and a unit", "Write INTERVAL 3 DAYS.")

    def extract(self, node: exp.Extract) -> Expression:
        """EXTRACT(part FROM x)."""
        part = node.name.upper()
        if self.dialect == "duckdb" and part in ("DOW", "DAYOFWEEK"):
            value = Call(name="dayofweek", args=(self.expression(node.expression),))
            return Call(name="subtract", args=(value, Value(type="number", text="1")))
        if part not in _PARTS:
            return self.refuse(node, f"of {part} is not portable", f"Known: {', '.join(sorted(set(_PARTS)))}.")
        name = "second" if self.dialect == "duckdb" and part.startswith("SECOND") else _PARTS[part]
        return Call(name=name, args=(self.expression(node.expression),))

    def trim(self, node: exp.Trim) -> Expression:
        """TRIM(LEADING … FROM …)."""
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        characters = node.args.get("expression")
        return Call(name=name, args=(self.expression(node.this), *([self.expression(characters)] if characters is not None else [])))

    def substring(self, node: exp.Substring) -> Expression:
        """SUBSTRING with commas or FROM … FOR."""
        start, length = node.args.get("start"), node.args.get("length")
        first = self.expression(start) if start is not None else Value(type="number", text="1")
        return Call(name="substring", args=(self.expression(node.this), first, *([self.expression(length)] if length is not None else [])))

    def position(self, node: exp.StrPosition) -> Expression:
        """POSITION(x IN y)."""
        start = node.args.get("position")
        args = (self.expression(node.args["substr"]), self.expression(node.this))
        return calls.checked(self, node, "locate", (*args, *([self.expression(start)] if start is not None else [])))

    def neighbours(self, node: exp.Concat) -> Expression:
        """Texts side by side, which Spark versions read differently."""
        hint = "Write 'it\\'s', or CONCAT for the other."
        return self.refuse(node, "of neighbouring texts: 'it''s' is \"its\" in Spark 3 and \"it's\" elsewhere", hint)

    def bracket(self, node: exp.Bracket) -> Expression:
        """An element of a list, or a field of a struct. The parser counts from 0 in both dialects."""
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            return self.refuse(node, "takes one index", "Write SLICE(x, start, length).")
        index = self.expression(node.expressions[0])
        if self.dialect == "duckdb" and isinstance(index, Value) and index.text.startswith("-"):
            index = Value(type="number", text=str(int(index.text) + 1))  # the parser takes one away, from -1, too
        name = "field" if isinstance(index, Value) and index.type == "text" else "item"
        return Call(name=name, args=(self.expression(node.this), index))

    def dot(self, node: exp.Dot) -> Expression:
        """A field of a struct that is not a column."""
        return Call(name="field", args=(self.expression(node.this), Value(type="text", text=node.expression.name)))

    def struct(self, node: exp.Struct) -> Expression:
        """{'a': 1}."""
        args: list[Expression] = []
        for item in node.expressions:
            named = isinstance(item, exp.PropertyEQ | exp.Alias | exp.EQ)
            if not named:
                return self.refuse(node, "needs names", "Write NAMED_STRUCT('name', value, …).")
            name = item.alias if isinstance(item, exp.Alias) else item.this.name
            value = item.this if isinstance(item, exp.Alias) else item.expression
            args += [Value(type="text", text=name), self.expression(value)]
        return Call(name="named_struct", args=tuple(args))

    def lambda_(self, node: exp.Lambda) -> Expression:
        """x -> expression."""
        names = tuple(name.name.lower() for name in node.expressions)
        before, self.names = self.names, self.names | set(names)
        body = self.expression(node.this)
        self.names = before
        return tree.Lambda(names=names, body=body)

    def transform(self, node: exp.Transform) -> Expression:
        """TRANSFORM(list, x -> …)."""
        return calls.checked(self, node, "transform", (self.expression(node.this), self.expression(node.expression)))

    def star(self, node: exp.Star) -> Expression:
        """`*` with EXCEPT, REPLACE and RENAME."""
        leave_out = tuple(column.name for column in node.args.get("except_") or ())
        replace = tuple(tree.Named(value=self.expression(item.this), name=item.alias) for item in node.args.get("replace") or ())
        rename = tuple((item.this.name, item.alias) for item in node.args.get("rename") or ())
        return tree.Star(leave_out=leave_out, replace=replace, rename=rename)

    def subquery(self, node: exp.Expr) -> Expression:
        """A query as a value."""
        return tree.Scalar(query=self.query(node))

    def exists(self, node: exp.Exists) -> Expression:
        """EXISTS (query)."""
        return tree.Exists(query=self.query(node.this))

    def aggregate_with(self, node: exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls) -> Expression:
        """What stands behind an aggregate function: FILTER, WITHIN GROUP, IGNORE NULLS."""
        inner = self.expression(node.this)
        if not isinstance(inner, Aggregate):
            return NOTHING if self.problems else self.refuse(node, "belongs to an aggregate function")
        if isinstance(node, exp.Filter):
            return replace(inner, where=self.expression(node.expression.this))
        if isinstance(node, exp.WithinGroup):
            return calls.within_group(inner, self.order(node.expression))
        return replace(inner, ignore_nulls=isinstance(node, exp.IgnoreNulls))

    def window(self, node: exp.Window) -> Expression:
        """A function OVER a window."""
        from odibi_core.sql.windows import window

        return window(self, node)

    def bitwise(self, node: exp.Expr) -> Expression:
        """A name that stands alone: the parameter of a lambda function."""
        return Column(name=node.name, at=offset_of(node))


def _negated(value: Expression, name: str) -> Expression:
    if name == "negative" and isinstance(value, Value) and value.type == "number":
        return Value(type="number", text=value.text[1:] if value.text.startswith("-") else f"-{value.text}")
    return Call(name=name, args=(value,))


_SPECIAL: dict[type[exp.Expr], Callable[[Lowering, Any], Expression]] = {
    exp.Anonymous: calls.call,
    exp.Any: lambda lowering, node: Aggregate(name="bool_or", args=(lowering.expression(node.this),)),
    exp.Column: Lowering.column,
    exp.Identifier: Lowering.bitwise,
    exp.Literal: Lowering.literal,
    exp.RawString: lambda _, node: Value(type="text", text=node.name),
    exp.Boolean: lambda _, node: Value(type="boolean", text="true" if node.this else "false"),
    exp.Null: lambda *_: NOTHING,
    exp.Paren: lambda lowering, node: lowering.expression(node.this),
    exp.NullSafeNEQ: lambda lowering, node: Call(
        name="not", args=(Call(name="equal_null", args=(lowering.expression(node.this), lowering.expression(node.expression))),)
    ),
    exp.Case: Lowering.case,
    exp.If: Lowering.if_,
    exp.Cast: Lowering.cast,
    exp.TryCast: Lowering.cast,
    exp.Is: Lowering.is_,
    exp.In: Lowering.in_,
    exp.Like: Lowering.like,
    exp.ILike: Lowering.like,
    exp.Escape: Lowering.escape,
    exp.RegexpLike: Lowering.rlike,
    exp.Between: Lowering.between,
    exp.Interval: Lowering.interval,
    exp.Extract: Lowering.extract,
    exp.Trim: Lowering.trim,
    exp.Substring: Lowering.substring,
    exp.StrPosition: Lowering.position,
    exp.CurrentDate: lambda *_: Call(name="current_date"),
    exp.CurrentTimestamp: lambda *_: Call(name="current_timestamp"),
    exp.Concat: Lowering.neighbours,
    exp.Bracket: Lowering.bracket,
    exp.Dot: Lowering.dot,
    exp.Array: lambda lowering, node: Call(name="array", args=lowering.expressions(node.expressions)),
    exp.Struct: Lowering.struct,
    exp.Lambda: Lowering.lambda_,
    exp.Transform: Lowering.transform,
    exp.Star: Lowering.star,
    exp.Subquery: Lowering.subquery,
    exp.Select: Lowering.subquery,
    exp.Exists: Lowering.exists,
    exp.Filter: Lowering.aggregate_with,
    exp.WithinGroup: Lowering.aggregate_with,
    exp.IgnoreNulls: Lowering.aggregate_with,
    exp.RespectNulls: Lowering.aggregate_with,
    exp.Window: Lowering.window,
}
