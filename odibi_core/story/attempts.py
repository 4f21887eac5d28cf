"""Tell the attempts of a node apart: who took it, how each try ended, and which worker was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from odibi_core.events import NodeFinished, NodeHandedOff, NodeRetried, NodeStarted
from odibi_core.story.model import Attempt


def attempts_of(
    started: Iterable[NodeStarted],
    retried: Iterable[NodeRetried],
    handed_off: Sequence[NodeHandedOff],
    finished: NodeFinished | None,
) -> tuple[Attempt, ...]:
    """
    Every delivery that a worker took, in order.

    Of the deliveries of one attempt the last has its outcome; a worker before it handed the node over or was lost.
    A node that a dead-letter handler finished was never started by the worker that wrote its end: it gets an attempt of its own.
    """
    takes = sorted({(start.attempt, start.resend, start.delivery): start for start in started}.items())
    again = {retry.attempt: retry for retry in retried}
    attempts: list[Attempt] = []
    for place, (_, take) in enumerate(takes):
        following = takes[place + 1][1] if place + 1 < len(takes) else None
        last_of_attempt = following is None or following.attempt != take.attempt
        handed = next((event for event in handed_off if event.attempt == take.attempt and take.at <= event.at), None)
        attempt = Attempt(
            number=take.attempt, delivery=take.delivery, worker=take.worker, started_at=take.at, ended_at=None, outcome="running"
        )
        if handed and (following is None or handed.at <= following.at):
            update = {"outcome": "handed_off", "ended_at": handed.at}
        elif last_of_attempt and take.attempt in again:
            retry = again[take.attempt]
            update = {"outcome": "retried", "ended_at": retry.at, "error": retry.error, "delay_seconds": retry.delay_seconds}
        elif last_of_attempt and finished and finished.attempt == take.attempt:
            update = _end(finished)
        elif following or finished:
            update = {"outcome": "lost", "ended_at": following.at if following else finished.at if finished else None}
        else:
            update = {}
        attempts.append(attempt.model_copy(update=update))
    if finished and not any(attempt.outcome in {"succeeded", "failed"} for attempt in attempts):
        first = Attempt(number=finished.attempt, started_at=finished.result.started_at, ended_at=None, outcome="running")
        attempts.append(first.model_copy(update=_end(finished)))
    return tuple(attempts)


def _end(finished: NodeFinished) -> dict[str, object]:
    outcome = "failed" if finished.result.status == "failed" else "succeeded"
    return {"outcome": outcome, "ended_at": finished.result.finished_at, "error": finished.result.error}
