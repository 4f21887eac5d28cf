"""What a transform is: a pure, lazy function of a frame, registered with a model of its parameters."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.frozen import Frozen
from odibi_core.outline import UNKNOWN, Around, Outline
from odibi_core.ports import CompiledSql, Frame, RowEffect
from odibi_core.registry import Registry

ColumnName = Annotated[str, StringConstraints(min_length=1)]
ColumnNames = Annotated[
    tuple[ColumnName, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]


class Params(BaseModel):
    """The parameters of a transform; an unknown one is an error."""

    reads_everything: ClassVar[bool] = False  # it may ask for any dataset of the node

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    def queries(self) -> tuple[str, ...]:
        """The SQL over the table `df` that the transform will ask for. The planner compiles it, so that errors show before the run."""
        return ()

    def row_effect(self) -> RowEffect:
        """What the transform does to the number of rows; the run is failed if that is not so."""
        return "same"

    def reads(self) -> tuple[str, ...]:
        """The datasets of the node that the transform reads besides `df`, by name. The planner checks the names and hands them over."""
        return ()

    def outline(self, _given: Outline, _around: Around) -> Outline:
        """
        The columns that come out of a frame with the given ones, for the planner: it refuses names that no column has.

        Whoever says nothing is believed to give any columns. `around` is told which are needed, and knows other inputs and queries.
        """
        return UNKNOWN


def computed_here(frame: Frame) -> list[tuple[Any, ...]]:
    """The rows of a frame, computed where it is."""
    return frame.collect().rows()


class TransformContext(Frozen):
    """What a transform may use besides its frame."""

    sql: Callable[[CompiledSql, Mapping[str, Frame]], Frame]
    inputs: Mapping[str, Frame]  # the node's inputs, by lower-case name
    compile: Callable[[str, Collection[str]], CompiledSql]
    compute: Callable[[Frame], list[tuple[Any, ...]]] = computed_here  # a few rows now, where a result's columns depend on the data

    def dataset(self, name: str) -> Frame:
        """
        An input of the node by its name.

        Raises:
            ConfigError: If the node has no such input (the planner refuses it before a run).
        """
        frame = self.inputs.get(name.lower())
        if frame is None:
            raise unknown_dataset(name, self.inputs)
        return frame

    def natively(self) -> TransformContext:
        """The same with the inputs as frames of the engine itself, for functions that are written for it."""
        return replace(self, inputs={name: frame.to_native() for name, frame in self.inputs.items()})

    def query(self, frame: Frame, text: str) -> Frame:
        """The result of one query over the frame, known to it as `df`."""
        return self.sql(self.compile(text, ("df",)), {"df": frame})


Transform = Callable[[Frame, Any, TransformContext], Frame]

_FAMILIES = "odibi_core.transforms"
TRANSFORMS: Registry[Transform] = Registry(
    "transform",
    {
        f"{_FAMILIES}.{family}": names
        for family, names in {
            "aggregates": ("aggregate", "pivot", "unpivot"),
            "agreement": ("cross_check",),
            "columns": (
                "select_columns",
                "drop_columns",
                "rename_columns",
                "add_prefix",
                "add_suffix",
                "normalize_schema",
                "normalize_column_names",
            ),
            "dates": ("extract_date_parts", "date_add", "date_trunc", "date_diff", "convert_timezone"),
            "expressions": ("derive_columns", "case_when", "validate_and_flag"),
            "joins": ("join", "union", "apply_mapping"),
            "json_text": ("parse_json", "normalize_json"),
            "keys": ("hash_columns", "generate_surrogate_key", "generate_numeric_key"),
            "measures": ("unit_convert",),
            "nested": ("explode_list_column", "unpack_struct", "flatten_struct"),
            "periods": ("split_events_by_period",),
            "rows": ("filter_rows", "deduplicate", "limit", "sort", "distinct"),
            "sampling": ("sample",),
            "text": ("clean_text", "trim_whitespace", "split_part", "concat_columns", "regex_replace"),
            "types": ("cast_columns",),
            "values": ("fill_nulls", "coalesce_columns", "replace_values", "dict_based_mapping"),
            "windows": ("row_number", "window_calculation", "sessionize"),
        }.items()
    },
)
OPERATIONS: Registry[Transform] = Registry(
    "operation",
    {
        f"{_FAMILIES}.aggregates": ("pivot", "unpivot"),
        f"{_FAMILIES}.operations": ("drop_duplicates", "fillna", "drop", "rename", "sort", "sample"),
    },
)
transform = TRANSFORMS.register
operation = OPERATIONS.register


def unknown_dataset(name: str, known: Iterable[str]) -> ConfigError:
    """The error for a dataset that is not an input of the node."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    meant = f"Did you mean '{near[0]}'? " if near else ""
    hint = f"{meant}Known: {', '.join(names) or 'none'}. A node is known when it stands in 'depends_on' or 'inputs'."
    return ConfigError(f"'{name}' is not an input of this node", hint=hint)


def need_columns(frame: Frame, names: Iterable[str], *, who: str) -> list[str]:
    """
    The columns of the frame, among which all of `names` are.

    Raises:
        SchemaMismatchError: If one is missing.
    """
    available = frame.collect_schema().names()
    missing = [name for name in dict.fromkeys(names) if name not in available]
    if missing:
        raise SchemaMismatchError(f"'{who}' needs missing columns: {', '.join(missing)}", hint=f"Available: {', '.join(available)}.")
    return available


def quoted(name: str) -> str:
    """A column's name as SQL."""
    return "`" + name.replace("`", "``") + "`"
