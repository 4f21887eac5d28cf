"""Draw the flow of a run as SVG: what feeds what, how it ended, and how many rows went along each edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from odibi_core.story.layering import Placed, placed
from odibi_core.story.model import NodeStory
from odibi_core.story.svg import glyph, opening, safe
from odibi_core.story.words import counted, duration, shortened

MOST_NODES = 250  # beyond this a drawing says less than the table
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 184, 54, 64, 20, 2
_NAME_LENGTH = 19
_SHRINKS = 1500  # a wider drawing is scrolled: letters must stay readable
_THIN, _THICK = 1.25, 9.0


def flow(nodes: Sequence[NodeStory], anchors: Mapping[str, str]) -> str:
    """An SVG whose nodes link to their anchors; empty when there is nothing to draw or too much."""
    if not 0 < len(nodes) <= MOST_NODES:
        return ""
    places = placed({node.name: node.upstream for node in nodes}, node_height=_HEIGHT + _GAP_Y, bend_height=_GAP_Y)
    width = places.layers * (_WIDTH + _GAP_X) - _GAP_X + 2 * _MARGIN
    height = round(places.height - _GAP_Y) + 2 * _MARGIN
    parts = [opening(f"Flow of {counted(len(nodes), 'node')}", width, height, "fit" if width <= _SHRINKS else "")]
    parts += _edges(nodes, places)
    parts += [_box(node, anchors[node.name], places) for node in nodes]
    return "".join([*parts, "</svg>"])


def _edges(nodes: Sequence[NodeStory], places: Placed) -> list[str]:
    rows = {node.name: node.rows_out for node in nodes}
    ended = {node.name: node.status for node in nodes}
    most = max((count for count in rows.values() if count), default=1)
    drawn = []
    for source, target in places.bends:
        count = rows[source]
        width = _THIN + (_THICK - _THIN) * sqrt((count or 0) / most)
        kind = "edge" if ended[source] == "succeeded" else "edge off"
        told = "" if count is None else f"<title>{safe(source)} → {safe(target)}: {counted(count, 'row')}</title>"
        drawn.append(f'<path class="{kind}" stroke-width="{width:.1f}" d="{_curve(source, target, places)}">{told}</path>')
    return drawn


def _curve(source: str, target: str, places: Placed) -> str:
    """Through the middle of every layer between the two, level where it passes a node."""
    x, y = _left(places.layer[source]) + _WIDTH, _middle(places.y[source])
    line = [f"M{x:g} {y:g}"]
    for layer, bend in [*places.bends[(source, target)], (places.layer[target], places.y[target])]:
        left, height = _left(layer), _middle(bend)
        half = (left - x) / 2
        line.append(f"C{x + half:g} {y:g} {x + half:g} {height:g} {left:g} {height:g}")
        x, y = left, height
        if layer != places.layer[target]:
            x = left + _WIDTH
            line.append(f"H{x:g}")
    return "".join(line)


def _box(node: NodeStory, anchor: str, places: Placed) -> str:
    x, y = _left(places.layer[node.name]), _middle(places.y[node.name]) - _HEIGHT / 2
    facts = [counted(node.rows_out, "row")] if node.rows_out is not None else []
    facts += [duration(node.seconds)] if node.seconds is not None else []
    second = " · ".join(facts) or node.status.replace("_", " ")
    return (
        f'<a href="#{safe(anchor)}" aria-label="{safe(f"{node.name}: {node.status}, {second}")}">'
        f'<g class="node {node.tone}" transform="translate({x:g} {y:g})"><title>{safe(node.sentence)}</title>'
        f'<rect class="box" width="{_WIDTH}" height="{_HEIGHT}" rx="10"/>'
        f"{glyph(node.tone, 20, 20)}"
        f'<text class="name" x="36" y="24">{safe(shortened(node.name, _NAME_LENGTH))}</text>'
        f'<text class="fact" x="36" y="41">{safe(shortened(second, 26))}</text></g></a>'
    )


def _left(layer: int) -> float:
    return _MARGIN + layer * (_WIDTH + _GAP_X)


def _middle(y: float) -> float:
    return round(y - _GAP_Y / 2 + _MARGIN, 1)
