"""Render a story as one self-contained page: no script, no outside asset, every value escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.story.fit import MOST_BYTES, fitting
from odibi_core.story.model import NodeStory, Story
from odibi_core.story.page import sections, tiles
from odibi_core.story.svg import signs
from odibi_core.story.words import instant, visible

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"


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
    run = story.run
    anchors = _anchors(story.nodes)
    style = _style()
    return _template().render(
        run=run,
        verdict=story.verdict,
        schema_id=story.schema_id,
        started=instant(run.started_at),
        places=[word for word in (run.project, run.environment, instant(run.started_at)) if word],
        notes=notes,
        tiles=tiles(story.totals, run.seconds),
        sections=tuple(sections(story, anchors)),
        signs=signs(),
        style=style,
        style_hash=style_hash(style),
    )


@cache
def _style() -> str:
    return (TEMPLATES / "story.css").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    """The compiled template. The first page of a process pays for jinja2, a process without a page does not."""
    from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    try:
        compiled = FileSystemBytecodeCache()  # in a folder that only this user can read
    except RuntimeError:
        compiled = None  # there is no such folder here
    environment = Environment(
        bytecode_cache=compiled,
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_visible,
    )
    environment.globals["safe"] = Markup  # the template uses it for the style sheet and drawings of this package, and nothing else
    return environment.get_template("story.html.j2")


def _visible(value: Any) -> Any:
    return visible(value) if type(value) is str else value


def _anchors(nodes: Sequence[NodeStory]) -> dict[str, str]:
    return {node.name: f"node-{node.name if re.fullmatch('[A-Za-z0-9_]+', node.name) else place}" for place, node in enumerate(nodes)}
