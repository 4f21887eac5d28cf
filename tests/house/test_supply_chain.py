"""What is deployed is known: a bill of materials, an audit that says when it knows nothing, workflows pinned to commits."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT
from tests.house.test_requirements import pins
from tests.tools import audit, sbom

REQUIREMENTS = """\
alpha==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via odibi-core (pyproject.toml)
beta-lib==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:{c}
    # via
    #   alpha
    #   odibi-core (pyproject.toml)
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_a_bill_of_materials_names_packages_hashes_and_who_needs_whom() -> None:
    """As CycloneDX 1.6 has it."""
    found = sbom.bill(sbom.pins_in(REQUIREMENTS), {("alpha", "1.0"): "MIT"})
    root = found["metadata"]["component"]["bom-ref"]
    assert (found["bomFormat"], found["specVersion"], root[:20]) == ("CycloneDX", "1.6", "pkg:pypi/odibi-core@")
    alpha, beta = found["components"]
    assert (alpha["purl"], alpha["scope"], alpha["licenses"]) == ("pkg:pypi/alpha@1.0", "required", [{"license": {"name": "MIT"}}])
    hashes = [reference["hashes"] for reference in alpha["externalReferences"]]
    assert hashes == [[{"alg": "SHA-256", "content": "a" * 64}], [{"alg": "SHA-256", "content": "b" * 64}]]
    assert (beta["scope"], beta["properties"][0]["value"]) == ("optional", "python_full_version >= '3.12'")
    assert {entry["ref"]: entry["dependsOn"] for entry in found["dependencies"]} == {
        root: ["pkg:pypi/alpha@1.0", "pkg:pypi/beta-lib@2.0"],
        "pkg:pypi/alpha@1.0": ["pkg:pypi/beta-lib@2.0"],
        "pkg:pypi/beta-lib@2.0": [],
    }


def test_the_bill_holds_everything_that_is_deployed(tmp_path: Path) -> None:
    """Each pin once, with its hashes, needed by something; the same requirements give the same bytes."""
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    assert [sbom.main([str(file)]) for file in files] == [0, 0]
    assert files[0].read_bytes() == files[1].read_bytes()
    found = json.loads(files[0].read_text())
    there = {(component["name"], component["version"]) for component in found["components"]}
    assert there == {(name, str(version)) for name, versions in pins("requirements.txt").items() for version in versions}
    assert all(reference["hashes"] for component in found["components"] for reference in component["externalReferences"])
    needed = {ref for entry in found["dependencies"] for ref in entry["dependsOn"]}
    assert {component["bom-ref"] for component in found["components"]} == needed


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ("No known vulnerabilities found", 0, 0),
        ("Found 1 known vulnerability in 1 package", 1, 1),
        ("ERROR: x: Dependency not found on PyPI and could not be audited: x (1)", 1, 2),
        ("requests.exceptions.ConnectionError: Max retries", 1, 2),
    ],
)
def test_an_audit_that_learned_nothing_does_not_say_that_all_is_well(said: str, status: int, expected: int) -> None:
    """A registry without an answer, or no network: exit code 2, and neither 0 nor 1."""
    command = [sys.executable, "-c", f"import sys; print({said!r}); sys.exit({status})"]
    assert audit.audited(command, ROOT / "requirements.txt")[0] == expected


def test_every_action_is_pinned_to_a_commit() -> None:
    """A tag can be moved to other code."""
    used = [
        reference
        for file in (ROOT / ".github" / "workflows").glob("*.yml")
        for reference in re.findall(r"uses:\s*(\S+)", file.read_text("utf-8"))
    ]
    assert used
    assert [reference for reference in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", reference)] == []


def test_every_threat_has_a_test_that_bears_its_number() -> None:
    """SECURITY.md names the file; in it stands a test of that number."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = {int(number): file for number, file in re.findall(r"^\| T(\d+) \|.*\| \[[^\]]*\]\(([^)]+)\) \|$", text, re.MULTILINE)}
    assert sorted(rows) == list(range(1, 34))
    for number, file in rows.items():
        tests = re.findall(r"^def (test_\w+)", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert any(_bears(test, number) for test in tests), f"T{number} has no test in {file}"


def _bears(test: str, number: int) -> bool:
    """`test_t4_…`, `test_t4_and_t5_…` or `test_t1_to_t3_…`."""
    if match := re.match(r"test_t(\d+)_to_t(\d+)_", test):
        return int(match[1]) <= number <= int(match[2])
    return bool(re.match(rf"test_(?:t\d+_and_)?t{number}_", test))
