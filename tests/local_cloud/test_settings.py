"""Settings are found as the Functions host finds them."""

from __future__ import annotations

import json

import pytest

from odibi_local.functions_host.settings import (
    SettingsError,
    resolve_references,
    service_bus_connection,
    storage_connection,
    with_local_settings,
)


def test_local_settings_fill_gaps_and_never_override_a_variable(tmp_path):
    """A variable that exists wins over local.settings.json."""
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": {"A": "file", "B": True, "N": 5}}))
    assert with_local_settings(tmp_path, {"A": "variable"}) == {"A": "variable", "B": "true", "N": "5"}


def test_a_broken_local_settings_file_is_refused_with_its_name(tmp_path):
    """What is wrong is said by file name."""
    (tmp_path / "local.settings.json").write_text("{")
    with pytest.raises(SettingsError, match=r"local\.settings\.json cannot be read"):
        with_local_settings(tmp_path, {})


def test_references_in_bindings_resolve_and_a_missing_one_is_named():
    """%NAME% becomes the setting; without one the name is in the error."""
    assert resolve_references("%Q%/$DeadLetterQueue", {"Q": "node-runs"}) == "node-runs/$DeadLetterQueue"
    with pytest.raises(SettingsError, match="'%Q%' does not resolve to a value"):
        resolve_references("%Q%", {"Q": ""})


@pytest.mark.parametrize("name", ["ServiceBusConnection", "AzureWebJobsServiceBusConnection"])
def test_a_connection_is_looked_up_by_name_and_with_the_prefix(name):
    """The name itself comes first, then AzureWebJobs and the name."""
    assert service_bus_connection("ServiceBusConnection", {name: "Endpoint=sb://x"}) == "Endpoint=sb://x"


def test_an_identity_connection_is_recognised_and_reported():
    """A laptop has no managed identity; the message says what to set instead."""
    with pytest.raises(SettingsError, match=r"asks for a managed identity.*set Bus to a connection string"):
        service_bus_connection("Bus", {"Bus__fullyQualifiedNamespace": "x.servicebus.windows.net"})
    with pytest.raises(SettingsError, match="asks for a managed identity"):
        storage_connection("Lake", {"Lake__blobServiceUri": "https://x.blob.core.windows.net"})


def test_an_identity_connection_to_an_emulator_needs_no_identity():
    """The emulators accept anybody, so their identity form works."""
    assert service_bus_connection("Bus", {"Bus__fullyQualifiedNamespace": "localhost:5673"}) == (
        "Endpoint=sb://localhost:5673;SharedAccessKeyName=local;SharedAccessKey=local;UseDevelopmentEmulator=true;"
    )
    found = storage_connection("Lake", {"Lake__blobServiceUri": "http://127.0.0.1:10000/devstoreaccount1"})
    assert "AccountName=devstoreaccount1;" in found
    assert found.endswith("BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;")


def test_a_connection_that_is_not_set_is_named():
    """The error says which setting is missing."""
    with pytest.raises(SettingsError, match="connection 'Bus' is not set"):
        service_bus_connection("Bus", {})
