"""JSON in text columns: into structs by a schema, or into columns by what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import field_validator

from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, need_columns, transform
from odibi_core.transforms.json_types import JsonType, dtype_of, found_in, parse_schema, reader, whole_text
from odibi_core.transforms.native import native_of
from odibi_core.transforms.nested import fields_of

_FLAT = "__flat"


class ParseJsonParams(Params):
    """The text, what is in it (`id INT, tags ARRAY<STRING>`), and the new column (`{column}_parsed`)."""

    column: ColumnName
    json_schema: str
    output_col: ColumnName | None = None

    @field_validator("json_schema")
    @classmethod
    def _is_a_schema(cls, value: str) -> str:
        try:
            parse_schema(value)
        except ValueError as error:
            raise ValueError(f"the schema {error}; write it like: id INT, tags ARRAY<STRING>") from None
        return value

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return given.with_columns(given.made(self.output_col or f"{self.column}_parsed", of=[self.column]))


class NormalizeJsonParams(Params):
    """The JSON text or struct, and what stands between the names of nested fields."""

    column: ColumnName
    sep: str = "_"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return given.opened()


@transform("parse_json", ParseJsonParams)
def parse_json(frame: Frame, params: ParseJsonParams, _: TransformContext) -> Frame:
    """
    Read JSON text into a struct (or list) of the given types.

    Text that is no JSON becomes NULL, and so does a field that is missing or of another type; fields that the schema does not name are
    left out. A map becomes a list of `key` and `value`.

    Shape: (rows, columns) → (rows, columns and one).

    Example: `column: payload, json_schema: "id INT, name STRING"` adds `payload_parsed` with the fields `id` and `name`.

    Raises:
        SchemaMismatchError: If the column is missing or no text.

    Source: Spark's `from_json`, https://spark.apache.org/docs/latest/api/sql/#from_json.
    """
    _need_text(frame, params.column, who="parse_json")
    kind = parse_schema(params.json_schema)
    read = reader(kind)

    def value_of(text: str) -> Any:
        try:
            return read(json.loads(text))
        except (ValueError, RecursionError):
            return None

    return _computed(frame, params.column, params.output_col or f"{params.column}_parsed", kind, value_of, who="parse_json")


@transform("normalize_json", NormalizeJsonParams)
def normalize_json(frame: Frame, params: NormalizeJsonParams, context: TransformContext) -> Frame:
    """
    Add a column for each field of JSON objects, those inside others too; the source stays.

    An inner field is called by its whole path, `{outer}{sep}{inner}`; if the name is taken, `_json` is put behind. Lists stay lists.
    Which columns there are is found in the data: from text that takes a pass over them before, and values of several types become text.

    Shape: (rows, columns) → (rows, columns and fields).

    Example: `column: payload` makes of `{"a": {"b": 1}}` the column `a_b`.

    Raises:
        SchemaMismatchError: If the column is missing, or neither text nor a struct.
        DataError: If a text is no JSON object.
    """
    import narwhals as nw

    columns = need_columns(frame, [params.column], who="normalize_json")
    dtype = frame.collect_schema()[params.column]
    if isinstance(dtype, nw.Struct):
        fields = fields_of(nw.col(params.column), dtype, separator=params.sep)
        return _beside(frame, columns, fields)
    _need_text(frame, params.column, who="normalize_json")
    kind = _flat_type([row[0] for row in context.compute(frame.select(params.column))], params)
    if not kind.fields:
        return frame
    read = reader(kind)

    def value_of(text: str) -> Any:
        value = json.loads(text)
        return None if value is None else read(_flat(value, params.sep))

    flat = _computed(frame, params.column, _FLAT, kind, value_of, who="normalize_json")
    return _beside(flat, columns, {name: nw.col(_FLAT).struct.field(name) for name in kind.fields})


def _beside(frame: Frame, columns: list[str], fields: Mapping[str, Any]) -> Frame:
    names = {name: f"{name}_json" if name in columns else name for name in fields}
    twice = sorted({name for name in names.values() if [*columns, *names.values()].count(name) > 1})
    if twice:
        raise SchemaMismatchError(f"'normalize_json' gives several columns the name: {', '.join(twice)}", hint="Rename the column before.")
    return frame.select(*columns, *(field.alias(names[name]) for name, field in fields.items()))


def _flat_type(texts: list[str | None], params: NormalizeJsonParams) -> JsonType:
    """The fields of all objects by their paths, in the order in which they appear, with the types of their values."""
    values: dict[str, list[Any]] = {}
    wrong = 0
    for text in texts:
        try:
            value = None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            value = text
        if isinstance(value, dict):
            for name, inner in _flat(value, params.sep).items():
                values.setdefault(name, []).append(inner)
        elif value is not None:
            wrong += 1
    if wrong:
        raise DataError(
            f"{wrong} of {len(texts)} values of column '{params.column}' are no JSON objects",
            code="invalid_values",
            hint="Filter them out before, or use 'parse_json', which makes them NULL.",
        )
    return JsonType(kind="struct", fields={name: found_in(inner) for name, inner in values.items()})


def _flat(value: Mapping[str, Any], separator: str, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        name = whole_text(key)
        if isinstance(inner, dict):
            flat |= _flat(inner, separator, f"{prefix}{name}{separator}")
        else:
            flat[f"{prefix}{name}"] = inner
    return flat


def _computed(frame: Frame, column: str, output: str, kind: JsonType, value_of: Callable[[str], Any], *, who: str) -> Frame:
    """The frame with a column that Python computes from text, value by value."""
    import narwhals as nw

    native = native_of(frame, who=who)
    dtype = nw.Schema({output: dtype_of(kind)}).to_polars()[output]

    def convert(texts: Any) -> Any:
        return native.pl.Series(texts.name, [None if text is None else value_of(text) for text in texts], dtype=dtype)

    computed = native.pl.col(column).map_batches(convert, return_dtype=dtype, is_elementwise=True).alias(output)
    return native.back(native.lazy.with_columns(computed))


def _need_text(frame: Frame, column: str, *, who: str) -> None:
    import narwhals as nw

    need_columns(frame, [column], who=who)
    dtype = frame.collect_schema()[column]
    if dtype not in (nw.String, nw.Unknown):
        raise SchemaMismatchError(f"'{who}' needs JSON text: '{column}' is {dtype}", hint="Use 'flatten_struct' for a struct.")
