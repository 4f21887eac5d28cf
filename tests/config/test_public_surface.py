"""What the package offers, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from odibi_core import config


@pytest.mark.parametrize("name", config.__all__)
def test_every_public_name_exists(name: str) -> None:
    """Names are imported when they are used; none of them is a typo."""
    assert getattr(config, name) is not None
    assert name in dir(config)


def test_another_name_is_refused() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        config.Nothing  # noqa: B018 - the access is what is tested


def test_loading_a_project_imports_nothing_heavy() -> None:
    """The engine, the cloud and the reports stay out."""
    program = (
        "import sys; from odibi_core.config import load_project, ProjectConfig, resolve, BlobPattern\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"polars", "deltalake", "azure", "narwhals", "sqlglot", "jinja2", "cronsim", "requests", "pyarrow", "openlineage"}
    assert not heavy & set(done.stdout.split())
