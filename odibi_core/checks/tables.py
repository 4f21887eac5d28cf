"""Checks of the table as a whole."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from odibi_core.checks.contract import CheckContext, CheckParams, Expression, check


class RowCountParams(CheckParams):
    """How many rows there may be, both inclusive."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _has_a_bound(self) -> RowCountParams:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self

    def judge(self, figure: Any, _: CheckContext) -> tuple[bool, str]:
        bounds = [f"at least {self.min}" if self.min is not None else "", f"at most {self.max}" if self.max is not None else ""]
        inside = (self.min is None or figure >= self.min) and (self.max is None or figure <= self.max)
        return inside, f"{figure} rows, expected {' and '.join(bound for bound in bounds if bound)}"


@check("row_count", RowCountParams)
def row_count(_: RowCountParams, __: CheckContext) -> Expression:
    """The number of rows is within the bounds, both inclusive."""
    import narwhals as nw

    return nw.len()
