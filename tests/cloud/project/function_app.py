"""The product's functions as they are, in an app folder of the tests, so that a test may change clocks that are too slow for it."""

from __future__ import annotations

import importlib.util
import os
import sys
from datetime import timedelta
from pathlib import Path

from odibi_core.runtime import outbox

outbox.LEASE = timedelta(seconds=15)  # a killed flusher would keep the others waiting for a minute and a half

_file = Path(os.environ["TESTS_REPOSITORY"]) / "function_app.py"
_spec = importlib.util.spec_from_file_location("product_function_app", _file)
if _spec is None or _spec.loader is None:
    raise ImportError(_file)
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)
app = _module.app
