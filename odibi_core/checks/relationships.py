"""Foreign keys: each key of a row is one of another table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from odibi_core.checks.contract import CheckContext, CheckParams, ColumnName, Expression, check
from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame

if TYPE_CHECKING:
    from narwhals.dtypes import DType


class RelationshipParams(CheckParams):
    """The columns of the key, and where it must be found."""

    columns: tuple[ColumnName, ...] = Field(min_length=1)
    dimension: str
    dimension_columns: tuple[ColumnName, ...] = Field(min_length=1)
    nullable: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    def prepared(self, frame: Frame, into: str, context: CheckContext) -> Frame:
        import narwhals as nw

        dimension = context.datasets[self.dimension]
        mine, theirs = frame.collect_schema(), dimension.collect_schema()
        missing = [name for name in self.dimension_columns if name not in theirs]
        if missing:
            raise SchemaMismatchError(
                f"'{self.dimension}' has no column {', '.join(missing)}", hint=f"It has: {', '.join(theirs.names())}."
            )
        pairs = list(zip(self.columns, self.dimension_columns, strict=True))
        kinds = [_common(mine[own], theirs[other], own, f"{self.dimension}.{other}") for own, other in pairs]
        keys = [f"{into}_{number}" for number in range(len(pairs))]
        frame = frame.with_columns(*(nw.col(own).cast(kind).alias(key) for (own, _), kind, key in zip(pairs, kinds, keys, strict=True)))
        known = dimension.select(
            *(nw.col(other).cast(kind).alias(key) for (_, other), kind, key in zip(pairs, kinds, keys, strict=True))
        ).unique()
        return _matched(frame, known.with_columns(nw.lit(value=True).alias(into)), keys)


@check("relationship", RelationshipParams)
def relationship(params: RelationshipParams, context: CheckContext) -> Expression:
    """
    Each key of the node's rows is one of the dimension's.

    A key with NULL in any of its columns is no key: with `nullable` the row passes, else it breaks the check. NULL in the dimension is
    found by nobody. Whole numbers of any size are compared; a number is never a text, and a date never a timestamp.

    Source: SQL `FOREIGN KEY … MATCH SIMPLE`.
    """
    import narwhals as nw

    unknown = context.value.is_null()
    if not params.nullable:
        broken: nw.Expr = unknown
    else:
        broken = unknown & ~nw.any_horizontal(*(nw.col(column).is_null() for column in params.columns), ignore_nulls=False)
    return broken


def _common(mine: DType, theirs: DType, own: str, other: str) -> Any:
    """
    The type in which two keys are compared.

    Raises:
        SchemaMismatchError: If they are different things: nothing would be found.
    """
    import narwhals as nw

    texts = (nw.String, nw.Categorical, nw.Enum)
    if mine.is_integer() and theirs.is_integer():
        return nw.Int128 if nw.UInt64 in (mine, theirs) else nw.Int64
    if mine in texts and theirs in texts:
        return nw.String
    if mine == theirs:
        return mine
    raise SchemaMismatchError(f"'{own}' is {mine} and '{other}' is {theirs}, so no key would be found", hint="Cast one of them before.")


def _matched(frame: Frame, known: Frame, keys: list[str]) -> Frame:
    """The rows in their order, each with what is known of its key."""
    import narwhals as nw

    if frame.implementation.is_polars():
        joined: Frame = nw.from_native(frame.to_native().join(known.to_native(), on=keys, how="left", maintain_order="left"))
        return joined
    return frame.join(known, on=keys, how="left")
