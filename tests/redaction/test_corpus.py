"""The targets, on lines that nobody tuned anything for: what is found, what is left alone, and how long it takes."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from odibi_core.redaction import REDACTED, Redactor
from tests.redaction.corpus import ALONE, CONNECTIONS, WITH_KEY, Line, kept_in, secrets
from tests.redaction.harmless_lines import harmless

SEED = 20261128


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(secrets(SEED, 2))


@pytest.fixture(scope="module")
def plain() -> list[Line]:
    return list(harmless(SEED, 3))


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """Knows nothing: what is found is found by its form."""
    return Redactor()


def test_the_corpus_is_large(lines: list[Line], plain: list[Line]) -> None:
    """Many kinds in many surroundings."""
    assert len(ALONE) + len(WITH_KEY) + len(CONNECTIONS) > 120
    assert len(lines) > 2000
    assert len({line.text for line in plain}) > 400
    assert all(line.secret in line.text for line in lines)


def test_secrets_are_found(lines: list[Line], redactor: Redactor) -> None:
    """95 of 100, of Azure's 99, and of every kind nearly all."""
    lost = [line for line in lines if kept_in(redactor.text(line.text), line.secret)]
    assert 1 - len(lost) / len(lines) >= 0.99
    azure = [line for line in lines if line.azure]
    assert 1 - sum(line.azure for line in lost) / len(azure) >= 0.995
    all_of, lost_of = Counter(line.kind for line in lines), Counter(line.kind for line in lost)
    assert {kind for kind in lost_of if lost_of[kind] / all_of[kind] > 0.1} == set()


def test_harmless_lines_stay(plain: list[Line], redactor: Redactor) -> None:
    """At most 3 of 100 change."""
    changed = [line.text for line in plain if redactor.text(line.text) is not line.text]
    assert len(changed) / len(plain) <= 0.01, changed


def test_redacting_again_changes_nothing(lines: list[Line], redactor: Redactor) -> None:
    """A text passes several borders on its way."""
    once = [redactor.text(line.text) for line in lines]
    assert [(text, redactor.text(text)) for text in once if redactor.text(text) != text] == []


def test_only_the_secret_goes(lines: list[Line], redactor: Redactor) -> None:
    """What stands before and behind a secret that is known by itself stays."""
    words = {"log line": ("2026-11-22T10:00:03Z ERROR loader: request with ", " was refused"), "csv": ("4711,ada,", ",2026-11-22")}
    wrong = []
    for line in lines:
        if line.context in words and line.kind in ALONE and line.kind != "slack hook":
            before, after = words[line.context]
            if redactor.text(line.text) != f"{before}{REDACTED}{after}":
                wrong.append(redactor.text(line.text))
    assert wrong == []


def test_json_stays_json(lines: list[Line], redactor: Redactor) -> None:
    """Whoever reads the log reads on."""
    for line in lines:
        if line.text.startswith("{") and line.context in {"json", "json, no spaces", "app setting"}:
            json.loads(line.text)
            json.loads(redactor.text(line.text))


def test_a_line_takes_less_than_half_a_millisecond(lines: list[Line], plain: list[Line]) -> None:
    """Lines of 200 characters, in a process that knows 60 secrets; time of the processor."""
    redactor = Redactor()
    for number in range(60):
        redactor.register(f"a-secret-of-this-process-{number}/+")
    wide = [(line.text + " " + other.text + " " * 200)[:200] for line, other in zip(lines[::4], plain * 9, strict=False)]
    redactor.text("compile first: password=abc, https://a:b@c/?sig=d")
    for text in wide:
        redactor.text(text)
    start = time.process_time()
    for text in wide:
        redactor.text(text)
    assert (time.process_time() - start) / len(wide) < 0.0005
