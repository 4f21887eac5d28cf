"""Columns of a frame: finding those that the author names, and putting new ones in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame


def find_columns(frame: Frame, names: Iterable[str], *, who: str) -> tuple[str, ...]:
    """
    The frame's columns by their names, each as the frame spells it.

    A name means the column that is spelled exactly so, or else the only one that differs from it in case.

    Raises:
        SchemaMismatchError: If there is no such column.
    """
    available = frame.collect_schema().names()
    by_case: dict[str, list[str]] = {}
    for column in available:
        by_case.setdefault(column.lower(), []).append(column)
    found: list[str] = []
    missing: list[str] = []
    for name in names:
        alike = [name] if name in available else by_case.get(name.lower(), [])
        (found if len(alike) == 1 else missing).append(alike[0] if len(alike) == 1 else name)
    if missing:
        named = ", ".join(dict.fromkeys(missing))
        raise SchemaMismatchError(f"'{who}' needs missing columns: {named}", hint=f"Available: {', '.join(available)}.")
    return tuple(found)


def find_column(frame: Frame, name: str, *, who: str) -> str:
    """
    One column, as `find_columns`.

    Raises:
        SchemaMismatchError: If there is no such column.
    """
    return find_columns(frame, [name], who=who)[0]


def in_place(frame: Frame, computed: Mapping[str, str], columns: Iterable[str]) -> Frame:
    """
    The original columns with new values: `computed` says which column holds those of which.

    A column that was there before keeps its place; the others follow, in the order of `computed`.
    """
    import narwhals as nw

    names = list(columns)
    names += [name for name in computed if name not in names]
    return frame.select(*(nw.col(computed.get(name, name)).alias(name) for name in names))
