"""Files that are not what the pipeline expects: the run fails with a reason that names the file, and quotes not one cell."""

from __future__ import annotations

import pytest

from odibi_core.events import NodeFinished
from tests.bad_input.conftest import GOOD, HEADER, ORDERS, Shop, journal_of, story_of

CELL = "canary4711"
MAIL = "canary4711@example.com"
GZIP_MAGIC = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"

FILES = [
    ("wrong columns", f"id,mail\n1,{MAIL}\n", "silver", "schema_mismatch"),
    ("a quote that does not close", f'order_id,email,quantity\n1,"{MAIL},3\n2,b,4\n', "bronze", "unreadable_rows"),
    ("more cells than columns", f"order_id,email,quantity\n1,{MAIL},3,4,5\n", "bronze", "unreadable_rows"),
    ("not UTF-8", f"order_id,email,quantity\n1,M\xfcller {MAIL},3\n".encode("latin-1"), "bronze", "encoding"),
    ("zero bytes", b"", "bronze", "empty_file"),
    ("only blank lines", b"\n\n\n", "bronze", "empty_file"),
    ("UTF-16", f"order_id,email,quantity\n1,{MAIL},3\n".encode("utf-16"), "bronze", "encoding"),
    ("a picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + CELL.encode(), "bronze", None),
    ("a broken archive", GZIP_MAGIC + CELL.encode(), "bronze", "archive"),
]


@pytest.mark.parametrize(("content", "node", "code"), [pytest.param(*case[1:], id=case[0]) for case in FILES])
def test_a_bad_file_fails_its_run_with_a_reason_and_no_cell(
    shop: Shop, capfd: pytest.CaptureFixture[str], content: str | bytes, node: str, code: str | None
) -> None:
    """The error has a code, names the file, says what to do, is the data owner's (exit 3), and no cell is in any report or log."""
    shop.write("landing/orders/bad.csv", content)
    ended = shop.run()
    error = ended.error(node)
    assert ended.status == "failed"
    assert code in {None, error.code}, error
    assert (error.exit_code, error.retryable) == (3, False)
    assert error.message
    if node == "bronze":
        assert ended.skipped("silver")
        assert "orders/bad.csv" in error.message
        assert shop.rows("bronze") == []
    assert shop.rows("silver") == []
    shown = "".join(capfd.readouterr())
    assert CELL not in f"{error}{shown}".lower()
    if node == "bronze":
        assert shop.traces(CELL, within="lake") == []


@pytest.mark.parametrize(("content", "node", "code"), [pytest.param(*case[1:], id=case[0]) for case in FILES])
def test_a_bad_file_does_not_stop_the_next_one(shop: Shop, content: str | bytes, node: str, code: str | None) -> None:
    """The bad file is not tried again by itself; the good one that comes after it is in, once."""
    shop.write("landing/orders/bad.csv", content)
    shop.run()
    if node == "silver":
        return  # its columns are the table's now: that a later file differs is the next test's business
    shop.write("landing/orders/good.csv", GOOD)
    assert shop.run().status == "succeeded"
    assert [row["order_id"] for row in shop.rows("silver")] == [1, 2]


def test_a_file_with_only_its_header_adds_no_row(shop: Shop) -> None:
    """It succeeds with no rows, and the file after it gives the table its types."""
    shop.write("landing/orders/1.csv", "order_id,email,quantity\n")
    assert shop.run().status == "succeeded"
    assert shop.rows("bronze") == []
    shop.write("landing/orders/2.csv", GOOD)
    assert shop.run().status == "succeeded"
    assert [row["quantity"] for row in shop.rows("silver")] == [3, 4]


@pytest.mark.parametrize(
    ("second", "word"),
    [
        ("order_id,email\n3,c@example.com\n", "quantity"),
        ("order_id,email,quantity,colour\n3,c@example.com,5,red\n", "colour"),
        (f"order_id,email,quantity\n3,c@example.com,{CELL}\n", "quantity"),
    ],
    ids=["a column less", "a column more", "another type"],
)
def test_a_file_of_another_shape_is_refused_before_the_table_changes(shop: Shop, second: str, word: str) -> None:
    """The table has columns and types already: the error names the column, and table and version stay."""
    shop.write("landing/orders/1.csv", GOOD)
    shop.run()
    before = (shop.rows("bronze"), sorted((shop.root / "lake/bronze/_delta_log").iterdir()))
    shop.write("landing/orders/2.csv", second)
    error = shop.run().error("bronze")
    assert error.exit_code == 3
    assert word in error.message + error.hint
    assert CELL not in f"{error}{story_of(shop)}{journal_of(shop)}"
    assert shop.rows("bronze") == before[0]


def test_a_check_that_fails_counts_the_rows_and_shows_none(shop: Shop) -> None:
    """The message has the check, the column and the count; nothing is written."""
    tests = (
        "{ type: range, column: quantity, min: 1, max: 10 }",
        "{ type: regex_match, column: email, pattern: '^[^@]+@shop[.]org$' }",
    )
    write = "        write: { connection: lake, format: delta, path: silver"
    checked = ORDERS.replace(write, f"        validation: {{ tests: [{', '.join(tests)}] }}\n{write}")
    shop.write("odibi.yaml", HEADER + checked)
    shop.write("landing/orders/1.csv", f"order_id,email,quantity\n1,{MAIL},987654\n2,x@shop.org,3\n")
    ended = shop.run()
    error = ended.error("silver")
    assert (error.code, error.exit_code) == ("check_failed", 3)
    assert "1" in error.message
    assert shop.rows("silver") == []
    reports = f"{error}{story_of(shop)}"
    assert CELL not in reports
    assert "987654" not in f"{error}"


def test_a_mended_file_is_a_new_version_with_a_run_of_its_own(shop: Shop) -> None:
    """The owner corrects the file under the same name: the new version is taken, the failed run stays as it was."""
    shop.write("landing/orders/1.csv", "")
    failed = shop.run()
    shop.write("landing/orders/1.csv", GOOD)
    mended = shop.run()
    assert (failed.status, mended.status) == ("failed", "succeeded")
    assert failed.final.run_id != mended.final.run_id
    assert [row["order_id"] for row in shop.rows("bronze")] == [1, 2]


def test_a_sensitive_column_that_came_under_another_name_is_not_shown(shop: Shop) -> None:
    """`sensitive: [email]` and a file that calls it `mail`: no report may guess which column was meant, so none shows a row."""
    shop.write("landing/orders/1.csv", f"order_id,mail,quantity\n1,{MAIL},3\n")
    assert shop.run().status == "failed"  # in silver, which selects the e-mail address
    assert CELL not in f"{story_of(shop)}{journal_of(shop)}"


@pytest.mark.parametrize("change", ["rewritten", "deleted"])
def test_a_local_file_that_changes_before_it_is_read(shop: Shop, change: str) -> None:
    """Rewritten: the node is skipped as superseded and the newer version has its own run. Deleted: the run fails and says so."""
    file = shop.write("landing/orders/1.csv", GOOD)
    opened = shop.open()
    command = opened.request("orders")
    assert command is not None
    plan = opened.app.coordinator.start_run(command)
    assert plan is not None
    if change == "rewritten":
        shop.write("landing/orders/1.csv", GOOD + "3,eve@example.com,5\n")
    else:
        file.unlink()
    final = opened.run(command)
    assert final is not None
    outcome = opened.app.coordinator.journal.outcome(plan.run_id, "bronze")
    assert isinstance(outcome, NodeFinished)
    if change == "rewritten":
        assert (outcome.result.status, outcome.result.reason.partition(":")[0]) == ("skipped", "superseded")
        assert shop.run().status == "succeeded"
        assert [row["order_id"] for row in shop.rows("bronze")] == [1, 2, 3]
    else:
        assert outcome.result.error is not None
        assert "orders/1.csv" in outcome.result.error.message
        assert "deleted" in outcome.result.error.message
        assert final.status == "failed"
        assert shop.rows("bronze") == []


def test_a_local_file_that_is_rewritten_while_it_is_read_is_noticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file changes after it was opened and before its rows were computed: no mixture of two versions gets into a table."""
    from odibi_core.engines.polars.engine import PolarsEngine

    shop.write("landing/orders/1.csv", GOOD)
    scan = PolarsEngine.scan

    def scan_then_rewrite(self: PolarsEngine, source):
        scanned = scan(self, source)
        if source.format == "csv":
            shop.write("landing/orders/1.csv", GOOD.replace("ada@", "eve@") + "3,dan@example.com,9\n")
        return scanned

    monkeypatch.setattr(PolarsEngine, "scan", scan_then_rewrite)
    ended = shop.run()
    monkeypatch.undo()
    assert ended.skipped("bronze"), shop.rows("bronze")
    assert shop.rows("bronze") == []
    assert shop.run().status == "succeeded"
    assert [row["order_id"] for row in shop.rows("bronze")] == [1, 2, 3]
