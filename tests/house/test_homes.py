"""Registries know where each name lives, so that a worker imports only what its nodes use."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module

import odibi_core.patterns
import odibi_core.transforms
from odibi_core.patterns import PATTERNS
from odibi_core.transforms import OPERATIONS, TRANSFORMS


def test_every_module_registers_what_its_registry_expects_of_it() -> None:
    """A name that is missing in `homes` would be unknown until somebody happens to import its module."""
    expected = [sorted(registry.names) for registry in (TRANSFORMS, OPERATIONS, PATTERNS)]
    for package in (odibi_core.transforms, odibi_core.patterns):
        for module in pkgutil.iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
    assert [sorted(registry.names) for registry in (TRANSFORMS, OPERATIONS, PATTERNS)] == expected
    assert [sorted(entry.name for entry in registry) for registry in (TRANSFORMS, OPERATIONS, PATTERNS)] == expected


def test_a_name_imports_its_own_family_only() -> None:
    """In a fresh process: `limit` needs neither joins nor patterns."""
    code = "import sys; from odibi_core.transforms import TRANSFORMS; TRANSFORMS.bind('limit', {'n': 1}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "odibi_core.transforms.rows" in loaded
    assert not {"odibi_core.transforms.joins", "odibi_core.transforms.json_text", "odibi_core.patterns.scd2"} & set(loaded)
