"""Types of JSON values: read from a schema as Spark writes it (`id INT, tags ARRAY<STRING>`), or found in the values themselves."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    import narwhals as nw

Reader = Callable[[Any], Any]  # a JSON value → the value of the type, or None

_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)+`)|('(?:[^'\\]|\\.)*')|(\w+)|([<>(),:]))")
_NAMES = {
    "tinyint": "int8", "byte": "int8", "smallint": "int16", "short": "int16", "int": "int32", "integer": "int32", "bigint": "int64",
    "long": "int64", "float": "float32", "real": "float32", "double": "float64", "string": "text", "text": "text", "varchar": "text",
    "char": "text", "boolean": "bool", "bool": "bool", "date": "date", "timestamp": "timestamp", "timestamp_ntz": "timestamp",
    "decimal": "decimal", "dec": "decimal", "numeric": "decimal", "binary": "binary", "array": "array", "struct": "struct", "map": "map",
}  # fmt: skip
_EXACT = Context(prec=400)  # more digits than any double has
_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


class JsonType(Frozen):
    """A type, with what is inside it."""

    kind: str
    fields: Mapping[str, JsonType] = field(default_factory=dict)  # of a struct
    inner: JsonType | None = None  # of an array; of a map, its values
    digits: tuple[int, int] = (10, 0)  # of a decimal: precision and scale


TEXT = JsonType(kind="text")


def parse_schema(text: str) -> JsonType:
    """
    The type that a schema describes: columns (`a INT, b STRUCT<c: DATE>`) or one type (`ARRAY<INT>`).

    Raises:
        ValueError: If it cannot be read.

    Source: https://spark.apache.org/docs/latest/sql-ref-datatypes.html, "Supported Data Types", column SQL.
    """
    parser = _Parser(text)
    if re.fullmatch(r"\s*(array|struct|map)\s*<.*", text, re.IGNORECASE | re.DOTALL) or len(parser.tokens) == 1:
        result = parser.type()
    else:
        result = parser.columns(end="")
    parser.done()
    return result


class _Parser:
    """Reads a schema from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"cannot be read at character {place + 1}")
            self.tokens.append(found[0].strip())
            place = found.end()
        if not self.tokens:
            raise ValueError("is empty")
        self.place = 0

    def next(self) -> str:
        return self.tokens[self.place].lower() if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        found = self.tokens[self.place] if self.place < len(self.tokens) else ""
        if not found or (expected and found.lower() not in expected):
            raise ValueError(f"expected {' or '.join(expected) or 'more'}, found {found or 'its end'}")
        self.place += 1
        return found

    def done(self) -> None:
        if self.next():
            raise ValueError(f"expected its end, found {self.next()}")

    def columns(self, *, end: str) -> JsonType:
        fields: dict[str, JsonType] = {}
        while True:
            name = self.take()
            name = name[1:-1].replace("``", "`") if name.startswith("`") else name
            if not re.search(r"\w", name) or name in fields:
                raise ValueError(f"expected the name of a column, found {name}")
            if self.next() == ":":
                self.take(":")
            fields[name] = self.type()
            if self.next() == "not":
                self.take("not")
                self.take("null")
            if self.next() == "comment":
                self.take("comment")
                self.take()
            if self.next() != ",":
                break
            self.take(",")
        if end:
            self.take(end)
        return JsonType(kind="struct", fields=fields)

    def type(self) -> JsonType:
        name = self.take()
        kind = _NAMES.get(name.lower())
        if kind is None:
            raise ValueError(f"unknown type {name}")
        if kind == "array":
            self.take("<")
            inner = self.type()
            self.take(">")
            return JsonType(kind=kind, inner=inner)
        if kind == "struct":
            self.take("<")
            return self.columns(end=">")
        if kind == "map":
            self.take("<")
            self.take("string")
            self.take(",")
            inner = self.type()
            self.take(">")
            return JsonType(kind=kind, inner=inner)
        numbers = self._numbers()
        precision, scale = (*numbers, 0)[:2] if numbers else (10, 0)
        if kind == "decimal" and not (0 < precision <= 38 and 0 <= scale <= precision):
            raise ValueError(f"decimal({precision}, {scale}) is no type")
        return JsonType(kind=kind, digits=(precision, scale))

    def _numbers(self) -> tuple[int, ...]:
        if self.next() != "(":
            return ()
        self.take("(")
        found = []
        while self.next() != ")":
            text = self.take()
            if text != ",":
                if not text.isdecimal():
                    raise ValueError(f"expected a number, found {text}")
                found.append(int(text))
        self.take(")")
        return tuple(found[:2])


def dtype_of(kind: JsonType) -> nw.dtypes.DType:
    """The type of a column that holds such values. A map is a list of keys and values."""
    import narwhals as nw

    simple: dict[str, nw.dtypes.DType] = {
        "int8": nw.Int8(), "int16": nw.Int16(), "int32": nw.Int32(), "int64": nw.Int64(), "float32": nw.Float32(), "float64": nw.Float64(),
        "bool": nw.Boolean(), "date": nw.Date(), "timestamp": nw.Datetime("us"), "binary": nw.Binary(), "text": nw.String(),
    }  # fmt: skip
    match kind.kind:
        case "struct":
            return nw.Struct({name: dtype_of(inner) for name, inner in kind.fields.items()})
        case "array" if kind.inner is not None:
            return nw.List(dtype_of(kind.inner))
        case "map" if kind.inner is not None:
            return nw.List(nw.Struct({"key": nw.String(), "value": dtype_of(kind.inner)}))
        case "decimal":
            return nw.Decimal(*kind.digits)
        case other:
            return simple[other]


def reader(kind: JsonType) -> Reader:
    """
    How a JSON value becomes one of this type. What does not fit is None, the rest of the value stays: numbers are no text of a number.

    Source: https://spark.apache.org/docs/latest/sql-data-sources-json.html, mode PERMISSIVE.
    """
    match kind.kind:
        case "struct":
            return _struct_reader({name: reader(inner) for name, inner in kind.fields.items()})
        case "array" if kind.inner is not None:
            each = reader(kind.inner)
            return lambda value: [each(item) for item in value] if isinstance(value, list) else None
        case "map" if kind.inner is not None:
            entry = reader(kind.inner)
            return lambda value: (
                [{"key": whole_text(key), "value": entry(item)} for key, item in value.items()] if isinstance(value, dict) else None
            )
        case "int8" | "int16" | "int32" | "int64":
            limit = 2 ** (_BITS[kind.kind] - 1)
            return lambda value: value if type(value) is int and -limit <= value < limit else None
        case "decimal":
            return _decimal_reader(*kind.digits)
        case other:
            return _SIMPLE[other]


def _struct_reader(fields: Mapping[str, Reader]) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return None
        return {name: None if (inner := value.get(name)) is None else each(inner) for name, each in fields.items()}

    return read


def _decimal_reader(precision: int, scale: int) -> Reader:
    step, limit = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            number = Decimal(str(value)).quantize(step, rounding=ROUND_HALF_UP, context=_EXACT)
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number) < limit else None

    return read


def whole_text(text: str) -> str:
    """The text without half characters: JSON can write them (`\\ud83d` alone), and no file or column can hold them."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value if value is None else whole_text(value)
    return whole_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _float(value: Any) -> float | None:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**1024 else None


def _moment(value: Any) -> datetime | None:
    """An ISO text, in UTC if it names a zone; or seconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
        return datetime.fromtimestamp(value, UTC).replace(tzinfo=None) if type(value) is int else None
    except (ValueError, OverflowError, OSError):
        return None


def _day(value: Any) -> date | None:
    found = _moment(value) if isinstance(value, str) else None
    return None if found is None else found.date()


def _bytes(value: Any) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        return None


_SIMPLE: dict[str, Reader] = {
    "text": _text,
    "float32": _float,
    "float64": _float,
    "bool": lambda value: value if isinstance(value, bool) else None,
    "date": _day,
    "timestamp": _moment,
    "binary": _bytes,
}


def found_in(values: Iterable[Any]) -> JsonType:
    """The type that holds all of these values; text if there is none, or no value at all."""
    known = [value for value in values if value is not None]
    kinds = {_kind_of(value) for value in known}
    if kinds == {"int64", "float64"}:
        return JsonType(kind="float64")
    if kinds == {"array"}:
        return JsonType(kind="array", inner=found_in(item for value in known for item in value))
    if kinds == {"struct"}:
        fields: dict[str, list[Any]] = {}
        for value in known:
            for name, inner in value.items():
                fields.setdefault(name, []).append(inner)
        return JsonType(kind="struct", fields={name: found_in(inner) for name, inner in fields.items()}) if fields else TEXT
    return JsonType(kind=kinds.pop()) if len(kinds) == 1 else TEXT


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int64" if -(2**63) <= value < 2**63 else "text"
        case float():
            return "float64"
        case list():
            return "array"
        case dict():
            return "struct"
        case _:
            return "text"
