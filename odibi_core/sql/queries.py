"""From the parser's tree of a query to the product's own: clauses, joins and relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from odibi_core.sql import tree
from odibi_core.sql.dialect import Dialect
from odibi_core.sql.expressions import NOTHING, Lowering
from odibi_core.sql.functions import signatures
from odibi_core.sql.tree import Aggregate, Call, Column, Expression, Value

# What a SELECT may have; anything else is refused by its name.
_CLAUSES = frozenset({
    "expressions", "from_", "joins", "laterals", "where", "group", "having", "qualify", "windows", "distinct", "order", "limit", "offset",
    "with_", "hint",
})  # fmt: skip
_TABLE_PARTS = frozenset({"this", "alias", "pivots", "joins", "db", "catalog", "hints", "laterals"})
_JOINS = {("", ""): "inner", ("", "INNER"): "inner", ("", "CROSS"): "cross", ("LEFT", ""): "left", ("LEFT", "OUTER"): "left",
          ("RIGHT", ""): "right", ("RIGHT", "OUTER"): "right", ("FULL", ""): "full", ("FULL", "OUTER"): "full", ("LEFT", "SEMI"): "semi",
          ("LEFT", "ANTI"): "anti", ("", "SEMI"): "semi", ("", "ANTI"): "anti", ("", "OUTER"): "full"}  # fmt: skip


def lowered(query: exp.Expr, text: str, dialect: Dialect) -> tuple[tree.Query, Lowering]:
    """The query as the engines get it, and the work with its problems."""
    work = _Queries(text=text, dialect=dialect)
    return work.query(query), work.lowering


class _Queries:
    def __init__(self, *, text: str, dialect: Dialect) -> None:
        self.lowering = Lowering(text=text, dialect=dialect, query=self.query)

    def query(self, node: exp.Expr) -> tree.Query:
        if isinstance(node, exp.Subquery):
            return self._wrapped(node)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node)
        if isinstance(node, exp.Select):
            return self._select(node)
        self.lowering.refuse(node, "is not a query")
        return tree.Select(columns=(tree.Named(value=NOTHING, name="nothing"),))

    def _wrapped(self, node: exp.Subquery) -> tree.Query:
        """A query in parentheses, with what stands behind them."""
        inner = self.query(node.this)
        extra = {key: node.args.get(key) for key in ("order", "limit", "offset", "with_") if node.args.get(key)}
        if not extra:
            return inner
        star = (tree.Named(value=tree.Star()),)
        return tree.Select(ctes=self._ctes(node), source=tree.Derived(query=inner, alias="q"), columns=star, **self._tail(node))

    def _tail(self, node: exp.Expr) -> dict[str, Any]:
        return {
            "order": self.lowering.order(node.args.get("order")),
            "limit": self._count(node.args.get("limit")),
            "offset": self._count(node.args.get("offset")) or 0,
        }

    def _count(self, node: exp.Expr | None) -> int | None:
        if node is None:
            return None
        value = node.args.get("expression")
        if isinstance(value, exp.Literal) and value.name.isdigit():
            return int(value.name)
        if not isinstance(value, exp.Var | exp.All) and not (isinstance(value, exp.Column) and value.name.upper() == "ALL"):
            self.lowering.refuse(node, "needs a literal number")
        return None

    def _ctes(self, node: exp.Expr) -> tuple[tree.Cte, ...]:
        clause = node.args.get("with_")
        if clause is None:
            return ()
        if clause.args.get("recursive"):
            self.lowering.refuse(clause, "RECURSIVE is not in every supported Spark", "Write the steps out, or use a 'function:' step.")
            return ()
        return tuple(
            tree.Cte(name=cte.alias.lower(), query=self.query(cte.this), columns=_listed(cte.args.get("alias")))
            for cte in clause.expressions
        )

    def _set_operation(self, node: exp.SetOperation) -> tree.Query:
        kinds = {exp.Union: "union", exp.Intersect: "intersect", exp.Except: "except"}
        operator: Any = kinds.get(type(node), "union")
        ctes = self._ctes(node)
        return tree.SetOperation(
            ctes=ctes,
            operator=operator,
            all=not node.args.get("distinct"),
            by_name=bool(node.args.get("by_name")),
            left=self.query(node.this),
            right=self.query(node.expression),
            **self._tail(node),
        )

    def _select(self, node: exp.Select) -> tree.Query:
        work = self.lowering
        for key, value in node.args.items():
            if value and key not in _CLAUSES:
                part = value[0] if isinstance(value, list) else value
                work.refuse(part if isinstance(part, exp.Expr) else node, "does not run on Polars with Spark's meaning")
        ctes = self._ctes(node)
        outer_windows = work.windows
        work.windows = {window.this.name.lower(): window for window in node.args.get("windows") or ()}
        source, joins = self._from(node)
        distinct = node.args.get("distinct")
        on = distinct.args.get("on") if distinct is not None else None
        where = self._clause(node, "where")
        select = tree.Select(
            ctes=ctes,
            source=source,
            joins=joins,
            where=where,
            group=self._group(node.args.get("group")),
            having=self._clause(node, "having"),
            qualify=self._clause(node, "qualify"),
            columns=tuple(self._named(projection) for projection in node.expressions),
            distinct=distinct is not None and on is None,
            distinct_on=work.expressions(on.expressions if isinstance(on, exp.Tuple) else [on]) if on is not None else (),
            **self._tail(node),
        )
        work.windows = outer_windows
        self._check_places(select, node)
        return select

    def _check_places(self, select: tree.Select, node: exp.Select) -> None:
        """Aggregates, windows and generators stand where they can be computed, and `*` has no column twice."""
        if twin := _twin(node):
            self.lowering.refuse(node, f"* over this JOIN gives two columns '{twin}'", f"Name the columns, or write USING ({twin}).")
        clause = node.args.get("where")
        for inner in tree.walk(select.where) if select.where is not None else ():
            if isinstance(inner, Aggregate | tree.Window):
                self.lowering.refuse(clause or node, "cannot hold an aggregate or a window", "Use HAVING or QUALIFY.")
                break
        for named in select.columns:
            for inner in tree.walk(named.value):
                is_generator = isinstance(inner, Call) and signatures()[inner.name].kind == "generator"
                if is_generator and inner is not named.value:
                    self.lowering.refuse(node, "has EXPLODE inside another expression", "Use LATERAL VIEW EXPLODE(x) t AS name.")

    def _clause(self, node: exp.Expr, key: str) -> Expression | None:
        clause = node.args.get(key)
        return None if clause is None else self.lowering.expression(clause.this)

    def _named(self, projection: exp.Expr) -> tree.Named:
        if isinstance(projection, exp.Alias):
            return tree.Named(value=self.lowering.expression(projection.this), name=projection.alias, given=True)
        if isinstance(projection, exp.Aliases):
            self.lowering.refuse(projection, "with several names is not portable", "Use LATERAL VIEW POSEXPLODE(x) t AS position, name.")
        value = self.lowering.expression(projection)
        is_name = isinstance(projection, exp.Column | exp.Dot) and not isinstance(projection.this, exp.Star)
        if isinstance(value, tree.Star):
            return tree.Named(value=value)
        if isinstance(value, Call) and value.name in ("explode", "explode_outer"):
            return tree.Named(value=value, name="col")
        return tree.Named(value=value, name=projection.name or projection.expression.name if is_name else result_name(projection))

    def _group(self, clause: exp.Group | None) -> tree.Grouping | None:
        if clause is None:
            return None
        if clause.args.get("all"):
            return tree.Grouping(all=True)
        keys: list[Expression] = []
        alternatives: list[list[tuple[int, ...]]] = []
        for item in clause.expressions:
            if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
                alternatives.append(self._sets(item, item.expressions, keys))
            else:
                alternatives.append([self._places([item], keys)])
        for key in ("rollup", "cube", "grouping_sets"):
            for item in clause.args.get(key) or ():
                if item.expressions:
                    alternatives.append(self._sets(item, item.expressions, keys))
                else:  # GROUP BY a, b WITH ROLLUP
                    alternatives = [self._sets(item, clause.expressions, keys)]
        if all(len(choices) == 1 for choices in alternatives):
            return tree.Grouping(keys=tuple(keys))
        sets: list[tuple[int, ...]] = [()]
        for choices in alternatives:
            sets = [tuple(dict.fromkeys((*one, *other))) for one in sets for other in choices]
        return tree.Grouping(keys=tuple(keys), sets=tuple(sets))

    def _sets(self, node: exp.Expr, items: Sequence[exp.Expr], keys: list[Expression]) -> list[tuple[int, ...]]:
        groups = [self._places(item.expressions if isinstance(item, exp.Tuple) else [item], keys) for item in items]
        if isinstance(node, exp.GroupingSets):
            return groups
        if isinstance(node, exp.Rollup):
            chosen = [groups[:count] for count in range(len(groups), -1, -1)]
        else:
            chosen = [[group for place, group in enumerate(groups) if number & 1 << place] for number in range(1 << min(len(groups), 8))]
        return [tuple(place for group in one for place in group) for one in chosen]

    def _places(self, items: Sequence[exp.Expr], keys: list[Expression]) -> tuple[int, ...]:
        places = []
        for item in items:
            key = self.lowering.expression(item.this if isinstance(item, exp.Paren) else item)
            if key not in keys:
                keys.append(key)
            places.append(keys.index(key))
        return tuple(places)

    def _from(self, node: exp.Select) -> tuple[tree.Relation | None, tuple[tree.Joined, ...]]:
        clause = node.args.get("from_")
        if clause is None:
            return None, ()
        source, joins = self._relation(clause.this)
        for lateral in [*(clause.this.args.get("laterals") or ()), *(node.args.get("laterals") or ())]:
            joins.append(self._lateral(lateral))
        for join in node.args.get("joins") or ():
            joins += self._join(join)
        return source, tuple(joins)

    def _relation(self, node: exp.Expr) -> tuple[tree.Relation, list[tree.Joined]]:
        """What stands behind FROM or JOIN, and the joins inside its parentheses."""
        alias = node.args.get("alias")
        listed = _listed(alias)
        name = alias.name if isinstance(alias, exp.TableAlias | exp.Identifier) else ""
        relation: tree.Relation
        inner: list[tree.Joined] = []
        for key, value in node.args.items():
            if isinstance(node, exp.Table) and value and key not in _TABLE_PARTS:
                self.lowering.refuse(value if isinstance(value, exp.Expr) else node, "does not run on Polars with Spark's meaning")
        if isinstance(node, exp.Table):
            relation = tree.Table(name=node.name.lower(), alias=name or node.name)
            if listed:
                every = tree.Select(source=relation, columns=(tree.Named(value=tree.Star()),))
                relation = tree.Derived(query=every, alias=name, columns=listed)
        elif isinstance(node, exp.Values):
            rows = tuple(self.lowering.expressions(row.expressions if isinstance(row, exp.Tuple) else [row]) for row in node.expressions)
            relation = tree.Values(rows=rows, alias=name, columns=listed)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery | exp.Values) and not name:
            relation, inner = self._relation(node.this)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Values):
            relation, inner = self._relation(node.this)
            named = replace(relation, alias=name)
            relation = replace(named, columns=listed) if isinstance(named, tree.Values) else named
        elif isinstance(node, exp.Subquery | exp.Select | exp.SetOperation):
            bare = node.this if isinstance(node, exp.Subquery) else node
            relation = tree.Derived(query=self.query(bare), alias=name, columns=listed)
        else:
            self.lowering.refuse(node, "does not run on Polars with Spark's meaning", "Write the query out, or use a transformer.")
            relation = tree.Table(name="", alias="")
        for pivot in node.args.get("pivots") or ():
            relation = self._pivot(pivot, relation)
        for join in node.args.get("joins") or ():
            inner += self._join(join)
        return relation, inner

    def _join(self, node: exp.Join) -> list[tree.Joined]:
        if isinstance(node.this, exp.Lateral):
            return [self._lateral(node.this)]
        if isinstance(node.this, exp.Unnest):
            return [self._unnest(node.this)]
        how: Any = _JOINS.get((node.side, node.kind))
        if how is None or node.method not in ("", "NATURAL"):
            name = node.method or f"{node.side} {node.kind}".strip()
            self.lowering.refuse(
                node, f"of kind {name} does not run on Polars with Spark's meaning", "Write INNER, LEFT, RIGHT, FULL or CROSS."
            )
            how = "inner"
        right, inner = self._relation(node.this)
        if inner:
            right = tree.Derived(query=tree.Select(source=right, joins=tuple(inner), columns=(tree.Named(value=tree.Star()),)))
        on = node.args.get("on")
        using = tuple(key.name for key in node.args.get("using") or ())
        return [
            tree.Join(how=how, right=right, on=self.lowering.expression(on) if on is not None else None, using=using,
                      natural=node.method == "NATURAL")
        ]  # fmt: skip

    def _lateral(self, node: exp.Lateral) -> tree.Joined:
        if isinstance(node.this, exp.Anonymous) and node.args.get("view"):
            value = self.lowering.expression(node.this)
            if isinstance(value, Call) and signatures()[value.name].kind == "generator":
                alias = node.args.get("alias")
                outer = bool(node.args.get("outer")) or value.name.endswith("_outer")
                return tree.Explode(
                    value=value.args[0],
                    outer=outer,
                    position=value.name.startswith("pos"),
                    alias=alias.name if alias is not None else "",
                    columns=_listed(alias),
                )
            if value is not NOTHING:
                self.lowering.refuse(node, "VIEW takes EXPLODE or POSEXPLODE")
        else:
            self.lowering.refuse(node, "does not run on Polars with Spark's meaning")
        return tree.Explode(value=NOTHING)

    def _unnest(self, node: exp.Unnest) -> tree.Joined:
        if len(node.expressions) != 1 or node.args.get("offset"):
            self.lowering.refuse(node, "takes one list")
        alias = node.args.get("alias")
        return tree.Explode(
            value=self.lowering.expression(node.expressions[0]), alias=alias.name if alias is not None else "", columns=_listed(alias)
        )

    def _pivot(self, node: exp.Pivot, source: tree.Relation) -> tree.Relation:
        fields = node.args.get("fields") or []
        alias = node.args.get("alias")
        name = alias.name if alias is not None else ""
        if len(fields) != 1 or not isinstance(fields[0], exp.In) or node.args.get("group"):
            self.lowering.refuse(node, "over several columns does not run on Polars", "Use the transformer 'pivot'.")
            return source
        listed = tuple(self._pivot_value(item) for item in fields[0].expressions)
        if node.args.get("unpivot"):
            if len(node.expressions) != 1 or any(isinstance(item, exp.Tuple) for item in node.expressions):
                self.lowering.refuse(node, "over several value columns does not run on Polars", "Use the transformer 'unpivot'.")
                return source
            keep = bool(node.args.get("include_nulls"))
            value, label = node.expressions[0].name, fields[0].this.name
            return tree.Unpivot(source=source, value=value, name=label, columns=listed, keep_nulls=keep, alias=name)
        aggregates = tuple(self._named(item) for item in node.expressions)
        if not all(any(isinstance(inner, Aggregate) for inner in tree.walk(named.value)) for named in aggregates):
            self.lowering.refuse(node, "needs an aggregate function")
            return source
        return tree.Pivot(source=source, aggregates=aggregates, column=self.lowering.expression(fields[0].this), values=listed, alias=name)

    def _pivot_value(self, item: exp.Expr) -> tree.Named:
        has_name = isinstance(item, exp.PivotAlias | exp.Alias)
        inner = item.this if has_name else item
        value = self.lowering.expression(inner)
        name = item.args["alias"].name if has_name else value.text if isinstance(value, Value) else inner.name
        if not isinstance(value, Value | Column):
            self.lowering.refuse(item, "needs literal values", "List the values, or use the transformer 'pivot'.")
        return tree.Named(value=value, name=name or "null")


def _twin(node: exp.Select) -> str:
    """A column that `*` would give twice, because a JOIN compares it with its namesake."""
    if not any(isinstance(projection, exp.Star) for projection in node.expressions):
        return ""
    for join in node.args.get("joins") or ():
        on = join.args.get("on")
        for equality in on.find_all(exp.EQ) if on is not None and join.kind not in ("SEMI", "ANTI") else ():
            left, right = equality.this, equality.expression
            if isinstance(left, exp.Column) and isinstance(right, exp.Column) and left.name.lower() == right.name.lower():
                return left.name.lower()
    return ""


def result_name(projection: exp.Expr) -> str:
    """What an unnamed result column is called: its own text."""
    return projection.sql(dialect="spark").lower().replace("count(*)", "count(1)")


def _listed(alias: exp.Expr | None) -> tuple[str, ...]:
    return tuple(column.name for column in alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else ()
