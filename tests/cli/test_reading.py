"""`odibi story` and `odibi catalog`: what earlier runs left, for people and for programs."""

from pathlib import Path

import pytest

from tests.cli.running import odibi


def test_the_last_story_is_shown_with_the_place_of_its_page(ran: Path) -> None:
    """The newest run is the one of the last pipeline."""
    ended = odibi("story", "last", cwd=ran)

    assert ended.code == 0
    assert ended.out.startswith("# ✅ report: Succeeded")
    page = ended.out.splitlines()[-1].removeprefix("story: ")
    assert (ran / page).is_file()


def test_the_last_story_of_a_pipeline(ran: Path) -> None:
    """For a program with its short text."""
    found = odibi("story", "last", "--pipeline", "orders", "--json", cwd=ran).json

    assert (found["pipeline"], found["status"]) == ("orders", "succeeded")
    assert found["text"].startswith("# ✅ orders: Succeeded")


def test_stories_are_listed_newest_first(ran: Path) -> None:
    """One per run."""
    ended = odibi("story", "list", cwd=ran)
    header, *rows = [line.split() for line in ended.out.splitlines()]

    assert header == ["started", "pipeline", "status", "page"]
    assert [row[2] for row in rows] == ["report", "orders"]


def test_a_story_can_be_opened(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the browser, by its file address."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    odibi("story", "last", "--open", cwd=ran)

    (address,) = opened
    assert address.startswith("file://")
    assert address.endswith("/index.html")


def test_before_the_first_run_there_is_no_story(project: Path) -> None:
    """Exit 2 with what to do."""
    ended = odibi("story", "last", cwd=project)

    assert ended.code == 2
    assert "there is no story yet" in ended.err


def test_runs_are_a_table_with_aligned_columns(ran: Path) -> None:
    """Newest first; every column begins where its name does."""
    ended = odibi("catalog", "runs", cwd=ran)
    header, *rows = ended.out.splitlines()

    assert [row[header.index("pipeline") :].split()[0] for row in rows] == ["report", "orders"]
    assert [row[header.index("status") :].split()[0] for row in rows] == ["succeeded", "succeeded"]


def test_the_nodes_of_one_run(ran: Path) -> None:
    """By its id, with every column of the catalog."""
    run_id = odibi("catalog", "runs", "--pipeline", "orders", "--json", cwd=ran).json[0]["run_id"]
    nodes = odibi("catalog", "nodes", "--run", run_id, "--json", cwd=ran).json

    assert sorted(row["node"] for row in nodes) == ["bronze_orders", "daily_sales", "product_sales", "silver_orders"]
    assert {row["run_id"] for row in nodes} == {run_id}
    assert "config_fingerprint" in nodes[0]


@pytest.mark.parametrize(
    ("kind", "column", "values"),
    [
        ("state", "node", ["arrivals"]),
        ("files", "path", ["orders/good.csv"]),
        ("tables", "node", ["arrivals", "bronze_orders", "daily_sales", "product_sales", "sales_report", "silver_orders"]),
    ],
)
def test_the_other_tables_of_the_catalog(ran: Path, kind: str, column: str, values: list[str]) -> None:
    """As JSON with all their rows, and as a table with as many lines."""
    rows = odibi("catalog", kind, "--json", cwd=ran).json

    assert sorted(row[column] for row in rows) == values
    assert len(odibi("catalog", kind, cwd=ran).out.splitlines()) == 1 + len(rows)


def test_a_limit_and_a_filter(ran: Path) -> None:
    """The rows of one pipeline, and no more than asked for."""
    assert len(odibi("catalog", "nodes", "--limit", "3", "--json", cwd=ran).json) == 3
    assert {row["pipeline"] for row in odibi("catalog", "tables", "--pipeline", "report", "--json", cwd=ran).json} == {"report"}
    assert odibi("catalog", "runs", "--limit", "0", cwd=ran).code == 2


def test_before_the_first_run_the_catalog_is_empty(project: Path) -> None:
    """That is no error."""
    ended = odibi("catalog", "runs", cwd=project)

    assert (ended.code, ended.out) == (0, "nothing yet\n")
    assert odibi("catalog", "runs", "--json", cwd=project).json == []
