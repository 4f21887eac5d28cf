"""Ten checks of five million rows, beside one Polars query that computes the same masks, and beside the node without them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Case, alternating, table, target, without

ROWS = 5_000_000
TESTS: tuple[Mapping[str, Any], ...] = (
    {"type": "not_null", "columns": ["id"]},
    {"type": "not_null", "columns": ["email", "country"]},
    {"type": "unique", "columns": ["row"]},
    {"type": "accepted_values", "column": "country", "values": ["at", "ch", "de", "fr", "it"]},
    {"type": "range", "column": "quantity", "min": 0, "max": 9},
    {"type": "range", "column": "price", "min": 0, "max": 100},
    {"type": "range", "column": "at", "min": "2026-01-01", "max": "2026-12-31"},
    {"type": "regex_match", "column": "email", "pattern": "  Shop"},
    {"type": "custom_sql", "condition": "quantity * price >= 0"},
    {"type": "row_count", "min": 1},
)
_PROJECT = """\
project: checks
connections:
  given: { type: local, base_path: ./given }
  lake: { type: local, base_path: ./lake }
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: { connection: given, format: parquet, path: orders.parquet }
        VALIDATION
        write: { connection: lake, format: delta, path: out }
"""


def measure(rounds: int) -> None:
    """Both ratios, each case in turn with the one beside it."""
    with tempfile.TemporaryDirectory(prefix="odibi-benchmark-") as folder:
        home = Path(folder)
        subprocess.run([sys.executable, "-m", "benchmarks.checks", "data", home / "orders.parquet"], cwd=ROOT, check=True)
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.checks", "masks", home / "orders.parquet", str(rounds)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        print(told.stdout, end="")
        commands = {"the node without checks": "description: plain", "with ten checks": f"validation: {{ tests: {list(TESTS)} }}"}
        cases = {name: _node(home / str(number), home, text) for number, (name, text) in enumerate(commands.items())}
        results = alternating(cases, rounds=rounds)
        print(table(results))
        for what, name in (("seconds", "wall clock"), ("cpu_seconds", "cpu time")):
            print(target(f"{name}, ratio", results["with ten checks"].median(what) / results["the node without checks"].median(what), 1.5))


def _node(project: Path, data: Path, validation: str) -> Case:
    (project / "given").mkdir(parents=True)
    os.link(data / "orders.parquet", project / "given" / "orders.parquet")
    (project / "odibi.yaml").write_text(_PROJECT.replace("VALIDATION", validation), encoding="utf-8")
    return Case(
        command=["-m", "odibi_core.cli.main", "run", str(project / "odibi.yaml")],
        before=without(project / "lake", project / ".odibi"),
        environment={"XDG_CACHE_HOME": str(project / "cache")},
    )


def _masks(file: Path, rounds: int) -> None:
    """The checks over a frame in memory, as they run in a node, and the query that one would write instead."""
    import narwhals as nw
    import polars as pl

    from odibi_core.checks import CheckContext, check_specs, evaluate
    from odibi_core.engines.polars import PolarsEngine
    from odibi_core.planning.compiling import compile_spark

    rows, engine, specs = pl.read_parquet(file), PolarsEngine(), check_specs(TESTS)
    context = CheckContext(sql=engine.sql, compile=compile_spark, compute=lambda frame: engine.cache(frame, {}).frame)
    cases: dict[str, Callable[[], object]] = {
        "by hand": lambda: _by_hand(rows.lazy()),
        "checks": lambda: [one.failed_rows for one in evaluate(nw.from_native(rows.lazy()), specs, context).results],
    }
    if len({str(case()) for case in cases.values()}) != 1:
        raise SystemExit("the checks and the query by hand found different rows")
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            wall, cpu = time.perf_counter(), time.process_time()
            case()
            spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    for place, what in enumerate(("wall clock", "cpu time")):
        median = {name: statistics.median(one[place] for one in times) for name, times in spent.items()}
        print(f"  {what}: checks {median['checks']:.3f} s, by hand {median['by hand']:.3f} s")
        print(target(f"{what}, ratio", median["checks"] / median["by hand"], 1.3))


def _by_hand(rows: Any) -> list[int]:
    from datetime import datetime

    import polars as pl

    first, last = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-12-31")
    masks = {
        "0": pl.col("id").is_null(),
        "1": pl.any_horizontal(pl.col("email").is_null(), pl.col("country").is_null()),
        "2": pl.col("row").is_duplicated(),
        "3": ~pl.col("country").is_in(["at", "ch", "de", "fr", "it"]),
        "4": (pl.col("quantity") < 0) | (pl.col("quantity") > 9),
        "5": (pl.col("price") < 0) | (pl.col("price") > 100),
        "6": (pl.col("at") < first) | (pl.col("at") > last),
        "7": ~pl.col("email").str.contains("^  Shop"),
        "8": ~(pl.col("quantity") * pl.col("price") >= 0),
    }
    counted = rows.select(*(mask.alias(name) for name, mask in masks.items())).select(pl.all().sum()).collect()
    return [*map(int, counted.row(0)), 0]


def main(what: str, file: Path, *given: str) -> None:
    if what == "data":
        from benchmarks.shapes_data import orders

        orders(ROWS).with_row_index("row").write_parquet(file)
    else:
        _masks(file, int(given[0]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
