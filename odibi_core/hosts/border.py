"""What leaves a handler by an exception: the Functions host writes its text and traceback into a log that is not ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from odibi_core.redaction import Redactor

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class WithRedactor(Protocol):
    """A host that knows what is secret."""

    @property
    def redactor(self) -> Redactor: ...


Host = TypeVar("Host", bound=WithRedactor)


def raising_no_secrets(handler: Callable[Concatenate[Host, Given], Returned]) -> Callable[Concatenate[Host, Given], Returned]:
    """A handler of a host whose exceptions, with what caused them, hold no secret."""

    @functools.wraps(handler)
    def safe(host: Host, /, *arguments: Given.args, **named: Given.kwargs) -> Returned:
        return without_secrets(functools.partial(handler, host, *arguments, **named), host.redactor)

    return safe


def without_secrets(work: Callable[[], Returned], redactor: Redactor) -> Returned:
    """Do some work; an exception of it is raised as a copy without secrets if there are any in it."""
    try:
        return work()
    except BaseException as error:
        clean = redactor.record(error)
        if clean is error:
            raise
    raise clean  # out here, so that the first exception does not become its context
