"""Addresses that lead to where no request may go: T19, for sources, lineage and webhooks."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odibi_core import outbound
from odibi_core.errors import ConfigError, OdibiError, PermanentServiceError, TransientServiceError
from odibi_core.outbound import DATA, REPORTS, connect, may_be_reached, post_report
from tests.config.conftest import HEAD, Complaints
from tests.hosts.world import HEAD as SHOP
from tests.hosts.world import World
from tests.secrets.loopback import _certified
from tests.web.conftest import Api, Reply, api

__all__ = ["api"]
METADATA = [
    "http://169.254.169.254/metadata/identity/oauth2/token?resource=https://vault.azure.net",
    "https://169.254.169.254/metadata/instance",
    "http://[::ffff:169.254.169.254]/metadata",
    "http://[::ffff:a9fe:a9fe]/metadata",
    "http://0xa9fea9fe/metadata",
    "http://2852039166/metadata",
    "http://0251.0376.0251.0376/metadata",
    "http://169.254.43518/metadata",
    "http://[2002:a9fe:a9fe::]/metadata",
    "http://168.63.129.16/",
    "http://[fd00:ec2::254]/",
    "http://0.0.0.0:80/",
    "http://0/",
]
NO_ADDRESS = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "ftp://x/",
    "javascript:alert(1)",
    "//evil.example.com/x",
    "https:///nowhere",
    "https://[",
    "no address",
]
PRIVATE = [
    "https://10.1.2.3/",
    "https://192.168.0.1/",
    "https://172.16.0.9/",
    "https://[fd12::1]/",
    "https://100.64.0.1/",
    "http://0x7f.1/",
    "https://[64:ff9b::a01:203]/",
]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name service that the test writes: every name that is not in it is looked up as ever."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def looked_up(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host in table:
            addresses = table[host]
            return [
                entry
                for address in ([addresses.pop(0)] if len(addresses) > 1 else addresses)
                for entry in real(address, port, *rest, **more)
            ]
        return real(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return table


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection that is opened. There must be none."""
    opened: list[Any] = []

    def refuse(address: Any, *_: Any, **__: Any) -> None:
        opened.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return opened


@pytest.mark.parametrize("url", [*METADATA, *NO_ADDRESS])
@pytest.mark.parametrize("reach", [DATA, REPORTS], ids=["data", "reports"])
def test_t19_nothing_reaches_the_platform(nobody: list[Any], url: str, reach: outbound.Reach) -> None:
    """In every way to write its addresses, for whatever purpose: no connection is opened."""
    with pytest.raises(ConfigError) as caught:
        connect(url, reach=reach, timeout=1, name="x", environment={"ODIBI_PRIVATE_HOSTS": "169.254.169.254, 0xa9fea9fe, 2852039166"})
    assert (caught.value.error_code, nobody) == ("forbidden_address", [])
    assert url not in str(caught.value)


@pytest.mark.parametrize("url", [*PRIVATE, "http://example.com/"])
def test_t19_reports_stay_out_of_private_networks(nobody: list[Any], url: str) -> None:
    """And are sent with TLS, unless the operator names the host."""
    with pytest.raises(ConfigError):
        post_report(url, b"{}", {}, name="webhook", environment={})
    assert nobody == []


def test_t19_the_operator_may_name_a_private_host(nobody: list[Any], names: dict[str, list[str]]) -> None:
    """A receiver of lineage in the app's own network, for instance; still not the platform."""
    names["marquez.internal"] = ["10.1.2.3"]
    allowed = {"ODIBI_PRIVATE_HOSTS": "other, Marquez.Internal"}
    with pytest.raises(TransientServiceError):
        post_report("http://marquez.internal:5000/api/v1/lineage", b"{}", {}, name="lineage", environment=allowed)
    assert nobody == [("10.1.2.3", 5000)]
    names["marquez.internal"] = ["169.254.169.254"]
    with pytest.raises(ConfigError):
        post_report("http://marquez.internal:5000/", b"{}", {}, name="lineage", environment=allowed)
    assert len(nobody) == 1


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "127.0.0.1", "::1", "fe80::1", "::ffff:127.0.0.1", "224.0.0.1"])
def test_t19_a_public_name_that_leads_inside_is_refused(nobody: list[Any], names: dict[str, list[str]], address: str) -> None:
    """Whoever owns a name can let it lead anywhere."""
    names["hook.evil.example.com"] = [address]
    with pytest.raises(ConfigError):
        post_report("https://hook.evil.example.com/x", b"{}", {}, name="webhook", environment={})
    assert nobody == []


def test_t19_of_several_addresses_none_may_be_forbidden(nobody: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one would be tried when the first does not answer."""
    two = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: two)
    with pytest.raises(ConfigError):
        post_report("https://hook.example.com/", b"{}", {}, name="webhook", environment={})
    assert nobody == []


def test_t19_a_name_that_changes_its_mind_is_asked_once(nobody: list[Any], names: dict[str, list[str]]) -> None:
    """The connection goes to the address that was judged, not to what the name says a moment later."""
    names["rebind.example.com"] = ["93.184.216.34", "169.254.169.254"]
    with pytest.raises(TransientServiceError):
        post_report("https://rebind.example.com/", b"{}", {}, name="webhook", environment={})
    assert nobody == [("93.184.216.34", 443)]


@pytest.mark.parametrize("name", ["WEBSITE_INSTANCE_ID", "WEBSITE_SKU"])
def test_t19_on_azure_this_machine_is_the_platforms(nobody: list[Any], name: str) -> None:
    """The worker's own admin and identity services listen there."""
    for url in ("http://localhost:7071/admin/host/status", "http://127.0.0.1:41234/msi/token", "http://[::1]/"):
        for reach in (DATA, REPORTS):
            with pytest.raises(ConfigError):
                connect(url, reach=reach, timeout=1, name="x", environment={name: "1"})
    assert nobody == []


def test_t19_the_endpoint_of_the_identity_is_nobodys_source(nobody: list[Any]) -> None:
    """Not even where this machine may be asked."""
    environment = {"IDENTITY_ENDPOINT": "http://localhost:41234/msi/token"}
    with pytest.raises(ConfigError):
        connect("http://127.0.0.1:41234/msi/token?resource=x", reach=DATA, timeout=1, name="x", environment=environment)
    assert nobody == []
    with pytest.raises(ConnectionRefusedError):
        connect("http://127.0.0.1:41235/", reach=DATA, timeout=1, name="x", environment=environment)
    assert nobody == [("127.0.0.1", 41235)]


@pytest.mark.parametrize(
    ("address", "host", "private", "allowed"),
    [
        ("93.184.216.34", "example.com", False, True),
        ("2606:4700::1111", "example.com", False, True),
        ("10.1.2.3", "api.internal", True, True),
        ("10.1.2.3", "api.internal", False, False),
        ("127.0.0.1", "localhost", False, True),
        ("127.0.0.1", "innocent.example", True, False),
        ("169.254.1.1", "x", True, False),
    ],
)
def test_t19_which_addresses_may_be_reached(address: str, host: str, private: bool, allowed: bool) -> None:
    """Public ones, private ones for data, this machine by its own name."""
    assert may_be_reached(address, host, private=private, environment={}) is allowed


class Receiver:
    """A receiver of reports with TLS on this machine."""

    def __init__(self, folder: Path) -> None:
        self.status, self.headers, self.body, self.delay = 200, {}, b"{}", 0.0
        self.asked: list[tuple[str, dict[str, str]]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked.append((self.path, dict(self.headers)))
                time.sleep(receiver.delay)
                self.send_response(receiver.status)
                for name, value in {"Content-Length": str(len(receiver.body)), **receiver.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is part of the tests
        self.server.socket = _certified(folder)("localhost").wrap_socket(self.server.socket, server_side=True)
        self.trusted = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"https://localhost:{self.server.server_port}/hook?code=s3cr3t"


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> Iterator[Receiver]:
    found = Receiver(tmp_path)
    names["localhost"] = ["127.0.0.1"]
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: found.trusted)
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_t19_a_report_is_sent(receiver: Receiver) -> None:
    """With its headers, to the whole address."""
    assert post_report(receiver.url, b'{"a":1}', {"Authorization": "Bearer k"}, name="webhook", environment={}) == (200, b"{}")
    ((path, headers),) = receiver.asked
    assert (path, headers["Authorization"]) == ("/hook?code=s3cr3t", "Bearer k")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_t19_a_redirect_is_not_followed(receiver: Receiver, api: Api, status: int) -> None:
    """To the metadata service, to this machine or anywhere: it is an answer like any other refusal, and no key goes along."""
    receiver.status, receiver.headers = status, {"Location": api.url}
    with pytest.raises(PermanentServiceError) as caught:
        post_report(receiver.url, b"{}", {"Authorization": "Bearer k"}, name="webhook", environment={})
    assert (caught.value.error_code, api.asked) == ("receiver_refused", [])
    assert "s3cr3t" not in str(caught.value)


def test_t19_an_answer_without_end_is_cut_off_and_a_silent_one_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 KB are read, and five seconds waited for."""
    assert (outbound.REPORT_SECONDS, outbound.MAX_REPORT_ANSWER_BYTES) == (5.0, 65536)
    receiver.body = b"x" * 1_000_000
    assert len(post_report(receiver.url, b"{}", {}, name="webhook", environment={})[1]) == 65536
    monkeypatch.setattr(outbound, "REPORT_SECONDS", 0.2)
    receiver.delay = 1.0
    with pytest.raises(TransientServiceError, match="cannot be reached"):
        post_report(receiver.url, b"{}", {}, name="webhook", environment={})


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, TransientServiceError), (503, TransientServiceError), (401, PermanentServiceError), (413, PermanentServiceError)],
)
def test_t19_what_a_receiver_refuses_says_who_must_act(receiver: Receiver, status: int, kind: type[OdibiError]) -> None:
    """Busy is tried again, a wrong key is not; the address is in no text."""
    receiver.status = status
    with pytest.raises(kind, match=f"'webhook' answered {status}") as caught:
        post_report(receiver.url, b"{}", {}, name="webhook", environment={})
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("url", [*METADATA, *NO_ADDRESS])
@pytest.mark.parametrize(
    "section",
    ["alerts: [ { type: webhook, url: 'URL' } ]", "lineage: { url: 'URL' }", "alerts: [ { type: teams, url: 'URL' } ]"],
)
def test_t19_an_address_of_the_platform_is_refused_with_the_yaml(complaints: Complaints, section: str, url: str) -> None:
    """At its place, and without being quoted: such an address is often a secret."""
    said = complaints(HEAD + f"{section.replace('URL', url)}\npipelines: []\n")
    assert said
    assert said[0].startswith("odibi.yaml:4:")
    assert url not in said[0]


@pytest.mark.parametrize(
    "url", ["http://localhost:5000", "https://hooks.example.com/x?y=z", "http://marquez:5000", "${HOOK}", "${secret:hook}"]
)
def test_t19_other_addresses_are_the_authors_business(tmp_path: Path, url: str) -> None:
    """A receiver on the laptop, in the company's network, or in a variable."""
    from odibi_core.config import load_project

    (tmp_path / "odibi.yaml").write_text(
        HEAD + f"alerts: [ {{ type: webhook, url: '{url}' }} ]\nlineage: {{ url: '{url}' }}\npipelines: []\n"
    )
    assert load_project(tmp_path / "odibi.yaml", variables={"HOOK": "https://example.com/s3cr3t"}).config.alerts


@pytest.mark.parametrize("url", ["http://169.254.169.254", "http://0xa9fea9fe", "http://[::ffff:169.254.169.254]"])
def test_t19_a_source_is_not_the_platform(tmp_path: Path, nobody: list[Any], url: str) -> None:
    """A web API at such an address: the run fails with the reason, or never starts; nothing was asked."""
    body = (
        "pipelines:\n  - pipeline: p\n    nodes:\n      - name: n\n        read: { connection: web, format: api, path: metadata }\n"
        "        write: { connection: lake, format: delta, path: n }\n"
    )
    world = World(tmp_path, SHOP.replace("connections:\n", f"connections:\n  web: {{ type: http, base_url: '{url}' }}\n") + body)
    status = "refused"
    try:
        host = world.in_process()
        final = host.run(host.request("p"))
        status = "" if final is None else final.status
    except ConfigError as error:
        status = error.error_code
    assert status in ("failed", "config", "forbidden_address")
    assert (nobody, world.rows("n")) == ([], [])


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:1/other", "http://169.254.169.254/metadata", "file:///etc/passwd", "//evil.example.com/x"]
)
def test_t19_a_source_that_redirects_elsewhere_is_not_followed(tmp_path: Path, api: Api, where: str) -> None:
    """Nor a next page on another host: its credentials stay with the service."""
    body = (
        "pipelines:\n  - pipeline: p\n    nodes:\n      - name: n\n        read: { connection: web, format: api, path: rows }\n"
        "        write: { connection: lake, format: delta, path: n }\n"
    )
    api.answer = lambda _: Reply({}, 302, {"Location": where})
    world = World(tmp_path, SHOP.replace("connections:\n", f"connections:\n  web: {{ type: http, base_url: '{api.url}' }}\n") + body)
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    assert final.status == "failed"
    assert {asked.path for asked in api.asked} == {"/rows"}
