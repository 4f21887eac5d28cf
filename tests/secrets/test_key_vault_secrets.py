"""Secrets from Key Vault, against a service that answers as the real one does."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CredentialUnavailableError
from azure.keyvault.secrets import SecretClient

from odibi_core.errors import ConfigError, PermanentServiceError, TransientServiceError
from odibi_core.secrets import KeyVaultSecrets


class Vault:
    """A service with values by name, or one status for everything. It counts what it was asked."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.status = 200
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, object]]:
        name = path.partition("?")[0].strip("/").removeprefix("secrets/").strip("/")
        self.asked.append(name)
        if self.status == 200 and name in self.values:
            return 200, {"value": self.values[name], "id": f"https://v.vault.azure.net/secrets/{name}/1", "attributes": {}}
        return (404 if self.status == 200 else self.status), {"error": {"code": "Refused", "message": "no"}}


@pytest.fixture
def vault():
    """The service on a port of this machine."""
    vault = Vault()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = vault.answer(self.path)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    vault.url = f"http://127.0.0.1:{server.server_port}"
    yield vault
    server.shutdown()
    server.server_close()


@pytest.fixture
def time() -> list[float]:
    """A clock's hand, in seconds."""
    return [0.0]


class Shortcut(RequestsTransport):
    """Carries what is meant for the vault's https address to the service on this machine."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.vault = vault

    def send(self, request, **settings):
        assert request.url.startswith("https://myvault.vault.azure.net/")
        request.url = request.url.replace("https://myvault.vault.azure.net", self.vault.url)
        return super().send(request, **settings)


@pytest.fixture
def secrets(vault, time, monkeypatch) -> KeyVaultSecrets:
    """Secrets of `myvault`, by the shortcut and without retries."""
    real = SecretClient.__init__
    settings = {"transport": Shortcut(vault), "retry_policy": RetryPolicy(retry_total=0)}
    monkeypatch.setattr(SecretClient, "__init__", lambda self, url, who, **_: real(self, url, who, **settings))
    return KeyVaultSecrets(lambda _: Anybody(), vault="myvault", keep=timedelta(minutes=10), clock=lambda: time[0])


class Anybody:
    """A credential."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("token", 2**40)


def test_a_secret_is_asked_for_once_until_it_is_old(secrets, vault, time):
    """Per name; afterwards a rotated value arrives."""
    vault.values = {"a": "1", "b": "2"}
    assert [secrets("a"), secrets("b"), secrets("myvault/a"), secrets("a")] == ["1", "2", "1", "1"]
    assert vault.asked == ["a", "b"]
    vault.values["a"] = "rotated"
    time[0] = 599.0
    assert secrets("a") == "1"
    time[0] = 600.0
    assert secrets("a") == "rotated"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, PermanentServiceError, "not_authorized"),
        (403, PermanentServiceError, "not_authorized"),
        (200, PermanentServiceError, "missing_secret"),
        (400, PermanentServiceError, "secret"),
        (408, TransientServiceError, "service_transient"),
        (429, TransientServiceError, "service_transient"),
        (500, TransientServiceError, "service_transient"),
        (503, TransientServiceError, "service_transient"),
    ],
)
def test_errors_of_the_vault_say_who_must_act(secrets, vault, status, kind, code):
    """Missing or forbidden is the operator's, busy is nobody's; an error is not remembered."""
    vault.status = status
    with pytest.raises(kind, match="reading secret 'a' failed: HTTP") as caught:
        secrets("a")
    assert caught.value.error_code == code
    vault.status, vault.values = 200, {"a": "1"}
    assert secrets("a") == "1"


def test_a_vault_that_cannot_be_reached_is_transient(secrets, vault):
    """No name of the network may fail a run for good."""
    vault.url = "http://127.0.0.1:1"
    with pytest.raises(TransientServiceError):
        secrets("a")


def test_nobody_signed_in_is_the_operators(secrets, vault, monkeypatch):
    """It will not help to try again."""

    def nobody(*_: object, **__: object) -> None:
        raise CredentialUnavailableError("nobody")

    monkeypatch.setattr(Shortcut, "send", nobody)
    with pytest.raises(PermanentServiceError) as caught:
        secrets("a")
    assert caught.value.error_code == "not_authorized"


@pytest.mark.parametrize("name", ["a/b/c", "vault/na me", "", "va.ult/a", "../a", "evil.com#/a", "vault/a?x"])
def test_a_name_that_cannot_exist_is_not_asked_for(secrets, vault, name):
    """Least of all from another host."""
    with pytest.raises(ConfigError):
        secrets(name)
    assert vault.asked == []


def test_without_a_vault_only_full_names_work():
    """There is nowhere to look for the others."""
    with pytest.raises(ConfigError):
        KeyVaultSecrets(lambda _: Anybody())("a")
