"""Show a high-water mark as a value, unless its column is hidden."""

from __future__ import annotations

import json

from odibi_core.events import Sample, WatermarkMoved
from odibi_core.story.model import WatermarkStory

HIDDEN = "[REDACTED]"


def moved(node: str, mark: WatermarkMoved, sample: Sample | None) -> WatermarkStory:
    """The mark from where it stood to where it stands. The value of a masked column is data like any other."""
    hidden = sample is not None and (mark.column in sample.masked or (bool(sample.note) and not sample.rows))
    return WatermarkStory(
        node=node,
        column=mark.column,
        before=_shown(mark.before, hidden=hidden),
        after=_shown(mark.after, hidden=hidden),
    )


def _shown(text: str | None, *, hidden: bool) -> str | None:
    if text is None:
        return None
    if hidden:
        return HIDDEN
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return str(value["v"]) if isinstance(value, dict) and "v" in value else text
