"""Ctrl-C: the command ends within a moment, and nothing is lost or done twice."""

import signal
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import odibi, process

SLOW = """
import time
from odibi_core.runtime.node_run import NodeRunner
real = NodeRunner.__call__
def slow(self, plan, node, attempt):
    {before}
    result = real(self, plan, node, attempt)
    {after}
    return result
NodeRunner.__call__ = slow
"""
BEFORE = SLOW.format(before="node.name == 'silver_orders' and (print('claimed', flush=True), time.sleep(60))", after="")
AFTER = SLOW.format(before="", after="node.name == 'bronze_orders' and (print('committed', flush=True), time.sleep(60))")
DEAF = "import signal\n" + SLOW.format(
    before="node.name == 'silver_orders' and (signal.signal(signal.SIGINT, lambda *_: None), print('deaf', flush=True), time.sleep(60))",
    after="",
)


def interrupted(running: subprocess.Popen[str], when: str) -> tuple[int, str, float]:
    """Press Ctrl-C when a line that begins so was said: exit code, complaints, seconds until the end."""
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith(when):
            break
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    return running.returncode, err, time.monotonic() - began


@pytest.mark.parametrize(("script", "when"), [(BEFORE, "claimed"), (AFTER, "committed")], ids=["inside a node", "after a commit"])
def test_ctrl_c_ends_the_run_and_resume_finishes_it(project: Path, script: str, when: str) -> None:
    """Exit 130 with the command that goes on; that command runs the rest, and every row is there once."""
    code, err, seconds = interrupted(process("run", cwd=project, script=script), when)

    assert code == 130
    assert seconds < 10
    assert "Traceback" not in err
    (stopped,) = err.splitlines()
    said, _, rest = stopped.removeprefix("stopped; go on with: odibi ").partition(" ; odibi ")
    assert said.startswith("run --resume --run ")
    assert rest == "run --pipeline report"

    assert odibi(*said.split(), cwd=project).code == 0
    assert odibi(*rest.split(), cwd=project).code == 0
    assert pl.read_delta(str(project / "lake/bronze/orders")).height == 2
    assert pl.read_delta(str(project / "lake/report/arrivals")).height == 2


def test_a_stopped_run_is_found_although_another_came_after_it(project: Path) -> None:
    """Its files are taken, so without a word they would be forgotten."""
    interrupted(process("run", "--pipeline", "orders", cwd=project, script=BEFORE), "claimed")
    later = odibi("run", "--pipeline", "orders", cwd=project)
    (run_id,) = [path.name for path in (project / ".odibi/system/open").iterdir()]
    assert f"run {run_id} has not ended; go on with: odibi run --resume --run {run_id}" in later.out

    (project / "landing/orders/late.csv").write_bytes((project / "landing/orders/good.csv").read_bytes())
    odibi("run", "--pipeline", "orders", cwd=project)
    ended = odibi("run", "--resume", "--run", run_id, "--json", cwd=project)

    assert ended.code == 0
    assert [node["status"] for node in ended.json["pipelines"][0]["nodes"]] == ["succeeded"] * 4
    assert pl.read_delta(str(project / "lake/bronze/orders")).height == 4
    assert not list((project / ".odibi/system").glob("open/*"))


def test_ctrl_c_works_even_when_a_library_does_not_let_it_through(project: Path) -> None:
    """After a few seconds of patience the process ends all the same, and says how to go on."""
    code, err, seconds = interrupted(process("run", cwd=project, script=DEAF), "deaf")

    assert code == 130
    assert seconds < 10
    assert "stopped; go on with: odibi run --resume --run " in err
