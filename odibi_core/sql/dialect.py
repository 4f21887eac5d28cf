"""The dialects that SQL may be written in."""

from __future__ import annotations

from typing import Literal

Dialect = Literal["spark", "duckdb"]
