"""A page stays small enough to send, and says what it left out."""

from __future__ import annotations

from odibi_core.events import PlannedNodeFacts, Sample
from odibi_core.story import build, render
from odibi_core.story.fit import MOST_BYTES
from tests.story import runs
from tests.story.pages import Page, assert_harmless


def huge(nodes: int, cell: str, rows: int = 100, columns: int = 40):
    sample = Sample(columns=tuple(f"c{place}" for place in range(columns)), rows=((cell,) * columns,) * rows)
    facts = [PlannedNodeFacts(name=f"n{place}") for place in range(nodes)]
    result = runs.silver_result().model_copy(update={"sample": sample})
    return [runs.started(facts), *(runs.finished(fact.name, result) for fact in facts), runs.ended("succeeded", 9, succeeded=nodes)]


def test_fifteen_nodes_with_samples_stay_under_150_kilobytes():
    assert len(render(build(runs.wide(15))).encode()) <= 150_000


def test_sixty_nodes_need_no_cut():
    html = render(build(runs.wide(60)))
    assert len(html.encode()) <= 400_000
    assert "to keep this page small" not in html


def test_a_page_over_the_limit_cuts_its_samples_and_says_so():
    html = render(build(huge(60, "x" * 30)))
    assert len(html.encode()) <= MOST_BYTES
    assert "Samples are cut to 3 rows and 20 columns to keep this page small; story.json has everything." in html
    assert_harmless(Page(html))


def test_samples_go_before_anything_else():
    html = render(build(huge(200, "ä" * 200)))
    assert len(html.encode()) <= MOST_BYTES
    assert "Samples are left out and long texts are cut to keep this page small" in html
    assert "n199 wrote 1,198 rows" in html


def test_thousands_of_nodes_still_make_a_page():
    html = render(build(huge(3000, "x", rows=1, columns=1)))
    assert len(html.encode()) <= MOST_BYTES
    assert "Only the first 300 nodes are shown" in html


def test_a_text_of_megabytes_is_cut():
    error = runs.NULLS.model_copy(update={"message": "<" * 5_000_000, "hint": "&" * 5_000_000})
    events = [runs.started(runs.NODES[:1]), runs.finished("bronze", runs.failed(0, 1, error)), runs.ended("failed", 2, failed=1)]
    html = render(build(events))
    assert len(html.encode()) <= MOST_BYTES
    assert_harmless(Page(html))


def test_too_many_nodes_to_draw_are_in_the_table():
    html = render(build(huge(260, "x", rows=0)))
    assert "260 nodes are too many to draw; the table has them all." in html
    assert '<details class="fold" open>' in html


def test_a_long_cell_is_shortened():
    html = render(build(huge(1, "y" * 500, rows=1, columns=1)))
    assert "y" * 199 + "…" in html
    assert "y" * 200 not in html
