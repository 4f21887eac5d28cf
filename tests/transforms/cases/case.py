"""One case: what a transform makes of a frame, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from odibi_core.registry import Registry
from odibi_core.transforms import OPERATIONS, TRANSFORMS

N = None
ALL = ["Id", "u", "s"]
FRAME = pl.LazyFrame({"Id": [1, 1, 2, N, N], "u": [1, N, 3, 4, 5], "s": [" A ", "b", N, "c", "a b "]})
ROWS = [(1, 1, " A "), (1, N, "b"), (2, 3, N), (N, 4, "c"), (N, 5, "a b ")]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Parameters, and the columns and rows that come out."""

    name: str
    params: Mapping[str, Any]
    columns: list[str]
    rows: list[tuple]
    frame: pl.LazyFrame = field(default_factory=lambda: FRAME)
    types: Mapping[str, Any] = field(default_factory=dict)  # of columns whose type matters
    registry: Registry = TRANSFORMS
    ordered: bool = True  # whether the order of the rows is promised
    inputs: Mapping[str, pl.LazyFrame] = field(default_factory=dict)  # the node's other inputs

    def __str__(self) -> str:
        return f"{self.name} {dict(self.params)}"[:120]


def case(name: str, params: Mapping[str, Any], columns: list[str], rows: list[tuple], **more: Any) -> Case:
    """A case of a transform."""
    return Case(name=name, params=params, columns=columns, rows=rows, **more)


def operation(name: str, params: Mapping[str, Any], columns: list[str], rows: list[tuple], **more: Any) -> Case:
    """A case of an operation."""
    return Case(name=name, params=params, columns=columns, rows=rows, registry=OPERATIONS, **more)
