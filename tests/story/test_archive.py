"""The archive writes three objects per run, for people and for programs, with nothing secret in them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from odibi_core.ports import ReportBatch
from odibi_core.story import Story, StoryArchive, build, redacted, story_path
from tests.story import runs
from tests.story.pages import Page, assert_harmless, everywhere

FOLDER = "stories/orders/2026/11/22/0f3c9a7be21d4586a9f0c1d2e3b4a596"
SECRET = "hunter" + "2-canary"

NOTE = """\
# ❌ orders: Failed

Node silver failed: check 'not_null' found 12 rows that break it. 1 node was skipped. Already written and safe: \
lake/bronze/orders (version 3).

**Next:** Fix the rows at the source, or set 'on_fail: quarantine' to set them aside. Then resume the run: \
1 finished node is taken over. `odibi run --resume --run 0f3c9a7be21d4586a9f0c1d2e3b4a596`

- Project shop, environment prod, run 0f3c9a7be21d4586a9f0c1d2e3b4a596
- Started 22 Nov 2026, 10:00:03 UTC, took 2.5 s, because file orders.csv arrived
- 1,210 rows in, 1,204 written, 1 file
- 2 attempts, 3 of 6 checks passed

| Node | Status | Rows out | Time | Attempts |
| --- | --- | ---: | ---: | ---: |
| bronze | ✅ succeeded | 1,204 | 0.8 s | 1 |
| silver | ❌ failed | – | 0.9 s | 1 |
| gold | ⏸️ skipped | – | – | – |

## What to look at

- **silver** check_failed: check 'not_null' found 12 rows that break it. Fix the rows at the source, or set \
'on_fail: quarantine' to set them aside.
- silver: check order_id is there, 12 of 1,204 rows
- silver: check known country, 3 of 1,204 rows
- silver: check amount is sane, 6 of 1,204 rows
- silver: column 'country' is new and was added
"""


class Shelf:
    """The part of a store that an archive uses."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}

    def put(self, path, data, *, content_type="application/octet-stream"):
        self.objects[path] = data
        self.types[path] = content_type


def archived(events, **options) -> Shelf:
    shelf = Shelf()
    StoryArchive(shelf, **options)(ReportBatch(sequence=1, runs=(tuple(events),)))
    return shelf


def test_a_run_has_a_page_a_twin_and_a_note_with_their_content_types():
    assert archived(runs.success()).types == {
        f"{FOLDER}/index.html": "text/html; charset=utf-8",
        f"{FOLDER}/story.json": "application/json",
        f"{FOLDER}/run.md": "text/markdown; charset=utf-8",
    }


def test_a_batch_that_is_tried_again_writes_the_same_bytes():
    shelf, batch = Shelf(), ReportBatch(sequence=1, runs=(tuple(runs.success()), tuple(runs.success())))
    archive = StoryArchive(shelf)
    archive(batch)
    before = dict(shelf.objects)
    archive(batch)
    assert shelf.objects == before
    assert len(before) == 3


def test_the_twin_can_be_read_back_and_embedded():
    twin = archived(everywhere(runs.success(), "</script>"), prefix="s").objects
    data = next(data for path, data in twin.items() if path.endswith("story.json"))
    assert b"<" not in data
    assert Story.model_validate_json(data).nodes[0].name == "</script>bronze"


@pytest.mark.parametrize(
    ("run_id", "pipeline", "prefix", "path"),
    [
        ("abc", "orders", "stories", "stories/orders/2026/11/22/abc"),
        ("abc", "orders", "", "orders/2026/11/22/abc"),
        ("abc", "orders", "/team/a/", "team/a/orders/2026/11/22/abc"),
        ("../x", "../../etc", "stories", "stories/%2E%2E%2F%2E%2E%2Fetc/2026/11/22/%2E%2E%2Fx"),
    ],
)
def test_a_story_has_one_folder(run_id, pipeline, prefix, path):
    assert story_path(run_id, pipeline, runs.START, prefix) == path


def test_the_day_of_a_story_is_that_of_utc():
    at = datetime(2026, 11, 23, 1, 0, tzinfo=timezone(timedelta(hours=5)))
    assert story_path("abc", "orders", at) == "stories/orders/2026/11/22/abc"


@pytest.mark.parametrize("name", ["success", "failed_check", "retries"])
def test_a_secret_in_any_text_leaves_no_trace(name):
    shelf = archived(everywhere(runs.ALL[name](), SECRET), redact=lambda text: text.replace(SECRET, "[REDACTED]"))
    written = {path: data for path, data in shelf.objects.items() if SECRET.encode() in data}
    assert written == {}
    assert all(b"[REDACTED" in data or b"\\[REDACTED" in data for data in shelf.objects.values())


def test_the_number_of_redactions_is_told():
    story = redacted(build(runs.no_files()), lambda text: text.replace("shop", "[REDACTED]"))
    assert story.run.project == "[REDACTED]"
    assert story.nodes[0].write.uri == "abfss://lake@[REDACTED].dfs.core.windows.net/bronze/orders"
    assert story.privacy.redactions == 2


def test_the_keys_of_maps_are_redacted_too():
    story = redacted(build(runs.success()), lambda text: text.replace("polars", "[REDACTED]"))
    assert story.provenance.versions["[REDACTED]"] == "2.1.0"


def test_words_of_the_schema_survive_a_redactor_that_knows_them():
    story = redacted(build(runs.failed_check()), lambda text: "[REDACTED]" if text in {"failed", "blob", "bad", "odibi.story/1"} else text)
    assert Story.model_validate_json(story.model_dump_json()) == story
    assert story.run.status == "failed"


def test_hidden_samples_stay_hidden():
    shelf = archived(runs.sensitive())
    page = Page(shelf.objects[f"{FOLDER}/index.html"].decode())
    assert "[REDACTED: Sensitive Data]" in page.text()
    assert "2026-11-22T09:59:41" not in page.text()
    assert_harmless(page)


@pytest.mark.parametrize("name", runs.ALL)
def test_the_note_is_short(name):
    shelf = archived(runs.ALL[name]())
    note = next(data for path, data in shelf.objects.items() if path.endswith("run.md")).decode()
    assert len(note.splitlines()) <= 60
    assert max(map(len, note.splitlines())) <= 1200


def test_the_note_says_what_matters():
    note = archived(runs.failed_check()).objects[f"{FOLDER}/run.md"].decode()
    assert note == NOTE


def test_the_note_lets_no_markup_through():
    shelf = archived(everywhere(runs.failed_check(), "<b>[x](http://evil.example)`|\n# h1"))
    note = next(data for path, data in shelf.objects.items() if path.endswith("run.md")).decode()
    outside_of_code = "\n".join(line for line in note.splitlines() if not line.startswith("**Next:**"))
    assert not re.search(r"(?<!\\)[<>\[\]]", outside_of_code)
    assert "http://" not in outside_of_code
    assert note.count("\n# ") == 0
    assert len({line.count(" | ") for line in note.splitlines() if line.startswith("| ") and "---" not in line}) == 1


def test_a_twin_is_one_json_object():
    assert set(json.loads(archived(runs.success()).objects[f"{FOLDER}/story.json"])) == {
        "schema_id", "run", "verdict", "totals", "nodes", "files", "watermarks", "provenance", "privacy",
    }  # fmt: skip
