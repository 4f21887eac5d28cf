"""`odibi schema history | diff`: the columns that a target had; `odibi schema` alone is about the YAML, as ever."""

from __future__ import annotations

import json
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
        write: { connection: lake, format: delta, path: silver/orders, mode: append, merge_schema: true }
        schema_policy: { mode: evolve, on_changed_columns: evolve }
"""


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Three runs, two of which brought other columns."""
    (tmp_path / "odibi.yaml").write_text(PROJECT)
    (tmp_path / "landing").mkdir()
    for text in ("i,v\n1,7\n", "i,v,note\n2,8,x\n", "i,v,note\n3,0.5,x\n"):
        (tmp_path / "landing" / "in.csv").write_text(text)
        assert odibi("run", cwd=tmp_path).code == 0
    return tmp_path


@pytest.mark.parametrize("name", ["lake/silver/orders", "silver/orders", "p.load", "load"])
def test_the_history_has_the_newest_version_first(changed: Path, name: str) -> None:
    """By the target's names and by the node's."""
    ended = odibi("schema", "history", name, cwd=changed)
    assert ended.code == 0
    target, header, *lines = ended.out.splitlines()
    assert (target, header.split()) == ("lake/silver/orders", ["version", "since", "what", "changed", "run"])
    assert [line.split(maxsplit=3)[0] for line in lines] == ["3", "2", "1"]
    assert "~ v: Int64 → Float64" in lines[0]
    assert "+ note" in lines[1]
    assert "first seen, 2 columns" in lines[2]
    versions = odibi("schema", "history", name, "--json", "--limit", "2", cwd=changed).json
    assert [row["schema_version"] for row in versions] == [3, 2]


def test_the_difference_of_two_versions(changed: Path) -> None:
    """The last two, or those that are named, forwards or backwards."""
    last = odibi("schema", "diff", "load", cwd=changed)
    assert [line.split() for line in last.out.splitlines()] == [
        ["lake/silver/orders:", "version", "2", "→", "3"],
        ["column", "type"],
        ["i", "Int64"],
        ["~", "v", "Int64", "→", "Float64"],
        ["note", "String"],
    ]
    back = odibi("schema", "diff", "load", "--from-version", "3", "--to-version", "1", "--json", cwd=changed).json
    assert back == {
        "dataset": "lake/silver/orders",
        "from": 3,
        "to": 1,
        "added": [],
        "removed": [{"name": "note", "type": "String"}],
        "retyped": [{"name": "v", "before": "Float64", "after": "Int64"}],
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("history", "nobody"), "the catalog knows no columns of 'nobody'"),
        (("diff", "load", "--to", "9"), "'lake/silver/orders' has no version 9 of its columns"),
        (("diff", "load", "--to", "1"), "'lake/silver/orders' has no version 0 of its columns"),
        (("history", "load", "--limit", "0"), "'--limit' must be at least 1"),
    ],
)
def test_what_is_not_there_is_said(changed: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """Exit 2, with what there is."""
    ended = odibi("schema", *arguments, cwd=changed)
    assert (ended.code, complaint in ended.err) == (2, True)


def test_the_schema_of_the_language_is_printed_as_ever(tmp_path: Path) -> None:
    """To standard output, and to a file."""
    printed = odibi("schema", cwd=tmp_path)
    written = odibi("schema", "--out", "s.json", "--json", cwd=tmp_path)
    assert json.loads(printed.out)["title"] == "odibi project"
    assert written.json["file"] == "s.json"
    assert json.loads((tmp_path / "s.json").read_text()) == json.loads(printed.out)
