"""Secrets and personal values: searched for in every file, report and line that the product leaves behind."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from odibi_core.logging_setup import configure_logging, log_event
from tests.bad_input.conftest import GOOD, HEADER, ORDERS, Shop

SECRET = "s3cr3t/Value+4711=="
MAILS = ("ada-canary@example.com", "bob-canary@example.com")
TABLE_LOGS = ("lake/bronze/_delta_log/", "lake/silver/_delta_log/")
ROWS = f"order_id,email,quantity\n1,{MAILS[0]},3\n2,{MAILS[1]},4\n"


@pytest.fixture
def spellings() -> tuple[str, ...]:
    """The secret as it may travel."""
    return (SECRET, quote(SECRET, safe=""), quote(SECRET), base64.b64encode(SECRET.encode()).decode().rstrip("="))


PLACES = {
    "description": ("      - name: silver\n", '      - name: silver\n        description: "From ${API_SECRET}"\n'),
    "sql": ("quantity FROM bronze", "quantity, '${API_SECRET}' AS origin FROM bronze"),
    "params": (
        "            - SELECT order_id, email, quantity FROM bronze\n",
        "            - function: filter_rows\n              params: { condition: \"email <> '${API_SECRET}'\" }\n",
    ),
    "options": ("format: csv, path", 'format: csv, options: { null_values: "${API_SECRET}" }, path'),
}


def with_secret(shop: Shop, *places: str) -> None:
    """A project with a secret in a connection, and in other places of the YAML."""
    shop.environment = {"API_SECRET": SECRET, "ODIBI_LOG_LEVEL": "DEBUG"}
    account = "{ type: azure_blob, account_name: acct, container: c, auth: { mode: account_key, account_key: '${API_SECRET}' } }"
    pipelines = ORDERS
    for place in places:
        old, new = PLACES[place]
        assert old in pipelines
        pipelines = pipelines.replace(old, new)
    shop.write("odibi.yaml", HEADER.replace("connections:\n", f"connections:\n  warehouse: {account}\n") + pipelines)


@pytest.mark.parametrize("rows", [ROWS, ROWS + "x,y,z,w\n", ROWS.replace("quantity", "pieces")], ids=["good", "broken", "wrong columns"])
def test_no_secret_and_no_sensitive_cell_is_in_any_file(
    shop: Shop, spellings: tuple[str, ...], capfd: pytest.CaptureFixture[str], rows: str
) -> None:
    """Whether the run succeeds or fails: not in the journal, the catalog, the stories, the logs of the tables, or on the screen."""
    shop.write("landing/orders/1.csv", rows)
    with_secret(shop)
    shop.run()
    assert len([path for path in (shop.root / "lake").rglob("*") if path.is_file()]) > 10
    needles = (*spellings, *MAILS)
    # A table's own log holds the bounds of its columns: it is as private as the table beside it.
    assert [hit for hit in shop.traces(*needles, within="lake") if not hit.startswith(TABLE_LOGS)] == []
    shown = "".join(capfd.readouterr())
    assert [needle for needle in needles if needle in shown] == []


def test_the_log_of_a_run_holds_neither(shop: Shop, spellings: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """Every event as a log line, in both formats."""
    from odibi_core.hosts.in_process import InProcess

    shop.write("landing/orders/1.csv", ROWS)
    with_secret(shop)
    for number, form in enumerate(("text", "json")):
        shop.write(f"landing/orders/{number}.csv", ROWS)
        opened = InProcess.open(shop.root / "odibi.yaml", environment=shop.environment, announce=log_event)
        configure_logging({"ODIBI_LOG_FORMAT": form, "ODIBI_LOG_LEVEL": "DEBUG"}, opened.app.redactor)
        command = opened.request("orders")
        assert command is not None
        opened.run(command)
    shown = "".join(capfd.readouterr())
    assert "silver" in shown
    assert [needle for needle in (*spellings, *MAILS) if needle in shown] == []


@pytest.mark.parametrize("place", ["description", "sql", "params", "options"])
def test_the_frozen_plan_holds_the_name_of_a_secret(shop: Shop, spellings: tuple[str, ...], place: str) -> None:
    """Wherever an author puts `${API_SECRET}`, the store keeps the name; whoever reads the store learns no value."""
    shop.write("landing/orders/1.csv", GOOD)
    with_secret(shop, place)
    shop.run()
    assert [hit for hit in shop.traces(*spellings, within="lake") if not hit.startswith(TABLE_LOGS)] == []
    (plan,) = [path.read_text() for path in (shop.root / "lake/_odibi_system/runs").rglob("plan.json")]
    assert "${API_SECRET}" in plan
