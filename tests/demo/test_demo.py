"""`make demo` proves itself and ends; `odibi dev` runs, reloads and ends when it is asked to."""

from __future__ import annotations

import re
import shutil
import sys
import urllib.request
from pathlib import Path

import pytest

from odibi_core.hosts.in_process import InProcess
from odibi_local.demo.orders import bad_file, good_files
from odibi_local.demo.proof import prove

REPOSITORY = Path(__file__).parents[2]
PIPELINES = REPOSITORY / "pipelines"
CHECKS = (
    "check not_null (order_id, email, country): 1 of 7 rows break it",
    "check range (quantity): 2 of 7 rows break it",
    "check accepted_values (status): 1 of 7 rows break it",
)
# Counted by hand in the files of the repository, and in the 382 lines of the generated one.
PROOF = {
    "bronze/orders: rows of all files, the bad one too": "397",  # 5 + 3 + 382 + 7
    "silver/orders: rows, one for each valid order": "366",  # 1001 to 1006, 2001 to 2360
    "silver/orders: orders in their newest version": "366",
    "silver/orders: orders of the bad file": "0",
    "gold/daily_sales: groups with the right sums": "9",
    "gold/product_sales: groups with the right sums": "6",
    "gold: amount, the same in both tables": "68,955.20",
    "catalog: runs, succeeded + failed": "3 + 1",
}


@pytest.mark.cloud
def test_the_demo_proves_itself_twice_and_leaves_nothing_running(start, tmp_path):
    """Every table agrees with the text of the files, the story of the failed run says why, and a second demo begins afresh."""
    for _ in range(2):
        demo = start("odibi_local.demo", "--folder", str(tmp_path))
        assert demo.end() == 0, demo.text
        for claim, number in PROOF.items():
            assert re.search(rf"^✓ {re.escape(claim)} +{re.escape(number)} +{re.escape(number)}$", demo.text, re.MULTILINE), demo.text
        assert "✗ silver_orders        7 rows" in demo.text
        assert all(check in demo.text for check in CHECKS)
        assert "– daily_sales, product_sales  skipped" in demo.text
        assert "\x1b" not in demo.text
        assert len(demo.text.splitlines()) <= 45
        good, bad = (Path(path) for path in re.findall(r"(\S+\.html) \((?:succeeded|failed)\)", demo.text))
        assert "silver_orders" in good.read_text(encoding="utf-8")
        assert "found 1 row that breaks it" in bad.read_text(encoding="utf-8")
        if sys.platform == "linux":
            assert demo.left() == []


@pytest.mark.cloud
@pytest.mark.parametrize("moment", ["starting Azurite", "✓ bronze_orders"])
def test_ctrl_c_stops_the_demo_and_everything_that_it_started(start, tmp_path, moment):
    """At once, while the cloud starts and while a run is under way."""
    demo = start("odibi_local.demo", "--folder", str(tmp_path))
    demo.wait_for(moment)
    demo.interrupt()
    assert demo.end(40) == 130, demo.text
    assert "stopped" in demo.text.splitlines()[-1]
    if sys.platform == "linux":
        assert demo.left() == []


def test_the_proof_sees_what_is_missing(tmp_path):
    """Without the generated and the bad file in the lake, exactly the claims that need them fail."""
    project = Path(shutil.copytree(PIPELINES, tmp_path / "pipelines", ignore=shutil.ignore_patterns("lake", ".odibi")))
    host = InProcess.open(project / "odibi.yaml", environment={})
    command = host.request("orders")
    assert command is not None
    assert host.run(command) is not None
    small, all_of_them = good_files(PIPELINES)[:2], good_files(PIPELINES)
    holds = {claim.text: claim.holds for claim in prove(host.app, small, bad_file(PIPELINES))}
    assert [text for text, held in holds.items() if not held] == [
        "bronze/orders: rows of all files, the bad one too",
        "catalog: runs, succeeded + failed",
    ]
    holds = {claim.text: claim.holds for claim in prove(host.app, all_of_them, bad_file(PIPELINES))}
    assert [text for text, held in holds.items() if held] == ["silver/orders: orders of the bad file"]


@pytest.fixture
def project(tmp_path):
    """A project folder of its own, as a team has it."""
    for name in ("function_app.py", "host.json"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(PIPELINES, tmp_path / "pipelines", ignore=shutil.ignore_patterns("lake", ".odibi"))
    return tmp_path


@pytest.mark.cloud
def test_dev_answers_reloads_and_ends(start, project):
    """A broken YAML is told with its place; what lands meanwhile is not lost; Ctrl-C ends it with 0 and leaves nothing."""
    yaml = project / "pipelines" / "orders.yaml"
    whole = yaml.read_text(encoding="utf-8")
    dev = start("odibi_local.dev", "--port", "0", folder=project)
    dev.wait_for("  state ")
    address = dev.wait_for("  HTTP").split()[1].removesuffix(",")
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert answer.status == 200

    yaml.write_text(whole.replace("    nodes:\n", "    nodez:\n", 1), encoding="utf-8")
    dev.wait_for("in pipelines/orders.yaml:6:5: unknown key 'nodez'")
    dev.wait_for("functions loaded", after="loading the app again")
    landing = project / ".local" / "landing" / "orders"
    landing.mkdir(parents=True)
    shutil.copy(PIPELINES / "landing" / "orders" / "2026-11-21.csv", landing)
    dev.wait_for("kept in the inbox")

    yaml.write_text(whole, encoding="utf-8")
    dev.wait_for("the project is whole: orders, report")
    told = dev.wait_for("succeeded: ")
    assert "✓ silver_orders       4 rows" in dev.text
    assert "silver_orders" in (project / told.partition("succeeded: ")[2]).read_text(encoding="utf-8")
    assert "export ODIBI_STORAGE=" in (project / ".local" / "cloud" / "env.sh").read_text(encoding="utf-8")

    dev.interrupt()
    assert dev.end(40) == 0, dev.text
    if sys.platform == "linux":
        assert dev.left() == []


@pytest.mark.cloud
def test_dev_waits_for_a_project_that_is_broken_when_it_starts(start, project):
    """It says what is wrong, starts nothing, and starts when the file is mended."""
    yaml = project / "pipelines" / "odibi.yaml"
    whole = yaml.read_text(encoding="utf-8")
    yaml.write_text(whole.replace("project:", "projekt:", 1), encoding="utf-8")
    dev = start("odibi_local.dev", "--port", "0", folder=project)
    dev.wait_for("unknown key 'projekt'")
    yaml.write_text(whole, encoding="utf-8")
    dev.wait_for("  state ")
    dev.interrupt()
    assert dev.end(40) == 0, dev.text


def test_dev_says_when_there_is_no_project(start, tmp_path):
    """With the exit code of a mistake of the author."""
    dev = start("odibi_local.dev", "--project", "nowhere.yaml", folder=tmp_path)
    assert dev.end(60) == 2
    assert "there is no file 'nowhere.yaml'" in dev.text
