"""Turn the signals that ask a program to end into a flag that its main loop watches."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def set_on_stop_signal(stop: threading.Event) -> None:
    """Set `stop` at the first SIGTERM or SIGINT. Only the main thread may call this."""

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        # Not `stop.set()` here: the handler may interrupt `stop.wait()` while it holds the event's lock.
        threading.Thread(target=stop.set, daemon=True).start()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
