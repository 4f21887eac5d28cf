"""What a process that is ours alone sets before it loads anything. Not for a library in somebody else's process."""

from __future__ import annotations

import atexit
import gc
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# In the order in which a run needs them; what is loaded by then costs nothing.
_NEEDED_LATER = ("narwhals", "odibi_core.transforms", "odibi_core.checks", "odibi_core.story.archive", "odibi_core.story.render", "jinja2")


def prepare() -> None:
    """Start quickly."""
    # Looking for plugins reads the metadata of every installed package; and nobody else is to see our values.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(200_000)  # imports and schemas make many objects that all stay: collecting in between finds nothing
    atexit.register(gc.freeze)  # nor does the last collection, that of a process which is about to end


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where this user's compiled texts are kept between runs (XDG Base Directory Specification); safe to delete at any time."""
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "odibi"


def load_ahead() -> None:
    """Import, beside the run, what it needs later: Polars and delta-rs leave the interpreter free while they work."""

    def load() -> None:
        for name in _NEEDED_LATER:
            with suppress(ImportError):  # whoever needs it meets the error in its place
                import_module(name)

    threading.Thread(target=load, name="odibi-load-ahead", daemon=True).start()
