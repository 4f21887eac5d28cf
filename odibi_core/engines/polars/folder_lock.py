"""A lock on a local folder of data, between processes and between threads, that dies with its holder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
    import time

    @contextmanager
    def locked(folder: Path) -> Iterator[None]:
        """Hold the folder's lock; waits for as long as it takes."""
        with (folder / ".odibi.lock").open("a+b") as handle:
            while True:
                handle.seek(0)
                try:
                    msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except PermissionError:
                    time.sleep(0.005)
            try:
                yield
            finally:
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    @contextmanager
    def locked(folder: Path) -> Iterator[None]:
        """Hold the folder's lock; waits for as long as it takes."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            # The lock belongs to this opening of the folder, so threads exclude each other as processes do.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # not only close: a child forked just now holds the same opening
            os.close(descriptor)
