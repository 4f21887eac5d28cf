"""The secrets that this process knows, and where they stand in a text. The time does not depend on how many there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from odibi_core.redaction.names import set_of
from odibi_core.redaction.spellings import parts, spellings

Span = tuple[int, int]
MIN_LENGTH = 6  # a shorter value would be found inside ordinary words
_HARMLESS = frozenset({"", "true", "false", "yes", "no", "on", "off", "null", "none", "dev", "test", "stage", "prod", "local"})
# Whoever chooses one of these as a password does not lose the word everywhere: it goes only where a key says that it is one.
COMMON_WORDS = set_of(
    """password passwort passwd secret secrets default changeme welcome letmein qwerty admin administrator postgres postgresql
    mysql mssql sqlserver oracle mongodb redis guest public private master system service server client account database storage
    container landing bronze silver staging production development testing testtest sandbox preview release localhost example sample
    customer customers invoice invoices payment payments pipeline pipelines running failed succeeded
    success warning error errors finished started overwrite append upsert delta parquet string integer boolean
    westeurope northeurope eastus eastus2 westus westus2 westus3 centralus uksouth ukwest switzerlandnorth germanywestcentral
    swedencentral francecentral"""
)


class Registry:
    """Values and their spellings. Safe to share between threads: what is read is replaced, never changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[tuple[str, bool]] = set()
        self._begins: dict[str, tuple[str, ...]] = {}  # the first characters → what begins so, the longest first
        self.whole: frozenset[str] = frozenset()  # looked for only where it is everything, or stands alone behind a key
        self._short: tuple[str, ...] = ()  # too short to look for inside a word

    def add(self, value: str, *, always: bool) -> None:
        """Know a value from now on, in every spelling, and the secrets inside it."""
        if (value, always) in self._known:
            return
        found: set[str] = set()
        short: set[str] = set()
        for text in {value, value.strip()}:
            self._sort_in(text, always, found, short)
        for part in parts(value):
            self._sort_in(part, always, found, short)
        with self._lock:
            self._known.add((value, always))
            self.whole |= {text for text in short if text}
            self._short = tuple(sorted({*self._short, *(text for text in short if always and _stands_out(text))}, key=len, reverse=True))
            begins = dict(self._begins)
            for spelling in found:
                start = spelling[:MIN_LENGTH]
                begins[start] = tuple(sorted({*begins.get(start, ()), spelling}, key=len, reverse=True))
            self._begins = begins

    @staticmethod
    def _sort_in(text: str, always: bool, found: set[str], short: set[str]) -> None:
        if len(text) >= MIN_LENGTH and text.lower() not in COMMON_WORDS:
            found.update(spelling for spelling in spellings(text) if len(spelling) >= MIN_LENGTH)
        elif text and (always or not (text.lower() in _HARMLESS or text.isdigit() or text.lower() in COMMON_WORDS)):
            short.add(text)

    def find(self, text: str) -> Iterator[Span]:
        """Where known values stand; of those that begin at one place the longest."""
        begins = self._begins
        if begins:
            for place in [place for place in range(len(text) - MIN_LENGTH + 1) if text[place : place + MIN_LENGTH] in begins]:
                for spelling in begins[text[place : place + MIN_LENGTH]]:
                    if text.startswith(spelling, place):
                        yield place, place + len(spelling)
                        break
        for value in self._short:
            place = text.find(value)
            while place >= 0:
                end = place + len(value)
                if not (text[place - 1 : place].isalnum() or text[end : end + 1].isalnum()):
                    yield place, end
                place = text.find(value, end)


def _stands_out(text: str) -> bool:
    """Whether a short value is no word and no number, so that it can be looked for where it stands alone."""
    return len(text) >= 4 and not text.isalpha() and not text.isdigit()
