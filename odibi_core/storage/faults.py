"""Turn errors of the operating system and of Azure Storage into ours: may it work in a moment, or must the operator act?"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from odibi_core.errors import PermanentServiceError, ServiceError, TransientServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.exceptions import AzureError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PASSING = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}
_MISSING_CONTAINER = {"ContainerNotFound", "FilesystemNotFound"}
_PASSING_CODES = {"ContainerBeingDeleted", "LeaseIdMissing", "AccountBeingCreated"}


@contextmanager
def folder_faults(doing: str) -> Iterator[None]:
    """
    Translate what the operating system raises.

    Raises:
        TransientServiceError: If it may work in a moment.
        PermanentServiceError: If not; `disk_full`, `not_authorized` or `folder`.
    """
    try:
        yield
    except OSError as error:
        raise of_folder(error, doing) from error


def of_folder(error: OSError, doing: str) -> ServiceError:
    """Our error for one of the operating system; without the absolute path, which the operator finds in the cause."""
    said = (error.strerror or type(error).__name__).lower()
    message = f"{doing} failed: {said}"
    if error.errno in _FULL:
        return PermanentServiceError(message, code="disk_full", hint="Free some space.")
    if error.errno in _DENIED:
        return PermanentServiceError(message, code="not_authorized", hint="Let this user read and write the folder.")
    if error.errno in _PASSING:
        return TransientServiceError(message)
    return PermanentServiceError(message, code="folder")


@contextmanager
def azure_faults(doing: str) -> Iterator[None]:
    """
    Translate what Azure Storage raises.

    Raises:
        TransientServiceError: For time-outs, refused connections, 408, 429 and 5xx.
        PermanentServiceError: For the rest; `not_authorized`, `missing_container`, `no_identity` or `storage`.
    """
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise of_azure(error, doing) from _safe_cause(error)


def of_azure(error: AzureError, doing: str) -> ServiceError:
    """Our error for one of Azure's. Its own text is left out: it may quote an address with a signature in it."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status is None:
        if isinstance(error, ClientAuthenticationError):
            return PermanentServiceError(
                f"{doing} failed: no identity to sign in with",
                code="no_identity",
                hint="Give the app an identity, or sign in with 'az login'.",
            )
        return TransientServiceError(f"{doing} failed: {type(error).__name__}")
    said = error_code(error)
    message = f"{doing} failed: HTTP {status} {said}".rstrip()
    if status < 400 or status in {408, 429} or status >= 500 or said in _PASSING_CODES:  # below 400: an answer that was cut off
        return TransientServiceError(message)
    if status in {401, 403}:
        return PermanentServiceError(
            message, code="not_authorized", hint="Check the connection's auth, and that the identity is a Storage Blob Data Contributor."
        )
    if said in _MISSING_CONTAINER:
        return PermanentServiceError(message, code="missing_container", hint="Create the container, or correct its name.")
    return PermanentServiceError(message, code="storage")


def error_code(error: AzureError) -> str:
    """The service's own word for what went wrong, such as BlobNotFound; empty if it gave none."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _safe_cause(error: AzureError) -> AzureError | None:
    """The cause to show in a traceback; none if its text, or that of a cause behind it, holds a shared access signature."""
    link: BaseException | None = error
    while link is not None:
        if "sig=" in str(link):
            return None
        link = link.__cause__ or link.__context__
    return error
