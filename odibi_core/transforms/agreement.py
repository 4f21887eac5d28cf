"""Compare datasets of the node with one another, and stop if they do not agree."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from odibi_core.errors import CheckFailedError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import Params, TransformContext, transform
from odibi_core.transforms.joins import DatasetName


class CrossCheckParams(Params):
    """What is compared, the datasets (the first is the measure), and the share by which numbers of rows may differ."""

    type: Literal["row_count_diff", "schema_match"]
    inputs: tuple[DatasetName, ...] = Field(min_length=2)
    threshold: float = Field(default=0.0, ge=0)

    def reads(self) -> tuple[str, ...]:
        return self.inputs

    def outline(self, given: Outline, _: Around) -> Outline:
        return given


@transform("cross_check", CrossCheckParams)
def cross_check(frame: Frame, params: CrossCheckParams, context: TransformContext) -> Frame:
    """
    Fail the node if datasets differ; otherwise its input passes through and is written.

    `row_count_diff` counts rows: more than `threshold` (0.05 is five percent of the first) is a failure. `schema_match` compares names and
    types of columns, in any order.

    Shape: (rows, columns) → the same.

    Example: `type: row_count_diff, inputs: [source, target], threshold: 0.01`.

    Raises:
        CheckFailedError: If they differ.
    """
    found = _counts_apart(params, context) if params.type == "row_count_diff" else _schemas_apart(params, context)
    if found:
        raise CheckFailedError(f"'cross_check' found a difference: {'; '.join(found)}", hint="Look at the nodes that made these datasets.")
    return frame


def _counts_apart(params: CrossCheckParams, context: TransformContext) -> list[str]:
    import narwhals as nw

    counts = [int(context.compute(context.dataset(name).select(nw.len()))[0][0]) for name in params.inputs]
    base, apart = counts[0], []
    for name, count in zip(params.inputs[1:], counts[1:], strict=True):
        difference = abs(count - base) / base if base else float(count > 0)
        if difference > params.threshold:
            allowed = f"more than {params.threshold:.1%}" if params.threshold else "expected as many"
            apart.append(f"'{name}' has {count} rows and '{params.inputs[0]}' {base} ({difference:.1%}, {allowed})")
    return apart


def _schemas_apart(params: CrossCheckParams, context: TransformContext) -> list[str]:
    base, apart = context.dataset(params.inputs[0]).collect_schema(), []
    for name in params.inputs[1:]:
        schema = context.dataset(name).collect_schema()
        missing = [column for column in base if column not in schema]
        extra = [column for column in schema if column not in base]
        changed = [f"{column} ({schema[column]}, not {dtype})" for column, dtype in base.items() if schema.get(column, dtype) != dtype]
        told = [
            f"{what}: {', '.join(columns)}" for what, columns in (("lacks", missing), ("adds", extra), ("differs in", changed)) if columns
        ]
        if told:
            apart.append(f"'{name}' {', '.join(told)}, against '{params.inputs[0]}'")
    return apart
