"""Draw a run against time as SVG: when each node waited, ran, failed and was tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from odibi_core.frozen import Frozen
from odibi_core.story.model import Attempt, NodeStory, RunStory
from odibi_core.story.svg import opening, safe
from odibi_core.story.words import duration, shortened

MOST_ROWS = 250
_PLOT, _ROW, _TOP = 800, 26, 24
_LETTERS, _LETTER_WIDTH = 24, 7.6  # of a label
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_LEAST = 2.0  # the width of what is too short to see


class _Scale(Frozen):
    start: datetime
    seconds: float
    left: float  # where the run begins; the labels stand before it

    def x(self, at: datetime) -> float:
        share = (at - self.start).total_seconds() / self.seconds
        return self.left + _PLOT * min(max(share, 0.0), 1.0)


def timeline(run: RunStory, nodes: Sequence[NodeStory], anchors: Mapping[str, str]) -> str:
    """An SVG with one row per node that started; empty when none did or there are too many."""
    rows = sorted((node for node in nodes if node.attempts), key=lambda node: node.attempts[0].started_at)
    if not 0 < len(rows) <= MOST_ROWS:
        return ""
    ends = [at for node in rows for attempt in node.attempts for at in (attempt.started_at, attempt.ended_at) if at]
    end = max([*ends, run.finished_at or run.started_at])
    left = min(max(len(node.name) for node in rows), _LETTERS) * _LETTER_WIDTH + 16
    scale = _Scale(start=run.started_at, seconds=max((end - run.started_at).total_seconds(), 0.001), left=round(left))
    width = scale.left + _PLOT + round(max(len(_aside(node)) for node in rows) * _LETTER_WIDTH)
    height = _TOP + _ROW * len(rows) + 4
    parts = [opening(f"Timeline, {duration(scale.seconds)}", width, height, "fit full")]
    parts += _grid(scale, height)
    parts += [_row(node, anchors[node.name], _TOP + _ROW * place, scale, end) for place, node in enumerate(rows)]
    return "".join([*parts, "</svg>"])


def _grid(scale: _Scale, height: int) -> list[str]:
    step = _step(scale.seconds)
    lines = []
    for count in range(int(scale.seconds / step + 1e-9) + 1):
        x = scale.left + _PLOT * count * step / scale.seconds
        label = duration(count * step) if count else "0"
        lines.append(f'<path class="grid" d="M{x:.1f} {_TOP - 6}V{height}"/><text class="tick" x="{x:.1f}" y="12">{label}</text>')
    return lines


def _step(seconds: float) -> float:
    """Four to eight lines at round numbers."""
    if seconds < 6:
        power = 10.0**-6
        while power * 10 <= seconds:
            power *= 10
        return next(power * part for part in (0.2, 0.5, 1.0, 2.0) if seconds / (power * part) <= 8)
    return next((step for step in _STEPS if seconds / step <= 8), 86400.0 * max(1, round(seconds / 86400 / 6)))


def _row(node: NodeStory, anchor: str, y: int, scale: _Scale, end: datetime) -> str:
    first, last = node.attempts[0], node.attempts[-1]
    bars = []
    if node.ready_at and node.ready_at < first.started_at:
        bars.append(_bar("wait", (node.ready_at, first.started_at), y, scale, "waited"))
    for attempt, following in zip(node.attempts, [*node.attempts[1:], None], strict=True):
        until = attempt.ended_at or end
        bars.append(_bar(_kind(attempt, node), (attempt.started_at, until), y, scale, _told(attempt)))
        if following and until < following.started_at:
            bars.append(_bar("wait", (until, following.started_at), y, scale, "waited before the next attempt"))
    name = f"{safe(shortened(node.name, _LETTERS))}<title>{safe(node.name)}</title>"
    return (
        f'<a href="#{safe(anchor)}" aria-label="{safe(f"{node.name}: {_aside(node)}")}">'
        f'<text class="label" x="{scale.left - 12:g}" y="{y + 15}">{name}</text>{"".join(bars)}'
        f'<text class="took" x="{scale.x(last.ended_at or end) + 6:.1f}" y="{y + 15}">{_aside(node)}</text></a>'
    )


def _aside(node: NodeStory) -> str:
    span = duration(node.seconds) if node.seconds is not None else node.status
    return span + (f" · {len(node.attempts)} attempts" if len(node.attempts) > 1 else "")


def _bar(kind: str, span: tuple[datetime, datetime], y: int, scale: _Scale, told: str) -> str:
    start, end = span
    x = scale.x(start)
    width = max(scale.x(end) - x, _LEAST)
    top, height = (y + 9, 4) if kind == "wait" else (y + 3, 16)
    return (
        f'<rect class="bar {kind}" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{height}" rx="{min(height, 8) / 4:g}">'
        f"<title>{told}: {duration((end - start).total_seconds())}</title></rect>"
    )


def _kind(attempt: Attempt, node: NodeStory) -> str:
    match attempt.outcome:
        case "succeeded":
            return node.tone
        case "failed" | "retried" | "lost":
            return "bad" if attempt.outcome == "failed" else "again"
        case _:
            return "idle"


def _told(attempt: Attempt) -> str:
    words = {"handed_off": "handed to another engine", "retried": "failed, to be tried again", "lost": "its worker was lost"}
    return f"attempt {attempt.number}, {words.get(attempt.outcome, attempt.outcome)}"
