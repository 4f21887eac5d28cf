"""
A Key Vault and a managed identity on this machine, for Azure's unmodified libraries.

The libraries want https and the vault's own name, and check that the vault asks for a token of its own domain. So this is an https
proxy (HTTPS_PROXY) that answers for every vault itself, with a certificate (REQUESTS_CA_BUNDLE) made for the occasion.

Source: learn.microsoft.com/rest/api/keyvault/secrets/get-secret, …/key-vault/general/authentication-requests-and-responses, and
learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RESOURCE = "https://vault.azure.net"
TENANT = "72f988bf-0000-0000-0000-000000000000"
HEADER = "identity-header-of-this-test"
_VERSION = re.compile(r"7\.[0-9]|20\d\d-\d\d-\d\d")


@dataclass
class Secret:
    """A secret and its versions, newest last."""

    versions: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    expires: datetime | None = None
    not_before: datetime | None = None

    def rotate(self, value: str) -> str:
        """Add a version; its id."""
        version = uuid.uuid4().hex
        self.versions[version] = value
        return version


@dataclass
class Answer:
    """What the vault says instead of a secret."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, code: str = "Refused", inner: str = "", headers: dict[str, str] | None = None) -> Answer:
    """An error as the vault writes it, with a caller and a resource that no text of ours may show."""
    error: dict[str, object] = {"code": code, "message": "Caller: appid=4711;oid=0815;iss=https://sts.windows.net/"}
    if inner:
        error["innererror"] = {"code": inner}
    return Answer(status, json.dumps({"error": error}).encode(), headers or {})


class KeyVault:
    """Every vault there is, by name, and what went wrong with it."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], Secret] = {}
        self.queue: list[Answer] = []  # said first, each once, to requests with a token
        self.always: Answer | None = None
        self.delay = 0.0
        self.challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{RESOURCE}"'
        self.asked: list[str] = []  # vault/name of each request with a token
        self.challenged = 0
        self.hosts: list[str] = []
        self.tokens_seen: list[str] = []
        self.identity = Identity()

    def put(self, name: str, value: str, *, vault: str = "shop", **about: object) -> Secret:
        """Set a secret: a new version if it is there."""
        secret = self.secrets.setdefault((vault, name), Secret())
        for key, what in about.items():
            setattr(secret, key, what)
        secret.rotate(value)
        return secret

    def answer(self, host: str, path: str, authorization: str | None) -> Answer:
        """What the vault at a host says to GET path."""
        self.hosts.append(host)
        if authorization is None:
            self.challenged += 1
            return Answer(401, b"", {"WWW-Authenticate": self.challenge})
        self.tokens_seen.append(authorization.removeprefix("Bearer "))
        if not self.identity.issued(authorization.removeprefix("Bearer "), RESOURCE):
            return Answer(401, b"", {"WWW-Authenticate": self.challenge})
        parts = urlsplit(path)
        vault, (_, kind, name, *version) = host.partition(".")[0], parts.path.split("/")
        self.asked.append(f"{vault}/{name}")
        time.sleep(self.delay)
        if self.queue:
            return self.queue.pop(0)
        if self.always is not None:
            return self.always
        if not _VERSION.fullmatch(parse_qs(parts.query).get("api-version", [""])[0]):
            return refusal(400, "BadParameter")
        secret = self.secrets.get((vault, name))
        wanted = next(iter(version), "") or (next(reversed(secret.versions)) if secret else "")
        if kind != "secrets" or secret is None or wanted not in secret.versions:
            return refusal(404, "SecretNotFound")
        return _found(vault, name, secret, wanted)


def _found(vault: str, name: str, secret: Secret, version: str) -> Answer:
    if not secret.enabled:
        return refusal(403, "Forbidden", "SecretDisabled")
    attributes: dict[str, object] = {"enabled": True, "created": 1, "updated": 1, "recoveryLevel": "Recoverable+Purgeable"}
    attributes |= {key: int(at.timestamp()) for key, at in (("exp", secret.expires), ("nbf", secret.not_before)) if at is not None}
    content = {
        "value": secret.versions[version],
        "id": f"https://{vault}.vault.azure.net/secrets/{name}/{version}",
        "attributes": attributes,
        "tags": {},
    }
    return Answer(200, json.dumps(content).encode())


class Identity:
    """The managed identity endpoint of App Service."""

    def __init__(self) -> None:
        self.tokens: dict[str, tuple[str, float]] = {}
        self.asked: list[dict[str, str]] = []
        self.always: Answer | None = None
        self.life = timedelta(hours=24)

    def issued(self, token: str, resource: str) -> bool:
        """Whether a token is one of ours, for that resource, and not out of date."""
        found = self.tokens.get(token)
        return found is not None and found[0] == resource and found[1] > time.time()

    def answer(self, path: str, header: str | None) -> Answer:
        """What the endpoint says to GET path."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        self.asked.append(query)
        if self.always is not None:
            return self.always
        if header != HEADER or query.get("api-version") != "2019-08-01" or "resource" not in query:
            return Answer(400, json.dumps({"statusCode": 400, "message": "Invalid request"}).encode())
        expires = time.time() + self.life.total_seconds()
        head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        claims = {"iss": f"https://sts.windows.net/{TENANT}/", "aud": query["resource"], "exp": int(expires), "jti": uuid.uuid4().hex}
        token = f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}."
        self.tokens[token] = (query["resource"], expires)
        content = {"access_token": token, "expires_on": str(int(expires)), "resource": query["resource"], "token_type": "Bearer"}
        return Answer(200, json.dumps(content).encode())


@contextmanager
def loopback_azure(folder: Path) -> Iterator[tuple[KeyVault, dict[str, str]]]:
    """A vault, and the variables that lead the libraries to it and to its identity."""
    vault = KeyVault()
    context = _certified(folder)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.connection = context(self.path.rpartition(":")[0]).wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), _Whole(self.connection)
            self.close_connection = False

        def do_GET(self) -> None:
            _say(self, vault.answer(self.headers.get("Host", ""), self.path, self.headers.get("Authorization")))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _say(self, vault.identity.answer(self.path, self.headers.get("X-IDENTITY-HEADER")))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    servers = [_Quiet(("127.0.0.1", 0), handler) for handler in (Proxy, Endpoint)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield (
            vault,
            {
                "HTTPS_PROXY": f"http://127.0.0.1:{servers[0].server_port}",
                "NO_PROXY": "127.0.0.1,localhost",
                "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
                "IDENTITY_ENDPOINT": f"http://127.0.0.1:{servers[1].server_port}/msi/token",
                "IDENTITY_HEADER": HEADER,
            },
        )
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _Quiet(ThreadingHTTPServer):
    """A client that hangs up early is part of the tests."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class _Whole:
    """Writes to a TLS socket as `wfile` does."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.write, self.flush, self.closed = connection.sendall, lambda: None, False
        self.close = lambda: None


def _say(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(answer.body)), **answer.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(answer.body)


def _certified(folder: Path):
    """A certificate authority in `folder/ca.pem`, and a function that gives the TLS settings of a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    authority = _certificate(name, key, name, key, authority=True)
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made: dict[str, ssl.SSLContext] = {}

    def context(host: str) -> ssl.SSLContext:
        if host not in made:
            own = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
            file = folder / f"{uuid.uuid4().hex}.pem"
            file.write_bytes(
                own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                + _certificate(subject, own, name, key, host=host).public_bytes(serialization.Encoding.PEM)
            )
            made[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made[host].load_cert_chain(file)
        return made[host]

    return context


def _certificate(subject, key, issuer, signer, *, host: str = "", authority: bool = False) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if host:
        plain = host.strip("[]")
        try:
            other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(plain))
        except ValueError:
            other = x509.DNSName(plain)
        builder = builder.add_extension(x509.SubjectAlternativeName([other]), critical=False)
    return builder.sign(signer, hashes.SHA256())
