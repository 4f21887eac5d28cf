"""What a transform is: a pure, lazy function of a frame, registered with a model of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import CompiledSql, Frame
from odibi_core.registry import Registry

ColumnName = Annotated[str, StringConstraints(min_length=1)]
ColumnNames = Annotated[
    tuple[ColumnName, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]


class Params(BaseModel):
    """The parameters of a transform; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    def queries(self) -> tuple[str, ...]:
        """The SQL over the table `df` that the transform will ask for. The planner compiles it, so that errors show before the run."""
        return ()


@dataclass(frozen=True, kw_only=True)
class TransformContext:
    """What a transform may use besides its frame."""

    sql: Callable[[CompiledSql, Mapping[str, Frame]], Frame]
    inputs: Mapping[str, Frame]  # the other inputs of the node, by name
    compile: Callable[[str, Collection[str]], CompiledSql]

    def query(self, frame: Frame, text: str) -> Frame:
        """The result of one query over the frame, known to it as `df`."""
        return self.sql(self.compile(text, ("df",)), {"df": frame})


Transform = Callable[[Frame, Any, TransformContext], Frame]

TRANSFORMS: Registry[Transform] = Registry("transform")
OPERATIONS: Registry[Transform] = Registry("operation")
transform = TRANSFORMS.register
operation = OPERATIONS.register


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
