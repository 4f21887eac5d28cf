"""Hashes and keys made of the values of columns."""

from __future__ import annotations

from hashlib import md5, sha256
from typing import Any, Literal

from pydantic import Field

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, transform
from odibi_core.transforms.conversions import converted, texts_of
from odibi_core.transforms.frames import find_column, find_columns, in_place
from odibi_core.transforms.sql_types import SqlType

_KEY = "__key"
_GIVEN = "__given_key"
_HEX_DIGITS = 15  # of an md5: 60 bits, so that the number is positive in 64
_BIGINT = SqlType(kind="int64")

Hash = Literal["sha256", "md5", "number"]


class HashColumnsParams(Params):
    """The columns and how they are hashed."""

    columns: ColumnNames = Field(description="the columns whose values are replaced by their hash")
    algorithm: Literal["sha256", "md5"] = Field(default="sha256", description="the hash function")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.with_columns(*(given.made(given.column(name).name, of=[name]) for name in self.columns))


class SurrogateKeyParams(Params):
    """The columns that make the key."""

    columns: ColumnNames = Field(description="the columns that together identify a row, in this order")
    separator: str = Field(default="-", description="the text between their values")
    output_col: ColumnName = Field(default="surrogate_key", description="the column that gets the key")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.with_columns(given.made(self.output_col, of=self.columns))


class NumericKeyParams(Params):
    """The columns that make the key, and a key that may be there already."""

    columns: ColumnNames = Field(description="the columns that together identify a row, in this order")
    separator: str = Field(default="|", description="the text between their values")
    output_col: ColumnName = Field(default="numeric_key", description="the column that gets the key")
    coalesce_with: ColumnName | None = Field(default=None, description="a column with keys that stay where they are not NULL")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        there = [] if self.coalesce_with is None else [self.coalesce_with]
        around.need(given, there, at="coalesce_with")
        return given.with_columns(given.made(self.output_col, of=[*self.columns, *there]))


@transform("hash_columns", HashColumnsParams)
def hash_columns(frame: Frame, params: HashColumnsParams, _: TransformContext) -> Frame:
    """
    Replace values by their hash, in hexadecimal digits. NULL stays NULL.

    What is hashed is the value as text, in UTF-8: as SQL's CAST to STRING writes it.

    Shape: (rows, columns) → (rows, columns).

    Example: `columns: [email], algorithm: sha256`.

    Raises:
        SchemaMismatchError: If a column is missing or holds lists or structs.
    """
    columns = frame.collect_schema().names()
    found = find_columns(frame, params.columns, who="hash_columns")
    names = [f"{_KEY}_{number}" for number in range(len(found))]
    texts = texts_of(frame, found, who="hash_columns")
    frame = frame.with_columns(*(text.alias(name) for name, text in zip(names, texts, strict=True)))
    return in_place(_hashed(frame, names, params.algorithm), dict(zip(found, names, strict=True)), columns)


@transform("generate_surrogate_key", SurrogateKeyParams)
def generate_surrogate_key(frame: Frame, params: SurrogateKeyParams, _: TransformContext) -> Frame:
    """
    Make a key of the values of columns: the md5 of their texts, joined by the separator.

    NULL counts as empty text, so that every row has a key. The same values make the same key in every run and on every engine.

    Shape: (rows, columns) → (rows, columns and `output_col`).

    Example: `columns: [region, product_id], output_col: sale_key`.

    Raises:
        SchemaMismatchError: If a column is missing or holds lists or structs.

    Source: `md5(concat_ws(separator, coalesce(cast(column as string), ''), …))`.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    found = find_columns(frame, params.columns, who="generate_surrogate_key")
    texts = [text.fill_null("") for text in texts_of(frame, found, who="generate_surrogate_key")]
    frame = frame.with_columns(nw.concat_str(*texts, separator=params.separator).alias(_KEY))
    return in_place(_hashed(frame, [_KEY], "md5"), {params.output_col: _KEY}, columns)


@transform("generate_numeric_key", NumericKeyParams)
def generate_numeric_key(frame: Frame, params: NumericKeyParams, _: TransformContext) -> Frame:
    """
    Make a whole number of the values of columns: the first 15 hexadecimal digits of the md5 of their texts, joined by the separator.

    Spaces around a value do not count, and NULL counts as empty text. With `coalesce_with` a key that is there already stays.

    Shape: (rows, columns) → (rows, columns and `output_col`).

    Example: `columns: [store_id, day], output_col: id, coalesce_with: id` gives a key to the rows that have none.

    Raises:
        SchemaMismatchError: If a column is missing, holds lists or structs, or `coalesce_with` is no number.

    Source: `cast(conv(substring(md5(…), 1, 15), 16, 10) as bigint)`.
    """
    import narwhals as nw

    who = "generate_numeric_key"
    columns = frame.collect_schema().names()
    found = find_columns(frame, params.columns, who=who)
    given = None if params.coalesce_with is None else find_column(frame, params.coalesce_with, who=who)
    texts = [text.str.strip_chars(" ").fill_null("") for text in texts_of(frame, found, who=who)]
    frame = frame.with_columns(nw.concat_str(*texts, separator=params.separator).alias(_KEY))
    keyed = _hashed(frame, [_KEY], "number")
    if given is not None:
        keyed = converted(keyed, {_GIVEN: (given, _BIGINT)}, who=who)
        keyed = keyed.with_columns(nw.coalesce(nw.col(_GIVEN), nw.col(_KEY)).alias(_KEY))
    return in_place(keyed, {params.output_col: _KEY}, columns)


def _hashed(frame: Frame, columns: list[str], kind: Hash) -> Frame:
    """The frame with these columns of text hashed; narwhals has no hash of text, and neither has Polars a cryptographic one."""
    import narwhals as nw

    if not frame.implementation.is_polars():
        calls = {
            "sha256": "sha2({0}, 256)",
            "md5": "md5({0})",
            "number": f"CAST(CONV(SUBSTRING(md5({{0}}), 1, {_HEX_DIGITS}), 16, 10) AS BIGINT)",
        }
        others = [f"`{name.replace('`', '``')}`" for name in frame.collect_schema().names() if name not in columns]
        of_spark: Frame = nw.from_native(
            frame.to_native().selectExpr(*others, *(f"{calls[kind].format(column)} AS {column}" for column in columns))
        )
        return of_spark
    pl: Any = nw.get_native_namespace(frame)
    dtype = pl.Int64 if kind == "number" else pl.String
    digests = {"sha256": _sha256, "md5": _md5, "number": _number}

    def of_batch(texts: Any) -> Any:
        digest = digests[kind]
        return pl.Series(texts.name, [None if text is None else digest(text) for text in texts.to_list()], dtype=dtype)

    hashes = [pl.col(column).map_batches(of_batch, return_dtype=dtype, is_elementwise=True) for column in columns]
    of_polars: Frame = nw.from_native(frame.to_native().with_columns(*hashes))
    return of_polars


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _number(text: str) -> int:
    return int(_md5(text)[:_HEX_DIGITS], 16)
