"""What goes wrong in delta-rs and Polars, as errors of this product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from odibi_core.errors import OdibiError, PermanentServiceError, ServiceError, TransientServiceError
from odibi_core.ports import WriteConflictError

# object_store tells the kinds apart in its text only.
_DENIED = re.compile(r"permission denied|status 40[13]\b|lacked the necessary privileges|lacked valid authentication", re.IGNORECASE)
_FULL = re.compile(r"no space left|quota exceeded|file too large", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"error performing|http error|status 5\d\d|timed out|connection (?:refused|reset|closed|error)|dns error", re.IGNORECASE
)


@contextmanager
def translated(table: str, doing: Literal["read", "written"]) -> Iterator[None]:
    """
    Turn what a library raises inside into an error of this product. Its own text stays in the cause only.

    Raises:
        WriteConflictError: If another writer committed since the handle was opened.
        TransientServiceError: If it may work in a moment.
        PermanentServiceError: If rights or space are missing, or the table is damaged.
    """
    try:
        yield
    except OdibiError:
        raise
    except BaseException as error:
        # A panic in Rust derives from BaseException, and each extension module has a class of that name.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _service_error(error, table, doing) from error


def _service_error(error: BaseException, table: str, doing: str) -> ServiceError:
    from deltalake.exceptions import CommitFailedError, DeltaError
    from polars.exceptions import PolarsError

    text = str(error)
    what = f"catalog table '{table}' could not be {doing}"
    if isinstance(error, PermissionError) or _DENIED.search(text):
        return PermanentServiceError(
            f"{what}: access was denied", code="catalog_denied", hint="Grant the identity read and write on the system connection."
        )
    if _FULL.search(text):
        return PermanentServiceError(f"{what}: the store is full", code="catalog_full", hint="Free space at the system connection.")
    if isinstance(error, CommitFailedError):
        return WriteConflictError(f"{what}: another writer committed first", code="catalog_conflict")
    damaged = (DeltaError, PolarsError, FileNotFoundError)
    if not isinstance(error, Exception) or (isinstance(error, damaged) and not _UNREACHABLE.search(text)):
        return PermanentServiceError(
            f"{what}: its log or a file of it is damaged or gone",
            code="catalog_damaged",
            hint="Remove the folder of this table and rebuild the catalog; runs are not affected.",
        )
    return TransientServiceError(f"{what}: {type(error).__name__}", code="catalog_unavailable")
