"""Nothing in the project knows the machine it was written on, or where packages come from."""

from __future__ import annotations

import json

from tests.house.files import lines_with, texts

_FOLDERS = r"(?<![\w.}\-/])/(?:work|home|root)/"
_TEMPORARY = r"(?<![\w.}\-/])/tmp/"
_REGISTRIES = r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|proxy\.golang\.org|crates\.io|conda\.anaconda\.org)\b"
_MINE = "tests/house/test_addresses.py"


def test_no_file_names_a_folder_of_a_machine() -> None:
    """Work folders and homes nowhere, the temporary folder only in tests."""
    others = {name: text for name, text in texts().items() if name != _MINE}
    assert lines_with(_FOLDERS, others) == []
    assert lines_with(_TEMPORARY, {name: text for name, text in others.items() if not name.startswith("tests/")}) == []


def test_no_file_names_a_package_registry() -> None:
    """Whoever installs chooses it; the hashes say whether the right thing came."""
    assert lines_with(_REGISTRIES, {name: text for name, text in texts().items() if name != _MINE}) == []


def test_no_lock_says_where_a_package_came_from() -> None:
    """A package-lock has versions and hashes, and no `resolved`; there is no lock of uv, which would hold addresses."""
    locks = {name: json.loads(text) for name, text in texts().items() if name.endswith("package-lock.json")}
    assert locks
    for lock in locks.values():
        packages = {path: package for path, package in lock["packages"].items() if path}
        assert [path for path, package in packages.items() if "resolved" in package] == []
        assert [path for path, package in packages.items() if "integrity" not in package] == []
    assert "uv.lock" not in texts()
