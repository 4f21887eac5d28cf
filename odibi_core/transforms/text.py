"""Text columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.columns import SomeColumns
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, transform
from odibi_core.transforms.conversions import is_text, texts_of
from odibi_core.transforms.frames import find_columns

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.dtypes import DType

# Syntax that Polars' regular expressions have and Python's have not: a pattern with it cannot be tried out before the run.
_ONLY_THERE = re.compile(r"\\[pPzCQ]|\[\[:|\\x\{|\(\?[<a-zA-Z-]*[RUu]")
_LOOK_AROUND = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\(\?>|[*+?}]\+")


def _pattern(text: str) -> str:
    if _LOOK_AROUND.search(text):
        raise ValueError("has look-around, back references or possessive quantifiers, which the engine's regular expressions do not have")
    if not _ONLY_THERE.search(text):
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error.msg}") from None
    return text


def _not_zero(index: int) -> int:
    if index == 0:
        raise ValueError("counts from 1, or from -1 at the end")
    return index


class CleanTextParams(Params):
    """The columns and what to do with their text."""

    columns: ColumnNames = Field(description="the columns of text")
    trim: bool = Field(default=True, description="whether spaces go off both ends")
    case: Literal["lower", "upper", "preserve"] = Field(default="preserve", description="lower, upper or preserve")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given


class TrimWhitespaceParams(Params):
    """The columns; all text columns if none are named."""

    columns: SomeColumns = Field(default=None, description="the columns; all columns of text if none are named")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns or (), at="columns")
        return given


class SplitPartParams(Params):
    """The column, where its text is cut, and which piece is wanted."""

    col: ColumnName = Field(description="the column of text")
    delimiter: str = Field(min_length=1, description="the text between two pieces; no pattern")
    index: Annotated[int, AfterValidator(_not_zero)] = Field(description="which piece, from 1; a negative number counts from the end")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.col], at="col")
        return given.with_columns(given.made(f"{self.col}_part_{self.index}", of=[self.col], how="value"))


class ConcatColumnsParams(Params):
    """The columns, and what stands between their values."""

    columns: ColumnNames = Field(description="the columns, in this order")
    separator: str = Field(default="", description="the text between two values")
    output_col: ColumnName = Field(description="the column that gets the text")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.with_columns(given.made(self.output_col, of=self.columns, how="value"))


class RegexReplaceParams(Params):
    """The column, what is looked for in it, and what comes in its place."""

    column: ColumnName = Field(description="the column of text")
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(description="a regular expression")
    replacement: str = Field(description="the new text; `$1` or `\\1` is what the first group matched")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return given


@transform("clean_text", CleanTextParams)
def clean_text(frame: Frame, params: CleanTextParams, _: TransformContext) -> Frame:
    """
    Trim text and bring it to one case.

    Trimming takes spaces off both ends, as SQL's TRIM; `trim_whitespace` takes tabs and line ends, too. NULL stays NULL.

    Shape: (rows, columns) → (rows, columns).

    Example: `columns: [email], case: lower` makes `" A@B.C "` into `"a@b.c"`.

    Raises:
        SchemaMismatchError: If a column is missing or not text.
    """
    schema = frame.collect_schema()
    text = _text_columns(frame, params.columns, who="clean_text")
    return frame.with_columns(*(_same_type(_cleaned(_text(schema[name], name), params), schema[name]) for name in text))


@transform("trim_whitespace", TrimWhitespaceParams)
def trim_whitespace(frame: Frame, params: TrimWhitespaceParams, _: TransformContext) -> Frame:
    """
    Take white space off both ends of text: spaces, tabs and line ends. NULL stays NULL.

    Shape: (rows, columns) → (rows, columns).

    Example: `" a "` becomes `"a"`.

    Raises:
        SchemaMismatchError: If a named column is missing or not text.
    """
    import narwhals as nw

    schema = frame.collect_schema()
    every = tuple(name for name, dtype in schema.items() if dtype == nw.String)
    text = _text_columns(frame, every if params.columns is None else params.columns, who="trim_whitespace")
    return frame.with_columns(*(_same_type(_text(schema[name], name).str.strip_chars(), schema[name]) for name in text)) if text else frame


@transform("split_part", SplitPartParams)
def split_part(frame: Frame, params: SplitPartParams, _: TransformContext) -> Frame:
    """
    Take one piece of a text that is cut at a delimiter, as the column `{col}_part_{index}`.

    A piece that is not there is empty text. NULL stays NULL.

    Shape: (rows, columns) → (rows, columns and `{col}_part_{index}`).

    Example: `col: email, delimiter: "@", index: 2` makes `a@b.c` into `b.c`.

    Raises:
        SchemaMismatchError: If the column is missing or not text.
    """
    import narwhals as nw

    (column,) = _text_columns(frame, (params.col,), who="split_part")
    native, output = frame.to_native(), f"{params.col}_part_{params.index}"
    if not frame.implementation.is_polars():
        quoted = (column.replace("`", "``"), params.delimiter.replace("\\", "\\\\").replace("'", "\\'"), output.replace("`", "``"))
        of_spark: Frame = nw.from_native(
            native.selectExpr("*", "split_part(`{}`, '{}', {}) AS `{}`".format(*quoted[:2], params.index, quoted[2]))
        )
        return of_spark
    pl: Any = nw.get_native_namespace(frame)
    text = pl.col(column).cast(pl.String)
    place = params.index - 1 if params.index > 0 else params.index
    piece = text.str.split(params.delimiter).list.get(place, null_on_oob=True).fill_null("")
    of_polars: Frame = nw.from_native(native.with_columns(pl.when(text.is_not_null()).then(piece).alias(output)))
    return of_polars


@transform("concat_columns", ConcatColumnsParams)
def concat_columns(frame: Frame, params: ConcatColumnsParams, _: TransformContext) -> Frame:
    """
    Join the values of columns to one text. NULLs are left out, with their separator; nothing but NULLs is empty text.

    Values that are no text are written as SQL's CAST to STRING does.

    Shape: (rows, columns) → (rows, columns and `output_col`).

    Example: `columns: [first, last], separator: " ", output_col: name`.

    Raises:
        SchemaMismatchError: If a column is missing or holds lists or structs.
    """
    import narwhals as nw

    columns = find_columns(frame, params.columns, who="concat_columns")
    texts = texts_of(frame, columns, who="concat_columns")
    return frame.with_columns(nw.concat_str(*texts, separator=params.separator, ignore_nulls=True).alias(params.output_col))


@transform("regex_replace", RegexReplaceParams)
def regex_replace(frame: Frame, params: RegexReplaceParams, _: TransformContext) -> Frame:
    """
    Replace everything in a text that matches a pattern. NULL stays NULL.

    Patterns are those of Rust's regex, without look-around and back references; `(?i)` in front ignores case.

    Shape: (rows, columns) → (rows, columns).

    Example: `column: phone, pattern: "[^0-9]", replacement: ""` keeps the digits.

    Raises:
        SchemaMismatchError: If the column is missing or not text.

    Source: https://docs.rs/regex/latest/regex/#syntax.
    """
    (column,) = _text_columns(frame, (params.column,), who="regex_replace")
    dtype = frame.collect_schema()[column]
    replacement = re.sub(
        r"\\([0-9])|\$([0-9])|\$", lambda found: "${" + (found[1] or found[2]) + "}" if found[0] != "$" else "$$", params.replacement
    )
    return frame.with_columns(_same_type(_text(dtype, column).str.replace_all(params.pattern, replacement), dtype))


def _cleaned(text: nw.Expr, params: CleanTextParams) -> nw.Expr:
    if params.trim:
        text = text.str.strip_chars(" ")
    match params.case:
        case "lower":
            return text.str.to_lowercase()
        case "upper":
            return text.str.to_uppercase()
        case "preserve":
            return text


def _text(dtype: DType, column: str) -> nw.Expr:
    """A column of text or of categories, as text."""
    import narwhals as nw

    return nw.col(column) if dtype == nw.String else nw.col(column).cast(nw.String)


def _same_type(text: nw.Expr, dtype: DType) -> nw.Expr:
    """Text as the type that its column had."""
    import narwhals as nw

    return text if dtype == nw.String else text.cast(nw.Categorical)


def _text_columns(frame: Frame, names: tuple[str, ...], *, who: str) -> tuple[str, ...]:
    columns = find_columns(frame, names, who=who)
    schema = frame.collect_schema()
    other = [f"'{column}' is {schema[column]}" for column in columns if not is_text(schema[column])]
    if other:
        raise SchemaMismatchError(f"'{who}' needs text columns: {', '.join(other)}", hint="Cast them to string before.")
    return columns
