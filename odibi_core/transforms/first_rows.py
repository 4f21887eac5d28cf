"""The first row of each key by an order, on Polars: only rows whose key comes more than once are put in order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from odibi_core.frozen import Frozen
from odibi_core.ports import Frame
from odibi_core.transforms.native import Native, native_of


class OrderTerm(Frozen):
    """One column of an order, and where its NULLs go."""

    column: str
    descending: bool
    nulls_last: bool


def plain_order(frame: Frame, keys: Sequence[str], compiled: str) -> tuple[OrderTerm, ...] | None:
    """
    The order in a compiled query that does nothing but number the rows of each key, if every term of it is a column.

    None if SQL has to do it: a term is anything else, a column is missing or nested, two columns differ in case only, or it is not Polars.
    """
    if not frame.implementation.is_polars():
        return None
    schema = frame.collect_schema()
    by_lower_case = {column.lower(): column for column in schema}
    if len(by_lower_case) < len(schema):
        return None
    terms = []
    for term in _terms(json.loads(compiled), keys):
        value = term["value"]
        column = by_lower_case.get(value["name"].lower()) if value["kind"] == "column" and not value["table"] else None
        if column is None:
            return None
        terms.append(OrderTerm(column=column, descending=term["descending"], nulls_last=not term["nulls_first"]))
    nested = any(schema[name].is_nested() for name in (*keys, *(term.column for term in terms)))
    return None if nested else tuple(terms) or None


def _terms(query: Mapping[str, Any], keys: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """The order of `SELECT *, ROW_NUMBER() OVER (PARTITION BY keys ORDER BY …) FROM df`; nothing for any other query."""
    columns = query["columns"]
    more = [name for name, value in query.items() if value and name not in {"kind", "source", "columns"}]
    if more or len(columns) != 2 or columns[1]["value"]["kind"] != "window":
        return ()
    window = columns[1]["value"]
    numbers_rows = window["function"]["name"] == "row_number" and [key.get("name") for key in window["partition"]] == list(keys)
    return window["order"] if numbers_rows and not window["frame"] else ()


def first_by(frame: Frame, keys: Sequence[str], order: Sequence[OrderTerm], *, who: str) -> Frame:
    """
    One row per key, as `row_number() over (partition by keys order by …) = 1` gives it; among equals the first as read.

    The rows stay in the order read. Rows whose key comes once, nearly all of them as a rule, are neither sorted nor compared.
    """
    native = native_of(frame, who=who)
    pl = native.pl
    columns = [term.column for term in order]

    def first_rows(rows: Any) -> Any:
        key = rows[keys[0]] if len(keys) == 1 else rows.select(list(keys)).to_struct()
        places = key.is_duplicated().arg_true()
        in_order = rows.select(columns)[places].select(
            pl.arg_sort_by(
                columns,
                descending=[term.descending for term in order],
                nulls_last=[term.nulls_last for term in order],
                maintain_order=True,
            )
        )
        places = places.gather(in_order.to_series())
        later = places.filter(~key.gather(places).is_first_distinct())
        return rows.filter(pl.repeat(True, rows.height, eager=True).scatter(later, False)) if len(later) else rows

    # Which row is the first depends on all of them: nothing that comes after may be applied before.
    return Native.back(native.lazy.map_batches(first_rows, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False))
