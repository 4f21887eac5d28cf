"""`odibi dev`: the whole cloud on this machine. It lives in a package that is never deployed, so it runs as a program of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from odibi_core.errors import ConfigError

MODULE = "odibi_local"


def dev(arguments: Sequence[str]) -> int:
    """
    Become `python -m odibi_local.dev` with the same arguments; Ctrl-C is then its own business.

    Raises:
        ConfigError: If the package is not installed.
    """
    if importlib.util.find_spec(MODULE) is None:
        raise ConfigError(
            "'odibi dev' needs the package 'odibi_local', which is not installed here",
            code="not_available",
            hint="It is part of a checkout of the repository and is never deployed.",
        )
    os.execv(sys.executable, [sys.executable, "-m", f"{MODULE}.dev", *arguments])  # noqa: S606  no shell, and our own interpreter
    raise AssertionError  # pragma: no cover  execv does not come back
