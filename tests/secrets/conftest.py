"""The vault and the identity of the tests of secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from odibi_core.storage.identity import azure_credential
from tests.secrets.loopback import KeyVault, loopback_azure


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVault]:
    """A vault on this machine, and a process that has a managed identity."""
    with loopback_azure(tmp_path_factory.mktemp("azure")) as (vault, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        azure_credential.cache_clear()
        yield vault
        azure_credential.cache_clear()
