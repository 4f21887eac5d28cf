"""`odibi init`: every template is a project that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odibi_core.cli.init import TEMPLATES
from tests.cli.running import files_in, odibi


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_is_valid_passes_its_tests_and_runs_twice(tmp_path: Path, template: str) -> None:
    """In a folder that was not there; the second run finds the same tables."""
    shop = tmp_path / "shop"
    made = odibi("init", "shop", "--template", template, cwd=tmp_path)
    assert made.code == 0
    assert made.out.splitlines()[-1] == "  cd shop && odibi validate && odibi test && odibi run"

    assert odibi("validate", cwd=shop).err == ""
    assert odibi("test", cwd=shop).code == 0
    assert (odibi("run", cwd=shop).code, odibi("run", cwd=shop).code) == (0, 0)


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_editor_finds_the_schema(tmp_path: Path, template: str) -> None:
    """Every YAML of the project names it in its first line."""
    assert odibi("init", "shop", "--template", template, cwd=tmp_path).code == 0
    for file in (tmp_path / "shop").glob("*.yaml"):
        assert file.read_text().splitlines()[0] == "# yaml-language-server: $schema=.vscode/odibi.schema.json"
    schema = json.loads((tmp_path / "shop/.vscode/odibi.schema.json").read_text())
    assert "pipelines" in schema["properties"]


def test_the_project_is_called_like_its_folder(tmp_path: Path) -> None:
    """As far as a name may be."""
    assert odibi("init", "my shop", cwd=tmp_path).code == 0
    assert "\nproject: my_shop\n" in (tmp_path / "my shop/odibi.yaml").read_text()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Not even in part."""
    (tmp_path / "orders.yaml").write_text("mine")
    before = files_in(tmp_path)
    ended = odibi("init", cwd=tmp_path)

    assert ended.code == 2
    assert ended.err.startswith("error: 'orders.yaml' is there already [would_overwrite]")
    assert files_in(tmp_path) == before


def test_the_templates_are_listed(tmp_path: Path) -> None:
    """With what they are."""
    assert [found["template"] for found in odibi("init", "--list", "--json", cwd=tmp_path).json] == list(TEMPLATES)
