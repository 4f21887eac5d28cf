"""Checks that the author writes in SQL."""

from __future__ import annotations

from pydantic import Field

from odibi_core.checks.contract import CheckContext, CheckParams, Expression, check
from odibi_core.errors import SchemaMismatchError


class CustomSqlParams(CheckParams):
    """A condition, and the share of rows that may break it."""

    condition: str = Field(min_length=1)
    threshold: float = Field(default=0.0, ge=0, le=1)

    @property
    def query(self) -> str:
        return self.condition

    @property
    def tolerated(self) -> float:
        return self.threshold


@check("custom_sql", CustomSqlParams)
def custom_sql(_: CustomSqlParams, context: CheckContext) -> Expression:
    """
    The SQL condition holds for all rows but a share of `threshold`.

    A row breaks it if the condition is false for it. Where it is NULL, as a comparison with NULL is, the row passes: write
    `amount IS NOT NULL AND amount > 0` if there must be a value. `CURRENT_TIMESTAMP` is the time of the run.

    `threshold` decides whether the check passes. With `on_fail: quarantine` every row that breaks the condition is set aside all the same.

    Example: `condition: "end_date >= start_date"` with `threshold: 0.01` lets one row in a hundred break it.

    Source: SQL `CHECK`: a constraint is satisfied if its condition is false for no row.
    """
    import narwhals as nw

    if context.value_type not in (nw.Boolean, nw.Unknown):  # NULL itself has no type
        raise SchemaMismatchError(
            f"the condition of a 'custom_sql' check gives {context.value_type}, not true or false",
            hint="Write a comparison, for example 'amount > 0'.",
        )
    broken: nw.Expr = (~context.value.cast(nw.Boolean)).fill_null(value=False)
    return broken
