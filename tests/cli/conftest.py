"""Projects to run the command on."""

from pathlib import Path

import pytest

from tests.cli.running import BAD, GOOD, a_project, odibi


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose landing zone holds one good file."""
    return a_project(tmp_path, good=GOOD)


@pytest.fixture
def bad_project(tmp_path: Path) -> Path:
    """A project whose landing zone holds rows that break checks."""
    return a_project(tmp_path, bad=BAD)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run once. Not to be changed."""
    folder = a_project(tmp_path_factory.mktemp("ran"), good=GOOD)
    assert odibi("run", cwd=folder).code == 0
    return folder
