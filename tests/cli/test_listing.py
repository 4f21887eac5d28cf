"""`odibi list`, `odibi explain` and `odibi schema`: what a YAML can say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import finished, odibi


def test_every_check_of_the_language_is_listed(tmp_path: Path) -> None:
    """With what it does, by name."""
    listed = odibi("list", "checks", "--json", cwd=tmp_path).json

    assert [term["name"] for term in listed] == [
        "accepted_values",
        "custom_sql",
        "distribution",
        "freshness",
        "not_null",
        "range",
        "reconcile",
        "regex_match",
        "row_count",
        "schema",
        "unique",
        "volume_drop",
    ]
    assert listed[4]["summary"] == "No null in any of the columns."


def test_a_transformer_is_explained_with_its_parameters_and_an_example(tmp_path: Path) -> None:
    """All that one needs to write it."""
    ended = odibi("explain", "fill_nulls", cwd=tmp_path)

    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "fill_nulls (transformer)"
    assert "parameters" in lines
    assert any(line.split()[:1] == ["values"] and "required" in line for line in lines)
    assert any(line.startswith("example: ") for line in lines)


def test_a_name_of_two_kinds_is_explained_twice(tmp_path: Path) -> None:
    """`sort` is a transformer and an operation, with different parameters."""
    found = odibi("explain", "sort", "--json", cwd=tmp_path).json

    assert [term["kind"] for term in found] == ["transformer", "operation"]
    assert {parameter["name"] for term in found for parameter in term["parameters"]} == {"by", "ascending"}


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """Exit 2."""
    ended = odibi("explain", "dedup", cwd=tmp_path)

    assert ended.code == 2
    assert ended.err.startswith("error: nothing is called 'dedup' [unknown_name]\n  hint: Did you mean 'deduplicate'?")


def test_functions_of_the_project_are_listed_and_explained_too(tmp_path: Path) -> None:
    """With their parameters; a file that cannot be loaded hides nothing else."""
    (tmp_path / "odibi.yaml").write_text("project: shop\n")
    code = (
        "from odibi_core.transforms import transform\n\n@transform\ndef only_large(frame, minimum: float = 10.0):\n"
        "    'Keep the large ones.'\n    return frame\n"
    )
    (tmp_path / "transforms.py").write_text(code)
    assert {"name": "only_large", "summary": "Keep the large ones."} in odibi("list", "transformers", "--json", cwd=tmp_path).json
    (found,) = odibi("explain", "only_large", "--json", cwd=tmp_path).json
    assert found["parameters"] == [{"name": "minimum", "type": "number", "required": False, "default": 10.0, "note": ""}]
    (tmp_path / "transforms.py").write_text("x = y\n")
    ended = odibi("explain", "limit", cwd=tmp_path)
    assert ended.code == 0
    assert ended.err.startswith("warning: transforms.py:1:1: the file cannot be loaded: NameError: name 'y' is not defined")


def test_the_schema_is_written_where_an_editor_finds_it(tmp_path: Path) -> None:
    """Small enough for every editor; the line that names it is said."""
    ended = odibi("schema", "--out", "editor/odibi.json", cwd=tmp_path)

    assert ended.code == 0
    assert "# yaml-language-server: $schema=editor/odibi.json" in ended.out
    written = (tmp_path / "editor/odibi.json").read_text("utf-8")
    assert len(written.encode()) < 150_000
    assert json.loads(written) == json.loads(odibi("schema", cwd=tmp_path).out)


def test_a_process_that_has_imported_nothing_lists_everything(tmp_path: Path) -> None:
    """Families are imported one by one, also behind functions of the authors."""
    (tmp_path / "odibi.yaml").write_text("project: p\nconnections: {}\npipelines: []\n")
    ended = finished("list", "transformers", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "\nwindow_calculation" in ended.out
