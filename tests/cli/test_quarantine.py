"""`odibi quarantine list | show`: what was set aside, by whom, when and why, and nothing that a story would not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import odibi

PROJECT = """\
project: shop
connections:
  landing: { type: local, base_path: ./landing }
  lake: { type: local, base_path: ./lake }
pipelines:
  - pipeline: p
    nodes:
      - name: load
        read: { connection: landing, format: csv, path: in.csv }
        sensitive: [mail]
        validation:
          tests: [{ type: range, column: i, min: 0, on_fail: quarantine, name: positive }]
          quarantine: { connection: lake, %s: bad }
        write: { connection: lake, format: delta, path: good, mode: append }
"""


@pytest.fixture(params=["table", "path"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Nothing has run yet."""
    (tmp_path / "odibi.yaml").write_text(PROJECT % request.param)
    (tmp_path / "landing").mkdir()
    return tmp_path


def run(project: Path, rows: str) -> str:
    """One run over the rows; its id."""
    (project / "landing" / "in.csv").write_text(f"i,mail\n{rows}")
    assert odibi("run", cwd=project).code == 0
    runs = odibi("catalog", "runs", "--json", cwd=project).json
    return str(runs[0]["run_id"])


def test_each_run_is_a_batch(project: Path) -> None:
    """The newest first, with its number of rows and its time."""
    ended = odibi("quarantine", "list", cwd=project)
    assert (ended.code, ended.out.strip()) == (0, "nothing is in quarantine")
    first, second = run(project, "1,a@x.example\n-2,b@x.example\n-3,c@x.example\n"), run(project, "-4,d@x.example\n")
    batches = odibi("quarantine", "list", "--json", cwd=project).json
    assert [(batch["run"], batch["rows"]) for batch in batches] == [(second, 1), (first, 2)]
    assert {(batch["pipeline"], batch["node"], batch["dataset"]) for batch in batches} == {("p", "load", "lake/bad")}
    assert all(batch["oldest"] == batch["newest"] for batch in batches)
    header, *lines = odibi("quarantine", "list", cwd=project).out.splitlines()
    assert header.split() == ["pipeline", "node", "dataset", "run", "rows", "oldest", "newest"]
    assert len(lines) == 2


def test_rows_are_shown_with_their_reason_and_masked(project: Path) -> None:
    """By the node's name, with or without its pipeline; of one run only if asked."""
    run(project, "-2,b@x.example\n")
    second = run(project, "-4,d@x.example\n")
    shown = odibi("quarantine", "show", "p.load", "--run", second, "--json", cwd=project).json
    (row,) = [dict(zip(shown["columns"], row, strict=True)) for row in shown["rows"]]
    assert (row["i"], row["mail"], row["_rejection_reason"], row["_source_batch_id"]) == ("-4", "[REDACTED]", "Failed: positive", second)
    assert shown["masked"] == ["mail"]
    text = odibi("quarantine", "show", "load", cwd=project).out
    assert "x.example" not in text
    assert text.count("Failed: positive") == 2
    assert len(odibi("quarantine", "show", "load", "--limit", "1", "--json", cwd=project).json["rows"]) == 1


def test_a_column_that_is_personal_above_is_masked(tmp_path: Path) -> None:
    """The node that sets rows aside says nothing of it; the one that reads the file does."""
    above = """      - name: raw
        read: { connection: landing, format: csv, path: in.csv }
        columns: { mail: { pii: true } }
"""
    text = (
        (PROJECT % "table")
        .replace("        sensitive: [mail]\n", "")
        .replace("read: { connection: landing, format: csv, path: in.csv }", "depends_on: [raw]")
    )
    (tmp_path / "odibi.yaml").write_text(text.replace("    nodes:\n", f"    nodes:\n{above}"))
    (tmp_path / "landing").mkdir()
    run(tmp_path, "-2,b@x.example\n")
    shown = odibi("quarantine", "show", "load", "--json", cwd=tmp_path).json
    assert shown["masked"] == ["mail"]
    assert "x.example" not in str(shown)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("show", "lod"), "no node 'lod' has a quarantine", "Those that have one: p.load."),
        (("show", "load", "--limit", "0"), "'--limit' must be at least 1", ""),
        (("list", "--pipeline", "q"), "unknown pipeline 'q'", "Known: p."),
    ],
)
def test_what_is_not_there_is_said(project: Path, words: tuple[str, ...], message: str, hint: str) -> None:
    """With what there is."""
    ended = odibi("quarantine", *words, cwd=project)
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err
