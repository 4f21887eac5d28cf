"""`odibi run`: what it runs, what it says, and how it ends."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import BAD, BAD_VALUES, GOOD, a_project, edited, files_in, finished, land, odibi

SECONDS = re.compile(r"\d+\.\d\d s")
RUN_ID = re.compile(r"[0-9a-f]{32}")


def plain(text: str) -> str:
    """The text without what differs from run to run."""
    return re.sub(r"\d{4}/\d\d/\d\d", "DAY", RUN_ID.sub("ID", SECONDS.sub("0.00 s", text)))


def test_the_command_as_a_user_calls_it_runs_every_pipeline_in_the_order_of_the_file(project: Path) -> None:
    """A process of its own, piped: one line per node, a verdict per pipeline, where the story lies, and no colour code."""
    ended = finished("run", cwd=project)

    assert ended.code == 0, ended.err
    assert plain(ended.out).splitlines() == [
        "orders  run ID  1 new file",
        "1/4 bronze_orders … ok  2 → 2 rows  0.00 s",
        "2/4 silver_orders … ok  2 → 2 rows  0.00 s",
        "3/4 daily_sales   … ok  2 → 2 rows  0.00 s",
        "4/4 product_sales … ok  2 → 2 rows  0.00 s",
        "orders: succeeded, 4 nodes, 8 rows written, 0.00 s",
        "  story: lake/stories/orders/DAY/ID/index.html",
        "report  run ID",
        "1/2 arrivals     … ok  2 → 2 rows  0.00 s",
        "2/2 sales_report … ok  2 → 2 rows  0.00 s",
        "report: succeeded, 2 nodes, 4 rows written, 0.00 s",
        "  story: lake/stories/report/DAY/ID/index.html",
        "more: odibi story last",
    ]
    assert "\x1b" not in ended.out + ended.err
    (story,) = re.findall(r"story: (lake/stories/orders/.*)", ended.out)
    assert (project / story).is_file()


def test_without_new_files_it_says_so_and_that_is_fine(project: Path) -> None:
    """Exit 0, and nothing was appended twice."""
    odibi("run", "--pipeline", "orders", cwd=project)
    again = odibi("run", "--pipeline", "orders", cwd=project)

    assert (again.code, again.out) == (0, "orders: no new files\n")
    assert pl.read_delta(str(project / "lake/bronze/orders")).height == 2


def test_rows_that_break_a_check_are_the_business_of_the_data_owner(bad_project: Path) -> None:
    """Exit 3 with code, message and hint, every broken check with its count, what was skipped, and not one value of the data."""
    ended = odibi("run", "--pipeline", "orders", cwd=bad_project)

    assert ended.code == 3
    lines = plain(ended.out).splitlines()
    assert lines[2:10] == [
        "2/4 silver_orders … failed  check_failed  0.00 s",
        "      check 'range' found 1 row that breaks it (and 1 more check failed)",
        "      range(quantity): 1 of 1 rows break it",
        "      accepted_values(status): 1 of 1 rows break it",
        "      hint: Fix the rows at the source, or set 'on_fail: warn' to let them pass.",
        "3/4 daily_sales   … skipped  'silver_orders' did not succeed",
        "4/4 product_sales … skipped  'silver_orders' did not succeed",
        "orders: failed, 1 of 4 nodes failed, 2 skipped, 1 row written, 0.00 s",
    ]
    assert not any(value in ended.out + ended.err for value in BAD_VALUES)


def test_after_a_failure_no_new_files_does_not_look_like_success(bad_project: Path) -> None:
    """The files belong to the run that failed, so the next run names it."""
    failed = odibi("run", "--pipeline", "orders", "--json", cwd=bad_project).json["pipelines"][0]["run_id"]
    again = odibi("run", "--pipeline", "orders", cwd=bad_project)

    assert again.out.splitlines() == [
        "orders: no new files",
        f"  run {failed} failed; go on with: odibi run --resume --run {failed}",
    ]


def test_a_resumed_run_takes_over_what_succeeded_and_does_the_rest(bad_project: Path) -> None:
    """The rows are appended once, although the second run succeeded only after the checks were changed."""
    odibi("run", "--pipeline", "orders", cwd=bad_project)
    edited(bad_project, "orders.yaml", "max: 1000", "max: 1000000")
    edited(bad_project, "orders.yaml", "values: [new,", "values: [hijacked, new,")

    ended = odibi("run", "--resume", "--pipeline", "orders", cwd=bad_project)

    assert ended.code == 0
    assert plain(ended.out).splitlines()[1:3] == ["1/4 bronze_orders … done before", "2/4 silver_orders … ok  1 → 1 row  0.00 s"]
    assert pl.read_delta(str(bad_project / "lake/bronze/orders")).height == 1
    assert odibi("run", "--resume", "--pipeline", "orders", cwd=bad_project).out.startswith("orders: nothing to resume")


def test_a_run_can_be_resumed_by_its_id(bad_project: Path) -> None:
    """As the story suggests it; the pipeline need not be named."""
    failed = odibi("run", "--pipeline", "orders", "--json", cwd=bad_project).json["pipelines"][0]["run_id"]
    ended = odibi("run", "--resume", "--run", failed, "--json", cwd=bad_project)

    assert ended.code == 3
    assert [node["status"] for node in ended.json["pipelines"][0]["nodes"]] == ["succeeded", "failed", "skipped", "skipped"]


def test_a_single_node_reads_what_was_written_last(project: Path) -> None:
    """Exactly that node runs."""
    odibi("run", cwd=project)
    ended = odibi("run", "--node", "daily_sales", "--node", "sales_report", "--json", cwd=project)

    assert [(found["pipeline"], [node["node"] for node in found["nodes"]]) for found in ended.json["pipelines"]] == [
        ("orders", ["daily_sales"]),
        ("report", ["sales_report"]),
    ]


def test_a_node_with_its_upstream_takes_new_files_and_never_old_ones_again(project: Path) -> None:
    """With a new file the node that reads the landing zone runs on it; without one it is left out."""
    odibi("run", "--pipeline", "orders", cwd=project)
    land(project, "more", GOOD.replace("\n1,", "\n11,").replace("\n2,", "\n12,"))

    first = odibi("run", "--node", "+daily_sales", "--json", cwd=project).json["pipelines"][0]
    second = odibi("run", "--node", "+daily_sales", "--json", cwd=project).json["pipelines"][0]

    assert [node["node"] for node in first["nodes"]] == ["bronze_orders", "silver_orders", "daily_sales"]
    assert [node["node"] for node in second["nodes"]] == ["silver_orders", "daily_sales"]
    assert pl.read_delta(str(project / "lake/bronze/orders")).height == 4


def test_a_tag_selects_nodes(project: Path) -> None:
    """And pipelines without such a node are left out."""
    edited(project, "orders.yaml", "- name: product_sales", "- name: product_sales\n        tags: [gold]")
    odibi("run", "--pipeline", "orders", cwd=project)
    ended = odibi("run", "--tag", "gold", "--json", cwd=project)

    assert [node["node"] for found in ended.json["pipelines"] for node in found["nodes"]] == ["product_sales"]


def test_a_node_that_is_switched_off_has_its_line_too(project: Path) -> None:
    """So that the count comes out."""
    edited(project, "orders.yaml", "- name: product_sales", "- name: product_sales\n        enabled: false")
    lines = plain(odibi("run", "--pipeline", "orders", cwd=project).out).splitlines()

    assert lines[1] == "1/4 product_sales … skipped  disabled (enabled: false)"
    assert lines[5] == "orders: succeeded, 4 nodes, 1 skipped, 6 rows written, 0.00 s"


def test_a_dry_run_shows_the_plan_and_leaves_nothing_behind(project: Path) -> None:
    """Nodes in order, inputs, targets, files, checks; no file is made or changed."""
    before = files_in(project)
    ended = odibi("run", "--dry-run", cwd=project)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "orders",
        "  runs on the files that are new in landing/orders/{name}.csv",
        "  1 bronze_orders  landing/orders/*.csv (csv) → lake/bronze/orders (delta) append",
        "  2 silver_orders  bronze_orders → lake/silver/orders (delta) upsert",
        "      checks: not_null(order_id, email, country), range(quantity), range(price), accepted_values(status)",
        "  3 daily_sales    lake/silver/orders (delta) → lake/gold/daily_sales (delta) overwrite",
        "  4 product_sales  lake/silver/orders (delta) → lake/gold/product_sales (delta) overwrite",
        "report",
        "  1 arrivals      lake/bronze/orders (delta) → lake/report/arrivals (delta) append",
        "      only rows whose _extracted_at is above the high-water mark",
        "  2 sales_report  lake/gold/daily_sales (delta) → lake/report/sales (delta) overwrite",
        "nothing was opened, read or written (--dry-run)",
    ]
    assert files_in(project) == before


def test_a_dry_run_of_one_node_names_what_it_takes_from_outside(project: Path) -> None:
    """An upstream node that does not run is read from its table."""
    plan = odibi("run", "--dry-run", "--node", "silver_orders", "--json", cwd=project).json

    assert [node["inputs"] for node in plan["pipelines"][0]["nodes"]] == [["bronze_orders as it was written last"]]


def test_a_pipeline_that_would_be_refused_stops_all_before_the_first_has_written(project: Path) -> None:
    """Exit 2, and the pipeline that stands before it did not run."""
    edited(project, "report.yaml", "SUM(orders) AS orders", "FROBNICATE(orders) AS orders")
    ended = odibi("run", cwd=project)

    assert ended.code == 2
    assert ended.out == ""
    assert "FROBNICATE" in ended.err
    assert not (project / "lake").exists()


def test_a_broken_project_is_told_with_its_places(project: Path) -> None:
    """Relative to where the user stands."""
    edited(project, "orders.yaml", "mode: append", "mode: apend")
    ended = odibi("run", project.name, cwd=project.parent)

    assert ended.code == 2
    assert ended.err.startswith(f"{project.name}/orders.yaml:11:")
    assert "hint: Did you mean 'append'?" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["run", "--pipeline", "order"], "Did you mean 'orders'?"),
        (["run", "--node", "silver_order"], "Did you mean 'silver_orders'?"),
        (["run", "--tag", "gold"], "no node has the tag 'gold'"),
        (["run", "--tag", "gold", "--node", "x"], "exclude each other"),
        (["run", "--run", "0" * 32], "'--run' needs '--resume'"),
        (["run", "--resume", "--run", "0" * 32], "there is no run"),
        (["run", "--resume", "--run", "../../x"], "there is no run"),
        (["run", "--resume", "--node", "x"], "goes on with the nodes of the run"),
        (["run", "--env", "nope"], "unknown environment 'nope'"),
    ],
)
def test_a_command_that_cannot_be_meant_is_exit_2_with_a_way_out(project: Path, arguments: list[str], said: str) -> None:
    """And never a traceback."""
    ended = odibi(*arguments, cwd=project)

    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_where_there_is_no_project_it_says_where_it_looked(tmp_path: Path) -> None:
    """Exit 2."""
    ended = odibi("run", cwd=tmp_path)

    assert ended.code == 2
    assert "neither odibi.yaml nor pipelines/odibi.yaml exists" in ended.err


def test_the_project_may_lie_in_the_folder_pipelines(tmp_path: Path) -> None:
    """As in this repository."""
    (tmp_path / "pipelines").mkdir()
    a_project(tmp_path / "pipelines", good=GOOD)

    assert odibi("run", "--pipeline", "orders", cwd=tmp_path).code == 0


def test_json_is_one_object_for_programs(project: Path) -> None:
    """Nothing else on standard output."""
    found = odibi("run", "--json", cwd=project).json

    assert (found["status"], found["exit_code"]) == ("succeeded", 0)
    orders = found["pipelines"][0]
    assert {key: orders[key] for key in ("pipeline", "status", "exit_code", "rows_written")} == {
        "pipeline": "orders",
        "status": "succeeded",
        "exit_code": 0,
        "rows_written": 8,
    }
    assert [(node["node"], node["rows_out"], node["target"]) for node in orders["nodes"]] == [
        ("bronze_orders", 2, "lake/bronze/orders"),
        ("silver_orders", 2, "lake/silver/orders"),
        ("daily_sales", 2, "lake/gold/daily_sales"),
        ("product_sales", 2, "lake/gold/product_sales"),
    ]
    assert (project / orders["story"]).is_file()


def test_log_lines_are_one_json_object_each(tmp_path: Path) -> None:
    """As a process, in a run that fails: events with their ids, the verdict, and nothing in between."""
    ended = finished("run", "--pipeline", "orders", cwd=a_project(tmp_path, bad=BAD), ODIBI_LOG_FORMAT="json")
    lines = [json.loads(line) for line in ended.out.splitlines()]

    assert (ended.code, ended.err) == (3, "")
    assert all({"timestamp", "level", "logger", "message"} <= line.keys() for line in lines)
    (failed,) = [line for line in lines if line.get("event") == "node_finished" and line["status"] == "failed"]
    assert (failed["level"], failed["node"], failed["error_code"]) == ("ERROR", "silver_orders", "check_failed")
    assert lines[-1]["pipeline"] == "orders"
    assert lines[-1]["run_id"] == failed["run_id"]
    assert not any(value in ended.out for value in BAD_VALUES)


def test_a_broken_project_is_a_log_line_where_logs_are_json(project: Path) -> None:
    """Although the project, whose redactor the logs use, was never opened."""
    edited(project, "orders.yaml", "mode: append", "mode: apend")
    ended = odibi("run", cwd=project, ODIBI_LOG_FORMAT="json")

    assert (ended.code, ended.err) == (2, "")
    assert (ended.json["level"], ended.json["exit_code"]) == ("ERROR", 2)
