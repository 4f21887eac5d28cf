"""Secrets from Azure Key Vault. Azure's library is imported with the first secret, not with this module."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.secrets.vault_faults import safe_cause, unusable, vault_error

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

_log = logging.getLogger(__name__)

KEEP = timedelta(minutes=10)  # how long a value is used before it is asked for again: a rotated secret is in force after that
TRIES = 3
LONGEST_WAIT = timedelta(seconds=10)  # between two tries; who is asked to wait longer gives the thread back
CONNECT = timedelta(seconds=5)
ANSWER = timedelta(seconds=15)
# learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}", re.ASCII)
_VAULT = re.compile(r"[A-Za-z][0-9A-Za-z-]{1,22}[0-9A-Za-z]", re.ASCII)
# One suffix for each of Azure's clouds: no address of the YAML makes this process show its token to somebody else.
_URL = re.compile(r"https://([^./]+)\.(vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net)/?", re.IGNORECASE)


class KeyVaultSecrets:
    """
    A SecretSource over vaults: `name` is in the vault given here, `vault/name` in the vault it names. Safe to share between threads.

    A value is asked for again when it is older than `keep`: vaults allow few requests, and a rotated secret must arrive some day. An
    older one is never used, even if the vault is away. Of threads that want the same secret one asks; other secrets do not wait for it.
    """

    def __init__(
        self,
        credential: Callable[[str | None], TokenCredential],
        *,
        vault: str | None = None,
        keep: timedelta = KEEP,
        answer_within: timedelta = ANSWER,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credential = credential
        self._vault = vault
        self._keep_seconds = keep.total_seconds()
        self._answer_seconds = answer_within.total_seconds()
        self._clock = clock
        self._pause = pause
        self._clients: dict[str, SecretClient] = {}
        self._values: dict[tuple[str, str], tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._asking: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def __repr__(self) -> str:
        return f"KeyVaultSecrets(vault={self._vault!r})"

    def __call__(self, name: str) -> str:
        """
        The current value of a secret.

        Raises:
            ConfigError: If the name, or the vault in it, is none that can exist.
            TransientServiceError: If the vault did not answer, or has had too many requests.
            PermanentServiceError: If the secret is missing, disabled or empty, or this process may not read it.
        """
        vault, _, short = name.rpartition("/")
        url = _url(vault or self._vault or "")
        if not _NAME.fullmatch(short):
            raise ConfigError("name of a secret is none that a Key Vault can hold", hint="Use letters, digits and hyphens.")
        with self._lock:
            asking = self._asking[url, short]
        with asking:
            kept = self._values.get((url, short))
            if kept is not None and self._clock() - kept[0] < self._keep_seconds:
                return kept[1]
            asked = self._clock()
            value = self._ask(url, short)
            self._values[url, short] = (asked, value)
            return value

    def _ask(self, url: str, name: str) -> str:
        from azure.core.exceptions import AzureError

        for attempt in range(1, TRIES + 1):
            try:
                return _value_of(self._client(url).get_secret(name), name)
            except AzureError as caught:
                error, cause = vault_error(caught, name), safe_cause(caught)
            except ValueError:  # the library's word for a challenge that is not the vault's own
                raise unusable(name) from None
            wait = error.retry_after or timedelta(seconds=2 ** (attempt - 1))
            if not error.retryable or attempt == TRIES or wait > LONGEST_WAIT:
                raise error from cause
            self._pause(wait.total_seconds())
        raise AssertionError

    def _client(self, url: str) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        with self._lock:
            if url not in self._clients:
                # The library would sleep for as long as a vault says, however long that is: the waiting is done above.
                self._clients[url] = SecretClient(
                    url,
                    self._credential(None),
                    retry_total=0,
                    connection_timeout=CONNECT.total_seconds(),
                    read_timeout=self._answer_seconds,
                )
            return self._clients[url]


def _value_of(secret: KeyVaultSecret, name: str) -> str:
    """
    What a secret holds. A vault gives out a value that has expired, so do we: it may be needed to recover, and the log says it.

    Raises:
        PermanentServiceError: If it is empty: nothing opens with that.
    """
    if not secret.value:
        raise PermanentServiceError(
            f"secret '{name}' is empty", code="missing_secret", hint="Give it a value: the vault holds an empty one."
        )
    now = datetime.now(UTC)
    expires, begins = secret.properties.expires_on, secret.properties.not_before
    if (expires is not None and expires <= now) or (begins is not None and begins > now):
        _log.warning("secret '%s' is outside of its validity, from %s to %s: rotate it", name, begins or "…", expires or "…")
    return secret.value


def _url(vault: str) -> str:
    found = _URL.fullmatch(vault)
    name, suffix = (found[1], found[2]) if found else (vault, "vault.azure.net")
    if not _VAULT.fullmatch(name):
        raise ConfigError("no Key Vault is named for a secret", hint="Write vault/name, or set the vault in ODIBI_KEY_VAULT.")
    return f"https://{name.lower()}.{suffix.lower()}"
