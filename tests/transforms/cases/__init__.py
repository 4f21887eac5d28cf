"""What each transform makes of rows written by hand: one module per family. Every module here is found by itself."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.transforms.cases.case import Case

_MODULES = [
    import_module(f"{__name__}.{file.stem}") for file in sorted(Path(__file__).parent.glob("*.py")) if file.stem not in ("__init__", "case")
]
CASES: list[Case] = [case for module in _MODULES for case in module.CASES]
MISSING: list[tuple] = [call for module in _MODULES for call in module.MISSING]  # (registry, name, params): each needs a column `key`
