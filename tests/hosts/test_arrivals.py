"""Which blob is complete, in which version: what Event Grid says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.errors import ConfigError
from odibi_core.hosts.arrivals import MAX_EVENT_BYTES, Arrival, arrivals_in

URL = "https://shop.blob.core.windows.net/landing/orders/a.csv"
ARRIVAL = Arrival(url=URL, etag="0x8D4BCC2E4835CD0", size_bytes=524288)
# Source: the examples of https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
GRID = {
    "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop",
    "subject": "/blobServices/default/containers/landing/blobs/orders/a.csv",
    "eventType": "Microsoft.Storage.BlobCreated",
    "eventTime": "2017-06-26T18:41:00.9584103Z",
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "data": {
        "api": "PutBlockList",
        "clientRequestId": "6d79dbfb-0e37-4fc4-981f-442c9ca65760",
        "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
        "eTag": "0x8D4BCC2E4835CD0",
        "contentType": "text/plain",
        "contentLength": 524288,
        "blobType": "BlockBlob",
        "url": URL,
        "sequencer": "00000000000004420000000000028963",
        "storageDiagnostics": {"batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0"},
    },
    "dataVersion": "",
    "metadataVersion": "1",
}
CLOUD = {
    "source": GRID["topic"],
    "subject": GRID["subject"],
    "type": "Microsoft.Storage.BlobCreated",
    "time": "2017-06-26T18:41:00.9584103Z",
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "data": GRID["data"],
    "specversion": "1.0",
}


def body(content: Any) -> bytes:
    return json.dumps(content).encode()


def changed(**data: Any) -> dict[str, Any]:
    """The event with some of its data changed; None takes one out."""
    return {**GRID, "data": {key: value for key, value in {**GRID["data"], **data}.items() if value is not None}}


@pytest.mark.parametrize(
    "content", [GRID, CLOUD, [GRID], [CLOUD], changed(eTag='"0x8D4BCC2E4835CD0"'), changed(eTag=None, etag="0x8D4BCC2E4835CD0")]
)
def test_an_arrival_in_each_of_its_spellings(content: Any) -> None:
    """Event Grid's schema or CloudEvents, alone or in an array, the tag with or without quotes."""
    assert arrivals_in(body(content)) == (ARRIVAL,)


def test_several_events_in_one_message() -> None:
    """In their order; what is no arrival is passed over."""
    second = {**changed(url=URL.replace("a.csv", "b.csv")), "subject": GRID["subject"].replace("a.csv", "b.csv")}
    deleted = {**GRID, "eventType": "Microsoft.Storage.BlobDeleted"}
    assert [arrival.url for arrival in arrivals_in(body([second, deleted, GRID]))] == [second["data"]["url"], URL]
    assert arrivals_in(b"[]") == ()


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"])
def test_a_blob_is_complete_with_these_calls(api: str) -> None:
    """One event each when the whole file is there."""
    assert len(arrivals_in(body(changed(api=api)))) == 1


@pytest.mark.parametrize("api", ["CreateFile", "AppendFile", "PutBlock", "AppendBlock", "SetBlobProperties", "putblob", "", None, 7])
def test_other_calls_announce_half_a_file_or_none(api: object) -> None:
    """They are passed over, whatever else they lack."""
    assert arrivals_in(body(changed(api=api, url=None))) == ()


@pytest.mark.parametrize(
    "kind", ["Microsoft.Storage.BlobDeleted", "Microsoft.EventGrid.SubscriptionValidationEvent", "microsoft.storage.blobcreated", "", None]
)
def test_other_events_are_passed_over(kind: str | None) -> None:
    """Whatever they hold."""
    assert arrivals_in(body({"eventType": kind, "data": "p4ssw0rd"})) == ()


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (b"", "message_garbage", "event is not JSON"),
        (b"p4ssw0rd", "message_garbage", "event is not JSON"),
        (b"\xff\x00", "message_garbage", "event is not JSON"),
        (b"[" * 200_000, "message_garbage", "event is not JSON"),
        (b'"p4ssw0rd"', "message_garbage", "event is not a JSON object"),
        (body([GRID, "p4ssw0rd"]), "message_garbage", "event is not a JSON object"),
        (body([[GRID]]), "message_garbage", "event is not a JSON object"),
        (body({**GRID, "data": None}), "message_garbage", "a BlobCreated event has no data"),
        (body({**GRID, "data": ["p4ssw0rd"]}), "message_garbage", "a BlobCreated event has no data"),
        (body(changed(url=None)), "message_garbage", "a BlobCreated event lacks its url, eTag or contentLength"),
        (body(changed(eTag=7)), "message_garbage", "a BlobCreated event lacks its url, eTag or contentLength"),
        (body(changed(contentLength="p4ssw0rd")), "message_garbage", "a BlobCreated event lacks its url, eTag or contentLength"),
        (b" " * (MAX_EVENT_BYTES + 1), "message_too_large", "event of 262145 bytes is over the limit of 262144"),
    ],
)
def test_garbage_is_refused_without_being_quoted(content: bytes, code: str, text: str) -> None:
    """One bad event refuses the message that it came in."""
    with pytest.raises(ConfigError) as caught:
        arrivals_in(content)
    assert (caught.value.error_code, caught.value.message) == (code, text)
    assert "p4ssw0rd" not in f"{caught.value!r} {caught.value.hint}"


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_json_is_answered_with_arrivals_or_a_config_error(content: object) -> None:
    """And with nothing else: also where an event should be."""
    for said in (content, {**GRID, "data": content}, [GRID, content]):
        try:
            assert all(isinstance(arrival, Arrival) for arrival in arrivals_in(body(said)))
        except ConfigError:
            continue
