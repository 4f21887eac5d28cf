"""Secrets from Azure Key Vault. Azure's library is imported with the first secret, not with this module."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from odibi_core.errors import ConfigError, PermanentServiceError, ServiceError, TransientServiceError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import AzureError
    from azure.keyvault.secrets import SecretClient

# learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}", re.ASCII)
_VAULT = re.compile(r"[A-Za-z][0-9A-Za-z-]{1,22}[0-9A-Za-z]", re.ASCII)


class KeyVaultSecrets:
    """
    A SecretSource over vaults: `name` is in the vault given here, `vault/name` in the vault it names. Safe to share between threads.

    A value is asked for again when it is older than `keep`: vaults allow few requests, and a rotated secret must arrive some day.
    """

    def __init__(
        self,
        credential: Callable[[str | None], TokenCredential],
        *,
        vault: str | None = None,
        keep: timedelta = timedelta(minutes=10),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credential = credential
        self._vault = vault
        self._keep_seconds = keep.total_seconds()
        self._clock = clock
        self._clients: dict[str, SecretClient] = {}
        self._values: dict[tuple[str, str], tuple[float, str]] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        """
        The current value of a secret.

        Raises:
            ConfigError: If the name, or the vault in it, is none that can exist.
            TransientServiceError: If the vault did not answer, or has had too many requests.
            PermanentServiceError: If the secret is missing or this process may not read it.
        """
        vault, _, short = name.rpartition("/")
        url = _url(vault or self._vault or "")
        if not _NAME.fullmatch(short):
            raise ConfigError("name of a secret is none that a Key Vault can hold", hint="Use letters, digits and hyphens.")
        with self._lock:
            value = self._values.get((url, short))
            if value is not None and self._clock() - value[0] < self._keep_seconds:
                return value[1]
            asked = self._clock()
            text = self._ask(url, short)
            self._values[url, short] = (asked, text)
            return text

    def _ask(self, url: str, name: str) -> str:
        from azure.core.exceptions import AzureError

        try:
            return self._client(url).get_secret(name).value or ""
        except AzureError as error:
            raise _translated(error, name) from error

    def _client(self, url: str) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        if url not in self._clients:
            self._clients[url] = SecretClient(url, self._credential(None), retry_total=3, connection_timeout=10, read_timeout=30)
        return self._clients[url]


def _url(vault: str) -> str:
    if vault.startswith("https://"):
        return vault.rstrip("/")
    if not _VAULT.fullmatch(vault):
        raise ConfigError("no Key Vault is named for a secret", hint="Write vault/name, or set the vault.")
    return f"https://{vault.lower()}.vault.azure.net"


def _translated(error: AzureError, name: str) -> ServiceError:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    status = error.status_code if isinstance(error, HttpResponseError) else None
    message = f"reading secret '{name}' failed: {type(error).__name__ if status is None else f'HTTP {status}'}"
    if status == 404:
        return PermanentServiceError(message, code="missing_secret", hint="Create the secret, or correct its name.")
    if status in {401, 403} or (status is None and isinstance(error, ClientAuthenticationError)):
        return PermanentServiceError(message, code="not_authorized", hint="Make the identity a Key Vault Secrets User.")
    if status is None or status in {408, 429} or status >= 500:
        return TransientServiceError(message)
    return PermanentServiceError(message, code="secret")
