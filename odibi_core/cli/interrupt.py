"""
Ctrl-C, for certain: the process ends soon, even if a library in the middle of its work does not look up.

Nothing is lost by that. A run may die at any point (docs/decisions/0003-run-protocol.md) and goes on with `--resume`.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PATIENCE = 3.0  # seconds for the orderly way: Python raises KeyboardInterrupt as soon as a library returns


@contextmanager
def certain_stop(farewell: Callable[[], int], *, patience: float = PATIENCE) -> Iterator[None]:
    """
    While this is open, Ctrl-C ends the process after `patience` seconds at the latest.

    Args:
        farewell: Says that the work was stopped, and returns the exit code. Called only if the orderly way took too long.
        patience: Seconds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    # Unlike a handler, which waits for the interpreter, this is written the moment the signal comes.
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    done = threading.Event()
    threading.Thread(target=_watch, args=(ours, done, farewell, patience), name="ctrl-c", daemon=True).start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        theirs.close()


def _watch(ours: socket.socket, done: threading.Event, farewell: Callable[[], int], patience: float) -> None:
    with ours, suppress(OSError):
        while signals := ours.recv(64):
            if signal.SIGINT in signals:
                end = time.monotonic() + patience
                if not done.wait(max(0.0, end - time.monotonic())):
                    os._exit(farewell())
                return
