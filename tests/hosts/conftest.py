"""A world for each test."""

from pathlib import Path

import pytest

from tests.hosts.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A whole project: files become two tables, and a copy is made each night."""
    return World(tmp_path)
