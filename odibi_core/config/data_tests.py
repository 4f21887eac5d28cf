"""Tests of nodes and transforms as their author writes them: given rows, and the rows that must come out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from odibi_core.config.imports import ProjectFiles
from odibi_core.config.marks import Mark
from odibi_core.config.problems import problems_of, unknown_key
from odibi_core.config.section import Findings, Section, Text, wrong
from odibi_core.config.yaml_reader import read_yaml
from odibi_core.errors import ConfigError

Row = dict[str, JsonValue]


class GivenRows(Section):
    """An input: rows written here, or a file beside the test. A plain list, or a plain path, will do."""

    rows: tuple[Row, ...] | None = None
    file: Text | None = None  # CSV, JSON or Parquet
    types: dict[str, Text] = {}  # column → type, where a text is not one: `date`, `timestamp`, `decimal(10,2)` …

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.rows is None) == (self.file is None):
            raise wrong("exactly one of 'rows' and 'file' is needed")
        return self


def _short(value: Any) -> Any:
    match value:
        case list():
            return {"rows": value}
        case str():
            return {"file": value}
        case _:
            return value


Given = Annotated[GivenRows, BeforeValidator(_short)]


class DataTest(Section):
    """One test. It names a node, a transform with its params, or a query."""

    name: Text
    node: str | None = Field(default=None, pattern=r"^[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)?$")  # "pipeline.node", or "node" if there is only one
    transform: Text | None = None
    params: dict[str, JsonValue] = {}
    sql: Text | None = None
    inputs: dict[Text, Given] = Field(min_length=1)  # by the names that the node knows them by; what it reads itself is `df`
    target: Given | None = None  # what the node's table holds before
    expected: tuple[Row, ...] | Text | None = None  # rows, or a file beside the test; without it a snapshot
    ordered: bool = False  # whether the order of the rows matters
    ignore: tuple[Text, ...] = ()  # columns that may hold anything
    fails: Text | None = None  # the code of the error that must come instead

    @model_validator(mode="after")
    def _tests_one_thing(self) -> Self:
        kinds = [name for name in ("node", "transform", "sql") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise wrong("a test has exactly one of 'node', 'transform', 'sql'")
        if self.fails is not None and self.expected is not None:
            raise wrong("'fails' and 'expected' exclude each other")
        if self.target is not None and self.node is None:
            raise wrong("'target' needs 'node'")
        if self.params and self.transform is None:
            raise wrong("'params' needs 'transform'")
        return self


class DataTestFile(Section):
    """A file of tests."""

    tests: tuple[DataTest, ...] = Field(min_length=1)


def load_data_tests(path: Path) -> tuple[DataTest, ...]:
    """
    The tests of a file.

    Raises:
        ConfigError: With every problem of the file, each at its place.
    """
    path = path.resolve()
    files = ProjectFiles(directory=path.parent)
    tree = read_yaml(files.read(path), path.name, files.sources)
    findings = Findings()
    found: DataTestFile | None = None
    try:
        found = DataTestFile.model_validate(tree, context=findings)
    except ValidationError as error:
        files.problems.extend(problems_of(error, tree, files.sources, unresolved=(), unknown=findings.unknown))
    files.problems.extend(unknown_key(unknown, files.sources, Mark(path.name, 1, 1)) for unknown in findings.unknown)
    if files.problems or found is None:
        raise ConfigError.of(tuple(dict.fromkeys(files.problems)))
    return found.tests
