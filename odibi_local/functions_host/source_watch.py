"""Notice when a file of the app changes that its functions are made of."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SUFFIXES = frozenset({".py", ".yaml", ".yml", ".sql"})
_NAMES = frozenset({"host.json", "local.settings.json"})
_IGNORED = frozenset({"__pycache__", "node_modules", "tests", "build", "dist"})


def concerns_the_app(path: Path, app_folder: Path) -> bool:
    """Whether a change of this file means that the app must be loaded again."""
    folders = path.relative_to(app_folder).parts[:-1]
    if any(part.startswith(".") or part in _IGNORED for part in folders):
        return False
    return path.suffix in _SUFFIXES or path.name in _NAMES


class SourceWatch:
    """Calls back once per burst of changes below the app folder."""

    def __init__(self, app_folder: Path, changed: Callable[[list[str]], None]) -> None:
        self._folder = app_folder.resolve()
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="source-watch", daemon=True)

    def start(self) -> None:
        """Start to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to watch."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        from watchfiles import watch

        changes = watch(
            self._folder,
            watch_filter=lambda _, path: concerns_the_app(Path(path), self._folder),
            stop_event=self._stop,
            step=50,
            debounce=400,
            rust_timeout=500,
            raise_interrupt=False,
        )
        for burst in changes:
            self._changed(sorted(str(Path(path).relative_to(self._folder)) for _, path in burst))
