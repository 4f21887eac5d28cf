"""
Build the BlobCreated event that Event Grid sends for a blob.

Source: learn.microsoft.com/azure/event-grid/event-schema-blob-storage (Event Grid event schema).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

_TOPIC = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Storage/storageAccounts"
_IDS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # the URL namespace of RFC 9562


def blob_created(*, account: str, container: str, blob: BlobProperties, url: str, sequence: int) -> dict[str, Any]:
    """
    Return the event of one version of a blob.

    The same version always gives the same id, so that an event that is sent again after a crash is a duplicate by its message id, too.
    A larger `sequence` means a later event of the same blob.
    """
    etag = str(blob.etag).strip('"')
    event_id = uuid.uuid5(_IDS, f"{url}#{etag}")
    settings = blob.content_settings
    return {
        "topic": f"{_TOPIC}/{account}",
        "subject": f"/blobServices/default/containers/{container}/blobs/{blob.name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": str(event_id),
        "data": {
            "api": written_by(blob),
            "clientRequestId": str(uuid.uuid5(event_id, "client")),
            "requestId": str(uuid.uuid5(event_id, "request")),
            "eTag": etag,
            "contentType": (settings.content_type if settings else None) or "application/octet-stream",
            "contentLength": blob.size or 0,
            "blobType": str(getattr(blob.blob_type, "value", blob.blob_type) or "BlockBlob"),
            "url": url,
            "sequencer": f"{sequence:032X}",
            "storageDiagnostics": {"batchId": str(uuid.uuid5(event_id, "batch"))},
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z",
    }


def written_by(blob: BlobProperties) -> str:
    """Return the call that wrote the blob: a copy has a copy id, and the service computes a hash for a Put Blob only."""
    if blob.copy is not None and blob.copy.id:
        return "CopyBlob"
    settings = blob.content_settings
    return "PutBlob" if settings is not None and settings.content_md5 else "PutBlockList"
