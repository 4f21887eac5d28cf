"""Decide whether and when a failed attempt is repeated. Decides, does nothing."""

from __future__ import annotations

from datetime import timedelta

from odibi_core.errors import OdibiError
from odibi_core.events import ErrorRecord
from odibi_core.planning.plan import RetryPolicy

OUTAGE_DELAYS = (2, 5, 10, 20, 40, 60)  # seconds; the last one repeats: an outage has no attempts to use up


def delay_before_next(policy: RetryPolicy, error: ErrorRecord, attempt: int) -> timedelta | None:
    """How long to wait before attempt `attempt + 1`, or None if there is none."""
    if not error.retryable or attempt >= policy.max_attempts:
        return None
    match policy.backoff:
        case "exponential":
            seconds = policy.base_seconds * 2 ** min(attempt - 1, 16)
        case "linear":
            seconds = policy.base_seconds * attempt
        case "constant":
            seconds = policy.base_seconds
    return timedelta(seconds=min(seconds, policy.cap_seconds))


def delay_in_outage(resend: int) -> timedelta:
    """How long a message waits when the services that it needs are away."""
    return timedelta(seconds=OUTAGE_DELAYS[min(resend, len(OUTAGE_DELAYS) - 1)])


def error_record(error: BaseException) -> ErrorRecord:
    """
    An exception as reports may show it. Of a foreign exception only the type is kept: its text may quote data or secrets.
    """
    if isinstance(error, OdibiError):
        return ErrorRecord(
            code=error.error_code, message=error.message, hint=error.hint, retryable=error.retryable, exit_code=error.exit_code
        )
    return ErrorRecord(
        code="internal",
        message=f"unexpected {type(error).__name__}",
        hint="This is a bug: please report it with the log of this run.",
    )
