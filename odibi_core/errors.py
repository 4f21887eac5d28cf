"""
The error tree, by who must act.

OdibiError
├── ConfigError             the author of the YAML       exit 2, HTTP 400
├── DataError               the owner of the data        exit 3
│   ├── CheckFailedError
│   ├── GateFailedError
│   └── SchemaMismatchError
└── ServiceError
    ├── TransientServiceError   nobody: it is retried
    └── PermanentServiceError   the operator             exit 4

Anything else that escapes is a bug in this product: code `internal`, exit 70.
Messages are lower case without a full stop and never hold a secret or a value of the data; the hint is a sentence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from odibi_core.frozen import Frozen


class Place(Frozen):
    """Where in a file something stands. Lines and columns start at 1."""

    file: str
    line: int
    column: int
    excerpt: str = ""  # the line itself, secrets still as ${NAME}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(Frozen):
    """One thing that is wrong with a configuration."""

    message: str
    hint: str = ""
    place: Place | None = None
    # Inside the node that it is about. Beside a place: the text in which the place counts lines and columns, until its own is known.
    path: tuple[str | int, ...] = ()
    on_key: bool = False  # the key at the path is wrong, not its value

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}" + (f". {self.hint}" if self.hint else "")


class OdibiError(Exception):
    """Base of everything this product raises on purpose."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 70
    retry_after: timedelta | None = None  # what a busy service asked for

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.error_code = code or self.code

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ConfigError(OdibiError):
    """The YAML, or a command, asks for something that cannot be. Carries every problem found, not only the first."""

    code = "config"
    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        problems: tuple[Problem, ...] = (),
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.problems = problems or (Problem(message=message, hint=hint, path=path),)

    @classmethod
    def of(cls, problems: tuple[Problem, ...], *, code: str | None = None) -> ConfigError:
        """One error for many problems; the message is the first one's."""
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        where = f"{first.place}: " if first.place else ""
        return cls(f"{where}{first.message}{more}", code=code, hint=first.hint, problems=problems)

    def within(self, *path: str | int, saying: str = "") -> ConfigError:
        """The same error as seen from further up: each problem lies under a path, and each message begins with a text."""
        problems = tuple(replace(problem, message=f"{saying}{problem.message}", path=(*path, *problem.path)) for problem in self.problems)
        return ConfigError.of(problems, code=self.error_code)


class DataError(OdibiError):
    """The data are not what the pipeline was told to expect."""

    code = "data"
    exit_code = 3


class CheckFailedError(DataError):
    """A check found rows that break it, and the check is set to fail."""

    code = "check_failed"


class GateFailedError(DataError):
    """The rows as a whole do not reach what the node's gate asks for."""

    code = "gate_failed"


class SchemaMismatchError(DataError):
    """Columns or types differ from what a step or the target needs. `columns` are those that changed against a target."""

    code = "schema_mismatch"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "", columns: tuple[str, ...] = ()) -> None:
        super().__init__(message, code=code, hint=hint)
        self.columns = columns


class ServiceError(OdibiError):
    """Something we depend on did not do its part."""

    code = "service"
    exit_code = 4


class TransientServiceError(ServiceError):
    """It may work in a moment: the runtime tries again, with back-off."""

    code = "service_transient"
    retryable = True

    def __init__(self, message: str, *, code: str | None = None, hint: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after


class PermanentServiceError(ServiceError):
    """Trying again will not help: missing rights, missing store, full disk. The operator must act."""

    code = "service_permanent"
