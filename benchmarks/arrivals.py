"""Whether the tables hold each row of the files that landed exactly once. What must be there is counted from the text of the files."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

COLUMNS = ("order_id", "customer", "email", "country", "product", "quantity", "price", "status")
_CENT = Decimal("0.01")


def check_tables(files: Sequence[Path], lake: str, options: dict[str, str]) -> None:
    """
    Compare the four tables of a lake with the files, row by row. No order may be in two of them.

    Raises:
        AssertionError: If a row is missing, there twice, or not of the files.
    """
    orders = [row for file in files for row in csv.DictReader(file.open(encoding="utf-8", newline=""))]
    assert len({row["order_id"] for row in orders}) == len(orders), "an order is in two files"
    cleaned = [{**row, "email": row["email"].strip().lower(), "country": row["country"].upper()} for row in orders]
    sold = [row for row in cleaned if row["status"] != "returned"]
    _same("bronze/orders", _values(orders, COLUMNS), _values(_rows(f"{lake}/bronze/orders", options), COLUMNS))
    _same("silver/orders", _values(cleaned, COLUMNS), _values(_rows(f"{lake}/silver/orders", options), COLUMNS))
    for table, keys in (("gold/daily_sales", ("day", "country")), ("gold/product_sales", ("product",))):
        found = [
            (*(str(row[key]) for key in keys), str(row["orders"]), str(row["pieces"]), _cents(row["amount"]))
            for row in _rows(f"{lake}/{table}", options)
        ]
        _same(table, _sales(sold, keys), found)


def _rows(table: str, options: dict[str, str]) -> list[dict[str, object]]:
    import polars as pl

    return pl.read_delta(table, storage_options=options).to_dicts()


def _values(rows: Iterable[dict[str, object]] | Iterable[dict[str, str]], columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The rows as text; a price as the number that it is."""
    return [tuple(_cents(row[name]) if name == "price" else str(row[name]) for name in columns) for row in rows]


def _sales(orders: Sequence[dict[str, str]], keys: Sequence[str]) -> list[tuple[str, ...]]:
    totals: defaultdict[tuple[str, ...], tuple[int, int, Decimal]] = defaultdict(lambda: (0, 0, Decimal(0)))
    for row in orders:
        key = tuple({**row, "day": row["ordered_at"][:10]}[name] for name in keys)
        count, pieces, amount = totals[key]
        totals[key] = count + 1, pieces + int(row["quantity"]), amount + int(row["quantity"]) * Decimal(row["price"])
    return [(*key, str(count), str(pieces), _cents(amount)) for key, (count, pieces, amount) in totals.items()]


def _cents(value: object) -> str:
    return str(Decimal(str(value)).quantize(_CENT))


def _same(table: str, expected: Sequence[tuple[str, ...]], found: Sequence[tuple[str, ...]]) -> None:
    lost, extra = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    if lost or extra:
        raise AssertionError(f"{table}: {len(found)} rows for {len(expected)}; {lost.total()} lost, {extra.total()} too many")
