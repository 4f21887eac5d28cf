"""Run a compiled query over frames whose columns have upper-case letters: SQL names have no case, Polars' names do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from odibi_core.errors import SchemaMismatchError

if TYPE_CHECKING:
    from odibi_core.ports import Frame


def over_lower_case(tables: Mapping[str, Frame], run: Callable[[Mapping[str, Frame]], Frame]) -> Frame:
    """
    Call `run` with the frames' columns in lower case, as the Polars text of a compiled query expects them.

    A column that comes out under the lower-case name of an input column, as with `SELECT *`, is spelled as in the input.

    Raises:
        SchemaMismatchError: If two columns of a frame differ only in case.
    """
    original: dict[str, str] = {}
    lowered: dict[str, Frame] = {}
    for name, frame in tables.items():
        renames = _renames(name, frame.collect_schema().names())
        lowered[name.lower()] = frame.rename(renames) if renames else frame
        for column, lower in renames.items():
            original.setdefault(lower, column)
    result = run(lowered)
    if not original:
        return result
    columns = result.collect_schema().names()
    taken = set(columns)
    back = {lower: original[lower] for lower in columns if lower in original and original[lower] not in taken}
    return result.rename(back) if back else result


def _renames(table: str, columns: list[str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for column in columns:
        twin = seen.setdefault(column.lower(), column)
        if twin != column:
            raise SchemaMismatchError(
                f"columns '{twin}' and '{column}' of '{table}' differ only in case", hint="SQL cannot tell them apart: rename one before."
            )
    return {column: lower for lower, column in seen.items() if column != lower}
