"""The YAML of a project as a plain tree: imports and environment laid over it, nothing resolved, no model built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from odibi_core.config.imports import ProjectFiles, read_project, with_environment
from odibi_core.config.marks import plain


def read_tree(path: Path, *, environment: str | None, variables: Mapping[str, str]) -> Mapping[str, JsonValue]:
    """
    What a cold start needs, at a fraction of the cost of `load_project`; and what is left to work with when that refuses the file.

    Raises:
        ConfigError: If the YAML itself cannot be read.
    """
    files = ProjectFiles(directory=path.resolve().parent)
    tree = plain(with_environment(read_project(path.resolve(), files, variables), environment, files, ()))
    return tree if isinstance(tree, dict) else {}
