"""Transforms: what can be done to a frame. One function and one model of parameters each, by family; pure and lazy."""

from __future__ import annotations

from odibi_core.transforms import later  # noqa: F401  it says what is not to be had; the families are imported by name, see `contract`
from odibi_core.transforms.authors import transform
from odibi_core.transforms.contract import OPERATIONS, TRANSFORMS, Params, TransformContext, unknown_dataset
from odibi_core.transforms.library import Library
from odibi_core.transforms.loading import load_functions

__all__ = ["OPERATIONS", "TRANSFORMS", "Library", "Params", "TransformContext", "load_functions", "transform", "unknown_dataset"]
