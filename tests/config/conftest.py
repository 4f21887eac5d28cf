"""Write YAML into a folder of its own and load it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from odibi_core.config import LoadedProject, load_project
from odibi_core.errors import ConfigError

Load = Callable[..., LoadedProject]
Complaints = Callable[..., list[str]]

HEAD = """\
project: shop
connections:
  lake: { type: local, base_path: ./lake }
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load `odibi.yaml` with this text, beside files given by name."""

    def loaded(
        text: str | bytes, *, files: Mapping[str, str] | None = None, environment: str | None = None, **variables: str
    ) -> LoadedProject:
        main = tmp_path / "odibi.yaml"
        main.write_bytes(text.encode() if isinstance(text, str) else text)
        for name, content in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return load_project(main, environment=environment, variables=variables)

    return loaded


@pytest.fixture
def complaints(load: Load) -> Complaints:
    """What is wrong with a text: `file:line:column: message. hint`, one per problem, in the order of the file."""

    def found(text: str | bytes, **settings: object) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, **settings)
        return [
            str(problem)
            for problem in sorted(
                caught.value.problems, key=lambda problem: (problem.place.line, problem.place.column) if problem.place else (0, 0)
            )
        ]

    return found


def node(body: str, *, head: str = HEAD) -> str:
    """A project with one pipeline and one node, whose lines are given; the node begins in line 7."""
    lines = body.rstrip().splitlines()
    indented = "\n".join(f"        {line}" for line in lines[1:])
    return f"{head}pipelines:\n  - pipeline: bronze\n    nodes:\n      - {lines[0]}\n{indented}\n"
