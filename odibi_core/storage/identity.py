"""Who this process is on Azure: one credential per client id, because each keeps its own tokens."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
    from azure.identity import ManagedIdentityCredential

Result = TypeVar("Result")

_log = logging.getLogger(__name__)
# The library keeps the status of the answer in its text only: "Token request error: (invalid_scope) 503, …".
_BUSY = re.compile(r"Token request error: \(\w*\) (?:429|5\d\d)\b")


@cache
def azure_credential(client_id: str | None = None) -> TokenCredential:
    """
    The managed identity where Azure offers one, otherwise whoever is signed in on this machine.

    On Azure the chain of DefaultAzureCredential is left out: it would only hide why the managed identity did not work.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if os.environ.get("IDENTITY_ENDPOINT"):
        return _Steady(ManagedIdentityCredential(client_id=client_id or os.environ.get("AZURE_CLIENT_ID")))
    return DefaultAzureCredential(managed_identity_client_id=client_id)


class _Steady:
    """
    A managed identity whose endpoint may be busy for a moment.

    The library says of any answer but a token that there is no identity (CredentialUnavailableError), which is a reason to give up. Of
    429 and 5xx it is none: those become the error of a service that did not answer.
    """

    def __init__(self, identity: ManagedIdentityCredential) -> None:
        self._identity = identity

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        token: AccessToken = _waited_for(lambda: self._identity.get_token(*scopes, **options))
        return token

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        token: AccessTokenInfo = _waited_for(lambda: self._identity.get_token_info(*scopes, **options))
        return token

    def close(self) -> None:
        self._identity.close()


def _waited_for(token: Callable[[], Result]) -> Result:
    from azure.core.exceptions import ServiceResponseError
    from azure.identity import CredentialUnavailableError

    try:
        return token()
    except CredentialUnavailableError as error:
        if _BUSY.search(str(error)) is None:
            raise
        raise ServiceResponseError("the endpoint of the managed identity is busy") from error


def identity_options(client_id: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """
    What an engine's own object store needs to sign in as the same identity.

    It does not read IDENTITY_ENDPOINT by itself and would ask the address of virtual machines, which App Service does not serve
    (github.com/apache/arrow-rs-object-store/issues/119); it does read IDENTITY_HEADER.
    """
    if environment.get("AZURE_STORAGE_ACCOUNT_KEY"):
        _log.warning("the variable AZURE_STORAGE_ACCOUNT_KEY wins over the identity wherever an engine opens a table or a file; remove it")
    endpoint = environment.get("IDENTITY_ENDPOINT")
    if endpoint:
        options = {"azure_msi_endpoint": endpoint}
        chosen = client_id or environment.get("AZURE_CLIENT_ID")
        return options | {"client_id": chosen} if chosen else options
    if environment.get("AZURE_CLIENT_SECRET") or environment.get("AZURE_FEDERATED_TOKEN_FILE"):
        return {}  # it reads these variables itself
    return {"use_azure_cli": "true"}
