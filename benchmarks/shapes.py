"""Six kinds of nodes, each beside the same work by hand: what the product costs on top of the engine, and how it grows with the data."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT, target, without

_HEAD = """\
project: shapes
connections:
  given: { type: local, base_path: ./given }
  lake: { type: local, base_path: ./lake }
pipelines:
  - pipeline: shape
    nodes:
"""
_RULE = "SELECT id, LOWER(TRIM(email)) AS email, UPPER(country) AS country, quantity * price AS amount, CAST(at AS DATE) AS day"
# The node of each shape. Its data come from `shapes_data`, the same work by hand is in `shapes_by_hand`.
NODES: Mapping[str, str] = {
    "csv_ingest": """\
      - name: csv_ingest
        read: { connection: given, format: csv, path: orders.csv }
        write: { connection: lake, format: delta, path: out, mode: append, add_metadata: true }
""",
    "sql_clean": f"""\
      - name: sql_clean
        read: {{ connection: given, format: parquet, path: orders.parquet }}
        transform: {{ steps: ["{_RULE} FROM df WHERE quantity > 0"] }}
        write: {{ connection: lake, format: delta, path: out }}
""",
    "deduplicate": """\
      - name: deduplicate
        read: { connection: given, format: parquet, path: orders.parquet }
        transform: { steps: [ { function: deduplicate, params: { keys: [id], order_by: "at DESC" } } ] }
        write: { connection: lake, format: delta, path: out }
""",
    "join_aggregate": """\
      - name: join_aggregate
        inputs:
          df: { connection: given, format: parquet, path: orders.parquet }
          customers: { connection: given, format: parquet, path: customers.parquet }
        transform:
          steps:
            - SELECT c.segment, COUNT(*) AS orders, SUM(o.quantity * o.price) AS amount
              FROM df AS o JOIN customers AS c ON o.customer = c.customer GROUP BY c.segment
        write: { connection: lake, format: delta, path: out }
""",
    "upsert": """\
      - name: upsert
        read: { connection: given, format: parquet, path: changes.parquet }
        write: { connection: lake, format: delta, path: out, mode: upsert, options: { keys: [id] } }
""",
    "scd2": """\
      - name: scd2
        read: { connection: given, format: parquet, path: changes.parquet }
        transformer: scd2
        params: { connection: lake, path: out, keys: [id], track_cols: [country, price], effective_time_col: at }
""",
}
ROWS: Mapping[str, int] = {**dict.fromkeys(NODES, 1_000_000), "upsert": 5_000_000}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run of a node took."""

    seconds: float  # of the node, or of the same work by hand, without the start of the process
    peak_mb: float  # of the process


def measure(rounds: int, shapes: tuple[str, ...], rows: int | None = None) -> None:
    """Each shape beside the same by hand, in turn; medians."""
    print(f"  {'shape':<16}{'rows':>11}{'by hand s':>11}{'node s':>9}{'ratio':>8}{'by hand MB':>12}{'node MB':>9}{'ratio':>8}")
    missed = []
    for shape in shapes:
        by_hand, node = _beside(shape, rows or ROWS[shape], rounds)
        ratios = (node.seconds / by_hand.seconds, node.peak_mb / by_hand.peak_mb)
        print(
            f"  {shape:<16}{rows or ROWS[shape]:>11,}{by_hand.seconds:>11.3f}{node.seconds:>9.3f}{ratios[0]:>8.2f}"
            f"{by_hand.peak_mb:>12.0f}{node.peak_mb:>9.0f}{ratios[1]:>8.2f}",
            flush=True,
        )
        missed += [(f"{shape}, {what}", ratio) for what, ratio in zip(("time", "peak memory"), ratios, strict=True) if ratio > 1.2]
    for what, ratio in missed:
        print(target(what, ratio, 1.2))


def curve(shapes: tuple[str, ...], sizes: tuple[int, ...] = (1_000_000, 2_000_000, 4_000_000, 8_000_000)) -> None:
    """Twice the rows should cost about twice; one run each."""
    print(f"  {'shape':<16}" + "".join(f"{size:>16,}" for size in sizes))
    for shape in shapes:
        costs = [_beside(shape, size, 1)[1] for size in sizes]
        steps = ["", *(f" ×{later.seconds / earlier.seconds:.2f}" for earlier, later in itertools.pairwise(costs))]
        print(f"  {shape:<16}" + "".join(f"{cost.seconds:>9.2f} s{step:>5}" for cost, step in zip(costs, steps, strict=True)), flush=True)


def _beside(shape: str, rows: int, rounds: int) -> tuple[Cost, Cost]:
    with tempfile.TemporaryDirectory(prefix="odibi-benchmark-") as folder:
        home = Path(folder)
        subprocess.run([sys.executable, "-m", "benchmarks.shapes_data", shape, str(home), str(rows)], cwd=ROOT, check=True)
        (home / "odibi.yaml").write_text(_HEAD + NODES[shape])
        by_hand, node = [], []
        for number in range(rounds + 1):  # the first round fills the caches
            costs = (
                _run(home, ["-m", "benchmarks.shapes_by_hand", shape, str(home)], keep=True),
                _run(home, [*_COMMAND, str(home / "odibi.yaml")]),
            )
            if number or rounds == 1:
                by_hand.append(costs[0])
                node.append(costs[1])
        same = [sys.executable, "-m", "benchmarks.same_table", str(home / "by_hand"), str(home / "lake/out")]
        subprocess.run(same, cwd=ROOT, check=True)
        return _median(by_hand), _median(node)


_COMMAND = ["-m", "odibi_core.cli.main", "run", "--json"]


def _run(home: Path, arguments: list[str], *, keep: bool = False) -> Cost:
    """A process of its own, on the table as it was at first."""
    without(home / "lake", home / ".odibi")()
    if (home / "before").exists():
        shutil.copytree(home / "before", home / "lake")
    command = [sys.executable, "-m", "benchmarks.peak", *arguments]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    found = json.loads(said[-2])
    seconds = found["seconds"] if "seconds" in found else found["pipelines"][0]["nodes"][0]["seconds"]
    if keep:
        without(home / "by_hand")()
        shutil.move(home / "lake/out", home / "by_hand")
    return Cost(seconds=seconds, peak_mb=json.loads(said[-1])["peak_mb"])


def _median(costs: list[Cost]) -> Cost:
    return Cost(seconds=statistics.median(cost.seconds for cost in costs), peak_mb=statistics.median(cost.peak_mb for cost in costs))
