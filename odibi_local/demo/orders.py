"""The orders of the demo: the small files of the repository and a bigger one made here, always the same."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("order_id", "customer", "email", "country", "product", "quantity", "price", "status", "ordered_at")
ORDERS = 360
_COUNTRIES = ("at", "ch", "de", "fr", "it")
_CUSTOMERS = ("Ada", "Ben", "Chiara", "Dov", "Emre", "Fay", "Gil", "Hana", "Ivo", "Jana")
_PRICES = {"kettle": "39.9", "lamp": "24.5", "chair": "59", "desk": "249", "mug": "7.2", "rug": "89.5"}
_STATUSES = ("new", "paid", "paid", "shipped", "returned")


@dataclass(frozen=True, kw_only=True)
class OrderFile:
    """A CSV file as it lands."""

    name: str  # of the blob
    text: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows as the standard library reads them: the proof trusts nothing of ours."""
        return list(csv.DictReader(io.StringIO(self.text)))


def good_files(pipelines: Path) -> list[OrderFile]:
    """What lands first, oldest day first."""
    files = [_file(path) for path in sorted((pipelines / "landing" / "orders").glob("*.csv"))]
    return [*files, OrderFile(name="orders/2026-11-23.csv", text=busy_day())]


def bad_file(pipelines: Path) -> OrderFile:
    """What lands last: it has rows that no table below bronze may ever see."""
    return _file(min((pipelines / "bad").glob("*.csv")))


def _file(path: Path) -> OrderFile:
    return OrderFile(name=f"orders/{path.name}", text=path.read_text(encoding="utf-8"))


def busy_day() -> str:
    """One day's orders in the order of their time; some come twice as they are, some again in a newer version."""
    chance = random.Random(23)  # noqa: S311  the same day in every demo
    opening = datetime(2026, 11, 23, 7)  # noqa: DTZ001  shops write their local time without a zone
    rows: list[dict[str, object]] = []
    for number in range(ORDERS):
        customer, product = chance.choice(_CUSTOMERS), chance.choice(list(_PRICES))
        row: dict[str, object] = {
            "order_id": 2001 + number,
            "customer": customer,
            "email": f"{customer}@example.com",
            "country": chance.choice(_COUNTRIES),
            "product": product,
            "quantity": chance.randint(1, 5),
            "price": _PRICES[product],
            "status": chance.choice(_STATUSES),
            "ordered_at": opening + timedelta(seconds=chance.randrange(36_000)),
        }
        rows.append(row)
        if number % 40 == 0:
            rows.append(row)  # the very same row again, as a shop that sends twice does
        if number % 30 == 0:
            rows.append({**row, "status": "shipped", "ordered_at": opening + timedelta(hours=11, seconds=number)})
    # A customer changed an order of an earlier day.
    changed = {"customer": "Ben", "email": "ben@example.com", "country": "de", "product": "lamp", "price": "24.5", "status": "shipped"}
    rows.append({"order_id": 1002, "quantity": 4, "ordered_at": opening + timedelta(hours=3), **changed})
    rows.sort(key=lambda row: str(row["ordered_at"]))
    return _as_csv(rows)


def _as_csv(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        time = row["ordered_at"]
        writer.writerow({**row, "ordered_at": time.isoformat() if isinstance(time, datetime) else time})
    return out.getvalue()
