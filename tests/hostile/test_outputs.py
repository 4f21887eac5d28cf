"""What the product writes and sends: T20 to T23, with hostile texts in every place that a text can come from."""

from __future__ import annotations

import csv
import json
import logging
import re
import sys
from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from odibi_core.logging_setup import JsonLines, TextLines
from tests.hosts.world import HEAD, World
from tests.story.pages import Page, assert_harmless
from tests.story.test_page import PAYLOADS

PROJECT = """\
owner: TEXT
pipelines:
  - pipeline: p
    description: TEXT
    tags: [TEXT]
    nodes:
      - name: n
        description: TEXT
        explanation: TEXT
        runbook_url: TEXT
        read: { connection: landing, format: csv, path: in.csv }
        validation:
          mode: warn
          tests:
            - { type: accepted_values, name: TEXT, column: COLUMN, values: [TEXT] }
            - { type: regex_match, column: COLUMN, pattern: '^x$', on_fail: warn }
        write: { connection: lake, format: delta, path: n }
      - name: fails
        depends_on: [n]
        transform: { steps: [ { function: rename_columns, params: { mapping: { nowhere: TEXT } } } ] }
        write: { connection: lake, format: delta, path: fails }
"""
MARKUP = [payload for payload in PAYLOADS if payload.isprintable() and "${" not in payload]


def told(tmp_path: Path, text: str) -> Path:
    """The folder of the story of a run in which a text stands in the YAML, in the header and in the cells."""
    column = f"column {text}"
    written = PROJECT.replace("runbook_url: TEXT", f"runbook_url: {json.dumps('https://wiki.example.com/?' + text, ensure_ascii=False)}")
    written = written.replace("TEXT", json.dumps(text, ensure_ascii=False)).replace("COLUMN", json.dumps(column, ensure_ascii=False))
    world = World(tmp_path, HEAD + written)
    (tmp_path / "landing").mkdir()
    with (tmp_path / "landing/in.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["i", column], ["1", text], ["2", f"cell {text}"]])
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    assert final.status == "failed"
    (page,) = (file for file in tmp_path.rglob("index.html") if file.parent.name != "stories")
    return page.parent


@pytest.mark.parametrize("payload", MARKUP)
def test_t20_no_text_of_a_run_becomes_markup(tmp_path: Path, payload: str) -> None:
    """Names, descriptions, checks, columns, cells and errors: shown as they are; the page allows no script, and its twin is JSON."""
    story = told(tmp_path, payload)
    html = (story / "index.html").read_text(encoding="utf-8")
    page = Page(html)
    assert_harmless(page)
    assert payload in page.text()
    policy = next(str(meta["content"]) for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert payload in json.dumps(json.loads((story / "story.json").read_text(encoding="utf-8")), ensure_ascii=False).replace(
        "\\\\", "\\"
    ).replace('\\"', '"')
    assert re.findall(r"(?<!\\)<", (story / "run.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", " javascript:alert(1)"])
def test_t20_an_address_of_the_author_is_no_link_that_runs(tmp_path: Path, address: str) -> None:
    """It is refused where it stands, or is a text of the page."""
    body = PROJECT.replace("TEXT", "x").replace("COLUMN", "i").replace("runbook_url: x", f"runbook_url: {address!r}")
    world = World(tmp_path, HEAD + body)
    world.land("in.csv", 1)
    said = ""
    try:
        host = world.in_process()
        host.run(host.request("p"))
    except ConfigError as error:
        said = str(error)
    pages = [Page(file.read_text()) for file in tmp_path.rglob("index.html")]
    assert pages or "runbook_url" in said
    for page in pages:
        assert [link["href"] for link in page.all("a") if str(link["href"]).strip().lower().startswith(address.strip()[:5])] == []


FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.example.com")', "=cmd|'/C calc'!A0", "|cmd"]


def test_t21_no_report_is_a_table_that_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    """Reports are pages, JSON, Markdown and Delta tables; none of them is CSV, where a cell could be a formula."""
    story = told(tmp_path, '=HYPERLINK("http://evil.example.com")')
    assert sorted(file.name for file in story.iterdir()) == ["index.html", "run.md", "story.json"]
    assert {file.suffix for file in (tmp_path / "lake").rglob("*") if file.is_file()} <= {".html", ".md", ".json", ".parquet", ".lock", ""}


@pytest.mark.parametrize("formula", FORMULAS)
def test_t21_data_in_a_csv_file_are_not_changed(tmp_path: Path, formula: str) -> None:
    """A target holds what the node computed: whoever opens it in a spreadsheet has to know that."""
    body = (
        "pipelines:\n  - pipeline: p\n    nodes:\n      - name: n\n        read: { connection: landing, format: csv, path: in.csv }\n"
        "        write: { connection: lake, format: csv, path: out.csv }\n"
    )
    world = World(tmp_path, HEAD + body)
    (tmp_path / "landing").mkdir()
    with (tmp_path / "landing/in.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["i", "t"], ["1", formula]])
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    assert final.status == "succeeded"
    (target,) = (file for file in (tmp_path / "lake").rglob("out.csv*") if file.is_file())
    with target.open(newline="") as rows:
        assert list(csv.reader(rows)) == [["i", "t"], ["1", formula]]


FORGED = [
    "a\nERROR: forged (odibi.run)",
    "a\r\nb",
    "a\x1b[31mred\x1b[0m",
    "a\x00b",
    "a\u2028b",
    "a\u202eb",
    "a\x85b",
    "a\x9b31mb",
    "\ud800",
]


@pytest.mark.parametrize("name", FORGED)
def test_t22_a_record_is_one_line_whatever_is_in_it(name: str) -> None:
    """As JSON and as text; in the message, in its arguments and in its fields."""
    record = logging.LogRecord("odibi.run", logging.ERROR, __file__, 1, "node '%s' failed", (name,), None)
    record.node = name
    try:
        raise ValueError(name)
    except ValueError:
        record.exc_info = sys.exc_info()
    as_json = JsonLines().format(record)
    assert as_json.isprintable()
    assert json.loads(as_json)["node"] == name
    assert TextLines(with_traceback=False).format(record).isprintable()


def test_t23_a_message_is_small_whatever_a_run_is_about(tmp_path: Path) -> None:
    """It holds ids: neither five hundred files nor a key of sixty kilobytes are in it."""
    body = (
        "pipelines:\n  - pipeline: p\n    triggers: [ { blob: { connection: landing, path: 'orders/{name}.csv' } } ]\n    nodes:\n"
        "      - name: n\n        read: { connection: landing, format: csv, path: 'orders/*.csv' }\n"
        "        write: { connection: lake, format: delta, path: n }\n"
    )
    world = World(tmp_path, HEAD + body)
    for number in range(500):
        world.land(f"orders/{'long name ' * 10}{number}.csv", number)
    host = world.azure()
    status, answer = host.on_start_request({"pipeline": "p", "key": "k" * 60_000})
    assert status == 202, answer
    sizes = [len(command.model_dump_json()) for command, _ in world.queue.sent]
    assert sizes
    assert max(sizes) < 1000


def test_t23_a_story_has_a_largest_size(tmp_path: Path) -> None:
    """A hundred thousand letters in every text do not make a page that no browser opens."""
    story = told(tmp_path, "long " * 5_000)
    assert (story / "index.html").stat().st_size < 3_000_000
