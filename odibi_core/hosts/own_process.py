"""What a process that is ours alone sets before it loads anything. Not for a library in somebody else's process."""

from __future__ import annotations

import gc
import os


def prepare() -> None:
    """Start quickly."""
    # Looking for plugins reads the metadata of every installed package; and nobody else is to see our values.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(50_000)  # imports and schemas make many objects that all stay: collecting in between finds nothing
