"""What AzureBlobStore adds: lost acknowledgements, folders of a hierarchical namespace, and errors that say who must act."""

from __future__ import annotations

import socket
import threading
import traceback
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.core.credentials import AccessToken, AzureSasCredential
from azure.core.exceptions import ServiceRequestError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CredentialUnavailableError
from azure.storage.blob import BlobServiceClient, ContainerClient, ExponentialRetry

from odibi_core.errors import PermanentServiceError, TransientServiceError
from odibi_core.storage.azure import AzureBlobStore, _read_page, client_settings
from odibi_core.storage.faults import azure_faults

AT_ONCE = ExponentialRetry(initial_backoff=0, increment_base=0, retry_total=3, random_jitter_range=0)
NEVER = ExponentialRetry(retry_total=0)


class LosingTransport(RequestsTransport):
    """Carries every request out, and loses the first answers to writes: as a time-out, or as a 503 of a gateway."""

    def __init__(self, how: str, times: int = 1) -> None:
        super().__init__()
        self.how = how
        self.left = times
        self.meanwhile = lambda: None

    def send(self, request, **settings):
        answer = super().send(request, **settings)
        if request.method == "PUT" and self.left:
            self.left -= 1
            self.meanwhile()
            if self.how == "timeout":
                raise ServiceResponseTimeoutError("lost")
            answer.status_code = 503
        return answer


@pytest.fixture(params=["timeout", "503"])
def losing(request, azurite, container):
    """A store whose acknowledgements get lost, and the transport that loses them."""
    transport = LosingTransport(request.param)
    client = BlobServiceClient.from_connection_string(azurite.connection_string, transport=transport, retry_policy=AT_ONCE)
    return AzureBlobStore(client.get_container_client(container.container_name)), transport


@pytest.mark.cloud
def test_a_creation_whose_acknowledgement_was_lost_is_still_a_win(losing, container):
    """The write was applied, the answer lost, and the library's second try finds the object: it is our own."""
    store, transport = losing
    assert store.put_if_absent("x", b"1") is True
    assert transport.left == 0
    assert store.get("x").data == b"1"
    assert store.put_if_absent("x", b"1") is False
    assert AzureBlobStore(container).put_if_absent("x", b"1") is False


@pytest.mark.cloud
def test_a_creation_that_lost_its_answer_and_the_race_is_no_win(losing, container):
    """Equal bytes of another writer are not ours."""
    store, transport = losing
    AzureBlobStore(container).put_if_absent("x", b"1")
    assert store.put_if_absent("x", b"1") is False
    assert transport.left == 0


@pytest.mark.cloud
def test_a_replacement_whose_acknowledgement_was_lost_is_still_a_success(losing, container):
    """The same for compare-and-set: the second try is refused because the first one changed the tag."""
    store, transport = losing
    AzureBlobStore(container).put("x", b"0")
    etag = store.get("x").etag
    assert store.replace("x", b"1", etag=etag) == store.get("x").etag
    assert transport.left == 0
    assert store.replace("x", b"1", etag=etag) is None
    assert store.get("x").data == b"1"


@pytest.mark.cloud
def test_an_object_that_went_away_after_a_lost_answer_is_no_win(losing, container):
    """Deleted and created anew by somebody else between our two tries: theirs stays, and we are told the truth."""
    store, transport = losing

    def meanwhile() -> None:
        other = AzureBlobStore(container)
        other.delete("x")
        other.put_if_absent("x", b"theirs")

    transport.meanwhile = meanwhile
    assert store.put_if_absent("x", b"ours") is False
    assert store.get("x").data == b"theirs"


@pytest.mark.cloud
def test_the_content_type_is_kept(container):
    """A browser that opens a story in the portal must know that it is HTML."""
    AzureBlobStore(container, "p/").put("s.html", b"<p>", content_type="text/html")
    assert container.get_blob_client("p/s.html").get_blob_properties().content_settings.content_type == "text/html"


@pytest.mark.cloud
def test_folder_markers_are_no_objects(container):
    """A hierarchical namespace lists its folders as empty blobs."""
    container.upload_blob("p/runs", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("p/runs/x", b"1")
    store = AzureBlobStore(container, "p")
    assert list(store.list("")) == ["runs/x"]
    assert store.get("runs") is None


@pytest.mark.cloud
def test_a_listing_shows_names_tags_and_sizes_as_the_library_does(container):
    """We read the answer ourselves; names that need care in XML are the test."""
    for name in ("p/plain", "p/a & <b>", "p/ü 100%25", "p/ends in space /x", "q"):
        container.upload_blob(name, name.encode())
    expected = [(blob.name, blob.etag.strip('"'), blob.size) for blob in container.list_blobs(name_starts_with="p/")]
    found = [(entry.name, entry.etag, entry.size_bytes) for entry in AzureBlobStore(container).entries("p/")]
    assert len(found) == 4
    assert found == expected


def test_a_name_that_xml_cannot_hold_is_decoded():
    """The service marks it."""
    page = '<R><Blobs><Blob><Name Encoded="true">a%EF%BF%BEb</Name></Blob><Blob><Name>a%41</Name></Blob></Blobs></R>'
    assert [entry.name for entry in _read_page(page.encode())] == ["a\ufffeb", "a%41"]


@pytest.mark.cloud
def test_a_list_longer_than_a_page_is_whole(container):
    """The service gives 5000 names at a time."""
    store = AzureBlobStore(container)
    for name in ("b", "a", "c"):
        store.put(name, b"")
    real = container.list_blob_names
    container.list_blob_names = lambda **wanted: real(results_per_page=2, **wanted)
    assert list(store.list("")) == ["a", "b", "c"]


@pytest.mark.cloud
def test_a_missing_container_is_made_only_on_request(azurite):
    """A misspelt name must not begin a second, empty history."""
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    strict = AzureBlobStore(service.get_container_client(f"c{uuid.uuid4().hex}"))
    for operation in (
        lambda: strict.get("x"),
        lambda: strict.put("x", b""),
        lambda: strict.put_if_absent("x", b""),
        lambda: strict.replace("x", b"", etag="e"),
        lambda: strict.list(""),
        lambda: strict.delete("x"),
    ):
        with pytest.raises(PermanentServiceError) as caught:
            operation()
        assert caught.value.error_code == "missing_container"

    creating = [AzureBlobStore(service.get_container_client(f"c{uuid.uuid4().hex}"), create=True) for _ in range(2)]
    assert creating[0].get("x") is None
    assert list(creating[0].list("")) == []
    creating[0].delete("x")
    assert creating[0].replace("x", b"", etag="e") is None
    assert creating[0].put_if_absent("x", b"1") is True
    creating[1].put("x", b"1")
    assert list(creating[1].list("")) == ["x"]


@contextmanager
def answering(status: int, code: str):
    """A service that answers everything with one error."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("x-ms-error-code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 - the server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/account"
    finally:
        server.shutdown()
        server.server_close()


def operations(store: AzureBlobStore) -> dict[str, object]:
    """One call of each kind."""
    return {
        "get": lambda: store.get("x"),
        "put": lambda: store.put("x", b""),
        "put_if_absent": lambda: store.put_if_absent("x", b""),
        "replace": lambda: store.replace("x", b"", etag="e"),
        "list": lambda: store.list(""),
        "delete": lambda: store.delete("x"),
    }


@pytest.mark.parametrize(
    ("status", "said", "kind", "code"),
    [
        (401, "InvalidAuthenticationInfo", PermanentServiceError, "not_authorized"),
        (403, "AuthorizationPermissionMismatch", PermanentServiceError, "not_authorized"),
        (404, "ContainerNotFound", PermanentServiceError, "missing_container"),
        (409, "ContainerBeingDeleted", TransientServiceError, "service_transient"),
        (409, "BlobImmutableDueToPolicy", PermanentServiceError, "storage"),
        (400, "InvalidUri", PermanentServiceError, "storage"),
        (408, "", TransientServiceError, "service_transient"),
        (429, "TooManyRequests", TransientServiceError, "service_transient"),
        (500, "InternalError", TransientServiceError, "service_transient"),
        (503, "ServerBusy", TransientServiceError, "service_transient"),
    ],
)
def test_errors_of_the_service_say_who_must_act(status, said, kind, code):
    """Rights and names are the operator's; throttling and outages are nobody's."""
    with answering(status, said) as url:
        store = AzureBlobStore(ContainerClient(url, "c", credential=AzureSasCredential("sig=SECRET"), retry_policy=NEVER))
        for operation in operations(store).values():
            with pytest.raises(kind) as caught:
                operation()
            assert caught.value.error_code == code
            assert f"HTTP {status} {said}".strip() in caught.value.message
            assert "sig=" not in "".join(traceback.format_exception(caught.value))


def test_a_refused_connection_and_a_silent_service_are_transient_and_show_no_signature():
    """Nobody listens, or nobody answers; a library's text has the whole address, ours and its causes have not."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{silent.getsockname()[1]}/account"
        for listen in (False, True):
            if listen:
                silent.listen()
            client = ContainerClient(refused, "c", credential=AzureSasCredential("sv=1&sig=SECRET"), retry_policy=NEVER, read_timeout=0.2)
            for operation in operations(AzureBlobStore(client)).values():
                with pytest.raises(TransientServiceError) as caught:
                    operation()
                assert "sig=" not in "".join(traceback.format_exception(caught.value))


def test_a_cause_that_quotes_a_signature_is_not_shown():
    """Libraries below Azure's put whole addresses into their texts; any other cause stays."""
    for told, behind, shown in (("url: /c?sig=S", "", False), ("refused", "url: /c?sig=S", False), ("refused", "late", True)):
        with pytest.raises(TransientServiceError) as caught, azure_faults("reading an object"):
            raise ServiceRequestError(told) from ValueError(behind)
        assert isinstance(caught.value.__cause__, ServiceRequestError) is shown
        assert "sig=" not in "".join(traceback.format_exception(caught.value))


def test_nobody_signed_in_is_the_operators():
    """No identity on this machine: it will not appear by trying again."""

    class Nobody:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            raise CredentialUnavailableError("nobody")

    client = ContainerClient("https://account.blob.core.windows.net", "c", credential=Nobody(), retry_policy=NEVER)
    with pytest.raises(PermanentServiceError) as caught:
        AzureBlobStore(client).get("x")
    assert caught.value.error_code == "no_identity"


def test_the_clients_patience_fits_a_node():
    """Ten seconds to connect, thirty without a byte, and waits of 2, 4 and 8 seconds, one more or less."""
    settings = client_settings()
    assert (settings["connection_timeout"], settings["read_timeout"]) == (10, 30)
    waits = [settings["retry_policy"].get_backoff_time({"count": count}) for count in (1, 2, 3)]
    assert all(abs(wait - wanted) <= 1 for wait, wanted in zip(waits, (2, 4, 8), strict=True))
    assert settings["retry_policy"].total_retries == 5
