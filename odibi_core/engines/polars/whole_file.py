"""A file that is put back whole, and only over the version that was opened: the tags of versions, and the conditional upload."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from odibi_core.engines.polars.places import blob_at
from odibi_core.ports import Location, WriteConflictError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_ATTEMPT = "odibi_attempt"  # metadata: which call wrote this version


def local_tag(found: os.stat_result) -> str:
    """What tells a version of a local file from the one that comes to lie in its place."""
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def rewritten_meanwhile(name: str) -> WriteConflictError:
    """The error of whoever comes second."""
    return WriteConflictError(f"somebody else wrote '{name}' since it was opened", hint="The node runs again.")


def upload_over(location: Location, data: bytes | IO[bytes], *, opened: str | None, metadata: Mapping[str, str]) -> None:
    """
    Put a blob over the version with the tag `opened`, or where there was none. After any error the blob itself says whether it was ours.

    Raises:
        WriteConflictError: If another version is there.
        AzureError: If the store did not take it.
    """
    from azure.core import MatchConditions
    from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError

    blob = blob_at(location)
    attempt = uuid.uuid4().hex
    only: dict[str, Any] = {"overwrite": False}
    if opened is not None:
        only = {"overwrite": True, "etag": opened, "match_condition": MatchConditions.IfNotModified}
    try:
        blob.upload_blob(data, metadata={**metadata, _ATTEMPT: attempt}, **only)
    except AzureError as error:
        if _attempt_of(blob) == attempt:
            return
        if isinstance(error, ResourceExistsError | ResourceModifiedError):
            raise rewritten_meanwhile(location.name) from None
        raise


def _attempt_of(blob: BlobClient) -> str | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return (blob.get_blob_properties().metadata or {}).get(_ATTEMPT)
    except ResourceNotFoundError:
        return None
