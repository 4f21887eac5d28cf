"""Time and memory of whole processes. This process stays small: on Linux a child starts with the peak memory of its parent."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process, from its start to its end."""

    seconds: float  # wall clock
    cpu_seconds: float  # user and system, of all its threads
    peak_mb: float  # largest resident set


@dataclass(frozen=True, kw_only=True)
class Result:
    """What several runs of the same command took."""

    runs: tuple[Run, ...]

    def median(self, what: str) -> float:
        """The median of one of the numbers of a run."""
        return statistics.median(getattr(run, what) for run in self.runs)

    def best(self, what: str) -> float:
        """The least of one of the numbers of a run."""
        return min(getattr(run, what) for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command to measure."""

    command: Sequence[str]  # arguments of this interpreter
    before: Callable[[], None] = lambda: None  # not measured
    environment: Mapping[str, str] = field(default_factory=dict)  # beside this process's own


def alternating(cases: Mapping[str, Case], *, rounds: int) -> dict[str, Result]:
    """
    Run the cases in turn, so that a busy minute of the machine meets all of them alike.

    A first round is not counted: it fills the caches of the disk and compiles Python's bytecode.
    """
    runs: dict[str, list[Run]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            case.before()
            run = _run(case)
            if number:
                runs[name].append(run)
    return {name: Result(runs=tuple(found)) for name, found in runs.items()}


def _run(case: Case) -> Run:
    """
    Raises:
        RuntimeError: If the process fails; with what it wrote to standard error.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in {"PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME"}}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *case.command],
        cwd=ROOT,
        env={**inherited, **case.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()  # until its end: a process that fills the pipe would wait for us
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(case.command)} ended with {process.returncode}:\n{said.decode(errors='replace')}")
    per_mb = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Run(seconds=seconds, cpu_seconds=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / per_mb)


def without(*folders: Path) -> Callable[[], None]:
    """Removes folders."""

    def remove() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    return remove


def table(results: Mapping[str, Result]) -> str:
    """The numbers, one case per line."""
    lines = [f"{'':<26}{'wall s':>9}{'least':>9}{'cpu s':>9}{'least':>9}{'peak MB':>9}"]
    for name, result in results.items():
        numbers = [
            result.median("seconds"),
            result.best("seconds"),
            result.median("cpu_seconds"),
            result.best("cpu_seconds"),
        ]
        lines.append(f"{name:<26}{''.join(f'{number:>9.3f}' for number in numbers)}{result.median('peak_mb'):>9.0f}")
    return "\n".join(lines)


def target(text: str, value: float, limit: float) -> str:
    """One line that says whether a target is met."""
    return f"  {'met   ' if value <= limit else 'missed'}  {text}: {value:.2f}, at most {limit:.2f}"
