"""
What is known of a frame's columns before there is a frame: their names, and which columns they are made of.

An outline is honest: what it does not know it leaves open, and only what cannot be there is called missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, Protocol

from odibi_core.frozen import Frozen

How = Literal["value", "computed", "counted"]  # the value itself goes on, something that was made of it, or only a number of rows


class Origin(Frozen):
    """A column that another one is made of."""

    source: str  # a node, "pipeline.name", or a place that is read, "connection/path"
    column: str  # lower case
    how: How = "value"


class Known(Frozen):
    """A column that is there."""

    name: str
    origins: frozenset[Origin] = frozenset()
    traced: bool = True  # False: it may be made of other columns, too
    spelled: bool = True  # False: its name may differ in case

    def called(self, name: str) -> Known:
        """The same column under another name."""
        return replace(self, name=name, spelled=True)

    def is_called(self, name: str) -> bool:
        """Whether it has exactly this name, as far as is known."""
        return self.name == name or (not self.spelled and self.name.lower() == name.lower())


class Others(Frozen):
    """Columns that may be there besides: those of a source under their own names, or any."""

    parts: tuple[tuple[str, frozenset[str]], ...] = ()  # a source, and which of its columns (lower case) are not among them
    traced: bool = False  # there are none but those of the sources

    def origins(self, name: str) -> frozenset[Origin]:
        """What a column of that name is made of, if it is one of these."""
        column = name.lower()
        return frozenset(Origin(source=source, column=column) for source, gone in self.parts if column not in gone)

    def without(self, names: Iterable[str]) -> Others:
        """The same, but for some columns."""
        gone = frozenset(name.lower() for name in names)
        return replace(self, parts=tuple((source, before | gone) for source, before in self.parts))

    def also(self, other: Others) -> Others:
        """Those of both."""
        return Others(parts=tuple(dict.fromkeys((*self.parts, *other.parts))), traced=self.traced and other.traced)


class Outline(Frozen):
    """The columns of a frame, in order as far as it is known."""

    columns: tuple[Known, ...] = ()
    others: Others | None = None  # None: there are none

    @classmethod
    def of(cls, source: str, names: Iterable[str] | None) -> Outline:
        """The columns of a source; None if nobody knows their names."""
        if names is None:
            return cls(others=Others(parts=((source, frozenset()),), traced=True))
        return cls(columns=tuple(Known(name=name, origins=frozenset({Origin(source=source, column=name.lower())})) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are known."""
        return tuple(column.name for column in self.columns)

    def find(self, name: str) -> Known | None:
        """The column that is spelled so, or else the only one that differs from it in case."""
        alike = [column for column in self.columns if column.name.lower() == name.lower()]
        return next((column for column in alike if column.name == name), alike[0] if len(alike) == 1 else None)

    def lacks(self, name: str) -> bool:
        """Whether no column can be meant by a name."""
        return self.others is None and all(column.name.lower() != name.lower() for column in self.columns)

    def column(self, name: str) -> Known:
        """The column that a name means, with what can be said of one that is not known."""
        return self.find(name) or self._one_of_others(name)

    def select(self, names: Iterable[str]) -> Outline:
        """Only these columns, in this order."""
        return Outline(columns=tuple(self.column(name) for name in names))

    def without(self, names: Iterable[str]) -> Outline:
        """All columns but these."""
        gone = [self.column(name).name for name in names]
        kept = tuple(column for column in self.columns if column.name not in gone)
        return Outline(columns=kept, others=None if self.others is None else self.others.without(gone))

    def renamed(self, mapping: Mapping[str, str]) -> Outline:
        """Columns under new names, in their places."""
        new = {self.column(old).name: name for old, name in mapping.items()}
        kept = [column.called(new[column.name]) if column.name in new else column for column in self.columns]
        if self.others is None:
            return Outline(columns=tuple(kept))
        moved = [self._one_of_others(old).called(name) for old, name in mapping.items() if self.find(old) is None]
        return Outline(columns=(*kept, *moved), others=self.others.without([*mapping, *mapping.values()]))

    def with_columns(self, *made: Known) -> Outline:
        """New columns behind the others; one of a name that is there takes its place."""
        columns = {column.name: column for column in self.columns}
        for new in made:
            there = next((name for name, column in columns.items() if column.is_called(new.name)), new.name)
            columns[there] = new
        others = None if self.others is None else self.others.without(column.name for column in made)
        return Outline(columns=tuple(columns.values()), others=others)

    def assuming(self, names: Iterable[str]) -> Outline:
        """The same, as if these columns were there: what is missing is told once, and not again by a query that reads it."""
        return self.with_columns(*(Known(name=name, traced=False) for name in names if self.lacks(name)))

    def opened(self) -> Outline:
        """The same, and perhaps others whose names depend on the data."""
        return replace(self, others=Others() if self.others is None else self.others.also(Others()))

    def _one_of_others(self, name: str) -> Known:
        others = self.others or Others()
        return Known(name=name, origins=others.origins(name), traced=others.traced, spelled=self.others is None)

    def made(self, name: str, *, of: Iterable[str] = (), how: How = "computed") -> Known:
        """A new column that is made of some of these."""
        return made(name, [self.column(one) for one in of], how=how)


UNKNOWN = Outline(others=Others())


def made(name: str, of: Iterable[Known], *, how: How = "computed") -> Known:
    """A column that is made of others."""
    parts = tuple(of)
    origins = frozenset(weakened(origin, how) for part in parts for origin in part.origins)
    return Known(name=name, origins=origins, traced=all(part.traced for part in parts))


def weakened(origin: Origin, how: How) -> Origin:
    """What is left of an origin when something is made of the column: of a number of rows no value comes back."""
    if how == "value" or origin.how in ("counted", how):
        return origin
    return replace(origin, how=how)


class Around(Protocol):
    """What a transform may ask when it says which columns it gives."""

    def need(self, outline: Outline, names: Iterable[str], *, at: str, of: str = "") -> None:
        """Report those that are missing; they stand in the parameter `at`. `of` says whose columns they are, if not the frame's."""
        ...

    def dataset(self, name: str) -> Outline:
        """The columns of another input of the node."""
        ...

    def query(self, text: str, tables: Mapping[str, Outline]) -> Outline:
        """The columns that a query of the transform gives; what is wrong with it is reported."""
        ...


class Missing(Frozen):
    """A name that no column has."""

    name: str
    known: tuple[str, ...]
    message: str
    hint: str = ""  # instead of the names that are known
    at: int = -1  # where it stands in a text
