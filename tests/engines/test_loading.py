"""What the engine loads: a run whose SQL was compiled before needs no parser."""

from __future__ import annotations

import subprocess
import sys


def test_the_engine_loads_no_parser():
    """Queries come to it compiled; the parser alone takes as long to load as a small node takes to run."""
    code = (
        "import sys, odibi_core.engines.polars.engine; print([name for name in ('sqlglot', 'azure.core', 'jinja2') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert loaded.stdout.strip() == "[]"
