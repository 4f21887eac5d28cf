"""Make a story smaller until its page is fit to send and to open, and say what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from odibi_core.events import Sample
from odibi_core.frozen import Frozen
from odibi_core.story.model import NodeStory, Story
from odibi_core.story.privacy import texts, with_texts
from odibi_core.story.words import shortened

MOST_BYTES = 2_000_000
_PER_TEXT = 12  # bytes of markup around a text, at the least
_CELL = 200  # letters of a sample's cell, also on a page that is small enough
_LISTS = ("reads", "columns", "checks", "attempts", "warnings", "steps", "handoffs", "tags", "upstream")


class _Limits(Frozen):
    sample_rows: int
    sample_columns: int
    items: int  # of each list of a node
    letters: int  # of each long text
    nodes: int
    note: str


_STEPS = (
    _Limits(sample_rows=100, sample_columns=200, items=1000, letters=20_000, nodes=3000, note="Long texts and lists are cut"),
    _Limits(sample_rows=3, sample_columns=20, items=500, letters=10_000, nodes=3000, note="Samples are cut to 3 rows and 20 columns"),
    _Limits(sample_rows=0, sample_columns=0, items=100, letters=2000, nodes=3000, note="Samples are left out and long texts are cut"),
    _Limits(sample_rows=0, sample_columns=0, items=10, letters=200, nodes=300, note="Only the first 300 nodes are shown, each in short"),
    _Limits(sample_rows=0, sample_columns=0, items=0, letters=50, nodes=300, note="Only the first 300 nodes are shown, without details"),
)


def fitting(story: Story) -> Iterator[tuple[Story, tuple[str, ...]]]:
    """The story, smaller and smaller, each time with the notes that its page must show. Those that cannot fit are not offered."""
    whole = story.model_copy(update={"nodes": tuple(node.model_copy(update=_samples(node, _short_cells)) for node in story.nodes)})
    for limits in _STEPS:
        smaller = _within(whole, limits)
        found = [len(text) for text in texts(smaller)]
        if max(found) > limits.letters:
            smaller = with_texts(smaller, partial(shortened, length=limits.letters))
        if limits is _STEPS[-1] or sum(min(length, limits.letters) + _PER_TEXT for length in found) <= MOST_BYTES:
            yield smaller, () if smaller == whole else (f"{limits.note} to keep this page small; story.json has everything.",)


def _within(story: Story, limits: _Limits) -> Story:
    return story.model_copy(
        update={
            "nodes": tuple(_node(node, limits) for node in story.nodes[: limits.nodes]),
            "files": story.files[: limits.items],
            "watermarks": story.watermarks[: limits.items],
        }
    )


def _node(node: NodeStory, limits: _Limits) -> NodeStory:
    lists = {name: getattr(node, name)[: limits.items] for name in _LISTS}
    return node.model_copy(update={**lists, **_samples(node, partial(_sample, limits=limits))})


def _samples(node: NodeStory, change: Callable[[Sample], Sample]) -> dict[str, object]:
    """The samples of a node, each changed."""
    failing = tuple(one.model_copy(update={"sample": change(one.sample)}) for one in node.failing)
    return {"sample": None if node.sample is None else change(node.sample), "failing": failing}


def _short_cells(sample: Sample) -> Sample:
    if all(cell is None or len(cell) <= _CELL for row in sample.rows for cell in row):
        return sample
    rows = tuple(tuple(cell and shortened(cell, _CELL) for cell in row) for row in sample.rows)
    return sample.model_copy(update={"rows": rows})


def _sample(sample: Sample, limits: _Limits) -> Sample:
    wide = limits.sample_columns
    rows = tuple(row[:wide] for row in sample.rows[: limits.sample_rows])
    return sample.model_copy(update={"columns": sample.columns[:wide], "rows": rows})
