"""
Set up logging for a process: lines for people on a terminal, one JSON object per line for machines, and no secret in either.

The standard library's logging and nothing else. Run events become log lines through `log_event`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from odibi_core.events import (
    AnyRunEvent,
    ErrorRecord,
    NodeClosing,
    NodeFinished,
    NodeHandedOff,
    NodeResult,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from odibi_core.redaction import RedactingFilter, Redactor

_run_log = logging.getLogger("odibi.run")
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_QUIET = ("azure", "urllib3")  # their INFO is a line per HTTP request


def is_on_azure(environment: Mapping[str, str]) -> bool:
    """Whether this process is a worker of Azure Functions, or of a host that behaves like it."""
    return bool(environment.get("FUNCTIONS_WORKER_RUNTIME") or environment.get("WEBSITE_INSTANCE_ID"))


def wants_json(environment: Mapping[str, str]) -> bool:
    """Whether log lines are JSON: as ODIBI_LOG_FORMAT says (`json` or `text`), and without it on Azure."""
    chosen = environment.get("ODIBI_LOG_FORMAT", "").strip().lower()
    return chosen == "json" or (not chosen and is_on_azure(environment))


def configure_logging(environment: Mapping[str, str], redactor: Redactor) -> None:
    """
    Install the handler and the redaction on the root logger. Repeatable: the last call counts.

    Text goes to standard error from WARNING on, JSON to standard output from INFO on; ODIBI_LOG_LEVEL says otherwise. On Azure the
    worker's own handlers carry the lines to the host, so these get the format: a second handler would log everything twice.
    """
    root = logging.getLogger()
    as_json = wants_json(environment)
    formatter = JsonLines() if as_json else TextLines(with_traceback=bool(environment.get("ODIBI_DEBUG")))
    for mine in [known for known in root.handlers if isinstance(known, _Current)]:
        root.removeHandler(mine)
    if is_on_azure(environment) and root.handlers:
        for handler in root.handlers:
            handler.setFormatter(formatter)
    else:
        own = _Current(to_output=as_json)
        own.setFormatter(formatter)
        root.addHandler(own)
    for handler in root.handlers:
        for old in [known for known in handler.filters if isinstance(known, RedactingFilter)]:
            handler.removeFilter(old)
        handler.addFilter(RedactingFilter(redactor))
    root.setLevel(_level(environment, logging.INFO if as_json else logging.WARNING))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _level(environment: Mapping[str, str], usual: int) -> int:
    return logging.getLevelNamesMapping().get(environment.get("ODIBI_LOG_LEVEL", "").strip().upper(), usual)


class _Current(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stdout` or `sys.stderr` is at that moment: a live display and tests put something else there."""

    def __init__(self, *, to_output: bool) -> None:
        self._to_output = to_output
        super().__init__(sys.stdout if to_output else sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record and flush."""
        self.stream = sys.stdout if self._to_output else sys.stderr
        super().emit(record)


class TextLines(logging.Formatter):
    """`warning: the message (odibi.node)`; the traceback only when it is asked for, otherwise the type of the exception."""

    def __init__(self, *, with_traceback: bool) -> None:
        super().__init__()
        self._with_traceback = with_traceback

    def format(self, record: logging.LogRecord) -> str:
        """One line, unless the traceback is wanted."""
        line = _one_line(f"{record.levelname.lower()}: {record.getMessage()} ({record.name})")
        trace = _trace(record)
        if not trace:
            return line
        return f"{line}\n{trace}" if self._with_traceback else f"{line}: {_kind_of_exception(trace)}"


class JsonLines(logging.Formatter):
    """One JSON object per line: timestamp, level, logger, message, and whatever the caller gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        fields: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {name: value for name, value in record.__dict__.items() if name not in _OWN_FIELDS and value is not None}
        trace = _trace(record)
        return json.dumps({**extra, **fields, **({"exception": trace} if trace else {})}, default=str)


def _one_line(text: str) -> str:
    """The text without anything that begins a line, colours it or turns its direction: a name must not forge a record."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape", "replace").decode() for letter in text)


def _trace(record: logging.LogRecord) -> str:
    """The traceback as text. The redacting filter has put it into `exc_text` and removed the exception itself."""
    if record.exc_text:
        return record.exc_text
    return logging.Formatter().formatException(record.exc_info) if record.exc_info and record.exc_info[0] is not None else ""


def _kind_of_exception(trace: str) -> str:
    """The type at the end of a traceback, without its message: that may be long, and foreign ones quote data."""
    lines = trace.splitlines()
    last_frame = max((number for number, line in enumerate(lines) if line.startswith("  File ")), default=0)
    named = (line for line in lines[last_frame:] if line and not line.startswith(" "))
    return next(named, "").partition(":")[0]


def log_event(event: AnyRunEvent) -> None:
    """An EventSink: what happened in a run as one log line with fields."""
    level, message, fields = _line_of(event)
    _run_log.log(level, message, extra={"event": event.kind, "run_id": event.run_id, **fields})


def _line_of(event: AnyRunEvent) -> tuple[int, str, dict[str, Any]]:
    match event:
        case RunStarted(pipeline=pipeline):
            return logging.INFO, f"run of '{pipeline}' started", {"pipeline": pipeline, "project": event.project, "nodes": len(event.nodes)}
        case RunFinished(status=status):
            level = logging.INFO if status == "succeeded" else logging.ERROR
            return (
                level,
                f"run {status}",
                {"status": status, "succeeded": event.succeeded, "failed": event.failed, "skipped": event.skipped},
            )
        case NodeStarted(node=node):
            return logging.INFO, f"node '{node}' started", {"node": node, "attempt": event.attempt, "delivery": event.delivery}
        case NodeHandedOff(node=node):
            return logging.INFO, f"node '{node}' was handed to {event.to}", {"node": node, "attempt": event.attempt, "job": event.job}
        case NodeRetried(node=node):
            fields = {"node": node, "attempt": event.attempt, "delay_seconds": event.delay_seconds, **_error(event.error)}
            return logging.WARNING, f"node '{node}' is tried again in {event.delay_seconds:g} s: {event.error.message}", fields
        case NodeClosing(node=node):
            return logging.DEBUG, f"node '{node}' is closing", {"node": node, "attempt": event.attempt}
        case NodeSkipped(node=node):
            return logging.INFO, f"node '{node}' skipped: {event.reason}", {"node": node, "status": "skipped", "reason": event.reason}
        case NodeFinished(node=node, result=result):
            level = logging.ERROR if result.status == "failed" else logging.INFO
            why = result.error.message if result.error else result.reason
            message = f"node '{node}' {result.status}" + (f": {why}" if why else "")
            return level, message, {"node": node, "attempt": event.attempt, **_result(result)}


def _result(result: NodeResult) -> dict[str, Any]:
    facts = {"status": result.status, "rows_in": result.rows_in, "rows_out": result.rows_out, "seconds": result.seconds}
    target = {} if result.write is None else {"target": result.write.dataset, "table_version": result.write.version}
    return {**facts, **target, **({} if result.error is None else _error(result.error))}


def _error(error: ErrorRecord) -> dict[str, Any]:
    return {"error_code": error.code, "error_hint": error.hint or None}
