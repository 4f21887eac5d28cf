"""A lock on a folder, between processes and between threads, that dies with its holder."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_FILE = ".odibi~lock"  # on Windows, where a folder itself cannot be locked

if sys.platform == "win32":
    import msvcrt
    import time

    @contextmanager
    def locked(folder: Path) -> Iterator[None]:
        """
        Hold a folder's lock; waits for as long as it takes.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        with (folder / LOCK_FILE).open("a+b") as handle:
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
        """
        Hold a folder's lock; waits for as long as it takes.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        while True:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                # The lock belongs to this opening of the folder, so threads exclude each other as processes do.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # The folder may have been removed and made anew while we waited: then others lock the new one.
                if os.path.samestat(os.fstat(descriptor), folder.stat()):
                    yield
                    return
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # not only close: a child forked just now holds the same opening
                os.close(descriptor)
