"""
How long a page takes: `python -m tests.story.benchmark_render`. A script and not a test: a busy machine must fail no build.

Cold is a process of its own, CPU time from the import of jinja2 to the first page.
"""

from __future__ import annotations

import subprocess
import sys
import time

from odibi_core.story import build, render
from tests.story import runs

COLD_MS, WARM_MS = 120, 50
COLD = """
import time, odibi_core.story as story
from tests.story import runs
run = story.build(runs.success())
start = time.process_time()
story.render(run)
print((time.process_time() - start) * 1000)
"""


def warm(nodes: int) -> tuple[float, int]:
    story = build(runs.wide(nodes))
    page = render(story)
    times = []
    for _ in range(15):
        start = time.process_time()
        render(story)
        times.append(time.process_time() - start)
    return min(times) * 1000, len(page.encode())


def main() -> None:
    cold = min(float(subprocess.run([sys.executable, "-c", COLD], check=True, capture_output=True, text=True).stdout) for _ in range(5))
    print(f"cold     {cold:6.1f} ms")
    assert cold <= COLD_MS
    for nodes in (3, 15, 60):
        took, size = warm(nodes)
        print(f"{nodes:3} nodes {took:6.1f} ms {size:8,} bytes")
        assert nodes > 15 or took <= WARM_MS


if __name__ == "__main__":
    main()
