"""How much of a corpus of secrets is found, how many harmless lines are changed, and what a line costs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from benchmarks.measure import target
from odibi_core.redaction import Redactor
from tests.redaction.corpus import Line, kept_in, secrets
from tests.redaction.harmless_lines import harmless

_SEED = 7_000_000
_KNOWN = 60  # secrets of the process
_WIDTH = 200


def measure(rounds: int) -> None:
    """Every round is another seed."""
    lines = [line for number in range(rounds) for line in secrets(_SEED + number, 1)]
    plain = [line for number in range(rounds) for line in harmless(_SEED + number, 1)]
    redactor = Redactor()
    lost = [line for line in lines if kept_in(redactor.text(line.text), line.secret)]
    changed = [line for line in plain if redactor.text(line.text) != line.text]
    azure = [line for line in lines if line.azure]
    print(f"  {len(lines)} lines with a secret, {len(azure)} of them of Azure; {len(plain)} harmless lines")
    print(target("secrets that were not found, %", 100 * len(lost) / len(lines), 5))
    print(target("of Azure, %", 100 * sum(line.azure for line in lost) / len(azure), 1))
    print(target("harmless lines that were changed, %", 100 * len(changed) / len(plain), 3))
    print(target(f"a line of {_WIDTH} characters, {_KNOWN} secrets known, ms of cpu", _milliseconds([*lines, *plain]), 0.5))
    for letter in ("a", "password=a b ", "A+/="):
        half, whole = (_seconds(letter * (length // len(letter))) for length in (500_000, 1_000_000))
        print(target(f"a megabyte of {letter!r}, beside half of it", whole / half, 3))
    _tell(lost)


def _milliseconds(lines: Sequence[Line]) -> float:
    redactor = Redactor()
    for number in range(_KNOWN):
        redactor.register(f"a-secret-of-this-process-{number}/+")
    wide = [(f"{line.text} {line.context} " * 9)[:_WIDTH] for line in lines]
    for text in wide[:200]:
        redactor.text(text)
    began = time.process_time()
    for text in wide:
        redactor.text(text)
    return 1000 * (time.process_time() - began) / len(wide)


def _seconds(text: str) -> float:
    redactor = Redactor()
    redactor.text(text[:1000])
    began = time.process_time()
    redactor.text(text)
    return time.process_time() - began


def _tell(lost: Sequence[Line]) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in lost:
        kinds[line.kind].append(line.context)
    for kind, contexts in sorted(kinds.items()):
        print(f"  not found: {kind} in {', '.join(sorted(set(contexts)))}")
