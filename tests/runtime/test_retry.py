"""Whether and when an attempt is repeated, and what an error says of itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from odibi_core.errors import (
    CheckFailedError,
    ConfigError,
    DataError,
    OdibiError,
    PermanentServiceError,
    SchemaMismatchError,
    TransientServiceError,
)
from odibi_core.events import ErrorRecord
from odibi_core.planning.plan import RetryPolicy
from odibi_core.ports import FencedError, FileChangedError, WriteConflictError
from odibi_core.runtime.retry import delay_before_next, delay_in_outage, error_record

PASSING = ErrorRecord(code="service_transient", message="away", retryable=True)
LASTING = ErrorRecord(code="data", message="wrong rows")


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        (RetryPolicy(max_attempts=5), [1, 2, 4, 8, None]),
        (RetryPolicy(max_attempts=5, backoff="linear"), [1, 2, 3, 4, None]),
        (RetryPolicy(max_attempts=5, backoff="constant"), [1, 1, 1, 1, None]),
        (RetryPolicy(max_attempts=6, base_seconds=100), [100, 200, 300, 300, 300, None]),
        (RetryPolicy(max_attempts=3, backoff="linear", base_seconds=200), [200, 300, None]),
        (RetryPolicy(max_attempts=1), [None]),
    ],
)
def test_delays_grow_up_to_a_cap_and_end_with_the_attempts(policy: RetryPolicy, seconds: list[float | None]) -> None:
    """All attempts are counted, the first one too."""
    expected = [None if delay is None else timedelta(seconds=delay) for delay in seconds]
    assert [delay_before_next(policy, PASSING, attempt) for attempt in range(1, len(seconds) + 1)] == expected


def test_what_will_not_pass_is_not_tried_again() -> None:
    """However many attempts are left."""
    assert delay_before_next(RetryPolicy(max_attempts=10), LASTING, 1) is None


def test_a_very_late_attempt_still_has_a_delay() -> None:
    """2 to the 999 seconds are no delay."""
    assert delay_before_next(RetryPolicy(max_attempts=1000), PASSING, 999) == timedelta(seconds=300)


@pytest.mark.parametrize(("asked", "expected"), [(0.5, 1), (90, 90), (900, 900), (1e9, 3600)])
def test_a_busy_service_is_left_alone_for_as_long_as_it_asks(asked: float, expected: float) -> None:
    """Never sooner, even over the cap of the back-off; but an hour at most, whatever it says."""
    busy = PASSING.model_copy(update={"retry_after_seconds": asked})
    assert delay_before_next(RetryPolicy(max_attempts=3), busy, 1) == timedelta(seconds=expected)


def test_in_an_outage_messages_wait_ever_longer_up_to_a_minute() -> None:
    """It has no attempts to use up."""
    assert [delay_in_outage(resend).seconds for resend in (0, 1, 2, 3, 4, 5, 6, 10_000)] == [2, 5, 10, 20, 40, 60, 60, 60]


@pytest.mark.parametrize(
    ("error", "record"),
    [
        (ConfigError("no such thing", hint="Look."), ErrorRecord(code="config", message="no such thing", hint="Look.", exit_code=2)),
        (DataError("bad rows", code="no_files"), ErrorRecord(code="no_files", message="bad rows", exit_code=3)),
        (CheckFailedError("12 rows"), ErrorRecord(code="check_failed", message="12 rows", exit_code=3)),
        (SchemaMismatchError("a column"), ErrorRecord(code="schema_mismatch", message="a column", exit_code=3)),
        (TransientServiceError("away"), ErrorRecord(code="service_transient", message="away", retryable=True, exit_code=4)),
        (PermanentServiceError("no right"), ErrorRecord(code="service_permanent", message="no right", exit_code=4)),
        (WriteConflictError("again"), ErrorRecord(code="write_conflict", message="again", retryable=True, exit_code=4)),
        (FileChangedError("newer", gone=False), ErrorRecord(code="file_changed", message="newer", exit_code=3)),
        (FencedError("closed"), ErrorRecord(code="fenced", message="closed", exit_code=4)),
        (OdibiError("ours"), ErrorRecord(code="internal", message="ours")),
    ],
)
def test_an_error_of_ours_is_recorded_as_it_is(error: OdibiError, record: ErrorRecord) -> None:
    """With who has to act, and whether it may pass."""
    assert error_record(error) == record


class PanicOfALibrary(BaseException):
    """Such as Polars raises."""


@pytest.mark.parametrize(
    "error",
    [
        ValueError("row 7 holds p4ssw0rd"),
        KeyError("p4ssw0rd"),
        PanicOfALibrary("p4ssw0rd"),
        ExceptionGroup("p4ssw0rd", [ValueError("p4ssw0rd")]),
    ],
)
def test_of_a_foreign_error_only_the_type_is_recorded(error: BaseException) -> None:
    """Its text may quote a row or a secret."""
    hint = "This is a bug: please report it with the log of this run."
    assert error_record(error) == ErrorRecord(code="internal", message=f"unexpected {type(error).__name__}", hint=hint)


def test_the_cause_of_an_error_of_ours_stays_out() -> None:
    """It is a foreign one."""
    error = TransientServiceError("the store is away")
    error.__cause__ = ValueError("p4ssw0rd")
    assert "p4ssw0rd" not in error_record(error).model_dump_json()
