"""Secrets from the environment of this process."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from odibi_core.errors import PermanentServiceError


class EnvironmentSecrets:
    """
    A SecretSource over variables.

    `storage-key` is the variable of that name or STORAGE_KEY. `vault/storage-key`, as a connection with Key Vault asks for it, is the
    same secret: on a laptop there is one environment and no vault.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    def __repr__(self) -> str:
        return "EnvironmentSecrets()"

    def __call__(self, name: str) -> str:
        """
        The value of a secret.

        Raises:
            PermanentServiceError: If there is no such variable, or an empty one.
        """
        value = self.get(name)
        if value is None:
            raise PermanentServiceError(
                f"secret '{name}' is not set",
                code="missing_secret",
                hint=f"Set the variable {_variable(name)}, or name the vault: ODIBI_KEY_VAULT, or '${{secret:vault/name}}'.",
            )
        return value

    def get(self, name: str) -> str | None:
        """The value of a secret; None if there is no such variable, or an empty one."""
        short = name.rpartition("/")[2]
        return next((value for key in (name, short, _variable(name)) if (value := self._environment.get(key))), None)


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name.rpartition("/")[2]).upper()
