"""Worlds for the tests: one per module where the tests do not disturb each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.world import World


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for a module; its `WORLD` says what is special about it."""
    with World(tmp_path_factory.mktemp("world"), **getattr(request.module, "WORLD", {})) as opened:
        yield opened
