"""What the tests of hostile input share: a project in a folder, and an engine on a folder."""

from __future__ import annotations

from tests.config.conftest import complaints, load
from tests.engines.conftest import engine, lake

__all__ = ["complaints", "engine", "lake", "load"]
