"""Which rows of its source a node takes in this run: everything, the last days, or what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from odibi_core.config import IncrementalConfig
from odibi_core.frozen import Frozen
from odibi_core.ports import Scalar, Window
from odibi_core.runtime.watermark import FrozenWindow

_UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=30), "year": timedelta(days=365)}


class Load(Frozen):
    """How much a run takes. It is the same for every attempt."""

    first: bool = False  # the target does not exist yet: everything is taken
    frozen: FrozenWindow | None = None  # of a stateful load

    @property
    def moves(self) -> FrozenWindow | None:
        """The window whose rows go in with this run, which moves the mark; None if there is nothing new."""
        return None if self.frozen is None or self.frozen.empty else self.frozen

    def window(self, incremental: IncrementalConfig, now: datetime) -> Window | None:
        """The window over the source; None takes everything. `now` is the time of the run, not of the clock."""
        if incremental.mode == "stateful":
            frozen = self.frozen
            return None if frozen is None else window_over(incremental, after=frozen.after, until=frozen.until)
        if self.first:
            return None
        return window_over(incremental, after=_cutoff(incremental, now), until=None)


def window_over(incremental: IncrementalConfig, *, after: Scalar, until: Scalar) -> Window:
    """A window over the columns of an `incremental:` section. A rolling one begins with its first moment."""
    rolls = incremental.mode == "rolling_window"
    return Window(
        column=incremental.column,
        after=after,
        until=until,
        fallback_column=incremental.fallback_column,
        inclusive=rolls,
        as_time=rolls or incremental.watermark_lag is not None or incremental.date_format is not None,
        date_format=incremental.date_format,
    )


def _cutoff(incremental: IncrementalConfig, now: datetime) -> datetime:
    try:
        return now.astimezone(UTC) - incremental.lookback * _UNITS[incremental.unit]
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
