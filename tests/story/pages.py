"""Read a page as a browser would: elements, attributes and text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from odibi_core.events import AnyRunEvent

GLOBAL = {"class", "id", "aria-label", "aria-labelledby", "aria-hidden", "role"}
PLAIN = """
head title style body header main footer nav section h1 h2 h3 p b span div dl dt dd ul li code pre summary table caption thead tbody tr td
"""
ALLOWED: dict[str, set[str]] = {tag: set() for tag in PLAIN.split()} | {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "a": {"href"},
    "details": {"open"},
    "th": {"scope"},
    "svg": {"width", "height", "viewbox"},
    "g": {"transform"},
    "path": {"d", "stroke-width"},
    "rect": {"x", "y", "width", "height", "rx"},
    "circle": {"r"},
    "text": {"x", "y"},
}
VOID = {"meta"}


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []
        self.others: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.words.append((self._open[-1] if self._open else "", data))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements and the names of their attributes, without any value."""
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.elements]

    def text(self, *, of: str | None = None) -> str:
        return "".join(data for tag, data in self.words if of is None or tag == of)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def assert_harmless(page: Page) -> None:
    """Only known elements and attributes, and links that stay on the page or with its two companions."""
    for tag, attributes in page.elements:
        assert tag in ALLOWED, tag
        unknown = set(attributes) - ALLOWED[tag] - GLOBAL
        assert not unknown, (tag, unknown)
        for name, value in attributes.items():
            if name == "href":
                assert value in {"story.json", "run.md"} or str(value).startswith("#"), value
    assert page.others == []


def everywhere(events: list[AnyRunEvent], text: str) -> list[AnyRunEvent]:
    """The events with a text put before every text in them, so that what was equal stays equal."""
    return [type(event).model_validate(_put(event.model_dump(), text)) for event in events]


_WORDS = {"status", "severity", "of"}


def _put(value: Any, text: str, key: str = "") -> Any:
    if isinstance(value, str):
        return value if key in _WORDS or (key == "kind" and value in _KINDS) else text + value
    if isinstance(value, dict):
        return {name: _put(part, text, name) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_put(part, text, key) for part in value)
    return value


_KINDS = {
    "run_started", "node_started", "node_handed_off", "node_retried", "node_finished", "node_skipped", "run_finished",
    "blob", "timer", "request", "delta", "staged", "memory",
}  # fmt: skip
