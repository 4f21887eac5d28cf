"""Let uv ask the package registry that pip is configured for: uv does not read pip's settings."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SETTINGS = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}  # pip's name → uv's variable


def uv_environment(python: Path) -> dict[str, str]:
    """The environment to run uv in; what is already set for uv stays."""
    done = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    return {**settings_of(done.stdout), **os.environ, "UV_NO_PROGRESS": "1"}


def settings_of(listing: str) -> Mapping[str, str]:
    """uv's variables for what `pip config list` says: `global.index-url='…'`, a line each, the stronger ones first."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        key, separator, value = line.partition("=")
        variable = _SETTINGS.get(key.rpartition(".")[2])
        if separator and variable:
            found.setdefault(variable, str(ast.literal_eval(value)))
    return found
