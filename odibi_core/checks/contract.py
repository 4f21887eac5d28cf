"""
What a check is: a function and a model of its parameters, registered under the name that YAML uses.

    class PositiveParams(CheckParams):
        column: str

        @property
        def reads(self) -> tuple[str, ...]:
            return (self.column,)

    @check("positive", PositiveParams)
    def positive(params: PositiveParams, _: Columns) -> Breaks:
        return nw.col(params.column) <= 0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from odibi_core.registry import Registry

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.dtypes import DType

    Breaks = nw.Expr
    Columns = Mapping[str, DType]
else:
    Breaks = Any
    Columns = Mapping[str, Any]

CheckFunction = Callable[[Any, Columns], Breaks]


class CheckParams(BaseModel):
    """The parameters of a check; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    counts: ClassVar[Literal["rows", "table"]] = "rows"  # "table": the expression is one aggregate, true if the table breaks the check

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that must exist."""
        return ()

    def found(self, rows: int) -> str:
        """What is wrong with a table of so many rows, for a check that counts the table."""
        return f"{rows} rows"


CHECKS: Registry[CheckFunction] = Registry("check")
check = CHECKS.register
