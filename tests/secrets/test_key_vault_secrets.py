"""Secrets from Key Vault by the managed identity: Azure's own libraries against a vault on this machine that speaks its protocol."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.keyvault.secrets._shared import http_challenge_cache

from odibi_core.errors import ConfigError, PermanentServiceError, TransientServiceError
from odibi_core.runtime.retry import error_record
from odibi_core.secrets.key_vault import KeyVaultSecrets
from odibi_core.storage.identity import azure_credential
from tests.secrets.loopback import Answer, KeyVault, refusal

PERMANENT, TRANSIENT = PermanentServiceError, TransientServiceError


@pytest.fixture
def hand() -> list[float]:
    """A clock's hand, in seconds."""
    return [0.0]


@pytest.fixture
def pauses() -> list[float]:
    """How long was waited between tries."""
    return []


@pytest.fixture
def secrets(vault: KeyVault, hand: list[float], pauses: list[float]) -> KeyVaultSecrets:
    """Secrets of the vault `shop`."""
    http_challenge_cache.clear()
    return KeyVaultSecrets(
        azure_credential,
        vault="shop",
        keep=timedelta(minutes=10),
        answer_within=timedelta(seconds=0.5),
        clock=lambda: hand[0],
        pause=pauses.append,
    )


def test_the_first_secret_takes_a_challenge_and_a_token_of_the_managed_identity(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """The vault says whose token it wants, the identity endpoint gives one for the vault alone, and it serves for the next secret."""
    vault.put("a", "1")
    vault.put("b", "ü \n'\"")
    assert [secrets("a"), secrets("b")] == ["1", "ü \n'\""]
    assert (vault.challenged, vault.asked) == (1, ["shop/a", "shop/b"])
    assert vault.identity.asked == [{"api-version": "2019-08-01", "resource": "https://vault.azure.net"}]
    assert len(set(vault.tokens_seen)) == 1


def test_a_user_assigned_identity_is_asked_for_by_its_client_id(
    secrets: KeyVaultSecrets, vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AZURE_CLIENT_ID chooses between the identities of an app."""
    monkeypatch.setenv("AZURE_CLIENT_ID", "c-1")
    vault.put("a", "1")
    assert secrets("a") == "1"
    assert [asked["client_id"] for asked in vault.identity.asked] == ["c-1"]


def test_a_secret_is_asked_for_once_until_it_is_old_and_then_its_newest_version_comes(
    secrets: KeyVaultSecrets, vault: KeyVault, hand: list[float]
) -> None:
    """Per name; a value that was rotated is in force after ten minutes at the latest."""
    vault.put("a", "1")
    vault.put("b", "2")
    assert [secrets("a"), secrets("b"), secrets("shop/a"), secrets("a")] == ["1", "2", "1", "1"]
    assert vault.asked == ["shop/a", "shop/b"]
    vault.put("a", "rotated")
    hand[0] = 599.0
    assert secrets("a") == "1"
    hand[0] = 600.0
    assert secrets("a") == "rotated"


def test_an_old_value_is_not_used_when_the_vault_is_away(secrets: KeyVaultSecrets, vault: KeyVault, hand: list[float]) -> None:
    """It may have been rotated because it leaked; the run is tried again instead."""
    vault.put("a", "1")
    assert secrets("a") == "1"
    hand[0], vault.always = 600.0, refusal(503)
    with pytest.raises(TransientServiceError):
        secrets("a")
    vault.always = None
    assert secrets("a") == "1"


def test_another_vault_is_named_by_name_or_by_address(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """`vault/name`; the address is for the clouds that are not the public one."""
    vault.put("a", "other", vault="other")
    assert secrets("other/a") == secrets("https://other.vault.azure.net//a") == "other"
    vault.challenge = vault.challenge.replace("vault.azure.net", "vault.azure.cn")
    with pytest.raises(PermanentServiceError):  # the identity here has no tokens of that cloud
        secrets("https://other.vault.azure.cn/a")
    assert vault.hosts[-1] == "other.vault.azure.cn"


REFUSALS: list[tuple[str, Answer, type, str, str]] = [
    ("unknown caller", refusal(401, "Unauthorized"), PERMANENT, "not_authorized", "tenant"),
    ("no role", refusal(403, "Forbidden", "ForbiddenByRbac"), PERMANENT, "not_authorized", "Key Vault Secrets User"),
    ("no policy", refusal(403, "Forbidden", "AccessDenied"), PERMANENT, "not_authorized", "access policies"),
    ("another 403", refusal(403, "Forbidden", "Whatever"), PERMANENT, "not_authorized", "Key Vault Secrets User"),
    ("a 403 of a proxy", Answer(403, b"<html>no</html>"), PERMANENT, "not_authorized", "Key Vault Secrets User"),
    ("firewall", refusal(403, "Forbidden", "ForbiddenByFirewall"), PERMANENT, "vault_firewall", "firewall"),
    ("private only", refusal(403, "Forbidden", "ForbiddenByConnection"), PERMANENT, "vault_firewall", "private endpoint"),
    ("disabled", refusal(403, "Forbidden", "SecretDisabled"), PERMANENT, "secret_disabled", "Enable"),
    ("missing", refusal(404, "SecretNotFound"), PERMANENT, "missing_secret", "Create the secret"),
    ("not understood", refusal(400, "BadParameter"), PERMANENT, "vault_refused", "name"),
    ("slow", refusal(408), TRANSIENT, "vault_timeout", "network"),
    ("busy", refusal(429, "Throttled"), TRANSIENT, "vault_throttled", "Too many"),
    ("broken", refusal(500), TRANSIENT, "vault_unavailable", ""),
    ("away", refusal(503), TRANSIENT, "vault_unavailable", ""),
    ("moved", refusal(302), TRANSIENT, "vault_unavailable", ""),
    ("a page of a proxy", Answer(200, b"<html>welcome</html>"), TRANSIENT, "vault_unavailable", ""),
]


@pytest.mark.parametrize(("answer", "kind", "code", "hint"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS])
def test_what_a_vault_refuses_says_who_must_act(
    secrets: KeyVaultSecrets, vault: KeyVault, pauses: list[float], answer: Answer, kind: type, code: str, hint: str
) -> None:
    """Each has its code and its hint; busy is tried three times, the operator's is not; no error is remembered."""
    vault.put("a", "1")
    vault.always = answer
    with pytest.raises(kind, match="reading secret 'a' failed: HTTP") as caught:
        secrets("a")
    assert caught.value.error_code == code
    assert hint in caught.value.hint
    assert "4711" not in f"{caught.value}{caught.value!r}"
    tries = [name for name in vault.asked if name == "shop/a"]
    assert (len(tries), pauses) == ((3, [1.0, 2.0]) if kind is TRANSIENT else (len(tries), []))
    vault.always = None
    assert secrets("a") == "1"


def test_a_short_retry_after_is_waited_for_in_place(secrets: KeyVaultSecrets, vault: KeyVault, pauses: list[float]) -> None:
    """In seconds, or as the older header in milliseconds."""
    vault.put("a", "1")
    vault.queue = [refusal(429, headers={"Retry-After": "7"}), refusal(429, headers={"retry-after-ms": "2500"})]
    assert secrets("a") == "1"
    assert pauses == [7.0, 2.5]


def test_a_long_retry_after_is_handed_on_with_the_error(secrets: KeyVaultSecrets, vault: KeyVault, pauses: list[float]) -> None:
    """No worker sleeps for a minute; the node comes back when the vault asked it to."""
    vault.always = refusal(429, headers={"Retry-After": "70"})
    with pytest.raises(TransientServiceError) as caught:
        secrets("a")
    assert (pauses, len(vault.asked)) == ([], 1)
    record = error_record(caught.value)
    assert (record.code, record.retryable, record.retry_after_seconds) == ("vault_throttled", True, 70.0)


def test_a_vault_that_does_not_answer_in_time(secrets: KeyVaultSecrets, vault: KeyVault, pauses: list[float]) -> None:
    """Its own code, and transient; the time is ours and not the library's minutes."""
    vault.put("a", "1")
    vault.delay = 0.8
    began = time.perf_counter()
    with pytest.raises(TransientServiceError, match="no answer in time") as caught:
        secrets("a")
    assert (caught.value.error_code, pauses) == ("vault_timeout", [1.0, 2.0])
    assert time.perf_counter() - began < 30


def test_a_vault_that_cannot_be_reached_is_transient(secrets: KeyVaultSecrets, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name of the network may fail a run for good."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(TransientServiceError) as caught:
        secrets("a")
    assert caught.value.error_code == "vault_unavailable"


def test_a_certificate_of_somebody_else_is_no_vault(secrets: KeyVaultSecrets, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to a host that cannot prove its name."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    vault.put("a", "1")
    with pytest.raises(TransientServiceError):
        secrets("a")
    assert vault.hosts == []


@pytest.mark.parametrize("resource", ["https://evil.example.com", "https://azure.net.evil.example.com", "https://other.azure.net"])
def test_a_challenge_for_somebody_elses_token_is_refused(secrets: KeyVaultSecrets, vault: KeyVault, resource: str) -> None:
    """Who answers at the vault's name does not get a token for another service."""
    vault.put("a", "1")
    vault.challenge = vault.challenge.replace("https://vault.azure.net", resource)
    with pytest.raises(PermanentServiceError, match="a token that is not its own") as caught:
        secrets("a")
    assert caught.value.error_code == "vault_refused"
    assert (vault.identity.asked, vault.tokens_seen) == ([], [])


def test_a_challenge_that_is_none_is_the_operators(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """Nothing can be signed in to."""
    vault.challenge = 'Basic realm="x"'
    with pytest.raises(PermanentServiceError) as caught:
        secrets("a")
    assert caught.value.error_code == "not_authorized"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Answer(400, b'{"statusCode":400,"message":"No managed identity"}'), PERMANENT, "no_identity"),
        (Answer(403, b'{"statusCode":403,"message":"no"}'), PERMANENT, "no_identity"),
        (Answer(429, b'{"statusCode":429,"message":"busy"}'), TRANSIENT, "vault_unavailable"),
        (Answer(500, b'{"statusCode":500,"message":"busy"}'), TRANSIENT, "vault_unavailable"),
        (Answer(503, b'{"statusCode":503,"message":"busy"}'), TRANSIENT, "vault_unavailable"),
        (Answer(200, b"half a tok"), TRANSIENT, "vault_unavailable"),
    ],
)
def test_an_identity_endpoint_that_is_busy_is_no_missing_identity(
    secrets: KeyVaultSecrets, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: type, code: str
) -> None:
    """An app without an identity is the operator's; an endpoint that is busy is nobody's. The library says the same of both."""
    vault.put("a", "1")
    vault.identity.always = answer
    really = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: really(min(seconds, 0.01)))  # the library's own pauses
    with pytest.raises(kind) as caught:
        secrets("a")
    assert caught.value.error_code == code
    vault.identity.always = None
    azure_credential.cache_clear()  # the library remembers for a minute that the endpoint was busy
    assert KeyVaultSecrets(azure_credential, vault="shop")("a") == "1"


def test_a_token_that_ran_out_is_replaced(secrets: KeyVaultSecrets, vault: KeyVault, hand: list[float]) -> None:
    """The vault takes the old one no more; nobody notices."""
    vault.put("a", "1")
    assert secrets("a") == "1"
    vault.identity.tokens.clear()
    azure_credential.cache_clear()
    fresh = KeyVaultSecrets(azure_credential, vault="shop")
    assert fresh("a") == "1"
    assert len(vault.identity.asked) == 2


@pytest.mark.parametrize("when", ["expired", "not yet"])
def test_a_secret_outside_of_its_validity_is_given_out_with_a_warning(
    secrets: KeyVaultSecrets, vault: KeyVault, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    """As the vault itself does: the dates are the owner's reminder. The log names the secret, and not its value."""
    now = datetime.now(UTC)
    dates = {"expired": {"expires": now - timedelta(days=1)}, "not yet": {"not_before": now + timedelta(days=1)}}[when]
    vault.put("a", "s3cr3t-value", **dates)
    with caplog.at_level(logging.WARNING):
        assert secrets("a") == "s3cr3t-value"
    assert "secret 'a' is outside of its validity" in caplog.text
    assert "s3cr3t-value" not in caplog.text


def test_a_disabled_secret_and_an_empty_one_are_the_operators(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """As the vault answers about them, not as the test would like it."""
    vault.put("off", "1", enabled=False)
    vault.put("void", "")
    for name, code in (("off", "secret_disabled"), ("void", "missing_secret"), ("none", "missing_secret")):
        with pytest.raises(PermanentServiceError, match=f"'{name}'") as caught:
            secrets(name)
        assert caught.value.error_code == code


def test_half_an_answer_is_in_no_text_and_no_traceback(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """The library quotes what it cannot read, and that may be most of a secret."""
    vault.always = Answer(200, b'{"value":"s3cr3t-half-of-it')
    with pytest.raises(TransientServiceError) as caught:
        secrets("a")
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert "s3cr3t-half" not in shown


def test_no_repr_shows_a_value(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """Debuggers and tracebacks with locals print objects."""
    vault.put("a", "s3cr3t-value")
    assert secrets("a") == "s3cr3t-value"
    assert repr(secrets) == "KeyVaultSecrets(vault='shop')"


def in_threads(work: Callable[[], object], count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_many_threads_ask_once_and_do_not_wait_for_other_secrets(secrets: KeyVaultSecrets, vault: KeyVault) -> None:
    """Fifty nodes start together: one request. A secret that takes long holds up nobody who has another."""
    vault.put("slow", "1")
    vault.put("ready", "2")
    assert secrets("ready") == "2"
    vault.delay = 0.4
    threads = in_threads(lambda: secrets("slow"), 20)
    while "shop/slow" not in vault.asked:
        time.sleep(0.005)
    began = time.perf_counter()
    assert secrets("ready") == "2"
    assert time.perf_counter() - began < 0.3
    for thread in threads:
        thread.join(10)
    assert vault.asked.count("shop/slow") == 1


@pytest.mark.parametrize(
    "name",
    [
        *["a/b/c", "shop/na me", "", "sh.op/a", "../a", "evil.com#/a", "shop/a?x", "https://evil.example.com/a"],
        *["https://169.254.169.254/a", "http://shop.vault.azure.net/a", "https://a@shop.vault.azure.net/a"],
        "https://shop.vault.azure.net.evil.example.com/a",
    ],
)
def test_a_name_that_cannot_exist_is_not_asked_for(secrets: KeyVaultSecrets, vault: KeyVault, name: str) -> None:
    """Least of all from a host that is no vault."""
    with pytest.raises(ConfigError):
        secrets(name)
    assert (vault.hosts, vault.identity.asked) == ([], [])


def test_without_a_vault_only_full_names_work(vault: KeyVault) -> None:
    """There is nowhere to look for the others."""
    with pytest.raises(ConfigError, match="no Key Vault is named"):
        KeyVaultSecrets(azure_credential)("a")
