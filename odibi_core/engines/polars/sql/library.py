"""Where scalar functions register themselves: a name of `odibi_core.sql.functions` and what builds its expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from odibi_core.engines.polars.sql.typed import Typed
from odibi_core.errors import SchemaMismatchError

Arguments = Sequence[Typed]
Builder = Callable[[Arguments], Typed]
FUNCTIONS: dict[str, Builder] = {}


def function(*names: str) -> Callable[[Builder], Builder]:
    """Decorator: build these functions with it."""

    def remember(builder: Builder) -> Builder:
        FUNCTIONS.update(dict.fromkeys(names, builder))
        return builder

    return remember


def simple(name: str, dtype: pl.DataType, read: Callable[[Typed], pl.Expr], build: Callable[..., pl.Expr]) -> None:
    """A function whose arguments are all read alike and whose result has one type."""
    FUNCTIONS[name] = lambda args: Typed(expr=build(*(read(arg) for arg in args)), dtype=dtype)


def literal(args: Arguments, place: int, default: str = "") -> str:
    """The text of a literal argument, from 1."""
    if place > len(args):
        return default
    found = args[place - 1].literal
    if found is None:
        raise SchemaMismatchError(f"SQL needs a literal as argument {place} of a function")
    return found
