"""The reference pages say what the code says."""

from __future__ import annotations

from tests.tools.reference import HOME, pages


def test_the_reference_pages_are_current() -> None:
    """After a change of models, transforms, patterns or checks: `make reference`."""
    assert {path.name: path.read_text("utf-8") for path in HOME.glob("*.md")} == pages()


def test_every_name_has_a_summary_and_transforms_an_example() -> None:
    """A reader learns what it does, and how it is written."""
    text = pages()
    assert "\n## deduplicate\n\nKeep one row per key" in text["transformers.md"]
    assert "\n## scd2\n\nKeep every version" in text["patterns.md"]
    assert "| `mode` | overwrite" in text["keys.md"]
    for name in ("transformers.md", "patterns.md"):
        sections = text[name].split("\n## ")[1:]
        assert [section.partition("\n")[0] for section in sections if "*Example*: " not in section] == []
