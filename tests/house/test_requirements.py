"""What is installed is what pyproject.toml asks for, and nothing else can come instead."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.files import ROOT
from tests.tools.registry import settings_of
from tests.tools.requirements import FILES, RegistryAwayError, differences
from tests.tools.set_up import locked

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
_DIRECT = _PROJECT["project"]["dependencies"]
_DEVELOPMENT = [*_DIRECT, *_PROJECT["project"]["optional-dependencies"]["cli"], *_PROJECT["dependency-groups"]["dev"]]


def pins(name: str) -> dict[str, list[Version]]:
    """The versions of each package in a requirements file: several where they depend on the Python."""
    found: dict[str, list[Version]] = {}
    for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE):
        found.setdefault(canonicalize_name(package), []).append(Version(version))
    return found


@pytest.mark.parametrize(("name", "asked"), [("requirements.txt", _DIRECT), ("requirements-dev.txt", _DEVELOPMENT)])
def test_every_dependency_is_pinned_to_a_version_it_allows(name: str, asked: list[str]) -> None:
    """Can be told without a registry: each requirement of pyproject.toml has its pins, and they fit."""
    pinned = pins(name)
    for requirement in map(Requirement, asked):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in {name}: run 'make requirements-update'"
        assert all(version in requirement.specifier for version in versions)


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_hashes_and_no_file_has_an_address(name: str) -> None:
    """Then it does not matter where a package is fetched from."""
    text = (ROOT / name).read_text("utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block.split(" ")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"://|^\s*--(?:extra-)?index-url|^\s*--find-links|^\s*-[ief]\b", text, re.MULTILINE)


def test_development_runs_on_the_versions_that_are_deployed() -> None:
    """requirements-dev.txt holds requirements.txt."""
    development = pins("requirements-dev.txt")
    assert {package: development.get(package) for package in pins("requirements.txt")} == pins("requirements.txt")


def test_a_command_line_tool_is_not_deployed() -> None:
    """What only people use stays out of the package that Azure unpacks at a cold start."""
    assert not {"typer", "pytest", "mypy", "uv", "pyarrow", "pyspark"} & set(pins("requirements.txt"))


@pytest.mark.parametrize("name", FILES)
def test_the_requirements_are_current(name: str) -> None:
    """The whole answer needs a registry; without one `make requirements` fails, and this test is skipped."""
    try:
        assert differences(name) == []
    except RegistryAwayError as away:
        pytest.skip(f"no package registry can be reached: {str(away).splitlines()[0]}")


def test_uv_asks_the_registry_that_pip_is_configured_for() -> None:
    """The first, stronger setting counts; what uv has no use for is left out."""
    listing = ":env:.index-url='https://mirror.example/simple'\nglobal.index-url='https://other.example/simple'\nglobal.timeout='60'\n"
    assert settings_of(listing) == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}


def test_one_package_can_be_cut_out_of_the_lock() -> None:
    """The set-up installs uv first, by its hashes."""
    uv = "uv==0.13 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n    # via x\n"
    wrapt = "wrapt==2.5 \\\n    --hash=sha256:dd\n"
    text = f"urllib3==2.0 \\\n    --hash=sha256:aa\n{uv}{wrapt}"
    assert locked(text, "uv") == uv
    assert locked(text, "wrapt") == wrapt
