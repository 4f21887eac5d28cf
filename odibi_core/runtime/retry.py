"""Decide whether and when a failed attempt is repeated. Decides, does nothing."""

from __future__ import annotations

from datetime import timedelta

from odibi_core.errors import OdibiError
from odibi_core.events import ErrorRecord
from odibi_core.planning.plan import RetryPolicy

LONGEST_RETRY_AFTER = 3600.0  # seconds; no service says more, except by mistake
OUTAGE_DELAYS = (2, 5, 10, 20, 40, 60)  # seconds; the last one repeats: an outage has no attempts to use up


def delay_before_next(policy: RetryPolicy, error: ErrorRecord, attempt: int) -> timedelta | None:
    """How long to wait before attempt `attempt + 1`, or None if there is none; never shorter than a busy service asked for."""
    if not error.retryable or attempt >= policy.max_attempts:
        return None
    match policy.backoff:
        case "exponential":
            seconds = policy.base_seconds * 2 ** min(attempt - 1, 16)
        case "linear":
            seconds = policy.base_seconds * attempt
        case "constant":
            seconds = policy.base_seconds
    asked = min(error.retry_after_seconds or 0.0, LONGEST_RETRY_AFTER)
    return timedelta(seconds=max(min(seconds, policy.cap_seconds), asked))


def delay_in_outage(resend: int) -> timedelta:
    """How long a message waits when the services that it needs are away."""
    return timedelta(seconds=OUTAGE_DELAYS[min(resend, len(OUTAGE_DELAYS) - 1)])


def error_record(error: BaseException) -> ErrorRecord:
    """
    An exception as reports may show it. Of a foreign exception only the type is kept: its text may quote data or secrets.
    """
    if isinstance(error, OdibiError):
        return ErrorRecord(
            code=error.error_code,
            message=error.message,
            hint=error.hint,
            retryable=error.retryable,
            exit_code=error.exit_code,
            retry_after_seconds=None if error.retry_after is None else error.retry_after.total_seconds(),
        )
    return ErrorRecord(
        code="internal",
        message=f"unexpected {type(error).__name__}",
        hint="This is a bug: please report it with the log of this run.",
    )
