"""The layers hold, and they are watched: each contract is broken once to see that it says so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT

CONTRACTS = ("layers", "adapters", "local", "cycles")
BREACHES = {
    "a word that everybody uses knows a higher layer": ("odibi_core/errors.py", "import odibi_core.ports", "layers"),
    "the runtime knows an engine": ("odibi_core/runtime/retry.py", "import odibi_core.engines.polars", "layers"),
    "two adapters know each other": ("odibi_core/catalog/rows.py", "import odibi_core.storage.urls", "layers"),
    "the planner knows what happens": ("odibi_core/planning/graph.py", "import odibi_core.runtime.retry", "layers"),
    "checks know transforms": ("odibi_core/checks/specs.py", "import odibi_core.transforms", "layers"),
    "a new module has no layer": ("odibi_core/toolbox.py", "import json", "layers"),
    "a new folder has no layer": ("odibi_core/things/__init__.py", "import json", "layers"),
    "a report reaches for an engine's library": ("odibi_core/story/words.py", "import polars", "adapters"),
    "the runtime reaches for the table format": ("odibi_core/runtime/retry.py", "import deltalake", "adapters"),
    "a transform reaches for Spark": ("odibi_core/transforms/rows.py", "import pyspark.sql", "adapters"),
    "the planner reaches for the cloud": ("odibi_core/planning/graph.py", "import azure.identity", "adapters"),
    "the product knows the cloud on a laptop": ("odibi_core/hosts/arrivals.py", "import odibi_local.cloud", "local"),
    "two modules of a layer go round in a circle": ("odibi_core/storage/urls.py", "import odibi_core.storage.connections", "cycles"),
}


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Check one contract of the project in a folder."""
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache", "--no-logo", "--contract", contract]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_contract_holds(contract: str) -> None:
    """Everybody imports only what the layer allows."""
    done = lint(ROOT, contract)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_seen(breach: str, tmp_path: Path) -> None:
    """Put one wrong import into a copy of the project: the contract that forbids it says so."""
    file, statement, contract = BREACHES[breach]
    for package in ("odibi_core", "odibi_local"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / file
    target.parent.mkdir(parents=True, exist_ok=True)
    present = target.read_text("utf-8") if target.exists() else '"""New."""\n'
    target.write_text(f"{present}\n{statement}\n", "utf-8")
    done = lint(tmp_path, contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert Path(file).stem.replace("__init__", Path(file).parent.name) in done.stdout
