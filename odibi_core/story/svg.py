"""Pieces that the drawings share: safe text, and the signs that tell outcomes apart without colour."""

from __future__ import annotations

from markupsafe import escape

from odibi_core.story.model import Tone
from odibi_core.story.words import visible

_STROKES = {
    "good": "M-3.6 .2 -1.1 2.8 3.8 -2.6",
    "warn": "M0 -4 V1 M0 3.6 V3.7",
    "bad": "M-2.9 -2.9 2.9 2.9 M2.9 -2.9 -2.9 2.9",
    "idle": "M-3.2 0 H3.2",
}


def safe(text: str) -> str:
    """Text as it may stand between tags and between double quotes."""
    return str(escape(visible(text)))


def opening(label: str, width: float, height: float, css: str) -> str:
    """The start of a drawing. It holds links, so it is a group and not an image (WAI-ARIA 1.2, "Presentational Children")."""
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg class="{css}" role="group" aria-label="{safe(label)}" {size}>'


def glyph(tone: Tone, x: float, y: float) -> str:
    """A disc with a tick, an exclamation mark, a cross or a dash."""
    return f'<g class="sign" transform="translate({x:g} {y:g})"><circle r="8.5"/><path d="{_STROKES[tone]}"/></g>'


def signs() -> dict[Tone, str]:
    """The disc of each outcome as a drawing of its own, beside a text that says the same."""
    tones: tuple[Tone, ...] = ("good", "warn", "bad", "idle")
    return {
        tone: f'<svg class="{tone}" width="20" height="20" viewBox="-10 -10 20 20" aria-hidden="true">{glyph(tone, 0, 0)}</svg>'
        for tone in tones
    }
