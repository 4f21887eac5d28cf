"""Who this process is on Azure: one credential per client id, because each keeps its own tokens."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import TokenCredential

_log = logging.getLogger(__name__)


@cache
def azure_credential(client_id: str | None = None) -> TokenCredential:
    """
    The managed identity where Azure offers one, otherwise whoever is signed in on this machine.

    On Azure the chain of DefaultAzureCredential is left out: it would only hide why the managed identity did not work.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if os.environ.get("IDENTITY_ENDPOINT"):
        return ManagedIdentityCredential(client_id=client_id or os.environ.get("AZURE_CLIENT_ID"))
    return DefaultAzureCredential(managed_identity_client_id=client_id)


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
