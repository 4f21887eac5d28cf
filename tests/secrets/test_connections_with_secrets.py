"""Connections whose way in is in a vault: every spelling, rotation, and nothing of it in what a run leaves behind."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from odibi_core.bootstrap import Settings, build
from odibi_core.config import load_project
from odibi_core.errors import PermanentServiceError, TransientServiceError
from odibi_core.storage.connections import ResolvedConnections
from odibi_core.storage.identity import azure_credential
from tests.hosts.world import HEAD, SentMessages, World
from tests.secrets.loopback import KeyVault, refusal
from tests.web.conftest import Api, Reply, api

__all__ = ["api"]  # the fixture

KEY = base64.b64encode(bytes(range(64))).decode()
OTHER_KEY = base64.b64encode(bytes(range(64, 128))).decode()
SAS = "sv=2026-02-06&sp=rl&sig=abc%2Fdef%3D"
BLOB = {"type": "azure_blob", "account_name": "acct", "container": "c"}
SQL = {"type": "sql_server", "host": "h", "database": "d"}


def connections(secret: Any, **given: Any) -> ResolvedConnections:
    return ResolvedConnections(connections=given, directory=Path(), secret=secret, credential=azure_credential, environment={})


class Changing:
    """Secrets that a test changes."""

    def __init__(self, **values: str) -> None:
        self.values, self.asked = values, 0

    def __call__(self, name: str) -> str:
        self.asked += 1
        if name not in self.values:
            raise PermanentServiceError(f"secret '{name}' is missing", code="missing_secret")
        return self.values[name]


SPELLINGS = [
    {"auth": {"mode": "key_vault", "key_vault": "shop", "secret": "storage"}},
    {"auth": {"mode": "key_vault", "key_vault_name": "shop", "secret_name": "storage"}},
    {"auth": {"key_vault": "shop", "secret_name": "storage"}},
    {"auth_mode": "key_vault", "key_vault_name": "shop", "secret_name": "storage"},
    {"auth_mode": "key_vault", "key_vault": "shop", "secret": "storage"},
    {"auth": {"mode": "account_key", "account_key": "${secret:shop/storage}"}},
    {"auth": {"mode": "direct_key", "account_key": "${secret:storage}"}},
    {"account_key": "${secret:storage}"},
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["azure_blob", "azure_adls"])
def test_every_spelling_of_a_key_in_a_vault_opens_the_container(
    tmp_path: Path, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, spelling: dict[str, Any], kind: str
) -> None:
    """From the YAML to the options of the engine, by the managed identity; the project's models never hold the value."""
    monkeypatch.setenv("ODIBI_KEY_VAULT", "shop")
    vault.put("storage", KEY)
    given = str({**BLOB, "type": kind, **spelling}).replace("'", '"')
    file = tmp_path / "odibi.yaml"
    file.write_text(f"project: p\nconnections:\n  lake: {given}\npipelines: []\n")
    app = build(Settings(project_file=file, environment=dict(os.environ)), queue=SentMessages())
    location = app.connections.locate("lake", "x")
    assert location.options["account_key"] == KEY
    assert KEY not in f"{location!r}{app.project!r}{app.connections!r}{app.connections._opened!r}{load_project(file).config!r}"
    assert app.redactor.text(f"the key is {KEY}.") == "the key is [REDACTED]."
    assert app.redactor.text(quote(KEY, safe="")) == "[REDACTED]"


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (KEY, {"account_key": KEY}),
        (SAS, {"sas_token": SAS}),
        (f"?{SAS}", {"sas_token": SAS}),
        (f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.windows.net", {"account_key": KEY}),
    ],
)
def test_a_vault_may_hold_a_key_a_signature_or_a_connection_string(value: str, options: dict[str, str]) -> None:
    """What it is shows in the value."""
    found = connections(Changing(**{"v/s": value}), c={**BLOB, "auth": {"mode": "key_vault", "key_vault": "v", "secret": "s"}})
    assert options.items() <= found.locate("c", "x").options.items()


def test_a_rotated_key_is_in_force_without_a_restart() -> None:
    """For engines and for Azure's own library; as long as the key is the same, so is the client."""
    secret = Changing(**{"v/s": KEY, "sql": "one"})
    found = connections(
        secret,
        c={**BLOB, "auth": {"mode": "key_vault", "key_vault": "v", "secret": "s"}},
        d={**SQL, "auth": {"username": "u", "password": "${secret:sql}"}},
    )
    store = found.store("c", "state")
    before = store._container  # type: ignore[attr-defined]  # the client behind the store
    assert store._container is before  # type: ignore[attr-defined]  # as above
    assert (found.locate("c", "x").options["account_key"], found.locate("d", "t").options["password"]) == (KEY, "one")
    secret.values = {"v/s": OTHER_KEY, "sql": "two"}
    assert (found.locate("c", "x").options["account_key"], found.locate("d", "t").options["password"]) == (OTHER_KEY, "two")
    after = store._container  # type: ignore[attr-defined]  # the same store, which lives as long as the process
    assert after is not before
    assert after.credential.account_key == OTHER_KEY


def test_threads_that_start_together_share_one_client() -> None:
    """Each client has its own connections."""
    found = connections(Changing(**{"v/s": KEY}), c={**BLOB, "auth": {"mode": "key_vault", "key_vault": "v", "secret": "s"}})
    barrier, clients = threading.Barrier(8), []

    def work() -> None:
        barrier.wait()
        clients.append(found._client("c"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in clients}) == 1


def test_an_event_of_another_connection_does_not_wait_for_a_secret_that_cannot_be_had() -> None:
    """One vault without a right must not stop every landing zone; an event that may be its own is not dropped either."""
    locked = {**BLOB, "account_name": "locked", "auth": {"mode": "key_vault", "key_vault": "v", "secret": "none"}}
    found = connections(Changing(), locked=locked, open={**BLOB, "auth": {"mode": "account_key", "account_key": KEY}})
    assert found.match_url("https://acct.blob.core.windows.net/c/a.csv") == [("open", "a.csv")]
    with pytest.raises(PermanentServiceError, match="missing"):
        found.match_url("https://locked.blob.core.windows.net/c/a.csv")


PROJECT = (
    HEAD.replace("connections:\n", "connections:\n  web: { type: http, base_url: '${WEB}', auth: { token: '${secret:shop/api-token}' } }\n")
    + """\
pipelines:
  - pipeline: p
    nodes:
      - name: new
        read: { connection: web, format: api, path: /v1/rows, options: { response: { items_path: rows } } }
        write: { connection: lake, format: delta, path: new, mode: append }
"""
)
TOKEN = "t0ken/with+every=&char\"'s"


def identity() -> dict[str, str]:
    """The variables of an app with a managed identity."""
    return {key: os.environ[key] for key in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}


def spellings(value: str) -> list[str]:
    """A secret as it may travel."""
    raw = value.encode()
    return [value, quote(value, safe=""), base64.b64encode(raw).decode().rstrip("="), raw.hex(), value.replace('"', '\\"')]


@pytest.mark.parametrize("refused", [False, True])
def test_a_run_with_a_secret_leaves_its_name_and_never_its_value(
    tmp_path: Path, vault: KeyVault, api: Api, capfd: pytest.CaptureFixture[str], refused: bool
) -> None:
    """Plan, journal, catalog, story and log, whether the service takes the token or not; the service gets it whole."""
    vault.put("api-token", TOKEN)
    api.answer = lambda asked: Reply({"error": asked.headers["authorization"]}, 403) if refused else Reply({"rows": [{"i": 1}]})
    world = World(tmp_path, PROJECT)
    host = world.in_process(WEB=api.url, **identity())
    final = host.run(host.request("p"))
    assert final is not None
    assert final.status == ("failed" if refused else "succeeded")
    assert {asked.headers["authorization"] for asked in api.asked} == {f"Bearer {TOKEN}"}
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()).decode(errors="replace")
    shown = "".join(capfd.readouterr())
    assert [text for text in spellings(TOKEN) if text in stored or text in shown] == []
    (plan,) = world.plans()
    assert "${secret:shop/api-token}" in str(plan["connections"])
    assert vault.asked == ["shop/api-token"]


def test_a_vault_that_is_busy_makes_the_node_wait_as_long_as_it_was_asked_to(tmp_path: Path, vault: KeyVault, api: Api) -> None:
    """429 with Retry-After is not the node's end: its next attempt comes when the vault allows it."""
    vault.put("api-token", "t0ken-value")
    vault.queue = [refusal(429, "Throttled", headers={"Retry-After": "90"})]
    api.answer = lambda _: Reply({"rows": [{"i": 1}]})
    world = World(tmp_path, PROJECT)
    host = world.azure(WEB=api.url, **identity())
    assert host.on_start_request({"pipeline": "p"})[0] == 202
    ((command, _),) = world.queue.sent
    world.queue.sent.clear()
    host.on_node_run(command.model_dump_json().encode(), delivery=1)
    ((again, delay),) = world.queue.sent
    assert (again.attempt, delay.total_seconds()) == (2, 90.0)  # type: ignore[union-attr]  # it is a RunNode
    world.queue.sent.clear()
    host.on_node_run(again.model_dump_json().encode(), delivery=1)
    assert world.rows("new") == [1]


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [(refusal(403, "Forbidden", "ForbiddenByRbac"), "not_authorized", False), (refusal(404, "SecretNotFound"), "missing_secret", False)],
)
def test_a_secret_that_cannot_be_had_fails_the_node_with_its_reason(
    tmp_path: Path, vault: KeyVault, api: Api, answer: Any, code: str, retryable: bool
) -> None:
    """The operator reads which secret, and what to do; nothing was asked of the service."""
    vault.always = answer
    world = World(tmp_path, PROJECT)
    host = world.in_process(WEB=api.url, **identity())
    final = host.run(host.request("p"))
    assert final is not None
    (outcome,) = host.app.coordinator.journal.outcomes(final.run_id, ["new"]).values()
    error = outcome.result.error  # type: ignore[union-attr]  # it ran
    assert error is not None
    assert (error.code, error.retryable, error.exit_code) == (code, retryable, 4)
    assert "secret 'api-token'" in error.message
    assert (api.asked, [name for name in vault.asked if name != "shop/api-token"]) == ([], [])


def test_a_transient_trouble_with_a_secret_is_never_a_dropped_event() -> None:
    """The message comes again; to say 'of nobody' would lose the file until the sweep."""

    def busy(_: str) -> str:
        raise TransientServiceError("busy")

    locked = {**BLOB, "auth": {"mode": "key_vault", "key_vault": "v", "secret": "s"}}
    with pytest.raises(TransientServiceError):
        connections(busy, locked=locked).match_url("https://acct.blob.core.windows.net/c/a.csv")
