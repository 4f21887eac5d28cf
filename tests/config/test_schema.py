"""The JSON Schema for editors says what the loader says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from odibi_core.config.schema import editor_schema, field_notes
from odibi_core.config.trigger import BlobSource
from odibi_core.transforms import OPERATIONS, TRANSFORMS

EVERY_KEY = Path(__file__).parent / "data" / "every-key.yaml"
PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    calls = {kind: {entry.name: entry.params for entry in registry} for kind, registry in _REGISTRIES.items()}
    schema = editor_schema(calls)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


_REGISTRIES = {"function": TRANSFORMS, "operation": OPERATIONS}


@pytest.fixture
def project() -> dict[str, Any]:
    return {
        "project": "p",
        "connections": {"lake": {"type": "local", "base_path": "./lake"}},
        "pipelines": [
            {
                "pipeline": "orders",
                "nodes": [
                    {
                        "name": "clean",
                        "read": {"connection": "lake", "format": "csv", "path": "a.csv"},
                        "transform": {"steps": ["SELECT * FROM df", {"function": "limit", "params": {"n": 3}}]},
                        "validation": {"tests": [{"type": "not_null", "columns": ["id"]}]},
                        "write": {"connection": "lake", "format": "delta", "path": "t", "auto_optimize": True},
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize("file", [EVERY_KEY, *PIPELINES], ids=lambda file: file.name)
def test_what_loads_is_valid(file: Path, validator: jsonschema.Draft202012Validator) -> None:
    """Every key in its canonical spelling, and the demo with the files that it imports."""
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text("utf-8")))] == []


def _changed(project: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(project)
    here: Any = changed
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return changed


_NODE = ("pipelines", 0, "nodes", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("conections",), {}),
        (("connections", "lake", "base_pth"), "x"),
        (("connections", "lake", "type"), "locall"),
        (("connections", "lake", "type"), "${KIND}"),
        ((*_NODE, "name"), "has a space"),
        ((*_NODE, "read", "formt"), "csv"),
        ((*_NODE, "read", "format"), "csvv"),
        ((*_NODE, "write", "mode"), "apend"),
        ((*_NODE, "write", "auto_optimize"), 3),
        ((*_NODE, "enabled"), "perhaps"),
        ((*_NODE, "timeout"), "soon"),
        ((*_NODE, "validation", "tests", 0, "type"), "not_nul"),
        ((*_NODE, "validation", "tests", 0, "colums"), ["id"]),
        ((*_NODE, "transform", "steps", 1, "params"), {"n": "three"}),
        ((*_NODE, "transform", "steps", 1, "params"), {"n": 3, "ofset": 1}),
        ((*_NODE, "transform", "steps", 1, "params"), {}),
        (("pipelines", 0, "triggers"), [{"blob": {"connection": "lake"}}]),
    ],
)
def test_what_is_wrong_is_marked(
    path: tuple[str | int, ...], value: Any, project: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    """Unknown keys and names, wrong types, params that do not belong to the function, something that is missing."""
    assert validator.is_valid(project)
    assert not validator.is_valid(_changed(project, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("engine",), "pandas"),
        (
            ("connections", "lake"),
            {"type": "azure_adls", "account": "a", "container": "c", "auth_mode": "direct_key", "account_key": "${KEY}"},
        ),
        (("connections", "lake"), {"type": "azure_blob", "account_name": "a", "container": "c", "auth": {"key_vault": "v", "secret": "s"}}),
        ((*_NODE, "enabled"), "${ON:-true}"),
        ((*_NODE, "timeout"), "30m"),
        ((*_NODE, "timeout"), 90),
        ((*_NODE, "read", "incremental"), {"key_column": "at", "mode": "stateful"}),
        ((*_NODE, "transform", "steps", 1, "params"), {"n": "${vars.n}"}),
        ((*_NODE, "transform", "steps", 1), {"function": "of_the_author", "params": {"whatever": 1}}),
    ],
)
def test_other_spellings_and_placeholders_are_valid(
    path: tuple[str | int, ...], value: Any, project: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    """What the loader understands, the editor does not complain about."""
    assert [error.message for error in validator.iter_errors(_changed(project, path, value))] == []


def test_the_comment_behind_a_field_is_what_an_editor_shows() -> None:
    """One text for whoever reads the code and whoever writes the YAML."""
    assert field_notes(BlobSource)["on_rewrite"] == "when a file of the same path arrives again"
