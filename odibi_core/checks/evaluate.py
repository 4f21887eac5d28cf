"""Run all checks of a node in one query, and say what they found: counts and names, never a value of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from odibi_core.checks.specs import CheckSpec
from odibi_core.errors import CheckFailedError, SchemaMismatchError
from odibi_core.events import CheckResult

if TYPE_CHECKING:
    import narwhals as nw

    from odibi_core.ports import Frame

_ROWS = "__rows"


def evaluate(frame: Frame, tests: Sequence[CheckSpec]) -> tuple[CheckResult, ...]:
    """
    One result per check, in their order, from a single pass over the frame.

    Raises:
        SchemaMismatchError: If a check reads a column that is missing, or whose type it cannot be compared with.
    """
    if not tests:
        return ()
    import narwhals as nw

    columns = frame.collect_schema()
    for test in tests:
        _need_columns(test, columns.names())
    broken = {f"__check_{number}": _breaks(frame, test, columns) for number, test in enumerate(tests)}
    per_row = [expr.alias(name) for (name, expr), test in zip(broken.items(), tests, strict=True) if test.params.counts == "rows"]
    totals: list[Any] = [nw.len().alias(_ROWS)]
    for (name, expr), test in zip(broken.items(), tests, strict=True):
        total = nw.col(name).cast(nw.Int64).sum() if test.params.counts == "rows" else expr.cast(nw.Int64)
        totals.append(total.alias(name))
    # Two stages, because an engine may not sum a window (unique) in the select that defines it. It stays one query.
    flagged = frame.with_columns(*per_row) if per_row else frame
    counted = flagged.select(*totals).collect().rows(named=True)[0]
    return tuple(_result(test, int(counted[name] or 0), int(counted[_ROWS])) for name, test in zip(broken, tests, strict=True))


def failed_error(results: Sequence[CheckResult]) -> CheckFailedError | None:
    """The error of a node whose checks are broken and set to fail; None if there are none."""
    failed = [result for result in results if not result.passed and result.severity == "fail"]
    if not failed:
        return None
    first = failed[0]
    what = f"{first.failed_rows} row{'s' * (first.failed_rows != 1)} that break{'s' * (first.failed_rows == 1)} it"
    more = f" (and {len(failed) - 1} more check{'s' * (len(failed) > 2)} failed)" if len(failed) > 1 else ""
    found = what if first.failed_rows else first.detail
    return CheckFailedError(
        f"check '{first.name}' found {found}{more}", hint="Fix the rows at the source, or set 'on_fail: warn' to let them pass."
    )


def _need_columns(test: CheckSpec, available: list[str]) -> None:
    missing = [column for column in test.params.reads if column not in available]
    if missing:
        raise SchemaMismatchError(
            f"check '{test.name}' reads missing columns: {', '.join(missing)}", hint=f"Available: {', '.join(available)}."
        )


def _breaks(frame: Frame, test: CheckSpec, columns: nw.Schema) -> nw.Expr:
    """The expression of a check, tried on the frame's types without reading a row."""
    from narwhals.exceptions import NarwhalsError

    try:
        expr: nw.Expr = test.function(test.params, columns)
        if test.params.counts == "rows":
            frame.select(expr.alias("__tried")).collect_schema()
    except (NarwhalsError, TypeError, ValueError):
        kinds = ", ".join(f"'{column}' is {columns[column]}" for column in test.params.reads)
        raise SchemaMismatchError(
            f"check '{test.name}' does not fit the type of its column: {kinds}",
            hint="Write values of that type, or cast the column before.",
        ) from None
    return expr


def _result(test: CheckSpec, broken: int, rows: int) -> CheckResult:
    whole_table = test.params.counts == "table"
    return CheckResult(
        name=test.name,
        kind=test.kind,
        columns=test.params.reads,
        severity=test.severity,
        passed=broken == 0,
        failed_rows=0 if whole_table else broken,
        rows=rows,
        detail=test.params.found(rows) if whole_table else f"{broken} of {rows} rows",
    )
