"""Text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnNames, Params, TransformContext, need_columns, transform

if TYPE_CHECKING:
    import narwhals as nw


class CleanTextParams(Params):
    """The columns and what to do with their text."""

    columns: ColumnNames
    trim: bool = True
    case: Literal["lower", "upper", "preserve"] = "preserve"


class TrimWhitespaceParams(Params):
    """The columns; all text columns if none are named."""

    columns: ColumnNames | None = None


@transform("clean_text", CleanTextParams)
def clean_text(frame: Frame, params: CleanTextParams, _: TransformContext) -> Frame:
    """
    Trim text and bring it to one case.

    Trimming takes spaces off both ends, as SQL's TRIM; `trim_whitespace` does the same without the case. NULL stays NULL.

    Shape: (rows, columns) → (rows, columns).

    Example: `columns: [email], case: lower` makes `" A@B.C "` into `"a@b.c"`.

    Raises:
        SchemaMismatchError: If a column is missing or not text.
    """
    text = _text_columns(frame, params.columns, who="clean_text")
    return frame.with_columns(*(_cleaned(column, params) for column in text))


@transform("trim_whitespace", TrimWhitespaceParams)
def trim_whitespace(frame: Frame, params: TrimWhitespaceParams, _: TransformContext) -> Frame:
    """
    Take spaces off both ends of text. NULL stays NULL.

    Shape: (rows, columns) → (rows, columns).

    Example: `" a "` becomes `"a"`.

    Raises:
        SchemaMismatchError: If a named column is missing or not text.
    """
    import narwhals as nw

    columns = params.columns or tuple(name for name, dtype in frame.collect_schema().items() if dtype == nw.String)
    text = _text_columns(frame, columns, who="trim_whitespace")
    return frame.with_columns(*(nw.col(column).str.strip_chars(" ") for column in text)) if text else frame


def _cleaned(column: str, params: CleanTextParams) -> nw.Expr:
    import narwhals as nw

    text = nw.col(column)
    if params.trim:
        text = text.str.strip_chars(" ")
    match params.case:
        case "lower":
            return text.str.to_lowercase()
        case "upper":
            return text.str.to_uppercase()
        case "preserve":
            return text


def _text_columns(frame: Frame, columns: tuple[str, ...], *, who: str) -> tuple[str, ...]:
    import narwhals as nw

    need_columns(frame, columns, who=who)
    schema = frame.collect_schema()
    other = [f"'{column}' is {schema[column]}" for column in columns if schema[column] != nw.String]
    if other:
        raise SchemaMismatchError(f"'{who}' needs text columns: {', '.join(other)}", hint="Cast them to string before.")
    return columns
