"""A frame beside the columns of its target: what is new, missing or spelled in another case, and what the schema policy makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from odibi_core.config import SchemaPolicy
from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.planning.column_use import users_behind
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Frame


def by_policy(frame: Frame, policy: SchemaPolicy, there: Collection[str], *, also: Collection[str], tell: Callable[[str], None]) -> Frame:
    """
    The columns of the target in its order, then those that are new.

    Args:
        there: The target's columns.
        also: Columns that are added later, or that hold what is rescued: they concern no policy.
        tell: Takes what the reader of the story must know: a column that is left out or empty is never silent.

    Raises:
        SchemaMismatchError: If columns are new, missing or spelled otherwise and the policy says `fail`.
    """
    import narwhals as nw

    frame = _respelled(frame, policy, there, tell)
    have = frame.collect_schema().names()
    missing = [name for name in there if name not in have and name not in also]
    new = [name for name in have if name not in there and name not in also]
    if missing and policy.on_missing_columns == "fail":
        raise SchemaMismatchError(
            f"columns of the target are missing: {', '.join(missing)}",
            hint="Add them in the node, or set 'schema_policy.on_missing_columns: fill_null'.",
            columns=tuple(missing),
        )
    if new and policy.new_columns == "fail":
        raise SchemaMismatchError(
            f"columns are new to the target: {', '.join(new)}",
            hint="Drop them in the node, or set 'schema_policy.on_new_columns' to 'ignore', 'add_nullable' or 'rescue'.",
            columns=tuple(new),
        )
    if missing:
        tell(f"columns of the target are missing and were filled with nulls: {', '.join(missing)}")
    if new and policy.new_columns == "ignore":
        tell(f"columns are new to the target and were left out: {', '.join(new)}")
    if new and policy.new_columns == "rescue":
        tell(f"columns are new to the target and went into '{policy.rescue_column}': {', '.join(new)}")
        frame = _rescued(frame, new, policy.rescue_column)
        have = frame.collect_schema().names()
    kept = [name for name in have if name not in there and (name in also or policy.new_columns == "add_nullable")]
    frame = frame.with_columns(*(nw.lit(None).alias(name) for name in missing)) if missing else frame
    return frame.select([name for name in there if name in have or name in missing] + kept)


def _rescued(frame: Frame, new: Collection[str], column: str) -> Frame:
    """The values of columns as one JSON object per row, with what the rescue column has already."""
    from odibi_core.transforms.native import native_of

    native = native_of(frame, who="schema_policy.on_new_columns: rescue")
    pl = native.pl

    def inside(text: Any) -> Any:
        return text.str.slice(1).str.head(-1)

    fields = [inside(pl.col(column))] if column in frame.collect_schema().names() else []
    fields += [pl.when(pl.col(name).is_not_null()).then(inside(pl.struct(pl.col(name)).struct.json_encode())) for name in new]
    joined = pl.concat_str(fields, separator=",", ignore_nulls=True)
    whole = pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}")))
    return native.back(native.lazy.with_columns(whole.alias(column)).drop([name for name in new if name != column]))


def _respelled(frame: Frame, policy: SchemaPolicy, there: Collection[str], tell: Callable[[str], None]) -> Frame:
    """A column that differs in case only is the target's. Left alone it would be dropped, and the target's filled with nulls."""
    have = frame.collect_schema().names()
    by_case = {name.lower(): name for name in there if name not in have}
    other = {name: by_case[name.lower()] for name in have if name not in there and name.lower() in by_case}
    if not other:
        return frame
    if policy.on_changed_columns not in ("evolve", "rescue"):
        told = ", ".join(f"'{name}' is called '{spelled}' in the target" for name, spelled in other.items())
        raise SchemaMismatchError(
            f"columns are spelled in another case: {told}",
            hint="Rename them in the node, or set 'schema_policy.on_changed_columns' to 'evolve' or 'rescue'.",
            columns=tuple(other.values()),
        )
    tell(f"columns got the target's spelling: {', '.join(f'{name} → {spelled}' for name, spelled in other.items())}")
    return frame.rename(other)


def with_users(error: BaseException, plan: Plan, node: PlannedNode) -> BaseException:
    """The same error; where columns of a target changed, it says which nodes behind use them."""
    if not isinstance(error, SchemaMismatchError) or not error.columns:
        return error
    try:
        users = users_behind(plan, node, error.columns)
    except ConfigError:  # a query of the plan of another release: it has its own error where it runs, and this one must not be lost
        return error
    if not users:
        return error
    told = ", ".join(f"'{name}' ({', '.join(columns)})" for name, columns in users.items())
    hint = f"{error.hint} Nodes behind it that use them: {told}.".strip()
    return SchemaMismatchError(error.message, code=error.error_code, hint=hint, columns=error.columns)
