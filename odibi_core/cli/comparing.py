"""Compare rows that came out with rows that were written down: as a YAML, a CSV or a snapshot can say them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.config.data_tests import DataTest

Row = Mapping[str, Any]
_DIGITS = 9  # a float is the same up to so many significant digits


def differences(wanted: Sequence[Row], found: Sequence[Row], *, ordered: bool, ignore: Collection[str], most: int) -> list[str]:
    """What is different, in lines; nothing if the rows are the same. Without `ordered` as a multiset."""
    columns = [name for name in _columns(found) if name not in ignore]
    missing = [name for name in _columns(wanted) if name not in columns and name not in ignore]
    extra = [name for name in columns if wanted and name not in _columns(wanted)]
    if missing or (extra and found):
        return [f"columns that are missing: {', '.join(missing) or 'none'}; that are too many: {', '.join(extra) or 'none'}"]
    left = [_comparable(row, columns) for row in wanted]
    right = [_comparable(row, columns) for row in found]
    if ordered:
        if left == right:
            return []
        at = next((place for place, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), min(len(left), len(right)))
        return [f"row {at + 1} is different ({len(left)} rows wanted, {len(right)} found)", *_pair(wanted, found, at)]
    rest = list(right)
    lacking = []
    for row, shown in zip(left, wanted, strict=True):
        if row in rest:
            rest.remove(row)
        else:
            lacking.append(shown)
    if not lacking and not rest:
        return []
    unexpected = [found[right.index(row)] for row in rest]
    lines = [f"{len(wanted)} rows wanted, {len(found)} found"]
    lines += [f"- {_text(row)}" for row in lacking[:most]] + [f"+ {_text(row)}" for row in unexpected[:most]]
    return [*lines, "…"] if len(lacking) > most or len(unexpected) > most else lines


def remembered(case: DataTest, file: Path) -> Sequence[Row]:
    """
    The rows that a test wants: its own, those of a file, or those of its snapshot.

    Raises:
        ConfigError: If there are none.
    """
    if isinstance(case.expected, str):
        return _read(file.parent / case.expected)
    if case.expected is not None:
        return case.expected
    snapshot = _snapshot(case, file)
    if not snapshot.exists():
        raise ConfigError(f"test '{case.name}' expects nothing", code="no_expectation", hint="Give it 'expected', or run with --snapshot.")
    return _read(snapshot)


def kept(case: DataTest, file: Path, found: Sequence[Row]) -> None:
    """Write what came out as the snapshot of a test, in an order that does not change by chance."""
    lines = [json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) for row in found]
    snapshot = _snapshot(case, file)
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    snapshot.write_text("".join(f"{line}\n" for line in (lines if case.ordered else sorted(lines))), encoding="utf-8")


def _snapshot(case: DataTest, file: Path) -> Path:
    return file.parent / "__snapshots__" / file.stem / f"{re.sub(r'[^a-z0-9]+', '-', case.name.lower()).strip('-')}.jsonl"


def _read(file: Path) -> Sequence[Row]:
    if file.suffix == ".jsonl" and file.exists():
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    from odibi_core.cli.trial import rows_of_file

    return rows_of_file(file)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _comparable(row: Row, columns: Sequence[str]) -> list[Any]:
    return [_canonical(row.get(name)) for name in columns]


def _canonical(value: Any) -> Any:
    """The same for what means the same: 1 and 1.0, a date and its ISO text, a time in whatever zone it is written."""
    match value:
        case bool() | None:
            return value
        case int() | float() | Decimal():
            return _number(value)
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date():
            return datetime(value.year, value.month, value.day, tzinfo=UTC).isoformat()
        case str():
            return _of_text(value)
        case list() | tuple():
            return [_canonical(item) for item in value]
        case dict():
            return {name: _canonical(item) for name, item in value.items()}
        case _:
            return str(value)


def _of_text(value: str) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", value):
        try:
            return _canonical(datetime.fromisoformat(value))
        except ValueError:
            return value
    return value


def _number(value: float | Decimal) -> str:
    try:
        return f"{Decimal(str(value)).normalize():.{_DIGITS}e}"
    except InvalidOperation:
        return str(value)


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _pair(wanted: Sequence[Row], found: Sequence[Row], at: int) -> list[str]:
    return [f"{sign} {_text(rows[at])}" for sign, rows in (("-", wanted), ("+", found)) if at < len(rows)]


def _text(row: Row) -> str:
    return "{" + ", ".join(f"{name}: {_plain(value)!r}" for name, value in row.items()) + "}"
