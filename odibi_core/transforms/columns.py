"""Which columns there are, and what they are called."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, transform
from odibi_core.transforms.frames import find_columns

# Some columns; none and an empty list mean all of them.
SomeColumns = Annotated[tuple[ColumnName, ...] | None, BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class SelectColumnsParams(Params):
    """The columns to keep."""

    columns: ColumnNames = Field(description="the columns, in the order that they shall have")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.select(self.columns)


class DropColumnsParams(Params):
    """The columns to remove."""

    columns: ColumnNames = Field(description="the columns to remove")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given.without(self.columns)


class RenameColumnsParams(Params):
    """Old name → new name."""

    mapping: dict[ColumnName, ColumnName] = Field(description="old name → new name")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.mapping, at="mapping")
        return given.renamed(self.mapping)


class AddPrefixParams(Params):
    """What to put in front of which names."""

    prefix: str = Field(description="the text in front of each name")
    columns: SomeColumns = Field(default=None, description="the columns to rename; all if none are named")
    exclude: SomeColumns = Field(default=None, description="columns that keep their names")

    def outline(self, given: Outline, around: Around) -> Outline:
        return _outline_named_by(given, self, around, lambda name: self.prefix + name)


class AddSuffixParams(Params):
    """What to put behind which names."""

    suffix: str = Field(description="the text behind each name")
    columns: SomeColumns = Field(default=None, description="the columns to rename; all if none are named")
    exclude: SomeColumns = Field(default=None, description="columns that keep their names")

    def outline(self, given: Outline, around: Around) -> Outline:
        return _outline_named_by(given, self, around, lambda name: name + self.suffix)


class NormalizeSchemaParams(Params):
    """What to rename, what to drop, and the order."""

    rename: dict[ColumnName, ColumnName] | None = Field(default=None, description="old name → new name")
    drop: SomeColumns = Field(default=None, description="columns to remove; one that is not there is no error")
    select_order: SomeColumns = Field(default=None, description="the first columns, by their new names; the others follow them")

    def outline(self, given: Outline, around: Around) -> Outline:
        kept = given.without(name for name in self.drop or () if given.find(name) is not None or given.others is not None)
        around.need(kept, self.rename or {}, at="rename")
        named = kept.renamed(self.rename or {})
        around.need(named, self.select_order or (), at="select_order")
        first = named.select(self.select_order or ())
        rest = named.without(self.select_order or ())
        return Outline(columns=(*first.columns, *rest.columns), others=rest.others)


class NormalizeColumnNamesParams(Params):
    """How names are made alike."""

    style: Literal["snake_case", "none"] = Field(
        default="snake_case", description="snake_case parts words by `_` and writes them in lower case; none leaves them"
    )
    lowercase: bool = Field(default=True, description="write names in lower case")
    remove_special: bool = Field(default=True, description="keep only letters, digits and single `_` between them")

    def outline(self, given: Outline, _: Around) -> Outline:
        named = Outline(columns=tuple(column.called(_normalized(column.name, self)) for column in given.columns))
        return named if given.others is None else named.opened()


@transform("select_columns", SelectColumnsParams)
def select_columns(frame: Frame, params: SelectColumnsParams, _: TransformContext) -> Frame:
    """
    Keep these columns, in this order.

    Shape: (rows, columns) → (rows, those named).

    Example: `columns: [id, name]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    return frame.select(*find_columns(frame, params.columns, who="select_columns"))


@transform("drop_columns", DropColumnsParams)
def drop_columns(frame: Frame, params: DropColumnsParams, _: TransformContext) -> Frame:
    """
    Remove these columns.

    Shape: (rows, columns) → (rows, columns without those named).

    Example: `columns: [password]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    return frame.drop(*find_columns(frame, params.columns, who="drop_columns"))


@transform("rename_columns", RenameColumnsParams)
def rename_columns(frame: Frame, params: RenameColumnsParams, _: TransformContext) -> Frame:
    """
    Give columns new names; their place stays.

    Shape: (rows, columns) → (rows, columns).

    Example: `mapping: {cust_id: customer_id}`.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    return renamed(frame, params.mapping, who="rename_columns")


@transform("add_prefix", AddPrefixParams)
def add_prefix(frame: Frame, params: AddPrefixParams, _: TransformContext) -> Frame:
    """
    Put a text in front of the names of columns.

    Shape: (rows, columns) → (rows, columns).

    Example: `prefix: src_, exclude: [id]` makes `id, name` into `id, src_name`.

    Raises:
        SchemaMismatchError: If a column of `columns` is missing, or two columns would have the same name.
    """
    return _named_by(frame, lambda name: params.prefix + name, params, who="add_prefix")


@transform("add_suffix", AddSuffixParams)
def add_suffix(frame: Frame, params: AddSuffixParams, _: TransformContext) -> Frame:
    """
    Put a text behind the names of columns.

    Shape: (rows, columns) → (rows, columns).

    Example: `suffix: _raw, columns: [name]` makes `id, name` into `id, name_raw`.

    Raises:
        SchemaMismatchError: If a column of `columns` is missing, or two columns would have the same name.
    """
    return _named_by(frame, lambda name: name + params.suffix, params, who="add_suffix")


@transform("normalize_schema", NormalizeSchemaParams)
def normalize_schema(frame: Frame, params: NormalizeSchemaParams, _: TransformContext) -> Frame:
    """
    Drop columns, rename others and put them in order.

    Shape: (rows, columns) → (rows, columns without those dropped).

    Example: `rename: {cust_id: customer_id}, drop: [note], select_order: [customer_id]`.

    Raises:
        SchemaMismatchError: If a column of `rename` or `select_order` is missing, or two columns would have the same name.
    """
    who = "normalize_schema"
    unwanted = {name.lower() for name in params.drop or ()}
    columns = frame.collect_schema().names()
    kept = [name for name in columns if name not in (params.drop or ()) and (name.lower() not in unwanted or _has_twin(name, columns))]
    frame = renamed(frame.select(*kept), params.rename or {}, who=who)
    first = find_columns(frame, params.select_order or (), who=who)
    return frame.select(*first, *(name for name in frame.collect_schema().names() if name not in first))


@transform("normalize_column_names", NormalizeColumnNamesParams)
def normalize_column_names(frame: Frame, params: NormalizeColumnNamesParams, _: TransformContext) -> Frame:
    """
    Make the names of all columns alike: `First Name`, `first-name` and `firstName` become `first_name`.

    Shape: (rows, columns) → (rows, columns).

    Example: `style: snake_case` makes `Order ID, unitPrice` into `order_id, unit_price`.

    Raises:
        SchemaMismatchError: If nothing is left of a name, or two columns would have the same name.
    """
    who = "normalize_column_names"
    names = {column: _normalized(column, params) for column in frame.collect_schema().names()}
    empty = [column for column, name in names.items() if not name]
    if empty:
        raise SchemaMismatchError(f"'{who}' leaves nothing of the name of '{empty[0]}'", hint="Rename the column before.")
    return renamed(frame, names, who=who)


def renamed(frame: Frame, mapping: Mapping[str, str], *, who: str) -> Frame:
    """
    The frame with new names.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    found = dict(zip(find_columns(frame, mapping, who=who), mapping.values(), strict=True))
    names = [found.get(column, column) for column in frame.collect_schema().names()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaMismatchError(f"'{who}' gives several columns the name: {', '.join(twice)}", hint="Drop or rename the other one.")
    return frame.rename(found) if found else frame


def _named_by(frame: Frame, name_of: Callable[[str], str], params: AddPrefixParams | AddSuffixParams, *, who: str) -> Frame:
    columns = find_columns(frame, params.columns or frame.collect_schema().names(), who=who)
    exclude = {name.lower() for name in params.exclude or ()}
    return renamed(frame, {column: name_of(column) for column in columns if column.lower() not in exclude}, who=who)


def _outline_named_by(given: Outline, params: AddPrefixParams | AddSuffixParams, around: Around, name_of: Callable[[str], str]) -> Outline:
    around.need(given, params.columns or (), at="columns")
    exclude = {name.lower() for name in params.exclude or ()}
    wanted = [given.column(name).name for name in params.columns or given.names]
    named = given.renamed({name: name_of(name) for name in wanted if name.lower() not in exclude})
    return named if params.columns or given.others is None else Outline(columns=named.columns).opened()


def _has_twin(name: str, columns: list[str]) -> bool:
    return sum(column.lower() == name.lower() for column in columns) > 1


def _normalized(name: str, params: NormalizeColumnNamesParams) -> str:
    if params.style == "snake_case":
        name = re.sub(r"[\s.-]+", "_", name)
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if params.lowercase:
        name = name.lower()
    if params.remove_special:
        name = re.sub(r"_+", "_", re.sub(r"[^a-zA-Z0-9_]", "", name)).strip("_")
    return name
