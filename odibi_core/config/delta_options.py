"""The options of a Delta write, under all the names that engines have for them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from odibi_core.frozen import Frozen

_MEANING = {
    "keys": "keys",
    "replacewhere": "replace_where",
    "replace_where": "replace_where",
    "mergeschema": "merge_schema",
    "merge_schema": "merge_schema",
    "overwriteschema": "overwrite_schema",
    "overwrite_schema": "overwrite_schema",
    "schema_mode": "schema_mode",
    "partitionby": "partition_by",
    "partition_by": "partition_by",
}


class DeltaOptions(Frozen):
    """What the options of a Delta write say besides its keys."""

    replace_where: str | None = None  # overwrite only these rows; all new ones must be among them
    merge_schema: bool = False
    overwrite_schema: bool = False
    partition_by: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # options of other engines, or misspelt

    @classmethod
    def read(cls, options: Mapping[str, JsonValue]) -> DeltaOptions:
        """Names have no case, and a text 'true' is one."""
        found = {meaning: value for key, value in options.items() if (meaning := _MEANING.get(key.lower())) is not None}
        where, columns = found.get("replace_where"), found.get("partition_by")
        names = [columns] if isinstance(columns, str) else columns if isinstance(columns, list) else []
        return cls(
            replace_where=where if isinstance(where, str) and where.strip() else None,
            merge_schema=_is_on(found.get("merge_schema")) or found.get("schema_mode") == "merge",
            overwrite_schema=_is_on(found.get("overwrite_schema")) or found.get("schema_mode") == "overwrite",
            partition_by=tuple(name for name in names if isinstance(name, str)),
            unknown=tuple(key for key in options if key.lower() not in _MEANING),
        )


def _is_on(value: JsonValue) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
