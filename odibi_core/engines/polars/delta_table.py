"""Open a Delta table that we can use, and found one that is missing: of several founders exactly one wins."""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.exceptions import TableNotFoundError

from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.places import blob_at, is_remote, local_path, object_options, scan_options
from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.ports import Location

PLACEHOLDER = "_odibi_fenced"  # the only column of a table that was fenced before its first row: Delta knows no table without columns
FIRST_VERSION = "_delta_log/00000000000000000000.json"
PROPERTIES = {
    "delta.checkpointInterval": "10",  # opening costs about two requests per commit since the last checkpoint
    "delta.setTransactionRetentionDuration": "interval 30 days",  # longer than any message can wait to be replayed
    "delta.enableDeletionVectors": "false",
    "delta.checkpointPolicy": "classic",
}
# Features that polars and delta-rs 1.6 read and write without harm (facts: table features).
_WRITABLE = frozenset(
    {
        "appendOnly",
        "invariants",
        "checkConstraints",
        "changeDataFeed",
        "generatedColumns",
        "timestampNtz",
        "variantType",
        "variantType-preview",
    }
)
_REFUSED_SETTINGS = {
    "delta.enableDeletionVectors": ("true",),
    "delta.columnMapping.mode": ("name", "id"),
    "delta.enableRowTracking": ("true",),
    "delta.enableInCommitTimestamps": ("true",),
    "delta.checkpointPolicy": ("v2",),
}


def open_table(location: Location, *, version: int | None = None) -> DeltaTable | None:
    """One handle on a table as it is now, or as it was; None if there is none."""
    try:
        return DeltaTable(_uri(location), version=version, storage_options=object_options(location))
    except TableNotFoundError:
        return None


def is_placeholder(table: DeltaTable) -> bool:
    """Whether a table was only fenced and never written."""
    return table_schema(table).names() == [PLACEHOLDER]


def is_founded_only(table: DeltaTable) -> bool:
    """Whether a table was created and nothing was ever committed to it."""
    return table.version() == 0 and not table.file_uris()


def lazy_rows(table: DeltaTable, location: Location) -> pl.LazyFrame:
    """The rows of the version that the handle is on."""
    return pl.scan_delta(table, storage_options=scan_options(location))


def table_schema(table: DeltaTable) -> pl.Schema:
    """The columns of a table as polars types."""
    return pl.Schema(table.schema().to_arrow())


def refuse_unwritable(table: DeltaTable, name: str) -> None:
    """
    Refuse a table with features that we would break.

    Raises:
        PermanentServiceError: Names the features.
    """
    protocol = table.protocol()
    found = {*(protocol.writer_features or ()), *(protocol.reader_features or ())} - _WRITABLE
    settings = table.metadata().configuration
    found |= {f"{key}={settings[key]}" for key, values in _REFUSED_SETTINGS.items() if settings.get(key, "").lower() in values}
    if found:
        raise PermanentServiceError(
            f"table '{name}' uses {', '.join(sorted(found))}, which this engine cannot write",
            code="unsupported_table",
            hint="Set 'engine: spark' for this node, or write to a table that this product created.",
        )


def refuse_properties(properties: Mapping[str, str]) -> None:
    """
    Raises:
        ConfigError: If a property would make a table that we could not write again.
    """
    wrong = [key for key, values in _REFUSED_SETTINGS.items() if properties.get(key, "").lower() in values]
    if wrong:
        raise ConfigError(
            f"table property '{wrong[0]}' cannot be {properties[wrong[0]]!r}", hint="The Polars engine could not write the table again."
        )


def found_table(
    location: Location,
    schema: pl.Schema,
    *,
    partition_by: tuple[str, ...] = (),
    properties: Mapping[str, str] | None = None,
    transaction: tuple[str, int, int] | None = None,
) -> tuple[DeltaTable, bool]:
    """
    An empty table at version 0, and whether it is ours: who comes second gets the winner's table, at its version 0.

    delta-rs lets both of two first writers win, so its log entry is made in a temporary folder and put in place if absent.
    Both hold a handle on version 0 after it, so whatever the other one commits next is seen as a conflict.
    """
    entry = _first_entry(location, schema, partition_by, {**PROPERTIES, **(properties or {})}, transaction)
    with translated(f"creating table '{location.name}'"):
        won = _put_remote(location, entry) if is_remote(location) else put_if_absent(local_path(location) / FIRST_VERSION, entry)
        table = open_table(location, version=0)
    if table is None:
        raise PermanentServiceError(f"table '{location.name}' vanished while it was created", code="table_vanished")
    return table, won


def _first_entry(
    location: Location,
    schema: pl.Schema,
    partition_by: tuple[str, ...],
    properties: Mapping[str, str],
    transaction: tuple[str, int, int] | None,
) -> bytes:
    refuse_properties(properties)
    with translated(f"creating table '{location.name}'"):
        if properties == PROPERTIES:
            actions = _plain_actions(Schema.from_arrow(schema), partition_by)
        else:  # a property may need a higher protocol, or may not have this value: delta-rs knows
            actions = _actions_of_delta_rs(Schema.from_arrow(schema), partition_by, properties)
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"].setdefault("operationParameters", {})["location"] = location.uri
    if transaction is not None:
        application, sequence, at = transaction
        actions.append({"txn": {"appId": application, "version": sequence, "lastUpdated": at}})
    return "\n".join(json.dumps(action, separators=(",", ":")) for action in actions).encode()


def _plain_actions(schema: Schema, partition_by: tuple[str, ...]) -> list[dict[str, Any]]:
    """
    The actions for a table of stored types with our own properties, which need no table feature.

    Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Actions".
    """
    now = int(time.time() * 1000)
    metadata = {
        "id": str(uuid.uuid4()),
        "name": None,
        "description": None,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema.to_json(),
        "partitionColumns": list(partition_by),
        "createdTime": now,
        "configuration": PROPERTIES,
    }
    return [
        {"commitInfo": {"timestamp": now, "operation": "CREATE TABLE", "operationParameters": {"mode": "ErrorIfExists"}}},
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": metadata},
    ]


def _actions_of_delta_rs(schema: Schema, partition_by: tuple[str, ...], properties: Mapping[str, str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="odibi-") as folder:
        DeltaTable.create(
            folder,
            schema,
            mode="error",
            partition_by=list(partition_by),
            configuration=dict(properties),
            raise_if_key_not_exists=False,
        )
        text = (Path(folder) / FIRST_VERSION).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def put_if_absent(file: Path, data: bytes) -> bool:
    """Write a local file whole or not at all; False if it is there already."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with whole.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.link(whole, file)  # unlike open("x"), a reader never sees a half-written file
    except FileExistsError:
        return False
    finally:
        whole.unlink(missing_ok=True)
    return True


def _put_remote(location: Location, data: bytes) -> bool:
    from azure.core.exceptions import ResourceExistsError

    try:
        blob_at(location, FIRST_VERSION).upload_blob(data, overwrite=False)
    except ResourceExistsError:
        return False
    return True


def _uri(location: Location) -> str:
    return location.uri if is_remote(location) else str(local_path(location))
