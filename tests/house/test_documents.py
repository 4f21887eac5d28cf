"""What the documents say is there."""

from __future__ import annotations

import re

import pytest

from tests.house.files import ROOT, python_texts, texts

_DECISIONS = sorted(name for name in texts() if re.fullmatch(r"docs/decisions/\d{4}-[a-z-]+\.md", name))


def test_the_readme_starts_with_the_demo_and_the_tests() -> None:
    """The first commands that a reader meets are `make demo` and `make test`."""
    commands = re.findall(r"make [a-z-]+", texts()["README.md"])
    assert commands[:2] == ["make demo", "make test"]


def test_every_make_target_that_is_named_exists() -> None:
    """In the documents, in CI and in the commit hooks."""
    targets = set(re.findall(r"^([a-z-]+):", texts()["Makefile"], re.MULTILINE))
    naming = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".pre-commit-config.yaml", ".github/workflows/ci.yml", "docs/README.md")
    named = {target for name in naming for target in re.findall(r"(?:`|entry: |run: )make ([a-z-]+)", texts()[name])}
    assert named
    assert named <= targets
    listed = re.search(r"for target in ([a-z -]+);", texts()[".ci/run"])
    assert listed is not None
    assert set(listed[1].split()) <= targets


@pytest.mark.parametrize("name", _DECISIONS)
def test_every_decision_says_why_and_what_follows(name: str) -> None:
    """Context, decision, consequences, and a place in the index."""
    headings = re.findall(r"^## (.+)$", texts()[name], re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    assert name.removeprefix("docs/") in texts()["docs/README.md"]


def test_decisions_are_numbered_without_gaps() -> None:
    """So that a number is taken once."""
    assert [int(name.split("/")[2][:4]) for name in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))


def test_every_link_between_documents_leads_somewhere() -> None:
    """Relative links of the Markdown files name files that exist."""
    broken = [
        f"{name}: {link}"
        for name, text in texts().items()
        if name.endswith(".md")
        for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
        if not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert broken == []


def test_every_setting_that_the_product_reads_is_in_the_operators_page() -> None:
    """Each ODIBI_… variable of the code is explained in infra/README.md."""
    code = "\n".join(python_texts("odibi_core", "function_app.py").values())
    read = {name for name in re.findall(r"\bODIBI_[A-Z]+(?:_[A-Z]+)*\b", code) if not name.endswith("_")}
    known = set(re.findall(r"\bODIBI_[A-Z_]+\b", texts()["infra/README.md"]))
    assert read - known == set()
