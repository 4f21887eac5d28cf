"""Where a process looks for a secret: its variables or a vault, on a laptop and on Azure."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.secrets import secret_source
from odibi_core.storage.identity import azure_credential
from tests.secrets.loopback import KeyVault

LAPTOP: dict[str, str] = {}
AZURE = {"IDENTITY_ENDPOINT": "http://127.0.0.1/"}


@pytest.mark.parametrize(
    ("place", "variables", "name", "expected"),
    [
        (LAPTOP, {}, "shop/key", "of the vault"),  # `az login` is enough
        (LAPTOP, {"ODIBI_KEY_VAULT": "shop"}, "key", "of the vault"),
        (LAPTOP, {"KEY": "of .env"}, "shop/key", "of .env"),  # who has no access to the vault
        (LAPTOP, {"KEY": "of .env", "ODIBI_KEY_VAULT": "shop"}, "key", "of .env"),
        (LAPTOP, {"KEY": "of .env"}, "key", "of .env"),
        (AZURE, {}, "shop/key", "of the vault"),
        (AZURE, {"KEY": "of a setting"}, "shop/key", "of the vault"),  # a setting that was left behind does not win over the vault
        (AZURE, {"KEY": "of a setting", "ODIBI_KEY_VAULT": "shop"}, "key", "of the vault"),
        (AZURE, {"KEY": "of a setting"}, "key", "of a setting"),  # one that refers to a vault, for instance
    ],
)
def test_a_secret_is_a_variable_or_in_a_vault(
    vault: KeyVault, place: dict[str, str], variables: dict[str, str], name: str, expected: str
) -> None:
    """On a laptop the variable comes first, on Azure the vault; without a vault there are only variables."""
    vault.put("key", "of the vault")
    assert secret_source(place | variables, azure_credential)(name) == expected
    assert bool(vault.asked) == (expected == "of the vault")


@pytest.mark.parametrize("place", [LAPTOP, AZURE])
def test_what_is_nowhere_is_the_operators(vault: KeyVault, place: dict[str, str]) -> None:
    """The text says which variable to set, and how to name a vault."""
    with pytest.raises(PermanentServiceError, match="the variable NO_KEY, or name the vault") as caught:
        secret_source(place, azure_credential)("no-key")
    assert (caught.value.error_code, vault.asked) == ("missing_secret", [])


def test_on_a_laptop_whoever_is_signed_in_with_az_reads_the_vault(vault: KeyVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DefaultAzureCredential asks the command line tool, here one that answers as it does."""
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")  # the others of its chain are not on this machine
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    azure_credential.cache_clear()
    token, expires = "token-of-a-person", time.time() + 3600
    vault.identity.tokens[token] = ("https://vault.azure.net", expires)
    answer = {"accessToken": token, "expires_on": int(expires), "tenant": "t", "subscription": "s", "tokenType": "Bearer"}
    tool = tmp_path / "az"
    tool.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path / 'asked'}\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    tool.chmod(0o755)
    vault.put("key", "of the vault")
    assert secret_source({}, azure_credential)("shop/key") == "of the vault"
    assert vault.tokens_seen == [token]
    assert "account get-access-token" in (tmp_path / "asked").read_text()


def test_a_vault_that_cannot_exist_is_told_on_a_laptop_too(vault: KeyVault) -> None:
    """A misspelled vault is the author's."""
    with pytest.raises(ConfigError):
        secret_source(LAPTOP, azure_credential)("not a vault/key")
