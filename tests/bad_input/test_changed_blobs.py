"""A blob changes between its event and the moment when it is read: exactly the announced version is read, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from odibi_core.events import NodeFinished
from odibi_core.hosts.in_process import InProcess
from odibi_local.azurite import AzuriteProcess
from tests.bad_input.conftest import GOOD, HEADER, ORDERS, Shop

pytestmark = pytest.mark.cloud
LANDING = """landing:
    type: azure_blob
    account_name: devstoreaccount1
    container: landing
    auth: { mode: connection_string, connection_string: "${ODIBI_STORAGE}" }"""


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteProcess]:
    """One storage service for the module."""
    with AzuriteProcess(location=tmp_path_factory.mktemp("azurite")) as process:
        yield process


@pytest.fixture
def landing(azurite: AzuriteProcess) -> Iterator[ContainerClient]:
    """An empty landing zone."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as account:
        container = account.create_container("landing")
        yield container
        account.delete_container("landing")


@pytest.fixture
def shop(tmp_path: Path, azurite: AzuriteProcess) -> Shop:
    """The orders project with its landing zone in the storage service; everything else is local."""
    shop = Shop(root=tmp_path, environment={"ODIBI_STORAGE": azurite.connection_string})
    shop.write("odibi.yaml", HEADER.replace("landing: { type: local, base_path: ./landing }", LANDING) + ORDERS)
    return shop


def planned(opened: InProcess):
    """Plan a run of the files that wait, and do not run it yet."""
    command = opened.request("orders")
    assert command is not None
    assert opened.app.coordinator.start_run(command) is not None
    return command


def bronze(opened: InProcess, run_id: str) -> NodeFinished:
    outcome = opened.app.coordinator.journal.outcome(run_id, "bronze")
    assert isinstance(outcome, NodeFinished)
    return outcome


def test_a_blob_that_was_rewritten_is_left_to_the_run_of_its_newer_version(shop: Shop, landing: ContainerClient) -> None:
    """The planned run is skipped as superseded and reads no byte of the new version; the next run takes that, once."""
    landing.upload_blob("orders/1.csv", GOOD)
    opened = shop.open()
    command = planned(opened)
    landing.upload_blob("orders/1.csv", GOOD + "3,eve@example.com,5\n", overwrite=True)
    final = opened.run(command)
    assert final is not None
    result = bronze(opened, final.run_id).result
    assert (result.status, result.write, result.error) == ("skipped", None, None)
    assert result.reason == "superseded: file 'landing/orders/1.csv' was rewritten"
    assert shop.rows("bronze") == []
    assert shop.run().status == "succeeded"
    assert [row["order_id"] for row in shop.rows("silver")] == [1, 2, 3]
    assert shop.open().request("orders") is None


def test_a_blob_that_was_deleted_fails_the_run_and_says_so(shop: Shop, landing: ContainerClient) -> None:
    """Nobody will ever bring these rows: the run fails, names the file, and the nodes behind it are skipped."""
    landing.upload_blob("orders/1.csv", GOOD)
    opened = shop.open()
    command = planned(opened)
    landing.delete_blob("orders/1.csv")
    final = opened.run(command)
    assert final is not None
    error = bronze(opened, final.run_id).result.error
    assert error is not None
    assert error.message == "file 'landing/orders/1.csv' was deleted"
    assert (error.exit_code, error.retryable) == (3, False)
    assert error.hint
    assert (final.status, final.failed, final.skipped) == ("failed", 1, 1)
    assert shop.rows("bronze") == []


def test_one_of_many_files_that_was_deleted_does_not_take_the_others_along_silently(shop: Shop, landing: ContainerClient) -> None:
    """Two files are in one run and one of them is deleted: nothing is written, and the error names the one that is missing."""
    landing.upload_blob("orders/1.csv", GOOD)
    landing.upload_blob("orders/2.csv", GOOD.replace("1,ada", "3,eve").replace("2,bob", "4,dan"))
    opened = shop.open()
    command = planned(opened)
    landing.delete_blob("orders/2.csv")
    final = opened.run(command)
    assert final is not None
    error = bronze(opened, final.run_id).result.error
    assert error is not None
    assert "orders/2.csv" in error.message
    assert shop.rows("bronze") == []


def test_a_container_that_is_gone_is_the_operators_business(shop: Shop, landing: ContainerClient) -> None:
    """A deleted container is not a deleted file: the error says that the container is missing, exit code 4."""
    landing.upload_blob("orders/1.csv", GOOD)
    opened = shop.open()
    command = planned(opened)
    landing.delete_container()
    final = opened.run(command)
    landing.create_container()
    assert final is not None
    error = bronze(opened, final.run_id).result.error
    assert error is not None
    assert (error.code, error.exit_code) == ("missing_store", 4)
    assert "container" in error.message
