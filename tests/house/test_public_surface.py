"""What a package offers can be imported, and importing costs what it should."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys

import pytest

from tests.house.files import ROOT, python_texts

PACKAGES = [
    name.removesuffix("/__init__.py").replace("/", ".")
    for name in python_texts("odibi_core", "odibi_local")
    if name.endswith("__init__.py")
]
OFFERING = [name for name in PACKAGES if "__all__" in (ROOT / name.replace(".", "/") / "__init__.py").read_text("utf-8")]
CLOUD = {"azure.identity", "azure.keyvault", "azure.servicebus", "azure.storage"}
ENGINES = {"polars", "deltalake", "narwhals", "pandas", "pyarrow", "pyspark", "numpy", "sqlglot"}
REPORTS = {"jinja2", "openlineage", "typer", "rich"}


@pytest.mark.parametrize("name", OFFERING)
def test_every_name_that_a_package_offers_exists(name: str) -> None:
    """Names in `__all__` are no typos, and none is there twice."""
    package = importlib.import_module(name)
    assert [public for public in package.__all__ if not hasattr(package, public)] == []
    assert len(set(package.__all__)) == len(package.__all__)


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads into a fresh Python, without those that were there before."""
    program = f"import json, sys; before = set(sys.modules)\n{statement}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ODIBI_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_product_costs_nothing() -> None:
    """`import odibi_core` loads itself and no other module of ours or anybody's."""
    assert {name for name in loaded_by("import odibi_core") if name.partition(".")[0] not in sys.stdlib_module_names} == {"odibi_core"}


def test_the_functions_app_is_indexed_without_anything_heavy() -> None:
    """The host imports the app at every cold start, before any event: engine, cloud clients and reports have to wait."""
    assert (ROOT / "function_app.py").is_file(), "function_app.py is missing: Azure would find no function"
    loaded = loaded_by("import function_app")
    assert (CLOUD | ENGINES | REPORTS) & loaded == set()
    assert len([name for name in loaded if name.startswith("odibi_core")]) <= 20
