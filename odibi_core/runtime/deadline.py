"""A node's `timeout`: asked for at the last moment at which it has written nothing."""

from __future__ import annotations

from datetime import timedelta

from odibi_core.errors import TransientServiceError


def refuse_late(node: str, timeout: timedelta | None, *, seconds: float) -> None:
    """
    Raises:
        TransientServiceError: If the node has taken longer than its timeout. Another attempt may be faster.
    """
    if timeout is not None and seconds > timeout.total_seconds():
        raise TransientServiceError(
            f"node '{node}' took longer than its timeout of {timeout.total_seconds():g} s",
            code="timeout",
            hint="Nothing was written. Take in less at once, or set a longer 'timeout'.",
        )
