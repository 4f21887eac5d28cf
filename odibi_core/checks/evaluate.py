"""
Run all checks of a node, in as few passes as there can be, and say what they found: counts and names, never a value of the data.

First the rows are set aside that break a check with `on_fail: quarantine`; the other checks see the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from odibi_core.checks.contract import VALUE, CheckContext, selected
from odibi_core.checks.specs import CheckSpec
from odibi_core.errors import CheckFailedError, SchemaMismatchError
from odibi_core.events import CheckResult
from odibi_core.frozen import Frozen
from odibi_core.ports import Frame

if TYPE_CHECKING:
    import narwhals as nw

FAILED_TESTS = "__failed_tests"
_ROWS, _GOOD = "__rows", "__good"


class Evaluation(Frozen):
    """What the checks found, and the rows by what they found."""

    results: tuple[CheckResult, ...]  # in the order of the checks
    rows: int  # before quarantine
    passed_rows: int  # that break no check of rows at all, whatever follows from it
    rejected_rows: int  # that break a check with `on_fail: quarantine`
    kept: Frame  # the rows that are not rejected
    valid: Frame  # the rows that break no check of rows at all
    broken: Mapping[str, Frame]  # the rows that break a check, by its name, for each that found some
    rejected: Frame | None  # the rejected rows with the column FAILED_TESTS: the names of the checks that the row breaks, parted by a comma


class Flagged(Frozen):
    """A frame with one column for each check of rows, true where a row breaks it; and what to ask of it."""

    frame: Frame
    tests: tuple[CheckSpec, ...]
    context: CheckContext
    figures: tuple[nw.Expr, ...]  # one aggregate of each check
    own: tuple[str, ...]  # the columns that the frame had

    @property
    def marks(self) -> tuple[str, ...]:
        """The columns of the checks of rows, in their order."""
        return tuple(_mark(number) for number, test in enumerate(self.tests) if test.params.counts == "rows")

    def breaks_any(self) -> nw.Expr:
        """True for the rows that break any of the checks."""
        import narwhals as nw

        return nw.any_horizontal(*(nw.col(mark) for mark in self.marks), ignore_nulls=False) if self.marks else nw.lit(value=False)

    def totals(self) -> Frame:
        """One row: the number of rows, of those that break nothing, and the figure of each check."""
        import narwhals as nw

        good = (~self.breaks_any()).cast(nw.Int64).sum() if self.marks else nw.len()
        return self.frame.select(nw.len().alias(_ROWS), good.alias(_GOOD), *self.figures)

    def breaking(self, results: Sequence[CheckResult]) -> dict[str, Frame]:
        """The rows that break a check, by its name, for each that found some; nothing is computed."""
        import narwhals as nw

        found = {result.name for result in results if result.failed_rows}
        return {
            test.name: self.frame.filter(nw.col(_mark(number))).select(*self.own)
            for number, test in enumerate(self.tests)
            if test.name in found
        }

    def results(self, totals: Mapping[str, Any]) -> tuple[CheckResult, ...]:
        """The verdicts, from the row of `totals`."""
        rows = int(totals[_ROWS])
        return tuple(_result(test, totals[_mark(number)], rows, self.context) for number, test in enumerate(self.tests))


def evaluate(frame: Frame, tests: Sequence[CheckSpec], context: CheckContext | None = None) -> Evaluation:
    """
    One result per check, in their order, and the rows parted by them.

    Raises:
        SchemaMismatchError: If a check reads a column that is missing, or whose type it cannot be compared with.
    """
    context = context or CheckContext()
    order = sorted(range(len(tests)), key=lambda number: tests[number].severity != "quarantine")  # stable
    parting = [tests[number] for number in order if tests[number].severity == "quarantine"]
    others = [tests[number] for number in order if tests[number].severity != "quarantine"]
    if not parting:
        rest = _counted(frame, others, context)
        return Evaluation(
            results=rest.results,
            rows=rest.rows,
            passed_rows=rest.good,
            rejected_rows=0,
            kept=frame,
            valid=frame if rest.good == rest.rows else rest.without_broken(),
            broken=rest.flags.breaking(rest.results),
            rejected=None,
        )
    first = _counted(frame, parting, context)
    kept = frame if first.good == first.rows else first.without_broken()
    rest = _counted(kept, others, context)
    found = dict(zip(order, (*first.results, *rest.results), strict=True))
    return Evaluation(
        results=tuple(found[number] for number in range(len(tests))),
        rows=first.rows,
        passed_rows=rest.good,
        rejected_rows=first.rows - first.good,
        kept=kept,
        valid=kept if rest.good == rest.rows else rest.without_broken(),
        broken={**first.flags.breaking(first.results), **rest.flags.breaking(rest.results)},
        rejected=first.broken() if first.good != first.rows else None,
    )


def flagged(frame: Frame, tests: Sequence[CheckSpec], context: CheckContext) -> Flagged:
    """
    The frame with what each check says of each row; nothing is computed.

    Raises:
        SchemaMismatchError: As `evaluate`.
    """
    import narwhals as nw

    schema = frame.collect_schema()
    context = replace(context, frame=frame, columns={name: dtype for name, dtype in schema.items() if name not in context.hidden})
    marks: list[nw.Expr] = []
    figures: list[nw.Expr] = []
    for number, test in enumerate(tests):
        _need_columns(test, list(context.columns))
        frame, expression = _expression(frame, test, _value(number), context)
        if test.params.counts == "rows":
            marks.append(expression.alias(_mark(number)))
            expression = nw.col(_mark(number)).cast(nw.Int64).sum()
        figures.append(expression.alias(_mark(number)))
    # Two stages, because an engine may not sum a window (unique) in the select that defines it. It stays one query.
    frame = frame.with_columns(*marks) if marks else frame
    return Flagged(frame=frame, tests=tuple(tests), context=context, figures=tuple(figures), own=tuple(schema.names()))


def failed_error(results: Sequence[CheckResult]) -> CheckFailedError | None:
    """The error of a node whose checks are broken and set to fail; None if there are none."""
    failed = [result for result in results if not result.passed and result.severity == "fail"]
    if not failed:
        return None
    first = failed[0]
    rows = f"{first.failed_rows} row{'s' * (first.failed_rows != 1)} that break{'s' * (first.failed_rows == 1)} it"
    more = f" (and {len(failed) - 1} more check{'s' * (len(failed) > 2)} failed)" if len(failed) > 1 else ""
    found = rows if first.failed_rows else first.detail
    what = "contract" if first.of == "input" else "check"
    return CheckFailedError(
        f"{what} '{first.name}' found {found}{more}", hint="Fix the rows at the source, or set 'on_fail: warn' to let them pass."
    )


class _Counted(Frozen):
    """Checks that were run."""

    flags: Flagged
    results: tuple[CheckResult, ...]
    rows: int
    good: int  # rows that break none of them

    def without_broken(self) -> Frame:
        """The rows that break no check."""
        return self.flags.frame.filter(~self.flags.breaks_any()).select(*self.flags.own)

    def broken(self) -> Frame:
        """The rows that break any check, with the names of those checks."""
        import narwhals as nw

        flags = self.flags
        tests = [test for test in flags.tests if test.params.counts == "rows"]
        names = [nw.when(nw.col(mark)).then(nw.lit(test.name)) for mark, test in zip(flags.marks, tests, strict=True)]
        reason = nw.concat_str(*names, separator=",", ignore_nulls=True).alias(FAILED_TESTS)
        return flags.frame.filter(flags.breaks_any()).select(*flags.own, reason)


def _counted(frame: Frame, tests: Sequence[CheckSpec], context: CheckContext) -> _Counted:
    flags = flagged(frame, tests, context)
    if flags.marks:
        # Kept as bits beside rows that are in memory anyway: what they part needs no second look at the data.
        flags = replace(flags, frame=context.compute(flags.frame))
    totals = flags.totals().collect().rows(named=True)[0]
    return _Counted(flags=flags, results=flags.results(totals), rows=int(totals[_ROWS]), good=int(totals[_GOOD] or 0))


def _mark(number: int) -> str:
    return f"__check_{number}"


def _value(number: int) -> str:
    return f"__value_{number}"


def _need_columns(test: CheckSpec, available: list[str]) -> None:
    missing = [column for column in test.params.reads if column not in available]
    if missing:
        raise SchemaMismatchError(
            f"check '{test.name}' reads missing columns: {', '.join(missing)}", hint=f"Available: {', '.join(available)}."
        )


def _expression(frame: Frame, test: CheckSpec, value: str, context: CheckContext) -> tuple[Frame, nw.Expr]:
    """The expression of a check, tried on the frame's types without reading a row; and the frame with what the check asks SQL for."""
    import narwhals as nw
    from narwhals.exceptions import NarwhalsError

    given = frame
    try:
        if test.params.query is not None:
            query = context.compile(selected(test.params.query), ("df",))
            frame = context.sql(query, {"df": frame}).rename({VALUE: value})
        else:
            prepared = test.params.prepared(frame, value, context)
            frame = frame if prepared is None else prepared
        types = frame.collect_schema()
        context = replace(context, value=nw.col(value), value_type=types.get(value))
        expression: nw.Expr = test.function(test.params, context)
        if test.params.counts == "rows":
            frame.select(expression.alias(VALUE)).collect_schema()
    except (NarwhalsError, TypeError, ValueError):
        if not given.head(1).collect().rows():  # a file without rows has columns of text, whatever they would hold
            return given, nw.lit(value=False) if test.params.counts == "rows" else nw.lit(value=None, dtype=nw.Float64)
        kinds = ", ".join(f"'{column}' is {context.columns[column]}" for column in test.params.reads)
        raise SchemaMismatchError(
            f"check '{test.name}' does not fit the type of its column: {kinds}",
            hint="Write values of that type, or cast the column before.",
        ) from None
    return frame, expression


def _result(test: CheckSpec, figure: Any, rows: int, context: CheckContext) -> CheckResult:
    if test.params.counts == "table":
        passed, detail = test.params.judge(figure, context)
        return _named(test, passed=passed, rows=rows, detail=detail)
    broken = int(figure or 0)
    passed = broken == 0 or broken / rows <= test.params.tolerated
    return _named(test, passed=passed, failed_rows=broken, rows=rows, detail=f"{broken} of {rows} rows")


def _named(test: CheckSpec, *, passed: bool, rows: int, detail: str, failed_rows: int = 0) -> CheckResult:
    return CheckResult(
        name=test.name,
        kind=test.kind,
        columns=test.params.reads,
        severity=test.severity,
        passed=passed,
        failed_rows=failed_rows,
        rows=rows,
        detail=detail,
    )
