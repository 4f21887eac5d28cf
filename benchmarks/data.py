"""Order files as shops deliver them: the same bytes for the same number of rows, with a few orders that come twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

HEADER = "order_id,customer,email,country,product,quantity,price,status,ordered_at\n"
REPEATED = 200  # one order in so many is delivered again, later and with another status
_FIRST = datetime(2026, 1, 1)  # noqa: DTZ001  the files carry local time without a zone
_SPAN = timedelta(days=300)
_COUNTRIES = ("at", "ch", "de", "fr", "it")
_NAMES = ("Ada", "Ben", "Chiara", "Dora", "Emre", "Fay", "Gil", "Hana", "Ivo", "Jana")
_PRODUCTS = (("kettle", 39.9), ("lamp", 24.5), ("chair", 59), ("desk", 249), ("mug", 7.2), ("rug", 89.5))
_STATUSES = ("new", "paid", "shipped", "returned")
_BLOCK = 10_000  # lines per write


def write_orders(file: Path, rows: int, *, first: int = 100_000) -> None:
    """A CSV file with exactly that many rows; `first` is the number of its first order."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = _lines(rows, first)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER)
        while block := list(islice(lines, _BLOCK)):
            out.writelines(block)


def distinct_orders(rows: int) -> int:
    """How many orders a file of that many rows holds."""
    return rows - rows // REPEATED


def _lines(rows: int, first: int) -> Iterator[str]:
    dice = random.Random(20261122)
    seconds = int(_SPAN.total_seconds())
    distinct = distinct_orders(rows)
    for number in range(rows):
        again = number >= distinct
        order = first + (dice.randrange(distinct) if again else number)
        name, (product, price) = dice.choice(_NAMES), dice.choice(_PRODUCTS)
        # A version that comes again is newer than every first one, so there is one right answer.
        at = _FIRST + (_SPAN + timedelta(seconds=number) if again else timedelta(seconds=dice.randrange(seconds)))
        yield (
            f"{order},{name},{name}.{order}@Example.com,{dice.choice(_COUNTRIES)},{product},{dice.randint(1, 9)},{price},"
            f"{dice.choice(_STATUSES)},{at.isoformat()}\n"
        )
