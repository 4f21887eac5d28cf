"""`python -m benchmarks [startup|small|large|cloud|shapes|growth|redaction|checks|all]`: each target beside its baseline, in one run."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.data import write_orders
from benchmarks.measure import ROOT, Case, Result, alternating, table, target, without


def startup(rounds: int) -> None:
    """A worker that indexes its triggers, beside the libraries that no such worker can do without."""
    print("\nA  import of the Functions app")
    if not (ROOT / "function_app.py").exists():
        print("  not measured: there is no function_app.py")
        return
    cases = {
        "three libraries": Case(command=["-c", "import azure.functions, yaml, pydantic"]),
        "function_app": Case(command=["-c", "import function_app"]),
    }
    results = alternating(cases, rounds=rounds)
    print(table(results))
    for what in ("seconds", "cpu_seconds"):
        print(target(f"{_NAMES[what]}, ratio", _ratio(results, what, "function_app", "three libraries"), 1.5))


def small(rounds: int) -> None:
    """A thousand orders: what the product costs before the data matter."""
    print("\nB  odibi run, 1,000 rows")
    results = _beside_by_hand(rows=1_000, rounds=rounds, cold=True)
    print(table(results))
    for what in ("seconds", "cpu_seconds"):
        print(target(f"{_NAMES[what]}, ratio", _ratio(results, what, RUN, BY_HAND), 2.0))
        print(target(f"{_NAMES[what]}, seconds more", results[RUN].median(what) - results[BY_HAND].median(what), 0.5))


def large(rounds: int) -> None:
    """A million orders: what the product costs on top of each row."""
    print("\nC  odibi run, 1,000,000 rows")
    results = _beside_by_hand(rows=1_000_000, rounds=rounds, cold=False)
    print(table(results))
    for what in ("seconds", "cpu_seconds", "peak_mb"):
        print(target(f"{_NAMES[what]}, ratio", _ratio(results, what, RUN, BY_HAND), 1.15))


def cloud(rounds: int) -> None:
    """From upload to story, and files per second, on the local cloud."""
    from benchmarks.cloud import measure

    print("\nD  from upload to story, on the local cloud")
    measure(rounds)


def shapes(rounds: int) -> None:
    """What a node costs beside the same work by hand."""
    from benchmarks.shapes import NODES, measure

    print("\nE  six shapes of nodes: 1.2 × at most")
    measure(rounds, tuple(NODES))


def growth(rounds: int) -> None:
    """Whether a table twice as large costs about twice."""
    del rounds
    from benchmarks.shapes import NODES, curve

    print("\nF  seconds of a node, and how they grow")
    curve(tuple(NODES))


def redaction(rounds: int) -> None:
    """What is found and what it costs: ratios, no other program beside it."""
    from benchmarks.redaction import measure

    print("\nG  redaction, on a corpus that is made up anew")
    measure(rounds)


def checks(rounds: int) -> None:
    """What ten checks cost."""
    from benchmarks.checks import measure

    print("\nH  ten checks of 5,000,000 rows")
    measure(rounds)


BY_HAND, RUN, FIRST_RUN = "by hand", "odibi run", "odibi run, first ever"
_NAMES = {"seconds": "wall clock", "cpu_seconds": "cpu time", "peak_mb": "peak memory"}
_ROUNDS: dict[str, tuple[Callable[[int], None], int]] = {
    "startup": (startup, 15),
    "small": (small, 7),
    "large": (large, 5),
    "cloud": (cloud, 5),
    "shapes": (shapes, 5),
    "growth": (growth, 1),
    "redaction": (redaction, 3),
    "checks": (checks, 5),
}


def _beside_by_hand(*, rows: int, rounds: int, cold: bool) -> dict[str, Result]:
    """The demo's orders pipeline in a folder of its own, with a fresh lake and system store for every run."""
    with tempfile.TemporaryDirectory(prefix="odibi-benchmark-") as folder:
        home = Path(folder)
        project, by_hand, cache = home / "odibi", home / "by_hand", home / "cache"
        for place in (project, by_hand):
            shutil.copytree(ROOT / "pipelines", place, ignore=shutil.ignore_patterns("landing", "lake", ".odibi"))
        orders = project / "landing/orders/2026-11-22.csv"
        write_orders(orders, rows)
        shutil.copytree(project / "landing", by_hand / "landing")
        command = ["-m", "odibi_core.cli.main", "run", str(project / "odibi.yaml"), "--pipeline", "orders"]
        fresh, environment = (project / "lake", project / ".odibi"), {"XDG_CACHE_HOME": str(cache)}
        cases = {
            BY_HAND: Case(command=["-m", "benchmarks.by_hand", str(by_hand)], before=without(by_hand / "lake")),
            RUN: Case(command=command, before=without(*fresh), environment=environment),
        }
        if cold:
            nothing = {"XDG_CACHE_HOME": str(home / "no_cache")}
            cases[FIRST_RUN] = Case(command=command, before=without(*fresh, home / "no_cache"), environment=nothing)
        results = alternating(cases, rounds=rounds)
        subprocess.run([sys.executable, "-m", "benchmarks.same", by_hand / "lake", project / "lake"], cwd=ROOT, check=True)
        return results


def _ratio(results: dict[str, Result], what: str, ours: str, theirs: str) -> float:
    return results[ours].median(what) / results[theirs].median(what)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", nargs="?", choices=[*_ROUNDS, "all"], default="all")
    parser.add_argument("--rounds", type=int, help="how often each case runs; without it 15, 7, 5, 5 and 5")
    given = parser.parse_args()
    for name, (measure, rounds) in _ROUNDS.items():
        if given.which in {name, "all"}:
            measure(given.rounds or rounds)


if __name__ == "__main__":
    main()
