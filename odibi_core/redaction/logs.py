"""Log records without secrets: in message, arguments, extra fields, exception and stack."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from odibi_core.redaction.redactor import Redactor


class RedactingFilter(logging.Filter):
    """Redacts log records. Put it on the handlers of the root logger: filters of a logger do not see what its children log."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact message, arguments, extra fields, exception and stack of the record, and let it pass."""
        clean(record, self._redactor)
        return True


def clean(record: logging.LogRecord, redactor: Redactor) -> None:
    """Take the secrets out of a record. Doing it again changes nothing."""
    if isinstance(record.msg, str):
        record.msg = redactor.text(record.msg)
    elif isinstance(record.msg, BaseException):
        record.msg = redactor.text(str(record.msg))
    record.args = redactor.record(record.args)
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):
        message = None  # the handler will say that message and arguments do not fit
    if message is not None and (safe := redactor.text(message)) is not message:
        record.msg, record.args = safe, ()
    if record.exc_info and record.exc_info[0] is not None:
        # As text only: other handlers would show the exception itself.
        record.exc_text = record.exc_text or redactor.traceback(*record.exc_info)
        record.exc_info = None
    for name, value in _extras(record):
        record.__dict__[name] = redactor.record({name: value}).get(name, "[REDACTED]")


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """What the caller put into `extra`, and the texts of exception and stack."""
    for name, value in tuple(record.__dict__.items()):
        if name not in _OWN_FIELDS and value is not None:
            yield name, value


_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) - {"exc_text", "stack_info"} | {"message", "asctime", "taskName"}
