"""Turn what Azure's library raises about a Key Vault into our errors: who must act, and may it work in a moment?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from odibi_core.errors import PermanentServiceError, ServiceError, TransientServiceError

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError, HttpResponseError

_NO_IDENTITY = "Give the app a managed identity, or sign in with 'az login' on a laptop."
# `innererror.code` of a 403: learn.microsoft.com/azure/key-vault/general/rest-error-codes
_REFUSALS = {
    "SecretDisabled": ("secret_disabled", "Enable its newest version, or add a new one."),
    "ForbiddenByFirewall": ("vault_firewall", "Let the app's network through the firewall of the vault, or use a private endpoint."),
    "ForbiddenByConnection": ("vault_firewall", "The vault takes private connections only: give the app a private endpoint."),
    "ForbiddenByRbac": ("not_authorized", "Make the identity a Key Vault Secrets User of this vault; a new role needs some minutes."),
    "ForbiddenByPolicy": ("not_authorized", "Give the identity 'get' for secrets in the access policies of this vault."),
    "AccessDenied": ("not_authorized", "Give the identity 'get' for secrets in the access policies of this vault."),
}
_NO_RIGHT = ("not_authorized", "Make the identity a Key Vault Secrets User of this vault.")


def vault_error(error: AzureError, name: str) -> ServiceError:
    """
    Our error for one of the library's. Its own text is left out: it names the caller, and what a proxy answered may hold anything.

    401 `not_authorized`; 403 also `secret_disabled` or `vault_firewall`; 404 `missing_secret`; 429 `vault_throttled`; no answer in time
    `vault_timeout`; 5xx and no connection `vault_unavailable`; nobody to sign in as `no_identity`; anything else `vault_refused`.
    """
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestTimeoutError, ServiceResponseTimeoutError

    status = error.status_code if isinstance(error, HttpResponseError) else None
    doing = f"reading secret '{name}' failed"
    if isinstance(error, HttpResponseError) and status is not None:
        return _by_status(error, status, doing)
    if isinstance(error, ServiceRequestTimeoutError | ServiceResponseTimeoutError):
        return TransientServiceError(
            f"{doing}: no answer in time", code="vault_timeout", hint="Check the network between the app and the vault."
        )
    if isinstance(error, ClientAuthenticationError):
        return PermanentServiceError(f"{doing}: no identity to sign in with", code="no_identity", hint=_NO_IDENTITY)
    return TransientServiceError(
        f"{doing}: {type(error).__name__}", code="vault_unavailable", hint="Check the name of the vault, and the network."
    )


def safe_cause(error: AzureError) -> AzureError | None:
    """The cause to show in a traceback; none for an answer that could not be read: its text is quoted, and may be half a secret."""
    from azure.core.exceptions import DecodeError, DeserializationError

    link: BaseException | None = error
    while link is not None:
        if isinstance(link, DecodeError | DeserializationError):
            return None
        link = link.__cause__ or link.__context__
    return error


def unusable(name: str) -> PermanentServiceError:
    """The vault asked for a token that is not meant for it: whoever answers there is not the vault."""
    return PermanentServiceError(
        f"reading secret '{name}' failed: the vault asks for a token that is not its own",
        code="vault_refused",
        hint="Check the name of the vault, and who answers at its address.",
    )


def _by_status(error: HttpResponseError, status: int, doing: str) -> ServiceError:
    reason = _reason(error)
    message = f"{doing}: HTTP {status} {reason}".rstrip()
    if status == 401:
        return PermanentServiceError(message, code="not_authorized", hint="Check that the identity belongs to the tenant of the vault.")
    if status == 403:
        code, hint = _REFUSALS.get(reason, _NO_RIGHT)
        return PermanentServiceError(message, code=code, hint=hint)
    if status == 404:
        return PermanentServiceError(message, code="missing_secret", hint="Create the secret, or correct its name.")
    if status == 429:
        return TransientServiceError(
            message, code="vault_throttled", hint="Too many requests go to this vault.", retry_after=_retry_after(error)
        )
    if status == 408:
        return TransientServiceError(message, code="vault_timeout", hint="Check the network between the app and the vault.")
    if status < 400 or status >= 500:  # below 400: an answer that was cut off, or another's page
        return TransientServiceError(message, code="vault_unavailable", retry_after=_retry_after(error))
    return PermanentServiceError(message, code="vault_refused", hint="The vault did not understand the request: check its name.")


def _reason(error: HttpResponseError) -> str:
    """The vault's own word for a refusal, if it is one of those that we know; any other text stays out."""
    try:
        said = json.loads(_answer(error).text())["error"]
        return next((word for word in ((said.get("innererror") or {}).get("code"), said.get("code")) if word in _REFUSALS), "")
    except (ValueError, KeyError, TypeError, AttributeError):  # another's answer, a page of a proxy for instance
        return ""


def _retry_after(error: HttpResponseError) -> timedelta | None:
    """Seconds or a date (RFC 9110, section 10.2.3), or the older header in milliseconds."""
    from azure.core.pipeline.policies import RetryPolicy

    try:
        headers = {key.lower(): value for key, value in _answer(error).headers.items()}
        if "retry-after" in headers:
            return timedelta(seconds=max(0.0, RetryPolicy().parse_retry_after(headers["retry-after"])))
        if "retry-after-ms" in headers:
            return timedelta(milliseconds=max(0.0, float(headers["retry-after-ms"])))
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None
    return None


def _answer(error: HttpResponseError) -> Any:
    return error.response  # the library's types leave open which of its two kinds it is
