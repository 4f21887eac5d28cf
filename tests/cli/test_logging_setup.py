"""Logging: who gets which lines, and that no secret is in them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from odibi_core.cli.screen import visible
from odibi_core.errors import ConfigError
from odibi_core.events import ErrorRecord, NodeRetried
from odibi_core.logging_setup import configure_logging, log_event
from odibi_core.redaction import Redactor

SECRET = "tJ3!kLm9zQ"
NOW = datetime(2026, 11, 22, 10, 0, 3, tzinfo=UTC)


Configured = Callable[..., None]


@pytest.fixture
def configured() -> Iterator[Configured]:
    """Configure logging as in a fresh process, in which these handlers were there before; the redactor knows one secret."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    redactor = Redactor()
    redactor.register(SECRET)

    def configure(environment: dict[str, str], *there_before: logging.Handler, times: int = 1) -> None:
        root.handlers[:] = there_before
        for _ in range(times):
            configure_logging(environment, redactor)

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_terminal_gets_warnings_as_text(configured: Configured, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; of an exception only its type, because its text may quote data."""
    configured({})
    logging.getLogger("odibi.x").info("not shown")
    try:
        raise ConfigError("two\nlines with 4711")
    except ConfigError:
        logging.getLogger("odibi.x").warning("it failed with %s", SECRET, exc_info=True)

    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "warning: it failed with [REDACTED] (odibi.x): odibi_core.errors.ConfigError\n")


@pytest.mark.parametrize(
    "environment", [{"ODIBI_LOG_FORMAT": "json"}, {"FUNCTIONS_WORKER_RUNTIME": "python"}, {"WEBSITE_INSTANCE_ID": "1"}]
)
def test_machines_get_json_lines(environment: dict[str, str], configured: Configured, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, with the caller's fields, tracebacks inside the object, and no secret anywhere."""
    configured(environment)
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("odibi.x").exception("broken\n%s", SECRET, extra={"run_id": "r1", "node": SECRET})

    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"], found["run_id"]) == ("ERROR", "odibi.x", "broken\n[REDACTED]", "r1")
    assert found["exception"].endswith("ValueError: [REDACTED]")
    assert SECRET not in line


def test_on_azure_the_workers_own_handlers_are_used(configured: Configured, capsys: pytest.CaptureFixture[str]) -> None:
    """A handler of ours beside them would log everything twice."""
    stream = io.StringIO()
    configured({"FUNCTIONS_WORKER_RUNTIME": "python"}, logging.StreamHandler(stream), times=2)
    logging.getLogger("odibi.x").info("hello %s", SECRET)

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["hello [REDACTED]"]
    assert capsys.readouterr().out == ""


def test_an_event_is_a_line_with_fields(configured: Configured, capsys: pytest.CaptureFixture[str]) -> None:
    """Failures and retries stand out by their level."""
    configured({"ODIBI_LOG_FORMAT": "json"})
    error = ErrorRecord(code="service_transient", message="the account is busy", hint="Wait.", retryable=True)
    log_event(NodeRetried(run_id="r1", node="load", attempt=2, delay_seconds=4.0, error=error, at=NOW))

    found = json.loads(capsys.readouterr().out)
    del found["timestamp"]
    assert found == {
        "level": "WARNING",
        "logger": "odibi.run",
        "message": "node 'load' is tried again in 4 s: the account is busy",
        "event": "node_retried",
        "run_id": "r1",
        "node": "load",
        "attempt": 2,
        "delay_seconds": 4.0,
        "error_code": "service_transient",
        "error_hint": "Wait.",
    }


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[31mb", "a\\u001b[31mb"), ("größe → 1", "größe → 1"), ("x\u202ey", "x\\u202ey"), ("a\n\tb", "a\n\tb")]
)
def test_names_cannot_steer_the_terminal(text: str, shown: str) -> None:
    """Controls and direction marks are spelled out; letters, line breaks and tabs stay."""
    assert visible(text) == shown
