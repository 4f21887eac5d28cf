"""One fixture, `store`, that is every store in turn; the cloud's on Azurite."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from odibi_core.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.storage.blob import ContainerClient

    from odibi_core.ports import ObjectStore
    from odibi_local.azurite import AzuriteProcess


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteProcess]:
    """The storage emulator, started once."""
    from odibi_local.azurite import AzuriteProcess

    with AzuriteProcess(location=tmp_path_factory.mktemp("azurite")) as process:
        yield process


@pytest.fixture
def container(azurite: AzuriteProcess) -> ContainerClient:
    """An empty container of its own for each test."""
    from azure.storage.blob import BlobServiceClient

    client = BlobServiceClient.from_connection_string(azurite.connection_string).get_container_client(f"c{uuid.uuid4().hex}")
    client.create_container()
    return client


@pytest.fixture(params=["memory", "local", "local-durable", pytest.param("azurite", marks=pytest.mark.cloud)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Every adapter of the port, empty."""
    match request.param:
        case "memory":
            return MemoryStore()
        case "local":
            return LocalStore(tmp_path / "root")
        case "local-durable":
            return LocalStore(tmp_path / "root", durable=True)
        case _:
            from odibi_core.storage.azure import AzureBlobStore

            return AzureBlobStore(request.getfixturevalue("container"), "state/here")
