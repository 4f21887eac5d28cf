"""The event source tells of each new version of a blob once, in Event Grid's words; with chaos it keeps no promise."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from azure.storage.blob import BlobBlock, BlobServiceClient

from odibi_local.event_source import Chaos, EventSource
from odibi_local.event_source.seen import SeenBlobs


@pytest.fixture
def account(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


@pytest.fixture
def source(azurite, bus, tmp_path):
    """Return a function that makes a source for a container and a queue; its state survives."""

    def make(container, queue, **options):
        storage, connection = azurite.connection_string, bus.connection_string
        return EventSource(
            storage=storage, containers=[container], service_bus=connection, queue=queue, state=tmp_path / "seen.sqlite", **options
        )

    return make


@pytest.mark.cloud
def test_each_version_is_announced_once_also_over_a_restart(account, source, open_queue):
    """New, rewritten, and what arrived while nobody watched: one event each."""
    landing, queue = account.create_container("events"), open_queue("events")
    landing.upload_blob("day=1/a b.csv", b"a,b")
    with source("events", "events"):
        (message,) = queue.receive(1)
        first = json.loads(str(message))
        landing.upload_blob("day=1/a b.csv", b"a,b,c", overwrite=True)
        second = json.loads(str(queue.receive(1)[0]))
    landing.upload_blob("later.csv", b"1")
    with source("events", "events"):
        third = json.loads(str(queue.receive(1)[0]))
        time.sleep(0.5)
    assert queue.peek() == []
    assert message.message_id == first["id"]
    assert first["id"] != second["id"]
    assert [event["data"]["contentLength"] for event in (first, second, third)] == [3, 5, 1]
    assert first["data"]["sequencer"] < second["data"]["sequencer"]
    url = account.get_blob_client("events", "day=1/a b.csv").url
    data = {key: first["data"][key] for key in ("api", "contentType", "blobType", "url")}
    assert data == {"api": "PutBlob", "contentType": "application/octet-stream", "blobType": "BlockBlob", "url": url}
    assert (first["eventType"], first["subject"]) == (
        "Microsoft.Storage.BlobCreated",
        "/blobServices/default/containers/events/blobs/day=1/a b.csv",
    )
    assert second["data"]["eTag"] == landing.get_blob_client("day=1/a b.csv").get_blob_properties().etag.strip('"')
    assert set(first) == {"topic", "subject", "eventType", "id", "data", "dataVersion", "metadataVersion", "eventTime"}


@pytest.mark.cloud
def test_chaos_announces_a_blob_that_is_still_uploaded(account, source, open_queue):
    """An early event names a blob that cannot be read yet; the true one follows when it is complete."""
    landing, queue = account.create_container("chaos"), open_queue("chaos")
    chaos = Chaos(1, lost=0.0, duplicated=1.0, late=0.0, early=1.0, longest_delay=0.3)
    with source("chaos", "chaos", chaos=chaos):
        blob = landing.get_blob_client("big.csv")
        blob.stage_block("AAAA", b"a,b")
        early = json.loads(str(queue.receive(1)[0]))
        blob.commit_block_list([BlobBlock("AAAA")])
        later = [json.loads(str(message)) for message in queue.receive(2)]
    assert early["data"]["contentLength"] == 0
    assert [event["data"]["contentLength"] for event in later] == [3, 3]
    assert later[0]["id"] == later[1]["id"] != early["id"]
    assert later[0]["data"]["api"] == "PutBlockList"


def test_the_same_seed_means_the_same_chaos():
    """A run that found a fault can be run again."""

    def fates():
        return [Chaos(7).fate() for _ in range(1)] + [chaos.fate() for chaos in [Chaos(7)] for _ in range(200)]

    assert fates() == fates()
    kinds = Counter(len(fate.delays_seconds) for fate in fates())
    assert set(kinds) == {0, 1, 2}


def test_what_was_seen_is_kept_and_deleted_blobs_are_forgotten(tmp_path):
    """A blob that is deleted and written again is new."""
    seen = SeenBlobs(tmp_path / "seen.sqlite")
    seen.add([("landing", "a", "1"), ("landing", "b", "1")])
    seen.forget_missing("landing", {"b"})
    seen.close()
    again = SeenBlobs(tmp_path / "seen.sqlite")
    assert (again.has("landing", "a", "1"), again.has("landing", "b", "1"), again.has("landing", "b", "2")) == (False, True, False)
    again.close()
