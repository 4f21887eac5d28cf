"""Rows drawn by chance, the same ones for the same seed."""

from __future__ import annotations

import secrets

from pydantic import Field

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import Params, TransformContext, transform

_DRAW = "__draw"
_PRIME = 2_147_483_647  # 2**31 - 1: squares of smaller numbers fit in 64 bits


class SampleParams(Params):
    """Which share of the rows."""

    fraction: float = Field(ge=0, le=1, description="the share of the rows, from 0 to 1")
    seed: int | None = Field(
        default=None, ge=0, description="draws the same rows of the same input every time; others each time without it"
    )

    def row_effect(self) -> RowEffect:
        return "filtered"

    def outline(self, given: Outline, _: Around) -> Outline:
        return given


@transform("sample", SampleParams)
def sample(frame: Frame, params: SampleParams, _: TransformContext) -> Frame:
    """
    Draw rows without putting any back, each with the probability `fraction`.

    With `seed` the same rows of the same input every time on one engine; the engines draw different ones.

    Shape: (rows, columns) → (about fraction · rows, columns), in the order read.

    Example: `fraction: 0.1, seed: 42`.
    """
    return draw(frame, rows=None, share=params.fraction, seed=params.seed)


def draw(frame: Frame, *, rows: int | None, share: float | None, seed: int | None) -> Frame:
    """So many rows, or each with a probability."""
    import narwhals as nw

    drawn = _with_draws(frame, secrets.randbelow(_PRIME) if seed is None else seed)
    if rows is not None:
        return drawn.sort(_DRAW).head(rows).drop(_DRAW)
    return drawn.filter(nw.col(_DRAW) < (share or 0) * _PRIME).drop(_DRAW)


def _with_draws(frame: Frame, seed: int) -> Frame:
    """The frame with a column of numbers below `_PRIME` that look random; narwhals draws none in a lazy frame."""
    import narwhals as nw

    if not frame.implementation.is_polars():
        random: Frame = nw.from_native(frame.to_native().selectExpr("*", f"rand({seed}) * {_PRIME} AS {_DRAW}"))
        return random
    numbered: Frame = nw.from_native(frame.to_native().with_row_index(_DRAW))
    draws = (nw.col(_DRAW).cast(nw.Int64) + seed * 48_271 % _PRIME) % _PRIME
    for constant in (1_103_515_245, 12_345, 69_621, 1_664_525):
        draws = (draws * draws + constant) % _PRIME
    return numbered.with_columns(draws.alias(_DRAW))
