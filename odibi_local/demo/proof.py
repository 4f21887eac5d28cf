"""Compare the tables with the files that landed: what must be there is counted from the text of the files, with nothing of the product."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from odibi_core.bootstrap import App
    from odibi_local.demo.orders import OrderFile

_CENT = Decimal("0.01")
Row = dict[str, str]


class ProofError(RuntimeError):
    """A table that must be there is not, or cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One number, from two sides."""

    text: str
    expected: str  # from the text of the files
    found: str  # in the tables

    @property
    def holds(self) -> bool:
        """Whether both sides agree."""
        return self.expected == self.found


def prove(app: App, good: Sequence[OrderFile], bad: OrderFile) -> list[Claim]:
    """Every claim of the demo. `bad` is the file whose run must have failed at silver."""
    table = _reader(app)
    newest = newest_versions(good)
    kept = [row for row in newest.values() if row["status"] != "returned"]
    days = _totals(kept, lambda row: f"{row['ordered_at'][:10]} {row['country'].upper()}")
    products = _totals(kept, lambda row: row["product"])
    silver, daily, per_product = table("silver/orders"), table("gold/daily_sales"), table("gold/product_sales")
    daily_totals = {f"{row['day']} {row['country']}": _found_total(row) for row in daily.to_dicts()}
    product_totals = {row["product"]: _found_total(row) for row in per_product.to_dicts()}
    refused = {row["order_id"] for row in bad.rows} - set(newest)
    return [
        _claim("bronze/orders: rows of all files, the bad one too", _count([*good, bad]), table("bronze/orders").height),
        _claim("silver/orders: rows, one for each valid order", len(newest), silver.height),
        _claim("silver/orders: orders in their newest version", len(newest), _newest_in(silver, newest)),
        _claim("silver/orders: orders of the bad file", 0, sum(str(key) in refused for key in silver["order_id"])),
        _claim("gold/daily_sales: groups with the right sums", len(days), _equal(days, daily_totals)),
        _claim("gold/product_sales: groups with the right sums", len(products), _equal(products, product_totals)),
        _claim("gold: amount, the same in both tables", _money(days), _money(daily_totals, product_totals)),
        _claim("catalog: runs, succeeded + failed", f"{len(good)} + 1", _runs(app)),
    ]


def newest_versions(files: Sequence[OrderFile]) -> dict[str, Row]:
    """Of each order the row with the latest time."""
    newest: dict[str, Row] = {}
    for row in (row for file in files for row in file.rows):
        known = newest.get(row["order_id"])
        if known is None or row["ordered_at"] > known["ordered_at"]:
            newest[row["order_id"]] = row
    return newest


Total = tuple[int, int, Decimal]  # orders, pieces, money to the cent


def _totals(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, Total]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: _total(group) for name, group in groups.items()}


def _total(rows: Sequence[Row]) -> Total:
    return len(rows), sum(int(row["quantity"]) for row in rows), sum(map(_amount, rows), Decimal(0))


def _amount(row: Row) -> Decimal:
    return (int(row["quantity"]) * Decimal(row["price"])).quantize(_CENT)


def _found_total(row: dict[str, object]) -> Total:
    return int(str(row["orders"])), int(str(row["pieces"])), Decimal(str(row["amount"])).quantize(_CENT)


def _equal(expected: dict[str, Total], found: dict[str, Total]) -> int:
    """How many groups agree; one that should not be there counts against them."""
    return sum(found.get(name) == total for name, total in expected.items()) - len(found.keys() - expected.keys())


def _money(*tables: dict[str, Total]) -> str:
    """The sum of a table; of several that should have the same one, each different sum."""
    sums = dict.fromkeys(sum((total[2] for total in table.values()), Decimal(0)) for table in tables)
    return " ≠ ".join(f"{money:,}" for money in sums)


def _newest_in(silver: pl.DataFrame, newest: dict[str, Row]) -> int:
    rows = {str(row["order_id"]): row for row in silver.to_dicts()}
    return sum(_same(rows.get(key), row) for key, row in newest.items())


def _same(found: dict[str, object] | None, row: Row) -> bool:
    if found is None:
        return False
    cleaned = {"email": row["email"].strip().lower(), "country": row["country"].upper()}
    numbers = Decimal(str(found["price"])) == Decimal(row["price"]) and Decimal(str(found["amount"])).quantize(_CENT) == _amount(row)
    text = {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in found.items()}
    times = text["ordered_at"].startswith(row["ordered_at"])  # behind it may stand the zone
    words = ("order_id", "customer", "email", "country", "product", "quantity", "status")
    return numbers and times and all(text[name] == cleaned.get(name, row[name]) for name in words)


def _count(files: Sequence[OrderFile]) -> int:
    return sum(len(file.rows) for file in files)


def _runs(app: App) -> str:
    runs = app.catalog.runs(limit=None, pipeline="orders")
    return f"{(runs['status'] == 'succeeded').sum()} + {(runs['status'] == 'failed').sum()}"


def _reader(app: App) -> Callable[[str], pl.DataFrame]:
    """A function that reads a table of the lake with the Delta library itself."""

    def read(path: str) -> pl.DataFrame:
        import polars as pl
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        place = app.connections.locate("lake", path)
        # Polars, which takes the options of the table's handle, wants numbers where the Delta library wants text.
        options = {name: value for name, value in place.options.items() if name != "max_retries"}
        try:
            return pl.DataFrame(pl.scan_delta(DeltaTable(place.uri, storage_options=options)).collect())
        except DeltaError as error:
            raise ProofError(f"table {path} cannot be read: {type(error).__name__}") from error

    return read


def _claim(text: str, expected: object, found: object) -> Claim:
    shown = [f"{value:,}" if isinstance(value, int) else str(value) for value in (expected, found)]
    return Claim(text=text, expected=shown[0], found=shown[1])
