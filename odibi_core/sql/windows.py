"""OVER: partition, order and frame, by name or written out."""

from __future__ import annotations

from typing import Any, Protocol

from sqlglot import exp

from odibi_core.sql.calls import Writer
from odibi_core.sql.tree import Aggregate, Bound, Expression, Frame, Value, Window

_RANKING = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"})


class WindowWriter(Writer, Protocol):
    """What works on the expression around the window."""

    windows: dict[str, exp.Window]

    def expressions(self, nodes: Any) -> tuple[Expression, ...]: ...


def window(writer: WindowWriter, node: exp.Window) -> Expression:
    """A function over a window."""
    writer.over = True
    function = writer.expression(node.this)
    writer.over = False
    if not isinstance(function, Aggregate):
        return function if isinstance(function, Value) else writer.refuse(node, "takes an aggregate or window function")
    definition, base = node, node
    name = node.text("alias")
    while name:
        named = writer.windows.get(name.lower())
        if named is None:
            return writer.refuse(node, f"'{name}' is not defined", "Define it behind WINDOW.")
        base, name = named, named.text("alias")
    order = writer.order(definition.args.get("order") or base.args.get("order"))
    spec = definition.args.get("spec") or base.args.get("spec")
    frame = _frame(writer, spec) if isinstance(spec, exp.WindowSpec) else None
    if not order and function.name in _RANKING:
        return writer.refuse(node, f"of {function.name.upper()} needs ORDER BY", "Say in which order the rows are counted.")
    return Window(
        function=function,
        partition=writer.expressions(definition.args.get("partition_by") or base.args.get("partition_by")),
        order=order,
        frame=None if function.name in _RANKING else frame,
    )


def _frame(writer: WindowWriter, spec: exp.WindowSpec) -> Frame | None:
    unit = str(spec.args.get("kind") or "rows").lower()
    if unit not in ("rows", "range") or spec.args.get("exclude"):
        writer.refuse(spec, f"{unit.upper()} frames are not portable", "Write ROWS or RANGE.")
        return None
    start = _bound(writer, spec.args.get("start"), spec.args.get("start_side"))
    end = _bound(writer, spec.args.get("end") or "CURRENT ROW", spec.args.get("end_side"))
    return Frame(unit="rows" if unit == "rows" else "range", start=start, end=end)


def _bound(writer: WindowWriter, value: Any, side: Any) -> Bound:
    text = (
        str(value.name if isinstance(value, exp.Var) else value).upper()
        if not isinstance(value, exp.Expr) or isinstance(value, exp.Var)
        else ""
    )
    if text == "CURRENT ROW":
        return Bound(sign=0)
    sign = -1 if str(side or "PRECEDING").upper() == "PRECEDING" else 1
    if text == "UNBOUNDED":
        return Bound(sign=-1 if sign < 0 else 1, unbounded=True)
    return Bound(sign=-1 if sign < 0 else 1, offset=writer.expression(value))
