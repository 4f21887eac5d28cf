"""Connections for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

from odibi_core.errors import PermanentServiceError
from odibi_core.storage import ResolvedConnections

BLOB = {"type": "azure_blob", "account_name": "acct", "container": "landing"}
KEY = "a2V5"


def no_secret(name: str) -> str:
    """A source that must not be asked."""
    raise PermanentServiceError(f"asked for {name}")


def resolved(tmp_path=Path("/project"), secret=no_secret, environment=None, **connections) -> ResolvedConnections:
    """Connections over a folder."""
    return ResolvedConnections(connections=connections, directory=tmp_path, secret=secret, environment=environment or {})
