"""Rows that break a check are shown in the story: a few, masked, and nowhere else."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from odibi_core.events import NodeResult
from tests.hosts.world import HEAD, World

NODE = """\
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: { connection: landing, format: csv, path: in.csv }
        BODY
        write: { connection: lake, format: delta, path: out, mode: upsert, options: { keys: [id] } }
"""
ROWS = "email,amount,id\n" + "".join(f"p{number}@x.org,{number - 5},{number}\n" for number in range(1, 9))
NEGATIVE = "{ type: range, column: amount, min: 0, on_fail: warn }"


def run(folder: Path, body: str, *, rows: str = ROWS, story: str = "") -> tuple[NodeResult, str, World]:
    """What became of one node, and its story's page."""
    head = HEAD.replace("path: stories }", f"path: stories{story} }}")
    world = World(folder, head + NODE.replace("BODY", body.replace("\n", "\n        ")))
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "landing" / "in.csv").write_text(rows)
    host = world.in_process()
    final = host.run(host.request("p"))
    result: NodeResult = host.app.coordinator.journal.outcome(final.run_id, "n").result
    page = html.unescape("".join(path.read_text("utf-8") for path in sorted((folder / "lake" / "stories").rglob("*.html"))))
    return result, page, world


def test_rows_that_break_a_check_are_shown_keys_first(tmp_path: Path) -> None:
    """Then the columns of the check, then the others; the page has them under the check."""
    result, page, _ = run(tmp_path, f"validation: {{ tests: [ {NEGATIVE}, {{ type: not_null, columns: [id] }} ] }}")
    assert result.status == "succeeded"
    (one,) = result.failing
    assert (one.check, one.of, one.sample.columns) == ("range", "output", ("id", "amount", "email"))
    assert one.sample.rows == tuple((str(number), str(number - 5), f"p{number}@x.org") for number in range(1, 5))
    assert "4 rows of n break check 'range'" in page
    assert "p4@x.org" in page


def test_a_node_that_fails_shows_them_too(tmp_path: Path) -> None:
    """They are what its owner needs; of a contract as well."""
    result, page, _ = run(tmp_path, "validation: { tests: [ { type: range, column: amount, min: -3 } ] }")
    assert (result.status, [one.sample.rows for one in result.failing]) == ("failed", [(("1", "-4", "p1@x.org"),)])
    assert "1 row of n breaks check 'range'" in page
    result, page, _ = run(tmp_path, "contracts: [ { type: unique, columns: [amount] }, { type: range, column: amount, min: -3 } ]")
    assert [(one.check, one.of, len(one.sample.rows)) for one in result.failing] == [("range", "input", 1)]
    assert "1 row of n breaks contract 'range'" in page


def test_a_contract_and_a_check_of_one_name_have_each_their_own(tmp_path: Path) -> None:
    """One is about the input, the other about the output."""
    result, _, _ = run(
        tmp_path,
        f"contracts: [ {NEGATIVE} ]\n"
        "transform: { steps: [ 'SELECT id, amount FROM df WHERE id <> 1' ] }\n"
        f"validation: {{ tests: [ {NEGATIVE} ] }}",
    )
    assert [(one.of, [row[0] for row in one.sample.rows]) for one in result.failing] == [
        ("input", ["1", "2", "3", "4"]),
        ("output", ["2", "3", "4"]),
    ]


def test_sensitive_and_personal_columns_are_masked(tmp_path: Path) -> None:
    """In the outcome already, so that no value of them lies anywhere beside the tables."""
    result, page, _ = run(tmp_path, f"sensitive: [email]\ncolumns: {{ amount: {{ pii: true }} }}\nvalidation: {{ tests: [ {NEGATIVE} ] }}")
    (one,) = result.failing
    assert one.sample.masked == ("amount", "email")
    assert one.sample.rows[0] == ("1", "[REDACTED]", "[REDACTED]")
    files = [file for file in (tmp_path / "lake").rglob("*") if file.is_file() and "out" not in file.parts and file.suffix != ".parquet"]
    assert "x.org" not in "".join(file.read_text(errors="replace") for file in files)
    assert "hidden: amount, email" in page


def test_a_sensitive_node_shows_no_rows(tmp_path: Path) -> None:
    """A note stands in their place."""
    result, page, _ = run(tmp_path, f"sensitive: true\nvalidation: {{ tests: [ {NEGATIVE} ] }}")
    assert [(one.sample.rows, one.sample.note) for one in result.failing] == [((), "[REDACTED: Sensitive Data]")]
    assert "x.org" not in page


@pytest.mark.parametrize(
    ("story", "shown"),
    [
        (", failure_sample_size: 2", [2, 2, 2]),
        (", max_failure_samples: 5", [4, 1]),
        (", max_sampled_validations: 2", [4, 4]),
        (", failure_sample_size: 0", []),
    ],
)
def test_how_many_are_shown_is_said_by_the_story(tmp_path: Path, story: str, shown: list[int]) -> None:
    """Of each check, of all together, and of how many checks."""
    result, _, _ = run(tmp_path, f"validation: {{ tests: [ {NEGATIVE}, {NEGATIVE}, {NEGATIVE} ] }}", story=story)
    assert [len(one.sample.rows) for one in result.failing] == shown


def test_they_are_bounded_in_bytes_and_texts_are_cut(tmp_path: Path) -> None:
    """The outcome of a node is kept for long and read often."""
    columns = ",".join(f"c{number}" for number in range(50))
    rows = f"id,{columns}\n" + "".join(f"{number},{','.join(['x' * 1000] * 50)}\n" for number in range(100))
    result, _, _ = run(tmp_path, "validation: { tests: [ { type: regex_match, column: c1, pattern: y, on_fail: warn } ] }", rows=rows)
    (one,) = result.failing
    assert 10 < len(one.sample.rows) < 30
    assert one.sample.rows[0][1] == "x" * 200 + "…"
    assert len(one.model_dump_json()) < 210_000


def test_the_catalog_and_the_commit_count_and_show_nothing(tmp_path: Path) -> None:
    """Rows are in the journal and in the story alone."""
    _, _, world = run(tmp_path, f"validation: {{ tests: [ {NEGATIVE}, {{ type: row_count, min: 1 }} ] }}")
    log = "\n".join(path.read_text() for path in (tmp_path / "lake" / "out" / "_delta_log").glob("*.json"))
    assert "p1@x.org" not in json.dumps([json.loads(line).get("commitInfo") for line in log.splitlines() if line])
    runs = world._table("_system/meta_runs")
    assert sorted(runs.select("kind", "checks_total", "checks_failed").rows()) == [("node", 2, 1), ("run", 2, 1)]
    assert "p1@x.org" not in str(runs.rows())
