"""`odibi plan`: what would run, where and why; with `--live` also what lies there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.running import GOOD, edited, files_in, odibi


def test_a_plan_says_engine_windows_files_and_tables_in_run_order(project: Path) -> None:
    """And leaves nothing behind."""
    before = files_in(project)
    ended = odibi("plan", cwd=project)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "orders",
        "  runs on the files that are new in landing/orders/{name}.csv",
        "  1 bronze_orders  landing/orders/*.csv (csv) → lake/bronze/orders (delta) append",
        "      engine: polars (the project says so)",
        "  2 silver_orders  bronze_orders → lake/silver/orders (delta) upsert",
        "      engine: polars (the project says so)",
        "      checks: not_null(order_id, email, country), range(quantity), range(price), accepted_values(status)",
        "  3 daily_sales    lake/silver/orders (delta) → lake/gold/daily_sales (delta) overwrite",
        "      engine: polars (the project says so)",
        "  4 product_sales  lake/silver/orders (delta) → lake/gold/product_sales (delta) overwrite",
        "      engine: polars (the project says so)",
        "report",
        "  1 arrivals      lake/bronze/orders (delta) → lake/report/arrivals (delta) append",
        "      engine: polars (the project says so)",
        "      only rows whose _extracted_at is above the high-water mark",
        "  2 sales_report  lake/gold/daily_sales (delta) → lake/report/sales (delta) overwrite",
        "      engine: polars (the project says so)",
        "nothing was opened; --live looks at files, marks and tables",
    ]
    assert files_in(project) == before


def test_a_plan_opens_no_connection(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with connections that are far away: no socket is made."""
    edited(project, "odibi.yaml", "lake: { type: local, base_path: ./lake }", _AZURE)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a plan opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)

    assert odibi("plan", cwd=project).code == 0


_AZURE = "lake: { type: azure_blob, account_name: nowhere, container: lake, auth: { mode: aad_msi } }"


def test_a_live_plan_shows_what_waits_and_what_is_there(project: Path) -> None:
    """First a file and no table; after a run no file, tables with their versions, and a mark."""
    waiting = odibi("plan", "--live", "--pipeline", "orders", "--json", cwd=project).json["pipelines"][0]
    assert [file["path"] for file in waiting["new_files"]] == ["orders/good.csv"]
    assert [file["size_bytes"] for file in waiting["new_files"]] == [len(GOOD)]
    assert [node["table"] for node in waiting["nodes"]] == ["is not there yet"] * 4

    assert odibi("run", cwd=project).code == 0
    orders, report = odibi("plan", "--live", "--json", cwd=project).json["pipelines"]
    assert orders["new_files"] == []
    assert orders["nodes"][0]["table"].startswith("version 1, 2 rows, ")
    assert report["nodes"][0]["mark"].startswith("20")
    assert report["nodes"][1]["mark"] is None
    told = odibi("plan", "--live", cwd=project).out
    assert "      no file waits\n" in told
    assert told.endswith("looked at, not changed\n")


def test_looking_changes_nothing_in_the_lake(project: Path) -> None:
    """The files of the lake are the same before and after."""
    assert odibi("run", cwd=project).code == 0
    before = files_in(project / "lake")
    assert odibi("plan", "--live", cwd=project).code == 0
    assert files_in(project / "lake") == before


def test_a_plan_that_would_be_refused_is_refused(project: Path) -> None:
    """Exit 2, with the reason."""
    edited(project, "orders.yaml", "function: deduplicate", "function: dedupplicate")
    ended = odibi("plan", cwd=project)

    assert ended.code == 2
    assert "unknown transform 'dedupplicate'" in ended.err
