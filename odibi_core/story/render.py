"""Render a story as one self-contained page: no script, no outside asset, every value escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from odibi_core.story.fit import MOST_BYTES, fitting
from odibi_core.story.markup import document
from odibi_core.story.model import NodeStory, Story
from odibi_core.story.page import sections, tiles


def render(story: Story) -> str:
    """The page. Over the size limit it leaves out samples first, then details, and says so."""
    page = ""
    for smaller, notes in fitting(story):
        page = _page(smaller, notes)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def style_hash(style: str) -> str:
    """The source expression that lets a browser apply exactly this style sheet (CSP Level 3, section 2.3.1, "hash-source")."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _page(story: Story, notes: Sequence[str]) -> str:
    style = _style()
    return document(
        story,
        tiles=tiles(story.totals, story.run.seconds),
        sections=tuple(sections(story, _anchors(story.nodes))),
        notes=notes,
        style=style,
        style_source=style_hash(style),
    )


@cache
def _style() -> str:
    return (Path(__file__).parent / "story.css").read_text(encoding="utf-8")


def _anchors(nodes: Sequence[NodeStory]) -> dict[str, str]:
    return {node.name: f"node-{node.name if re.fullmatch('[A-Za-z0-9_]+', node.name) else place}" for place, node in enumerate(nodes)}
