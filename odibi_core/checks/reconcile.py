"""Whether what a node made agrees with what it was made of: numbers of rows, sums, and the rows themselves, in each partition."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from odibi_core.checks.contract import CheckContext, CheckParams, ColumnName, Expression, check
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.ports import Frame

_ROUNDING = 1e-9  # a sum of floating point numbers depends on their order
_HASH = "hash"


class ReconcileParams(CheckParams):
    """What the rows are compared with, and in what."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    source: str
    by: tuple[ColumnName, ...] = ()
    sums: tuple[ColumnName, ...] = ()
    hash: tuple[ColumnName, ...] = ()
    tolerance: float = Field(default=0.0, ge=0, le=1)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.by, *self.sums, *self.hash)))

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        del context
        return not figure, figure or f"as in '{self.source}'"


@check("reconcile", ReconcileParams)
def reconcile(params: ReconcileParams, context: CheckContext) -> Expression:
    """
    The rows agree with those of `source`, an input of the node or a node above: their number, their `sums` and their `hash`.

    With `by` each partition is compared on its own, NULL is one of them, and one that is missing on either side differs. `tolerance` is the
    share of the source's number or sum by which they may differ. NULL adds nothing to a sum; `hash` compares the values of some columns in
    any order, and has no tolerance. The source is read a second time for it.

    Example: `source: raw_orders`, `by: [order_date]`, `sums: [amount]`.
    """
    import narwhals as nw

    source = context.datasets.get(params.source.lower())
    if source is None or context.frame is None:
        raise ConfigError(f"'{params.source}' is not an input of this node", hint="Name it in 'depends_on' or 'inputs'.")
    _need_same_columns(params, context, source)
    mine, theirs = _figures(params, context.frame, context), _figures(params, source, context)
    wrong = dict.fromkeys(("rows", *(f"sum of '{column}'" for column in params.sums), *([_HASH] if params.hash else [])), 0)
    differing = 0
    for partition in {**theirs, **mine}:
        found = [
            what
            for what, got, wanted in zip(wrong, _of(mine, partition, wrong), _of(theirs, partition, wrong), strict=True)
            if not _agree(got, wanted, 0.0 if what == _HASH else params.tolerance)
        ]
        differing += bool(found)
        for what in found:
            wrong[what] += 1
    if not differing:
        return nw.lit("")
    where = f"{differing} of {len({**theirs, **mine})} partitions differ" if params.by else "the rows differ"
    told = ", ".join(f"{what} in {times}" if params.by else what for what, times in wrong.items() if times)
    return nw.lit(f"{where} from '{params.source}': {told}")


def _figures(params: ReconcileParams, frame: Frame, context: CheckContext) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The figures of each partition. Hashes are Polars' own, which are the same for the same values in one process."""
    import narwhals as nw

    if not frame.implementation.is_polars():
        raise ConfigError("'reconcile' runs on Polars only", code="not_available", hint="Set 'engine: polars' on this node.")
    native: Any = nw.get_native_namespace(frame)
    rows: Any = frame.to_native()
    asked = [native.len().alias("__rows"), *(native.col(column).sum().alias(f"__sum_{column}") for column in params.sums)]
    if params.hash:
        texts = native.selectors.categorical()
        rows = rows.with_columns(texts.cast(native.String))
        asked.append((native.struct(*params.hash).hash() % 2**40).sum().alias("__hash"))
    summed = rows.group_by(*params.by).agg(*asked) if params.by else rows.select(*asked)
    wide = len(params.by)
    return {row[:wide]: row[wide:] for row in context.compute(nw.from_native(summed).lazy()).collect().rows()}


def _of(figures: Mapping[tuple[Any, ...], tuple[Any, ...]], partition: tuple[Any, ...], wrong: Mapping[str, int]) -> tuple[Any, ...]:
    return figures.get(partition, (0,) * len(wrong))


def _agree(got: Any, wanted: Any, tolerance: float) -> bool:
    if got == wanted or (got != got and wanted != wanted):  # noqa: PLR0124  NaN is as NaN
        return True
    if isinstance(got, float) or isinstance(wanted, float):
        return bool(abs(float(got) - float(wanted)) <= max(tolerance, _ROUNDING) * abs(float(wanted)))
    return bool(abs(Decimal(got) - Decimal(wanted)) <= Decimal(str(tolerance)) * abs(Decimal(wanted)))


def _need_same_columns(params: ReconcileParams, context: CheckContext, source: Frame) -> None:
    theirs = source.collect_schema()
    missing = [name for name in params.reads if name not in theirs]
    if missing:
        raise SchemaMismatchError(
            f"'{params.source}' lacks columns to reconcile: {', '.join(missing)}", hint=f"It has: {', '.join(theirs.names())}."
        )
    for name in (*params.by, *params.hash):
        if context.columns[name] != theirs[name]:
            raise SchemaMismatchError(
                f"'{name}' is {context.columns[name]} and {theirs[name]} in '{params.source}', so no value would be the same",
                hint="Cast one of them before, or leave the column out.",
            )
    for name in params.sums:
        if not (context.columns[name].is_numeric() and theirs[name].is_numeric()):
            raise TypeError(f"'{name}' has no sum")
