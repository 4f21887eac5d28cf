"""Which type columns have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, transform
from odibi_core.transforms.conversions import converted
from odibi_core.transforms.frames import find_columns, in_place
from odibi_core.transforms.sql_types import sql_type


def _known_type(text: str) -> str:
    sql_type(text)
    return text


class CastColumnsParams(Params):
    """Column → type."""

    casts: dict[ColumnName, Annotated[str, AfterValidator(_known_type)]] = Field(
        description="column → type: int, bigint, float, bool, date, timestamp, string or a SQL type such as `DECIMAL(10, 2)`"
    )

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.casts, at="casts")
        return given


@transform("cast_columns", CastColumnsParams)
def cast_columns(frame: Frame, params: CastColumnsParams, _: TransformContext) -> Frame:
    """
    Change the type of columns; their place stays. A value that cannot be converted fails the node.

    `int` has 32 bits and `float` is a double, as in SQL. Text may have spaces around it, a number with a fraction is cut to an `int`
    and rounded half up to a decimal, and a time with an offset becomes UTC. For NULL instead of a failure derive the column with
    TRY_CAST.

    Shape: (rows, columns) → (rows, columns).

    Example: `casts: {age: int, price: "DECIMAL(10, 2)", day: date}`.

    Raises:
        SchemaMismatchError: If a column is missing, or there is no conversion from its type.
    """
    columns = frame.collect_schema().names()
    found = find_columns(frame, params.casts, who="cast_columns")
    wanted = {
        f"__cast_{number}": (column, sql_type(target))
        for number, (column, target) in enumerate(zip(found, params.casts.values(), strict=True))
    }
    cast = converted(frame, wanted, who="cast_columns")
    return in_place(cast, {column: name for name, (column, _type) in wanted.items()}, columns)
