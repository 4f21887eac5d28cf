"""The page shows every value and runs none of them."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_core.story import Story, build, render
from odibi_core.story.words import visible
from tests.story import runs
from tests.story.pages import Page, assert_harmless, everywhere

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>.csv",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "</text><a href='javascript:alert(1)'>x</a>",
    "</pre><iframe src=//evil.example>",
    "</details></section></main><h1>owned",
    "</td></tr></table><form action=//evil.example>",
    "<!--",
    "-->",
    "<!-- --!><img src=x onerror=alert(1)>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php system('id') ?>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "${7*7}",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "` onclick=`alert(1)`",
    '" style="background:url(//evil.example)',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<object data=//evil.example>",
    "<base href=//evil.example>",
    '<meta http-equiv=refresh content="0;url=//evil.example">',
    "<link rel=stylesheet href=//evil.example>",
    "\u202egpj.exe\u202c",
    "line\nbreak\r\nand\ttab",
    "\x1b[31mred\x1b[0m\x00\x07",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
]


def page_of(events) -> Page:
    return Page(render(build(events)))


@pytest.mark.parametrize("name", runs.ALL)
def test_a_page_is_made_of_known_elements_only(name):
    assert_harmless(page_of(runs.ALL[name]()))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["success", "failed_check", "retries"])
def test_a_payload_in_every_text_is_shown_and_not_run(name, payload):
    page = page_of(everywhere(runs.ALL[name](), payload))
    assert_harmless(page)
    assert page.shape == page_of(everywhere(runs.ALL[name](), "plain")).shape
    assert " ".join(visible(payload).split()) in " ".join(page.text().split())


@pytest.mark.parametrize("name", ["failed_check", "retries"])
@given(text=st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_text_in_any_field_makes_an_element(name, text):
    page = page_of(everywhere(runs.ALL[name](), text))
    assert_harmless(page)
    assert page.shape == page_of(runs.ALL[name]()).shape or text != ""
    assert page.shape == page_of(everywhere(runs.ALL[name](), "plain")).shape or text == ""


def test_nothing_on_the_page_is_invisible_or_turns_the_writing():
    html = render(build(everywhere(runs.failed_check(), "a\u202eb\u2066c\u200bd\x1b[31me\x00f\u2028g")))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]", html)
    assert "a\\u202eb\\u2066c\\u200bde\\u0000f\\u2028g" in html


@pytest.mark.parametrize("name", runs.ALL)
def test_the_policy_allows_this_style_sheet_and_nothing_else(name):
    html = render(build(runs.ALL[name]()))
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(meta["content"] for meta in Page(html).all("meta") if meta.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style


@pytest.mark.parametrize("name", runs.ALL)
def test_every_link_has_its_place_and_every_place_one_name(name):
    page = page_of(runs.ALL[name]())
    places = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(places) == len(set(places))
    links = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")}
    assert links <= set(places)


@pytest.mark.parametrize("name", runs.ALL)
def test_tables_and_regions_have_names(name):
    page = page_of(runs.ALL[name]())
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head.get("scope") in {"col", "row"} for head in page.all("th"))
    labels = [section["aria-labelledby"] for section in page.all("section")]
    assert len(labels) == len(set(labels))
    assert all(drawing.get("role") == "group" or drawing.get("aria-hidden") for drawing in page.all("svg"))


def test_what_failed_is_open_and_what_went_well_is_closed():
    cards = [details for details in page_of(runs.failed_check()).all("details") if details["class"] == "node"]
    assert ["open" in card for card in cards] == [False, True, False]


def test_sections_without_content_are_left_out():
    titles = page_of(runs.empty()).text(of="h2")
    assert titles == "Provenance and privacy"


def test_the_page_of_a_failure_says_what_to_do():
    page = page_of(runs.failed_check())
    assert page.text(of="code") == "odibi run --resume --run 0f3c9a7be21d4586a9f0c1d2e3b4a596"
    for words in ("12 of 1,204 failed", "3 of 1,204 warned", "6 of 1,204 set aside", "check_failed · exit code 3"):
        assert words in page.text()


def test_the_graph_draws_each_edge_as_wide_as_the_root_of_its_rows():
    """1,204 rows are the widest edge; 1,198 of them make sqrt(1198/1204) of the range from 1.25 to 9 points."""
    widths = [path["stroke-width"] for path in page_of(runs.success()).all("path") if "stroke-width" in path]
    assert widths == ["9.0", "9.0"]
    thin = runs.success()
    few = thin[2].model_copy(update={"result": thin[2].result.model_copy(update={"rows_out": 0})})
    widths = [path["stroke-width"] for path in page_of([*thin[:2], few, *thin[3:]]).all("path") if "stroke-width" in path]
    assert widths == ["1.2", "9.0"]


def test_the_timeline_shows_waiting_lost_failed_and_final_attempts():
    page = page_of(runs.retries())
    bars = [bar["class"].removeprefix("bar ") for bar in page.all("rect") if bar["class"].startswith("bar")]
    assert bars == ["wait", "again", "again", "wait", "good", "wait", "idle", "wait", "good"]


def test_a_page_from_the_twin_is_the_same_page():
    story = build(runs.failed_check())
    assert render(Story.model_validate_json(story.model_dump_json())) == render(story)


def test_a_page_is_the_same_each_time():
    assert render(build(runs.wide(15))) == render(build(runs.wide(15)))
