"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys

from tests.house.files import ROOT, texts

REFERENCE = "docs/reference/"


def test_the_reference_pages_are_current() -> None:
    """After a change of models, transforms, patterns or checks: `make reference`. In its own process: tests register functions, too."""
    command = [sys.executable, "-m", "tests.tools.reference", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.stdout, checked.returncode) == ("", 0)


def test_every_name_has_a_summary_and_transforms_an_example() -> None:
    """A reader learns what it does, and how it is written."""
    assert "\n## deduplicate\n\nKeep one row per key" in texts()[f"{REFERENCE}transformers.md"]
    assert "\n## scd2\n\nKeep every version" in texts()[f"{REFERENCE}patterns.md"]
    assert "| `mode` | overwrite" in texts()[f"{REFERENCE}keys.md"]
    for name in ("transformers.md", "patterns.md"):
        sections = texts()[f"{REFERENCE}{name}"].split("\n## ")[1:]
        assert [section.partition("\n")[0] for section in sections if "*Example*: " not in section] == []
