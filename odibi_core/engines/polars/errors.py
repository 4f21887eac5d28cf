"""
Turn what polars, delta-rs, Azure's library and the operating system raise into our errors.

Their texts quote cells, whole rows and terminal colours, so no text passes: what gets through is a code, numbers, and column names
that stand in front of any value.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import polars.exceptions as plx

from odibi_core.errors import (
    ConfigError,
    DataError,
    OdibiError,
    PermanentServiceError,
    SchemaMismatchError,
    ServiceError,
    TransientServiceError,
)

_MAX_NAMES = 30  # column names in one message

_STATUS = re.compile(r"(?:status(?: code)?|HTTP(?:/\d\.\d)?(?: error)?|error \()[:\s]*\b([1-5]\d\d)\b|\b([45]\d\d) [A-Z][a-z]+")
_OS_ERROR = re.compile(r"os error (\d+)|Os \{ code: (\d+)")
_NETWORK = re.compile(
    r"error sending request|timed? ?out|connection (?:refused|reset|closed|error)|connect error|dns error|broken pipe|"
    r"error decoding response body|error reading a body|incomplete message|temporar",
    re.IGNORECASE,
)
_NO_SPACE = re.compile(r"no space left|disk (?:quota|full)|file ?system full", re.IGNORECASE)
_CONVERSION = re.compile(r"\Aconversion from `([^`]{1,80})` to `([^`]{1,80})` failed in column '(.{0,255}?)' for (\d+) out of (\d+) values")
_MISSING_COLUMN = re.compile(r"\Aunable to find column \"(.{0,255}?)\"; valid columns: \[(.*?)\]\s*(?:\n|\Z)", re.DOTALL)
_CSV_COLUMN = re.compile(r"\(column number (\d+)\)")
_CSV_TROUBLE = re.compile(
    r"could not parse `|found more fields than defined|invalid csv|not properly escaped|CSV|schema (?:names|lengths) differ|\[\.\.\.\]"
)
_CONSTRAINT = re.compile(
    r"(\d+) rows failed validation check|check or invariant|invariant violat|violates? .{0,80}constraint", re.IGNORECASE
)

_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
_TRANSIENT_ERRNO = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.EPIPE,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
_NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """
    Run a block at the border: whatever a library raises inside leaves as one of our errors.

    The library's error is not chained: its text and its locals may hold rows. `doing` completes "while …" and holds names only.
    """
    try:
        yield
    except OdibiError:
        raise
    except BaseException as error:  # a Rust panic derives from BaseException; what is not ours to judge goes on as it is
        ours = translate(error, doing)
        if ours is None:
            raise
        raise ours from None


def is_panic(error: BaseException) -> bool:
    """Whether it is a Rust panic; each library has its own class and only the name is common."""
    return type(error).__name__ == "PanicException"


def translate(error: BaseException, doing: str) -> OdibiError | None:
    """One of our errors, or None for what is not ours to judge: an interrupt, or a programming error."""
    if isinstance(error, OdibiError):
        return error
    if isinstance(error, _NOT_OURS):
        return None
    if is_panic(error):
        return DataError(f"the engine gave up while {doing}", code="engine_panic", hint="A file is probably damaged: check or restore it.")
    if isinstance(error, MemoryError):
        return _out_of_memory(doing)
    text = _safe_str(error)
    return _of_service(error, text, doing) or _of_polars(error, text, doing) or _of_delta(error, text, doing)


def _safe_str(error: BaseException) -> str:
    return str(error)[:20_000]


def _out_of_memory(doing: str) -> OdibiError:
    return PermanentServiceError(f"memory ran out while {doing}", code="out_of_memory", hint="Set 'engine: spark' for this node.")


def _of_service(error: BaseException, text: str, doing: str) -> OdibiError | None:
    """Network, store, disk."""
    if _CONSTRAINT.search(text):
        return None  # the text goes on with rows
    if isinstance(error, plx.PolarsError) and not isinstance(error, plx.ComputeError):
        return None
    module = type(error).__module__
    if module.startswith("azure."):
        return of_azure(error, doing)
    if isinstance(error, ConnectionError | TimeoutError):
        return TransientServiceError(f"the connection failed while {doing}", code="network")
    number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    if number is None and (found := _OS_ERROR.search(text)):
        number = int(found[1] or found[2])
    if number is not None:
        return _of_errno(number, doing)
    if isinstance(error, plx.ComputeError | ValueError | TypeError | UnicodeError) and "object_store" not in text and "Generic" not in text:
        return None  # a cell may read "503 Service" too
    if _NO_SPACE.search(text):
        return _of_errno(errno.ENOSPC, doing)
    if "Object at location" in text and "404" in text:
        return DataError(f"a file of the table is missing while {doing}", code="missing_file", hint="Restore it, or an earlier version.")
    if found := _STATUS.search(text):
        return of_status(int(found[1] or found[2]), doing)
    if _NETWORK.search(text):
        return TransientServiceError(f"the connection failed while {doing}", code="network")
    if isinstance(error, OSError):
        return TransientServiceError(f"the store failed while {doing}", code="store")
    return None


def of_azure(error: BaseException, doing: str) -> OdibiError:
    """Errors of azure-core and azure-identity."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status:
        return of_status(status, doing, code=str(getattr(error, "error_code", "") or ""))
    name = type(error).__name__
    if name in {"ClientAuthenticationError", "CredentialUnavailableError"}:
        return of_status(401, doing)
    return TransientServiceError(f"the connection failed while {doing}", code="network")


def of_status(status: int, doing: str, *, code: str = "") -> OdibiError:
    """What an HTTP status of a store means."""
    if status in _TRANSIENT_STATUS or status >= 500:
        return TransientServiceError(f"the store answered {status} while {doing}", code="store_busy")
    if status in {401, 403}:
        return PermanentServiceError(
            f"the store answered {status} while {doing}",
            code="access_denied",
            hint="Grant the identity 'Storage Blob Data Contributor' on the container, or correct the credential.",
        )
    if status == 404:
        what = "the container does not exist" if code == "ContainerNotFound" else "the store answered 404"
        return PermanentServiceError(
            f"{what} while {doing}", code="missing_store", hint="Check the account and the container of the connection."
        )
    return PermanentServiceError(f"the store answered {status} while {doing}", code="store_refused")


def _of_errno(number: int, doing: str) -> OdibiError:
    name = errno.errorcode.get(number, str(number))
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return PermanentServiceError(f"the disk is full while {doing}", code="disk_full", hint="Free space or enlarge the disk.")
    if number in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return PermanentServiceError(
            f"no access ({name}) while {doing}", code="access_denied", hint="Correct the rights of the file or folder."
        )
    if number == errno.ENOMEM:
        return _out_of_memory(doing)
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return DataError(f"a file is missing ({name}) while {doing}", code="missing_file")
    if number in _TRANSIENT_ERRNO:
        return TransientServiceError(f"the system answered {name} while {doing}", code="network")
    return PermanentServiceError(f"the system answered {name} while {doing}", code="system")


def _of_polars(error: BaseException, text: str, doing: str) -> OdibiError | None:
    if not isinstance(error, plx.PolarsError):
        return None
    if isinstance(error, plx.ColumnNotFoundError | plx.SchemaFieldNotFoundError | plx.StructFieldNotFoundError):
        return _missing_column(text, doing)
    if found := _CONVERSION.match(text):
        have, want, column, bad, count = found.groups()
        return DataError(
            f"{bad} of {count} values of column '{column}' cannot become {want} (they are {have}) while {doing}",
            code="invalid_values",
            hint="Clean the column first, or use TRY_CAST to get nulls.",
        )
    if isinstance(error, plx.NoDataError):
        return DataError(f"a file is empty while {doing}", code="empty_file")
    if isinstance(error, plx.SQLSyntaxError | plx.SQLInterfaceError | plx.UnsuitableSQLError):
        return ConfigError(f"SQL is not understood while {doing}", code="sql", hint="Check it with 'odibi validate'.")
    if isinstance(error, plx.DuplicateError):
        return SchemaMismatchError(f"two columns have the same name while {doing}", hint="Give one of them another name.")
    if isinstance(error, plx.SchemaError | plx.InvalidOperationError | plx.ShapeError):
        return SchemaMismatchError(f"column types do not fit while {doing}", hint="Cast the columns to the types that the step needs.")
    if _CSV_TROUBLE.search(text):
        number = _CSV_COLUMN.search(text)
        where = f" (column number {number[1]})" if number and len(number[1]) < 6 else ""
        return DataError(f"rows cannot be read{where} while {doing}", code="unreadable_rows")
    if "invalid utf-8" in text or "invalid utf8" in text:
        return DataError(f"text is not UTF-8 while {doing}", code="encoding", hint="Name the file's 'encoding' in the read options.")
    return DataError(f"the data cannot be processed while {doing} ({type(error).__name__})", code="unreadable_data")


def _missing_column(text: str, doing: str) -> OdibiError:
    found = _MISSING_COLUMN.match(text)
    if found is None:
        return SchemaMismatchError(f"a column is missing while {doing}")
    available = re.findall(r"\"((?:[^\"\\]|\\.)*)\"", found[2])
    return SchemaMismatchError(f"column '{found[1]}' is missing while {doing}", hint=f"There is: {some_names(available)}.")


def some_names(names: list[str]) -> str:
    """A list of names for a message, cut where it gets long."""
    shown = ", ".join(f"'{name}'" for name in names[:_MAX_NAMES])
    return f"{shown} and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else shown or "nothing"


def _of_delta(error: BaseException, text: str, doing: str) -> OdibiError | None:
    import deltalake.exceptions as dlx

    if isinstance(error, dlx.TableNotFoundError):
        return DataError(f"there is no Delta table while {doing}", code="missing_table")
    if isinstance(error, dlx.SchemaMismatchError):
        return SchemaMismatchError(f"columns or types do not fit the table while {doing}")
    if isinstance(error, dlx.DeltaProtocolError):
        return PermanentServiceError(
            f"the table uses a feature that is not supported while {doing}",
            code="unsupported_table",
            hint="Set 'engine: spark' for this node.",
        )
    if isinstance(error, dlx.DeltaError):
        if found := _CONSTRAINT.search(text):
            count = f"{found[1]} rows" if found[1] else "rows"
            return DataError(f"{count} break a constraint of the table while {doing}", code="constraint")
        if "Unsupported" in text and "feature" in text:
            return PermanentServiceError(f"the table uses a feature that is not supported while {doing}", code="unsupported_table")
        if "Merge" in text or "multiple" in text.lower():
            return DataError(f"rows cannot be merged while {doing}", code="duplicate_keys")
        return PermanentServiceError(
            f"the table cannot be used while {doing}", code="table_damaged", hint="Check the table's '_delta_log' and its last checkpoint."
        )
    if type(error).__module__.startswith("_internal"):
        return PermanentServiceError(f"the table cannot be used while {doing}", code="table_damaged")
    return None


def service_trouble(error: BaseException, doing: str) -> ServiceError | None:
    """The error as one of a network, a store or a disk; None if it is about something else."""
    ours = None if isinstance(error, OdibiError) or is_panic(error) else _of_service(error, _safe_str(error), doing)
    return ours if isinstance(ours, ServiceError) else None
