"""What the columns of an expression are made of, and which of the names in it no column has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from odibi_core.frozen import Frozen
from odibi_core.outline import How, Known, Missing, Origin, Others, made, weakened
from odibi_core.sql import tree

# Functions and aggregates whose result holds the text or the number that went in.
_CARRIES = frozenset({
    "coalesce", "nvl", "nvl2", "nullif", "if", "nanvl", "zeroifnull", "nullifzero", "greatest", "least", "upper", "lower", "initcap",
    "trim", "ltrim", "rtrim", "btrim", "lpad", "rpad", "concat", "concat_ws", "reverse", "left", "right", "substring", "split_part",
    "positive", "min", "max", "first", "last", "any_value", "first_non_null", "mode", "string_agg", "lag", "lead", "nth_value",
})  # fmt: skip
_COUNTS = frozenset({"count", "count_if", "approx_count_distinct", "row_number", "rank", "dense_rank", "ntile", "grouping", "grouping_id"})
_OF_THE_FIRST = frozenset({"max_by", "min_by", "lag", "lead", "nth_value", "nvl2", "if"})


class Seen(Frozen):
    """A column that a part of a query can see."""

    column: Known
    table: str
    number: int  # which column it is: one that is seen twice is one
    hidden: bool = False  # not in `*`, and only meant if no other column has the name


class Open(Frozen):
    """Columns of a table that may be there and are not known."""

    table: str
    others: Others
    hidden: bool = False


class Scope(Frozen):
    """Everything that a part of a query can see."""

    fields: tuple[Seen, ...] = ()
    opens: tuple[Open, ...] = ()

    @property
    def visible(self) -> tuple[Seen, ...]:
        """What `*` means, as far as it is known."""
        return tuple(one for one in self.fields if not one.hidden)

    @property
    def others(self) -> Others | None:
        """What else `*` may mean."""
        found: Others | None = None
        for one in self.opens:
            if not one.hidden:
                found = one.others if found is None else found.also(one.others)
        return found

    def hidden(self) -> Scope:
        """The same for a query inside: names mean it if they mean nothing nearer."""
        return Scope(
            fields=tuple(replace(one, hidden=True) for one in self.fields), opens=tuple(replace(one, hidden=True) for one in self.opens)
        )

    def and_(self, other: Scope) -> Scope:
        """What both can see."""
        return Scope(fields=(*self.fields, *other.fields), opens=(*self.opens, *other.opens))

    def called(self, name: str, table: str = "") -> list[Seen]:
        """The columns that a name may mean; what is visible goes before what is hidden."""
        found = [one for one in self.fields if one.column.name.lower() == name and (not table or one.table.lower() == table)]
        return [one for one in found if not one.hidden] or found


Query = Callable[[tree.Query, Scope], Sequence[Known] | None]  # the columns of a query inside an expression; None: some are not known


@dataclass(kw_only=True)
class Lineage:
    """Reads expressions, and remembers the names that mean nothing."""

    query: Query
    missing: list[Missing] = field(default_factory=list)

    def of(
        self, expression: tree.Expression | None, scope: Scope, aliases: Mapping[str, Known] | None = None, *, first: bool = False
    ) -> Known:
        """What an expression is made of. `first`: an alias of the SELECT goes before a column of that name."""
        if expression is None:
            return Known(name="")
        return _Reader(work=self, scope=scope, aliases=aliases or {}, first=first).read(expression)


class _Reader(Frozen):
    work: Lineage
    scope: Scope
    aliases: Mapping[str, Known]
    first: bool
    parameters: frozenset[str] = frozenset()  # of the lambda functions around

    def read(self, node: tree.Expression) -> Known:
        match node:
            case tree.Column():
                return self._column(node)
            case tree.Value() | tree.Star():
                return Known(name="")
            case tree.Cast():
                return self.read(node.value)
            case tree.Call():
                return self._call(node)
            case tree.Case():
                asked = [self.read(condition) for condition, _ in node.branches]
                values = [self.read(value) for _, value in node.branches]
                return made("", [made("", asked), *values, self._maybe(node.otherwise)], how="value")
            case tree.Aggregate():
                return self._aggregate(node)
            case tree.Window():
                function = self.read(node.function)
                for other in (*node.partition, *(term.value for term in node.order)):
                    self.read(other)
                return function
            case tree.Lambda():
                return replace(self, parameters=self.parameters | set(node.names)).read(node.body)
            case tree.InQuery():
                value = made("", [self.read(node.value)])
                self.work.query(node.query, self.scope)
                return value
            case tree.Exists():
                self.work.query(node.query, self.scope)
                return Known(name="")
            case tree.Scalar():
                columns = self.work.query(node.query, self.scope)
                return Known(name="", traced=False) if columns is None else made("", columns, how="value")

    def _maybe(self, node: tree.Expression | None) -> Known:
        return Known(name="") if node is None else self.read(node)

    def _call(self, node: tree.Call) -> Known:
        args = [self.read(arg) for arg in node.args]
        if node.name in ("nvl2", "if") and args:
            return made("", [made("", args[:1]), *args[1:]], how="value")
        return made("", args, how="value" if node.name in _CARRIES else "computed")

    def _aggregate(self, node: tree.Aggregate) -> Known:
        args = [self.read(arg) for arg in node.args]
        for other in (node.where, *(term.value for term in node.order)):
            self._maybe(other)
        if node.name in _COUNTS:
            return made("", args, how="counted")
        if node.name in ("max_by", "min_by"):
            return made("", args[:1], how="value")
        how: How = "value" if node.name in _CARRIES else "computed"
        return made("", args[:1] if node.name in _OF_THE_FIRST else args, how=how)

    def _column(self, node: tree.Column) -> Known:
        name, table = node.name.lower(), node.table.lower()
        if not table and name in self.parameters:
            return Known(name="")
        alias = self.aliases.get(name) if not table else None
        if alias is not None and self.first:
            return alias
        found = self.scope.called(name, table)
        if len({one.number for one in found}) > 1:
            self._several(node, found)
            return made("", [one.column for one in found], how="value")
        if found:
            return found[0].column
        structs = self.scope.called(table) if table else []
        if structs:
            return made("", [one.column for one in structs], how="value")
        return self._unseen(node, alias)

    def _unseen(self, node: tree.Column, alias: Known | None) -> Known:
        """A name that no known column has: an alias, one of the columns that are not known, or nothing."""
        table = node.table.lower()
        if not self._may_be_open(table):
            if alias is None:
                self._unknown(node)
            return alias or Known(name="", traced=False)
        origins: frozenset[Origin] = frozenset() if alias is None else alias.origins
        traced = alias is None or alias.traced
        for one in self.scope.opens:
            mine = not table or one.table.lower() == table
            # Behind another name than that of its table it may be a field of a struct.
            origins |= one.others.origins(node.name if mine else node.table)
            traced = traced and one.others.traced
        return Known(name="", origins=frozenset(weakened(origin, "value") for origin in origins), traced=traced)

    def _may_be_open(self, table: str) -> bool:
        """Whether a name, or one behind that of a table, may be a column that is not known. The name of a table means that table."""
        opens = [one for one in self.scope.opens if not table or one.table.lower() == table]
        is_a_table = any(one.table.lower() == table for one in self.scope.fields)
        return bool(opens or (table and not is_a_table and self.scope.opens))

    def _unknown(self, node: tree.Column) -> None:
        named = f"{node.table}.{node.name}" if node.table else node.name
        known = tuple(dict.fromkeys(one.column.name for one in self.scope.visible))
        self.work.missing.append(Missing(name=node.name, known=known, message=f"SQL reads the unknown column '{named}'", at=node.at))

    def _several(self, node: tree.Column, found: Sequence[Seen]) -> None:
        tables = ", ".join(f"{one.table}.{one.column.name}" for one in found)
        message = f"the column '{node.name}' in SQL may mean several"
        self.work.missing.append(Missing(name=node.name, known=(), message=message, hint=f"Write one of {tables}.", at=node.at))
