"""A rule: a text that must be there, in lower case, for an expression to be tried. Expressions are compiled when they are first needed."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator

from odibi_core.frozen import Frozen

Span = tuple[int, int]


class Rule(Frozen):
    """
    How one kind of secret is found.

    Its expression takes time linear in the text: it begins with a fixed text or a small set of characters, and every quantifier in it
    is possessive or bounded. Its last group that matched is the secret; without groups the whole match is.
    """

    name: str
    signs: tuple[str, ...]  # one of them stands in the text in lower case, or the rule is not tried
    pattern: str
    really: Callable[[re.Match[str]], bool] | None = None  # looks closer at a match

    def find(self, text: str) -> Iterator[Span]:
        """Where the secrets of this kind stand."""
        for match in compiled(self.pattern).finditer(text):
            if self.really is None or self.really(match):
                yield match.span(match.lastindex or 0)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression, compiled once in a process."""
    return re.compile(pattern)


def spans_of(rules: Iterable[Rule], text: str, lowered: str) -> Iterator[Span]:
    """What several rules find."""
    for rule in rules:
        for sign in rule.signs:
            if sign in lowered:
                yield from rule.find(text)
                break
