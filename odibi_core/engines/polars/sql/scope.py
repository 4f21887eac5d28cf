"""Which columns a part of a query can see, and which one a name means."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

import polars as pl

from odibi_core.engines.polars.sql.typed import Typed
from odibi_core.errors import SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.sql import tree


class Field(Frozen):
    """A column of a relation."""

    name: str  # as its query or input spells it
    table: str
    physical: str  # in the frame
    dtype: pl.DataType
    soft: bool = False
    hidden: bool = False  # not in `*`, and only meant if no other column has the name

    @property
    def value(self) -> Typed:
        """The column as an expression."""
        return Typed(expr=pl.col(self.physical), dtype=self.dtype, soft=self.soft)

    @property
    def column(self) -> tree.Column:
        """The column as a part of a query."""
        return tree.Column(name=self.physical, table=tree.BOUND)


class Relation(Frozen):
    """A frame and what its columns are called."""

    frame: pl.LazyFrame
    fields: tuple[Field, ...]
    row: str | None = None  # of a correlated query: the column that says for which row of the outer query

    @property
    def visible(self) -> tuple[Field, ...]:
        """What `*` means."""
        return tuple(found for found in self.fields if not found.hidden)


class UnknownColumnError(SchemaMismatchError):
    """A name that no column has."""


class Work(Frozen):
    """What holds for the whole query."""

    text: str
    now: datetime
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def fresh(self, hint: str = "c") -> str:
        """A column name that nobody has."""
        return f"{hint}#{next(self.numbers)}"

    def unknown(self, column: tree.Column, fields: Sequence[Field]) -> UnknownColumnError:
        """The error of a name that no column has."""
        named = f"{column.table}.{column.name}" if column.table else column.name
        known = list(dict.fromkeys(found.name for found in fields if not found.hidden))
        near = difflib.get_close_matches(column.name.lower(), [name.lower() for name in known], n=1)
        meant = next((f"Did you mean '{name}'? " for name in known if near and name.lower() == near[0]), "")
        listed = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
        return UnknownColumnError(
            f"SQL reads the unknown column '{named}'{self._where(column.at)}", hint=f"{meant}Known: {listed or 'none'}."
        )

    def _where(self, offset: int) -> str:
        if not 0 <= offset < len(self.text):
            return ""
        return f" (line {self.text.count(chr(10), 0, offset) + 1}, column {offset - self.text.rfind(chr(10), 0, offset)})"


def find(column: tree.Column, fields: Sequence[Field]) -> Field | None:
    """
    The column that a name means; what is visible goes before what is hidden.

    Raises:
        SchemaMismatchError: If it may mean several.
    """
    name, table = column.name.lower(), column.table.lower()
    found = [one for one in fields if one.name.lower() == name and (not table or one.table.lower() == table)]
    shown = [one for one in found if not one.hidden] or found
    if len(shown) > 1 and any(one.physical != shown[0].physical for one in shown):
        tables = ", ".join(f"{one.table}.{one.name}" for one in shown)
        raise SchemaMismatchError(f"the column '{column.name}' in SQL may mean several", hint=f"Write one of {tables}.")
    return shown[0] if shown else None


def resolved(
    expression: tree.Expression,
    fields: Sequence[Field],
    work: Work,
    *,
    aliases: Mapping[str, tree.Expression] | None = None,
    aliases_first: bool = False,
) -> tree.Expression:
    """
    The expression with every column bound to one of the fields, or replaced by what an alias of the SELECT stands for.

    Raises:
        UnknownColumnError: If a name is neither.
    """
    named = aliases or {}

    def bind(node: tree.Node) -> tree.Node | None:
        if isinstance(node, tree.Lambda):
            return replace(node, body=_under_lambda(node))
        if not isinstance(node, tree.Column) or node.table == tree.BOUND:
            return None
        alias = named.get(node.name.lower()) if not node.table else None
        if alias is not None and aliases_first:
            return alias
        found = find(node, fields)
        if found is not None:
            return found.column
        struct = find(tree.Column(name=node.table), fields) if node.table else None
        if struct is not None:
            return tree.Call(name="field", args=(struct.column, tree.Value(type="text", text=node.name)))
        if alias is not None:
            return alias
        raise work.unknown(node, fields)

    def _under_lambda(node: tree.Lambda) -> tree.Expression:
        def inner(part: tree.Node) -> tree.Node | None:
            if isinstance(part, tree.Column) and not part.table and part.name.lower() in node.names:
                return replace(part, name=part.name.lower())
            return bind(part)

        body: tree.Expression = tree.changed(node.body, inner)
        return body

    made: tree.Expression = tree.changed(expression, bind)
    return made


def bound_names(expression: tree.Node) -> frozenset[str]:
    """The physical columns that a bound expression reads."""
    return frozenset(node.name for node in tree.walk(expression) if isinstance(node, tree.Column) and node.table == tree.BOUND)


def renamed(relation: Relation, table: str, work: Work, columns: Sequence[str] = ()) -> Relation:
    """
    The visible columns of a relation under another table name, in a frame of their own.

    Raises:
        SchemaMismatchError: If the given column names are not as many as the columns.
    """
    shown = relation.visible
    if columns and len(columns) != len(shown):
        raise SchemaMismatchError(f"'{table}' in SQL names {len(columns)} columns and has {len(shown)}")
    fields = tuple(
        replace(old, table=table, physical=work.fresh(old.name), name=columns[place] if columns else old.name)
        for place, old in enumerate(shown)
    )
    selected = [pl.col(old.physical).alias(new.physical) for old, new in zip(shown, fields, strict=True)]
    return Relation(frame=relation.frame.select(selected), fields=fields)


def input_relation(name: str, frame: pl.LazyFrame, work: Work) -> Relation:
    """
    An input of the node.

    Raises:
        SchemaMismatchError: If two columns differ only in case.
    """
    schema = frame.collect_schema()
    seen: dict[str, str] = {}
    for column in schema.names():
        twin = seen.setdefault(column.lower(), column)
        if twin != column:
            raise SchemaMismatchError(
                f"columns '{twin}' and '{column}' of '{name}' differ only in case", hint="SQL cannot tell them apart: rename one before."
            )
    fields, selected = [], []
    for column, dtype in schema.items():
        physical = work.fresh(column)
        is_word = isinstance(dtype, pl.Categorical | pl.Enum)
        selected.append((pl.col(column).cast(pl.String) if is_word else pl.col(column)).alias(physical))
        fields.append(Field(name=column, table=name, physical=physical, dtype=pl.String() if is_word else dtype))
    return Relation(frame=frame.select(selected), fields=tuple(fields))
