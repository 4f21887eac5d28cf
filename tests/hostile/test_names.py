"""Paths and names that want to lead elsewhere, or to be more than names: T10 to T14."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from odibi_core.errors import ConfigError, OdibiError
from odibi_core.events import NodeFinished
from odibi_core.logging_setup import JsonLines, TextLines, log_event
from tests.engines.conftest import Lake
from tests.hosts.world import ACCOUNT, HEAD, World, blob_created
from tests.story.pages import Page, assert_harmless

PATHS = [
    "../outside.csv",
    "a/../../outside.csv",
    "/etc/hostname",
    "..\\outside.csv",
    "%2e%2e/outside.csv",
    "%252e%252e/outside.csv",
    "．．/outside.csv",
    "..／outside.csv",
    ".. /outside.csv",
    "a\0b",
    "abfss://other@evil.dfs.core.windows.net/x",
    "file:///etc/hostname",
    "//host/x",
    "C:\\x",
    "x" * 1100,
]
READS = """\
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: { connection: landing, format: csv, path: PATH }
        write: { connection: lake, format: delta, path: n }
"""
WRITES = READS.replace("path: n }", "path: PATH }").replace("csv, path: PATH", "csv, path: good.csv")
PLACES = {
    "read": HEAD + READS,
    "write": HEAD + WRITES,
    "write of a file": HEAD + WRITES.replace("format: delta", "format: csv"),
    "story": HEAD.replace("path: stories", "path: PATH") + READS.replace("PATH", "good.csv"),
    "system": HEAD.replace("path: _system", "path: PATH") + READS.replace("PATH", "good.csv"),
    "sql_file": HEAD + READS.replace("PATH }", "good.csv }\n        transform: { steps: [ { sql_file: PATH } ] }"),
    "inputs": HEAD
    + READS.replace("read: {", "inputs: { a: {").replace("PATH }", "PATH } }\n        transform: { steps: ['SELECT * FROM a'] }"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("place", PLACES)
def test_t10_no_spelling_of_a_path_leads_out_of_its_connection(tmp_path: Path, place: str, path: str) -> None:
    """Whichever key it stands in: refused before or in the run, nothing outside is read or made, and the text does not quote it."""
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "outside.csv").write_text("i\nstolen-cell\n")
    before = sorted(tmp_path.iterdir())
    world = World(inside, PLACES[place].replace("PATH", json.dumps(path).replace("\\u0000", "\\0")))
    world.land("good.csv", 1)
    try:
        host = world.in_process()
        final = host.run(host.request("p"))
        outcomes = host.app.coordinator.journal.outcomes(final.run_id, ["n"]) if final is not None else {}
        result = outcomes["n"].result if isinstance(outcomes.get("n"), NodeFinished) else None  # type: ignore[union-attr]  # it ran
        status = "failed" if result is None else result.status
    except ConfigError as error:
        status = error.error_code
    # The places of reports may begin with a slash: it is the one of their connection.
    assert status in {"failed", "path_refused", "config", *(["succeeded"] if place in ("story", "system") and path[0] == "/" else [])}
    assert sorted(tmp_path.iterdir()) == before
    assert b"stolen-cell" not in b"".join(file.read_bytes() for file in (inside / "lake").rglob("*") if file.is_file())


NAME = 'x\'; DROP TABLE t--<img src=x onerror=alert(1)>{{7*7}}${HOME}%3Cb%3E=1+1 \u202e\U0001f4a9 ü,"q"'
ARRIVALS = """\
pipelines:
  - pipeline: p
    triggers: [ { blob: { connection: landing, path: 'orders/{name}.csv' } } ]
    nodes:
      - name: n
        read: { connection: landing, format: csv, path: '${trigger.path}' }
        transform: { steps: [ "SELECT i, '${trigger.name}' AS name FROM df WHERE '${trigger.name}' <> ''" ] }
        write: { connection: lake, format: delta, path: n, mode: append, add_metadata: true }
      - name: broken
        depends_on: [n]
        transform: { steps: [ "SELECT CAST(name AS INT) AS name FROM n" ] }
        validation: { tests: [ { type: not_null, columns: [name] } ] }
        write: { connection: lake, format: delta, path: broken }
"""


@pytest.fixture
def arrived(tmp_path: Path) -> World:
    """A run of a file with a hostile name: its node wrote, and the one behind it failed."""
    world = World(tmp_path, HEAD + ARRIVALS)
    world.land(f"orders/{NAME}.csv", 1, 2)
    host = world.azure()
    host.on_blob_event(world.event(f"orders/{NAME}.csv"))
    assert world.work(host) == ["n", "broken"]
    return world


def test_t11_a_hostile_name_is_data_in_tables_and_sql(arrived: World) -> None:
    """Letter for letter in its columns; it ended no literal, named no variable and was no template."""
    table = pl.read_delta(str(arrived.folder / "lake/n")).sort("i")
    assert table["name"].to_list() == [NAME, NAME]
    assert table["_source_file"].str.contains(NAME, literal=True).to_list() == [True, True]
    (plan,) = arrived.plans()
    assert plan["cause"]["files"][0]["path"] == f"orders/{NAME}.csv"


def test_t11_a_hostile_name_is_text_in_the_story(arrived: World) -> None:
    """The page has no element and no attribute of it, and shows it with its direction mark spelled out."""
    (page,) = (file for file in arrived.folder.rglob("index.html") if file.parent.name != "stories")
    text = page.read_text(encoding="utf-8")
    assert_harmless(Page(text))
    assert "<img" not in text
    assert "{{7*7}}" in Page(text).text()
    assert "\u202e" not in text
    json.loads((page.parent / "story.json").read_text(encoding="utf-8"))
    note = (page.parent / "run.md").read_text(encoding="utf-8")
    assert re.findall(r"(?<!\\)<", note) == []


def test_t11_a_hostile_name_is_one_row_of_the_catalog(arrived: World) -> None:
    """As it is, under its pipeline."""
    app = arrived.in_process().app
    rows = app.catalog.files(pipeline="p").to_dicts()
    assert [row["path"] for row in rows if NAME in row["path"]] == [f"orders/{NAME}.csv"]
    assert [row["status"] for row in app.catalog.runs(limit=9).to_dicts()] == ["failed"]


def test_t11_a_hostile_name_is_one_line_of_the_log(arrived: World) -> None:
    """In JSON and as text: no line break, no colour, no direction mark comes out of it."""
    host = arrived.in_process()
    (plan,) = arrived.plans()
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend(formatter.format(record) for formatter in (JsonLines(), TextLines(with_traceback=False)))

    log, handler = logging.getLogger("odibi.run"), Kept()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        for event in host.app.coordinator.journal.events(plan["run_id"]):
            log_event(event)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert lines
    assert [line for line in lines if not line.isprintable()] == []
    assert all(isinstance(json.loads(line), dict) for line in lines[::2])


@pytest.mark.parametrize(
    "name", ["a\nlevel=ERROR forged.csv", "a\r\nb.csv", "a\x1b[31mb.csv", "a\0.csv", "..%2f..%2fx.csv", "x" * 1100 + ".csv"]
)
def test_t11_a_file_of_a_name_that_no_path_may_have_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Its run fails with a reason that does not quote it, no line of the log is forged, and the next event is taken."""
    world = World(tmp_path, HEAD + ARRIVALS)
    host = world.azure()
    with caplog.at_level(logging.WARNING):
        host.on_blob_event(blob_created(f"{ACCOUNT}/landing/orders/{name}"))
    world.work(host)
    for outcome in world.kept("runs"):
        error = (outcome.get("result") or {}).get("error")
        assert error is None or (error["code"] == "path_refused" and name not in error["message"]), error
    assert world.statuses() in ([], ["failed"])
    assert not (tmp_path / "lake/n").exists()
    formatted = [TextLines(with_traceback=False).format(record) for record in caplog.records]
    assert [line for line in formatted if not line.isprintable()] == []
    world.land("orders/good.csv", 1)
    host.on_blob_event(world.event("orders/good.csv"))
    assert world.work(host)[0] == "n"
    assert world.rows("n") == [1]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/landing/orders/a.csv",
        "https://shop.blob.core.windows.net.evil.example.com/landing/orders/a.csv",
        "https://shop.blob.core.windows.net/other/orders/a.csv",
        "https://shop@evil.example.com/landing/orders/a.csv",
        "file:///landing/orders/a.csv",
        "//shop.blob.core.windows.net/landing/orders/a.csv",
        "",
    ],
)
def test_t12_an_event_of_somebody_elses_container_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str) -> None:
    """With a line for the operator: a wrong subscription shows there."""
    world = World(tmp_path, HEAD + ARRIVALS)
    with caplog.at_level(logging.WARNING):
        world.azure().on_blob_event(blob_created(url))
    assert (world.queue.sent, world.plans()) == ([], [])
    assert caplog.messages == ["an event of a container that no connection names was dropped"]


def about(subject: str, path: str = "orders/a b+ü.csv") -> bytes:
    event = json.loads(blob_created(f"{ACCOUNT}/landing/{quote(path)}"))
    return json.dumps({**event, "subject": subject}).encode()


@pytest.mark.parametrize(
    ("subject", "runs"),
    [
        ("/blobServices/default/containers/landing/blobs/orders/a b+ü.csv", 1),
        (f"/blobServices/default/containers/landing/blobs/{quote('orders/a b+ü.csv')}", 1),
        ("something else", 1),  # of another schema: it says nothing
        ("", 1),
        ("/blobServices/default/containers/landing/blobs/orders/other.csv", 0),
        ("/blobServices/default/containers/elsewhere/blobs/orders/a b+ü.csv", 0),
    ],
)
def test_t12_an_event_that_contradicts_itself_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture, subject: str, runs: int) -> None:
    """Event Grid's subject and address name the same blob; one that was put together by hand may not."""
    from odibi_core.hosts.arrivals import arrivals_in

    with caplog.at_level(logging.WARNING):
        assert len(arrivals_in(about(subject))) == runs
    assert caplog.messages == ([] if runs else ["an event whose subject and address name different blobs was dropped"])


@pytest.mark.parametrize("path", ["../outside.parquet", "../../outside.parquet", "%2e%2e/outside.parquet", "file://{outside}", "{outside}"])
def test_t13_a_foreign_table_does_not_lead_out_of_its_folder(lake: Lake, path: str) -> None:
    """Whatever its log says about where its files are: they are looked for inside, and are not found."""
    outside = lake.root / "outside.parquet"
    pl.DataFrame({"i": [1], "t": ["x"]}).write_delta(str(lake.root / "t"))
    log = lake.root / "t/_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    (add,) = (action["add"] for action in actions if "add" in action)
    (lake.root / "t" / add["path"]).rename(outside)
    pl.DataFrame({"i": [1], "t": ["stolen"]}).write_parquet(outside)
    add["path"], add["size"] = path.format(outside=outside), outside.stat().st_size
    log.write_text("\n".join(map(json.dumps, actions)))
    try:
        found: Any = lake.scan("t", "delta")["t"].to_list()
    except OdibiError as error:
        found = error.error_code
    assert found in {"missing_data_file", "unreadable_data", "unreadable_table", "missing_file", "path_refused"}, found


VALUES = ["../x", "..", ".", "a/b", "/etc", "a\\b", "%2e%2e", "a=b", "a b", "", "\u202e", "💩", "'; --", "<b>", "_delta_log", "C:"]


def test_t14_partition_values_are_encoded_in_their_paths(lake: Lake) -> None:
    """Every value comes back, and no file lies outside of the table or in its log."""
    rows = pl.DataFrame({"i": range(len(VALUES)), "p": VALUES})
    lake.write(rows, "t", partition_by=("p",))
    assert lake.read("t").sort("i")["p"].to_list() == [value or None for value in VALUES]
    files = [file.relative_to(lake.root) for file in lake.root.rglob("*.parquet")]
    assert len(files) == len(VALUES)
    assert {(file.parts[0], len(file.parts)) for file in files} == {("t", 3)}
    assert all(file.parts[1].startswith("p=") for file in files)


def test_t14_a_partition_value_that_no_folder_can_have_is_a_clear_error(lake: Lake) -> None:
    """Three hundred letters: the table is as it was, and the text does not hold the value."""
    lake.write(pl.DataFrame({"i": [1], "p": ["a"]}), "t", partition_by=("p",))
    with pytest.raises(OdibiError) as caught:
        lake.write(pl.DataFrame({"i": [2], "p": ["s3cr3t" * 50]}), "t", partition_by=("p",))
    assert caught.value.error_code != "internal"
    assert "s3cr3t" not in f"{caught.value}{caught.value.hint}"
    assert lake.read("t")["i"].to_list() == [1]
