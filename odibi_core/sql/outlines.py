"""Which columns a query gives, what they are made of, and which names in it no column has: the scope rules of the engine, without rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from odibi_core.frozen import Frozen
from odibi_core.outline import Known, Missing, Others, Outline, made
from odibi_core.sql import tree
from odibi_core.sql.lineage import Lineage, Open, Scope, Seen

_UNTRACED = Open(table="", others=Others())
_TWO_COLUMNS = "Name the columns with AS, or write USING in the JOIN."
_TWO_WIDTHS = "Name the same columns on both sides, or write UNION BY NAME."


def outline_of(query: str, tables: Mapping[str, Outline]) -> tuple[Outline, tuple[Missing, ...]]:
    """
    What a compiled query (`CompiledSql.polars`) gives over tables by their lower-case names, and what is wrong with it.

    Nothing is called missing if it may be among columns that are not known.
    """
    work = _Work(lineage=Lineage(query=lambda _query, _scope: None))
    runner = _Runner(tables={name: _input(outline) for name, outline in tables.items()}, work=work)
    result = runner.run(tree.decoded(query))
    if not work.lineage.missing:
        _refuse_twins(result, work)
    return _result(result), tuple(dict.fromkeys(work.lineage.missing))


def _refuse_twins(result: Scope, work: _Work) -> None:
    seen: set[str] = set()
    for one in result.visible:
        if one.column.name.lower() in seen:
            work.report(one.column.name, (), f"SQL gives two columns '{one.column.name}'", hint=_TWO_COLUMNS)
        seen.add(one.column.name.lower())


def _input(outline: Outline) -> Scope:
    """An input. Two columns that differ only in case are one here: the engine refuses them, or one of them is not spelled so."""
    columns = {column.name.lower(): column for column in reversed(outline.columns)}
    fields = [Seen(column=column, table="", number=0) for column in outline.columns if columns[column.name.lower()] is column]
    return Scope(
        fields=tuple(fields),
        opens=() if outline.others is None else (Open(table="", others=outline.others),),
    )


def _result(scope: Scope) -> Outline:
    return Outline(columns=tuple(one.column for one in scope.visible), others=scope.others)


@dataclass(kw_only=True)
class _Work:
    """What holds for the whole query."""

    lineage: Lineage
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def seen(self, column: Known, table: str = "") -> Seen:
        return Seen(column=column, table=table, number=next(self.numbers))

    def report(self, name: str, known: Sequence[Seen], message: str, *, hint: str = "") -> None:
        names = tuple(dict.fromkeys(one.column.name for one in known))
        self.lineage.missing.append(Missing(name=name, known=names, message=message, hint=hint))


class _Runner(Frozen):
    """What a query can read."""

    tables: Mapping[str, Scope]  # inputs and CTEs
    work: _Work
    outer: Scope = field(default_factory=Scope)  # the columns around a query inside an expression

    def run(self, query: tree.Query) -> Scope:
        """The columns that a query gives."""
        inner = self._with(query.ctes)
        if isinstance(query, tree.SetOperation):
            alone = replace(inner, outer=Scope())
            result = self._combined(query, alone.run(query.left), alone.run(query.right))
            for term in query.order:
                inner.read(term.value, result)
            return result
        return inner.select(query)

    def _with(self, ctes: Sequence[tree.Cte]) -> _Runner:
        runner = self
        for cte in ctes:
            made_of = replace(runner, outer=Scope()).run(cte.query)
            runner = replace(runner, tables={**runner.tables, cte.name: runner._renamed(made_of, cte.name, cte.columns)})
        return runner

    def read(
        self, expression: tree.Expression | None, scope: Scope, aliases: Mapping[str, Known] | None = None, *, first: bool = False
    ) -> Known:
        """What an expression is made of."""
        lineage = self.work.lineage
        before, lineage.query = lineage.query, self._inside
        try:
            return lineage.of(expression, scope, aliases, first=first)
        finally:
            lineage.query = before

    def _inside(self, query: tree.Query, around: Scope) -> Sequence[Known] | None:
        result = replace(self, outer=around.hidden()).run(query)
        return None if result.others is not None else [one.column for one in result.visible]

    def _renamed(self, scope: Scope, table: str, columns: Sequence[str] = ()) -> Scope:
        """The visible columns under another table name."""
        shown, others = scope.visible, scope.others
        if columns and (others is not None or len(columns) != len(shown)):
            named = [Known(name=name, traced=False) for name in columns]
            return Scope(fields=tuple(self.work.seen(column, table) for column in named))
        renamed = [one.column.called(columns[place]) if columns else one.column for place, one in enumerate(shown)]
        return Scope(
            fields=tuple(self.work.seen(column, table) for column in renamed),
            opens=() if others is None else (Open(table=table, others=others),),
        )

    def _combined(self, node: tree.SetOperation, left: Scope, right: Scope) -> Scope:
        """Two results, column by column, under the names of the left one."""
        mine, theirs = left.visible, right.visible
        if node.by_name:
            return self._by_name(left, right)
        if left.others is not None or right.others is not None:
            columns = [replace(one.column, traced=False) for one in mine] if left.others is None else []
            return Scope(fields=tuple(map(self.work.seen, columns)), opens=(_UNTRACED,) if left.others is not None else ())
        if len(mine) != len(theirs):
            what = f"{node.operator.upper()} in SQL has {len(mine)} columns on its left and {len(theirs)} on its right"
            self.work.report("", (), what, hint=_TWO_WIDTHS)
            return Scope(fields=tuple(self.work.seen(replace(one.column, traced=False)) for one in mine))
        pairs = zip(mine, theirs, strict=True)
        return Scope(fields=tuple(self.work.seen(made(one.column.name, (one.column, other.column), how="value")) for one, other in pairs))

    def _by_name(self, left: Scope, right: Scope) -> Scope:
        columns = {one.column.name.lower(): one.column for one in left.visible}
        for one in right.visible:
            key = one.column.name.lower()
            columns[key] = made(columns[key].name, (columns[key], one.column), how="value") if key in columns else one.column
        others = [other for other in (left.others, right.others) if other is not None]
        opens = tuple(Open(table="", others=other) for other in others)
        return Scope(fields=tuple(map(self.work.seen, columns.values())), opens=opens)

    def _relation(self, node: tree.Relation) -> Scope:
        match node:
            case tree.Table():
                known = self.tables.get(node.name)
                return Scope(opens=(Open(table=node.alias, others=Others()),)) if known is None else self._renamed(known, node.alias)
            case tree.Derived():
                made_of = replace(self, outer=Scope()).run(node.query)
                return self._renamed(made_of, node.alias, node.columns) if node.alias else made_of
            case tree.Values():
                width = len(node.rows[0])
                names = node.columns or tuple(f"col{place + 1}" for place in range(width))
                return Scope(fields=tuple(self.work.seen(Known(name=name), node.alias) for name in names))
            case tree.Pivot():
                return self._pivoted(node, self._relation(node.source))
            case tree.Unpivot():
                return self._unpivoted(node, self._relation(node.source))

    def _from(self, node: tree.Select) -> Scope:
        scope = Scope() if node.source is None else self._relation(node.source)
        for join in node.joins:
            if isinstance(join, tree.Join):
                scope = self._joined(scope, join, self._relation(join.right))
            else:
                value = self.read(join.value, scope)
                defaults = ("pos", "col") if join.position else ("col",)
                names = join.columns if len(join.columns) == len(defaults) else defaults
                columns = [Known(name=name) for name in names[:-1]] + [value.called(names[-1])]
                scope = scope.and_(Scope(fields=tuple(self.work.seen(column, join.alias) for column in columns)))
        return scope

    def _joined(self, left: Scope, join: tree.Join, right: Scope) -> Scope:
        using = join.using
        if join.natural:
            if left.others is not None or right.others is not None:
                return Scope(opens=(*left.opens, *right.opens, _UNTRACED))
            names = {one.column.name.lower() for one in right.visible}
            using = tuple(one.column.name for one in left.visible if one.column.name.lower() in names)
        both = left.and_(right)
        self.read(join.on, both)
        pairs = [(self._side(name, left, "left"), self._side(name, right, "right")) for name in using]
        if join.how in ("semi", "anti"):
            return left
        shared = [made(mine.column.name, (mine.column, other.column), how="value") for mine, other in pairs]
        keys = {one.number for pair in pairs for one in pair}
        fields = tuple(replace(one, hidden=one.hidden or one.number in keys) for one in both.fields)
        opens = tuple(replace(one, others=one.others.without(using)) for one in both.opens)
        return Scope(fields=(*map(self.work.seen, shared), *fields), opens=opens)

    def _side(self, name: str, scope: Scope, side: str) -> Seen:
        """A key of USING on one side."""
        found = [one for one in scope.visible if one.column.name.lower() == name.lower()]
        if found:
            return found[0]
        if scope.others is None:
            self.work.report(name, scope.visible, f"the key '{name}' of USING is missing on the {side} side")
            return self.work.seen(Known(name=name, traced=False))
        return self.work.seen(Known(name=name, origins=scope.others.origins(name), traced=scope.others.traced))

    def _pivoted(self, node: tree.Pivot, source: Scope) -> Scope:
        """A column for each value and aggregate, grouped by all columns that neither of them reads."""
        read = _names_in(node.column).union(*(_names_in(named.value) for named in node.aggregates))
        self.read(node.column, source)
        values = [(self.read(named.value, source), named) for named in node.aggregates]
        fields = [self.work.seen(one.column, node.alias) for one in source.visible if one.column.name.lower() not in read]
        for value in node.values:
            for aggregate, named in values:
                name = value.name if len(values) == 1 else f"{value.name}_{named.name}" if named.given or len(values) > 1 else value.name
                fields.append(self.work.seen(aggregate.called(name), node.alias))
        return Scope(fields=tuple(fields), opens=_without(source, read, node.alias))

    def _unpivoted(self, node: tree.Unpivot, source: Scope) -> Scope:
        """A row for each of the columns, with its name and its value."""
        read = frozenset[str]().union(*(_names_in(named.value) for named in node.columns))
        value = made(node.value, [self.read(named.value, source) for named in node.columns], how="value")
        kept = [replace(one, table=node.alias or one.table) for one in source.visible if one.column.name.lower() not in read]
        new = (self.work.seen(Known(name=node.name), node.alias), self.work.seen(value, node.alias))
        return Scope(fields=(*kept, *new), opens=_without(source, read, node.alias))

    def select(self, node: tree.Select) -> Scope:
        """One SELECT."""
        scope = self._from(node).and_(self.outer)
        self.read(node.where, scope)
        columns: list[Known] = []
        aliases: dict[str, Known] = {}
        others: Others | None = None
        for named in node.columns:
            if isinstance(named.value, tree.Star):
                starred = self._starred(named.value, scope)
                columns += starred.columns
                others = starred.others if others is None else others.also(starred.others) if starred.others else others
                continue
            value = self.read(named.value, scope, aliases)
            columns += _generated(named, value) or [_named(named, value, scope)]
            if named.given:
                aliases.setdefault(named.name.lower(), value)
        for condition in (node.having, node.qualify):
            self.read(condition, scope, aliases)
        for expression in (*(term.value for term in node.order), *node.distinct_on):
            self.read(expression, scope, aliases, first=True)
        for key in node.group.keys if node.group is not None else ():
            self.read(key, scope, aliases)
        opens = () if others is None else (Open(table="", others=others),)
        return Scope(fields=tuple(map(self.work.seen, columns)), opens=opens)

    def _starred(self, star: tree.Star, scope: Scope) -> Outline:
        table = star.table.lower()
        fields = [one for one in scope.fields if one.table.lower() == table] if table else list(scope.visible)
        opens = [one for one in scope.opens if (one.table.lower() == table if table else not one.hidden)]
        if table and not fields and not opens:
            if scope.opens:
                opens = [_UNTRACED]
            else:
                self.work.report(star.table, (), f"'{star.table}.*' in SQL names no input")
        gone = {name.lower() for name in star.leave_out}
        if not opens:
            known = {one.column.name.lower() for one in fields}
            for name in star.leave_out:
                if name.lower() not in known:
                    self.work.report(name, fields, f"SQL reads the unknown column '{name}'")
        replaced = {named.name.lower(): self.read(named.value, scope) for named in star.replace}
        names = {old.lower(): new for old, new in star.rename}
        columns = [
            replace(replaced.get(name, one.column), name=names.get(name, one.column.name), spelled=name in names or one.column.spelled)
            for one in fields
            if (name := one.column.name.lower()) not in gone
        ]
        return self._with_named_in_star(star, columns, opens, fields)

    def _with_named_in_star(self, star: tree.Star, columns: list[Known], opens: Sequence[Open], fields: Sequence[Seen]) -> Outline:
        """The columns of `*`; one that is only known by being renamed in it is known from then on."""
        others: Others | None = None
        for one in opens:
            others = one.others if others is None else others.also(one.others)
        if others is None:
            return Outline(columns=tuple(columns))
        known = {one.column.name.lower() for one in fields}
        for old, new in star.rename:
            if old.lower() not in known:
                columns.append(Known(name=new, origins=others.origins(old), traced=others.traced))
        changed = [*star.leave_out, *(old for old, _ in star.rename), *(named.name for named in star.replace)]
        return Outline(columns=tuple(columns), others=others.without(changed))


def _names_in(expression: tree.Expression) -> frozenset[str]:
    """The names that an expression reads, and those before a dot: one of the two is a column."""
    columns = [node for node in tree.walk(expression) if isinstance(node, tree.Column)]
    return frozenset(name.lower() for node in columns for name in (node.name, node.table) if name)


def _without(source: Scope, names: frozenset[str], table: str) -> tuple[Open, ...]:
    return tuple(replace(one, table=table or one.table, others=one.others.without(names)) for one in source.opens)


def _named(named: tree.Named, value: Known, scope: Scope) -> Known:
    """A column that is written in lower case is spelled as in the input; everything else as it is written."""
    if named.given or not isinstance(named.value, tree.Column) or named.name != named.name.lower():
        return value.called(named.name)
    found = scope.called(named.value.name.lower(), named.value.table.lower())
    if found and found[0].column.name.lower() == named.name:
        return replace(value, name=found[0].column.name, spelled=found[0].column.spelled)
    return replace(value, name=named.name, spelled=not scope.opens)


def _generated(named: tree.Named, value: Known) -> list[Known]:
    """SELECT explode(x) gives a column, posexplode(x) two; everything else is what it is."""
    if not isinstance(named.value, tree.Call) or not named.value.name.startswith("posexplode"):
        return []
    return [Known(name="pos"), value.called("col")]
