"""What a page is made of. The template knows how each looks; everything in them is text, and it escapes all of it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from odibi_core.story.model import Tone


class Bit(NamedTuple):
    """A piece of a line that looks different, or leads to an anchor of the page."""

    text: str
    css: str = ""
    anchor: str = ""


Line: TypeAlias = "tuple[str | Bit, ...]"


class Head(NamedTuple):
    """The head of a column; its style is that of all its cells."""

    text: str
    css: str = ""


class Lines(NamedTuple):
    """Paragraphs."""

    css: str
    lines: tuple[Line, ...]
    kind: str = "lines"


class Heading(NamedTuple):
    """A heading inside of a section."""

    text: str
    kind: str = "heading"


class Code(NamedTuple):
    """Text as it was written."""

    text: str
    kind: str = "code"


class Chips(NamedTuple):
    """Short things in a row."""

    lines: tuple[Line, ...]
    kind: str = "chips"


class Facts(NamedTuple):
    """Names and what they stand for."""

    rows: tuple[tuple[str, Line], ...]
    kind: str = "facts"


class Table(NamedTuple):
    """A table whose first column names the row."""

    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Line, ...], ...]
    kind: str = "table"


class Grid(NamedTuple):
    """Rows of data as text. None is a null."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    kind: str = "grid"


class Drawing(NamedTuple):
    """An SVG of this package, which escapes on its own."""

    svg: str
    kind: str = "drawing"


class Fold(NamedTuple):
    """Something that opens."""

    title: str
    open: bool
    blocks: tuple[Block, ...]
    kind: str = "fold"


class Card(NamedTuple):
    """A node of the accordion."""

    anchor: str
    tone: Tone
    title: str
    aside: str
    blocks: tuple[Block, ...]
    kind: str = "card"


Block: TypeAlias = "Lines | Heading | Code | Chips | Facts | Table | Grid | Drawing | Fold | Card"


class Section(NamedTuple):
    """A part of the page that the navigation leads to."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


class Tile(NamedTuple):
    """One number of the strip at the top."""

    label: str
    value: str
    note: str
