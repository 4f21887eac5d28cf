"""Addresses of blobs become names and paths, and explicit locations become stores."""

from __future__ import annotations

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.storage import LocalStore, store_at
from odibi_core.storage.azure import AzureBlobStore
from tests.storage.builders import BLOB, KEY, resolved

CONNECTIONS = {
    "all": BLOB,
    "team": {**BLOB, "path_prefix": "team"},
    "orders": {**BLOB, "path_prefix": "team/orders"},
    "elsewhere": {**BLOB, "container": "other"},
    "emulated": {
        "type": "azure_blob",
        "container": "landing",
        "connection_string": f"AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1234/devstoreaccount1;",
    },
    "folder": {"type": "local"},
    "later": {"type": "http", "base_url": "https://acct.blob.core.windows.net/landing"},
    "broken": {"type": "azure_blob"},
}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://acct.blob.core.windows.net/landing/x.csv", [("all", "x.csv")]),
        ("https://ACCT.blob.core.windows.net/landing/x.csv", [("all", "x.csv")]),
        ("https://acct.dfs.core.windows.net/landing/x.csv", [("all", "x.csv")]),
        ("https://acct.z13.blob.storage.azure.net/landing/x.csv", [("all", "x.csv")]),
        ("https://acct.blob.core.windows.net/landing/x.csv?sv=1&sig=s", [("all", "x.csv")]),
        (
            "https://acct.blob.core.windows.net/landing/team/orders/a%20b.csv",
            [("orders", "a b.csv"), ("team", "orders/a b.csv"), ("all", "team/orders/a b.csv")],
        ),
        ("https://acct.blob.core.windows.net/landing/teamwork/x", [("all", "teamwork/x")]),
        ("http://127.0.0.1:1234/devstoreaccount1/landing/a/x.csv", [("emulated", "a/x.csv")]),
        ("http://localhost:1234/devstoreaccount1/landing/a/x.csv", [("emulated", "a/x.csv")]),
        ("http://127.0.0.1:9/devstoreaccount1/landing/a/x.csv", []),
        ("http://127.0.0.1:1234/other/landing/a/x.csv", []),
        ("https://other.blob.core.windows.net/landing/x.csv", []),
        ("https://acct.blob.core.windows.net/foreign/x.csv", []),
        ("https://acct.blob.core.windows.net.evil.com/landing/x.csv", []),
        ("https://acct.blob.core.windows.net@evil.com/landing/x.csv", []),
        ("https://evil.com/acct.blob.core.windows.net/landing/x.csv", []),
        ("https://acct.blob.core.windows.net/landing/", []),
        ("https://acct.blob.core.windows.net/landing", []),
        ("abfss://landing@acct.dfs.core.windows.net/x.csv", []),
        ("", []),
        ("\0", []),
    ],
)
def test_a_blobs_address_finds_the_connections_that_it_lies_in(url, found):
    """The deepest first; a foreign account, container or port finds none, and a broken neighbour does not matter."""
    assert resolved(**CONNECTIONS).match_url(url) == found


@pytest.mark.parametrize(
    ("encoded", "path"),
    [
        ("x%27%3B%20DROP%20TABLE--.csv", "x'; DROP TABLE--.csv"),
        ("%3Cimg%20src=x%20onerror=alert(1)%3E.csv", "<img src=x onerror=alert(1)>.csv"),
        ("$%7BENV%7D%7B%7B7*7%7D%7D.csv", "${ENV}{{7*7}}.csv"),
        ("a%0Ab%E2%80%AEc.csv", "a\nb\u202ec.csv"),
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("100%25%2041.csv", "100% 41.csv"),
        ("q%3Fx%23y.csv", "q?x#y.csv"),
        ("a%252e.csv", "a%2e.csv"),
    ],
)
def test_a_hostile_name_in_an_address_is_decoded_once_and_left_alone(encoded, path):
    """It is data, here and everywhere; only `locate` refuses what would lead out."""
    assert resolved(c=BLOB).match_url(f"https://acct.blob.core.windows.net/landing/{encoded}") == [("c", path)]


def test_the_account_behind_a_connection():
    """Account and container, or nothing for a folder."""
    connections = resolved(**CONNECTIONS)
    assert connections.account_of("team") == ("acct", "landing")
    assert connections.account_of("emulated") == ("devstoreaccount1", "landing")
    assert connections.account_of("folder") is None


def test_the_store_of_a_folder(tmp_path, monkeypatch):
    """A path, relative or not, or a file address."""
    monkeypatch.chdir(tmp_path)
    for text in ("state", str(tmp_path / "state"), f"file://{tmp_path}/state"):
        store = store_at(text, {})
        assert isinstance(store, LocalStore)
        store.put("x", text.encode())
        assert (tmp_path / "state" / "x").read_bytes() == text.encode()


@pytest.mark.cloud
def test_the_store_of_a_lake_uri(azurite, container):
    """With the connection string of ODIBI_STORAGE."""
    environment = {"ODIBI_STORAGE": azurite.connection_string}
    base = f"abfss://{container.container_name}@devstoreaccount1.dfs.core.windows.net"
    store_at(f"{base}/state/x", environment).put("y", b"1")
    assert store_at(base, environment).get("state/x/y").data == b"1"
    missing = "abfss://missing-one@devstoreaccount1.dfs.core.windows.net/x"
    with pytest.raises(PermanentServiceError):
        store_at(missing, environment).put("y", b"1")
    store_at(missing, environment, create=True).put("y", b"1")


def test_the_store_of_a_lake_uri_with_the_identity():
    """Without a connection string this process signs in as itself."""
    asked = []

    def credential(client_id):
        asked.append(client_id)
        return AzureNamedKeyCredential("acct", KEY)

    store = store_at("abfss://c@acct.dfs.core.windows.net/x", {"AZURE_CLIENT_ID": "me"}, credential=credential)
    assert isinstance(store, AzureBlobStore)
    assert repr(store) == "AzureBlobStore(acct/c/x/)"
    assert asked == ["me"]


@pytest.mark.parametrize("uri", ["https://x/y", "s3://bucket/x", "abfss://acct.dfs.core.windows.net/x", "abfss://c@acct/x"])
def test_a_location_that_is_not_understood_is_refused(uri):
    """Rather than made a folder of a strange name."""
    with pytest.raises(ConfigError):
        store_at(uri, {})


def test_a_connection_string_of_another_account_is_refused():
    """State must not be looked for in the wrong account."""
    with pytest.raises(ConfigError, match="another"):
        store_at("abfss://c@acct.dfs.core.windows.net/x", {"ODIBI_STORAGE": f"AccountName=other;AccountKey={KEY}"})
