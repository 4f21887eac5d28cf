"""Which source answers for a secret: the variables of this process, or a vault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from odibi_core.ports import SecretSource
from odibi_core.secrets.environment import EnvironmentSecrets

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


def secret_source(environment: Mapping[str, str], credential: Callable[[str | None], TokenCredential]) -> SecretSource:
    """
    The source for a process with this environment.

    A secret is asked of the vault that it names as `vault/name`, or of the one in ODIBI_KEY_VAULT. Without either it is a variable:
    an app setting that refers to a vault is one. Where no managed identity is (IDENTITY_ENDPOINT is not set), on a laptop, a variable
    comes first: who has no access to the vault writes the value into `.env`.
    """
    variables, vault = EnvironmentSecrets(environment), environment.get("ODIBI_KEY_VAULT") or None
    variable_first = not environment.get("IDENTITY_ENDPOINT")
    vaults: list[SecretSource] = []  # built with the first secret that needs it

    def source(name: str) -> str:
        if vault is None and "/" not in name:
            return variables(name)
        value = variables.get(name) if variable_first else None
        if value is not None:
            return value
        if not vaults:
            from odibi_core.secrets.key_vault import KeyVaultSecrets

            vaults.append(KeyVaultSecrets(credential, vault=vault))
        return vaults[0](name)

    return source
