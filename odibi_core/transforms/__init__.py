"""Transforms: what can be done to a frame. One function and one model of parameters each, by family; pure and lazy."""

from __future__ import annotations

from odibi_core.transforms import (  # noqa: F401  they register their transforms
    aggregates,
    agreement,
    columns,
    dates,
    expressions,
    joins,
    json_text,
    keys,
    later,
    measures,
    nested,
    operations,
    periods,
    rows,
    sampling,
    text,
    types,
    values,
    windows,
)
from odibi_core.transforms.authors import transform
from odibi_core.transforms.contract import OPERATIONS, TRANSFORMS, Params, TransformContext, unknown_dataset
from odibi_core.transforms.library import Library
from odibi_core.transforms.loading import load_functions

__all__ = ["OPERATIONS", "TRANSFORMS", "Library", "Params", "TransformContext", "load_functions", "transform", "unknown_dataset"]
