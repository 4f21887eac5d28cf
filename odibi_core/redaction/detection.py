"""Everything that looks like a secret in a text, whoever it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

from odibi_core.redaction import pairs

Span = tuple[int, int]
_SHORTEST = 8  # below that there is no room for a key and a value


def find(text: str, known: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Where something stands that looks like a secret; `known` are values that are secrets behind a key, whatever they look like."""
    if len(text) < _SHORTEST:
        return
    lowered = text.lower()
    if any(sign in lowered for sign in pairs.SIGNS):
        yield from pairs.find(text, known)
    # Imported with the first text that is long enough: starting the app needs none of it.
    from odibi_core.redaction.rules import spans_of
    from odibi_core.redaction.shapes import SHAPES
    from odibi_core.redaction.structures import STRUCTURES
    from odibi_core.redaction.vendors import VENDORS

    yield from spans_of(STRUCTURES, text, lowered)
    if len(text) >= 16:
        yield from spans_of(VENDORS, text, lowered)
        yield from spans_of(SHAPES, text, lowered)
