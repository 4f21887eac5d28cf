"""The style sheet is readable in the light and in the dark."""

from __future__ import annotations

import re

import pytest

from odibi_core.story.render import TEMPLATES

CSS = (TEMPLATES / "story.css").read_text()
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2])
PAIRS = [
    *((text, ground) for text in ("ink", "quiet", "link") for ground in ("page", "card", "soft")),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "idle")),
    *((text, f"{tone}-soft") for text in ("ink", "quiet") for tone in ("good", "warn", "bad", "idle")),
    *(("on-sign", tone) for tone in ("good", "warn", "bad", "idle")),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_every_text_stands_out_from_its_ground(palette, text, ground):
    one, other = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= 4.5


def test_both_palettes_have_the_same_colours():
    assert set(LIGHT) == set(DARK)


def test_every_colour_in_use_is_of_the_palette():
    used = set(re.findall(r"var\(--([a-z-]+)\)", CSS))
    assert used <= set(LIGHT) | {"shadow"}


def test_print_opens_what_is_closed():
    printed = CSS.partition("@media print")[2]
    assert "details::details-content" in printed
    assert "details > :not(summary)" in printed
