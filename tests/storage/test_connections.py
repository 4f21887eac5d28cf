"""Names and paths of the YAML become places, with the way in that the author chose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from odibi_core.errors import ConfigError
from odibi_core.messages import FileVersion
from odibi_core.storage import ResolvedConnections
from tests.storage.builders import BLOB, KEY, no_secret, resolved

PATIENCE = {"timeout": "120s", "connect_timeout": "10s", "max_retries": "5", "retry_timeout": "60s"}


def options_of(**fields: object) -> dict[str, str]:
    """The options of a blob connection with these fields, without what all have."""
    options = dict(resolved(c={**BLOB, **fields}).locate("c", "x").options)
    assert {key: options.pop(key) for key in PATIENCE} == PATIENCE
    assert options.pop("account_name") == "acct"
    return options


def test_local_paths_count_from_the_project(tmp_path):
    """Relative, absolute, or by default ./data."""
    connections = resolved(
        tmp_path, a={"type": "local", "base_path": "./in/../files"}, b={"type": "local", "base_path": "/abs"}, c={"type": "local"}
    )
    assert connections.locate("a", "x/y.csv").uri == str(tmp_path / "files" / "x" / "y.csv")
    assert connections.locate("b", "x").uri == "/abs/x"
    assert connections.locate("c", "").uri == str(tmp_path / "data")
    place = connections.locate("a", "x/y.csv")
    assert (place.connection, place.path, place.options, place.name) == ("a", "x/y.csv", {}, "a/x/y.csv")


@pytest.mark.parametrize("kind", ["azure_blob", "azure_adls"])
@pytest.mark.parametrize("account", ["account", "account_name"])
def test_blob_paths_are_lake_uris(kind, account):
    """In any spelling, with the connection's own prefix in front."""
    connections = resolved(c={"type": kind, account: "acct", "container": "landing", "path_prefix": "/team/a/"}, d=BLOB)
    assert connections.locate("c", "x/y.csv").uri == "abfss://landing@acct.dfs.core.windows.net/team/a/x/y.csv"
    assert connections.locate("c", "").uri == "abfss://landing@acct.dfs.core.windows.net/team/a"
    assert connections.locate("d", "x").uri == "abfss://landing@acct.dfs.core.windows.net/x"


@pytest.mark.parametrize(
    "fields",
    [
        {"auth": {"mode": "account_key", "account_key": KEY}},
        {"auth": {"mode": "direct_key", "account_key": KEY}},
        {"auth": {"account_key": KEY}},
        {"auth_mode": "direct_key", "account_key": KEY},
        {"auth_mode": "direct_key", "direct_key": KEY},
        {"account_key": KEY},
    ],
)
def test_an_account_key_in_every_spelling(fields):
    """Nested or flat, named or detected."""
    assert options_of(**fields) == {"account_key": KEY}


@pytest.mark.parametrize(
    "fields",
    [
        {"auth": {"mode": "sas", "sas_token": "?sv=1&sig=s"}},
        {"auth": {"mode": "sas_token", "sas_token": "sv=1&sig=s"}},
        {"auth_mode": "sas_token", "sas_token": "sv=1&sig=s"},
        {"auth": {"sas": "sv=1&sig=s"}},
    ],
)
def test_a_shared_access_signature_in_every_spelling(fields):
    """With or without the question mark of a URL."""
    assert options_of(**fields) == {"sas_token": "sv=1&sig=s"}


@pytest.mark.parametrize(
    "fields",
    [
        {"auth": {"mode": "key_vault", "key_vault": "v", "secret": "s"}},
        {"auth": {"mode": "key_vault", "key_vault_name": "v", "secret_name": "s"}},
        {"auth_mode": "key_vault", "key_vault_name": "v", "secret_name": "s"},
        {"auth": {"key_vault": "v", "secret": "s"}},
    ],
)
@pytest.mark.parametrize(
    ("value", "found"),
    [(KEY, {"account_key": KEY}), ("sv=1&sig=s", {"sas_token": "sv=1&sig=s"})],
)
def test_a_key_vault_in_every_spelling(fields, value, found):
    """The vault and the name are asked for together; what comes back is a key or a signature."""
    asked = []

    def secret(name: str) -> str:
        asked.append(name)
        return value

    connections = resolved(secret=secret, c={**BLOB, **fields})
    assert asked == []
    for _ in range(2):
        assert connections.locate("c", "x").options == {"account_name": "acct", **found, **PATIENCE}
    assert set(asked) == {"v/s"}  # with every use: who keeps values, and for how long, is the source's business


def test_a_service_principal():
    """Detected from its three fields, too."""
    fields = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    assert options_of(auth={"mode": "service_principal", **fields}) == fields
    assert options_of(auth_mode="service_principal", **fields) == fields
    assert options_of(**fields) == fields


@pytest.mark.parametrize("fields", [{}, {"auth": {"mode": "aad_msi"}}, {"auth_mode": "managed_identity"}, {"auth": "managed_identity"}])
def test_the_managed_identity_of_the_app(fields):
    """The address of App Service is passed on, because engines do not look for it; on a laptop the signed-in developer is used."""
    on_azure = {"IDENTITY_ENDPOINT": "http://127.0.0.1:1/token"}
    options = resolved(environment=on_azure, c={**BLOB, **fields}).locate("c", "x").options
    assert options == {"account_name": "acct", "azure_msi_endpoint": "http://127.0.0.1:1/token", **PATIENCE}
    assert options_of(**fields) == {"use_azure_cli": "true"}


def test_a_user_assigned_identity():
    """Its client id goes along."""
    given = {**BLOB, "auth": {"mode": "aad_msi", "client_id": "me"}}
    options = resolved(environment={"IDENTITY_ENDPOINT": "http://i"}, c=given).locate("c", "x").options
    assert options == {"account_name": "acct", "azure_msi_endpoint": "http://i", "client_id": "me", **PATIENCE}


def test_a_stray_key_in_the_environment_is_announced(caplog):
    """It silently wins over an identity."""
    resolved(environment={"AZURE_STORAGE_ACCOUNT_KEY": "k"}, c=BLOB).locate("c", "x")
    assert "AZURE_STORAGE_ACCOUNT_KEY" in caplog.text


def test_a_connection_string_of_azure():
    """Key and account come from it; it is also there for whoever uses Azure's own library."""
    text = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY}==;EndpointSuffix=core.windows.net"
    found = {"account_key": f"{KEY}==", "connection_string": text}
    assert options_of(auth={"mode": "connection_string", "connection_string": text}) == found
    assert options_of(connection_string=text) == found
    nameless = {"type": "azure_blob", "container": "landing", "auth": {"connection_string": text}}
    assert resolved(c=nameless).locate("c", "x").uri == "abfss://landing@acct.dfs.core.windows.net/x"


def test_a_connection_string_of_the_emulator():
    """Its address is not the account's own, and not encrypted."""
    text = f"AccountName=acct;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1234/acct/;"
    assert options_of(connection_string=text) == {
        "account_key": KEY,
        "connection_string": text,
        "azure_storage_endpoint": "http://127.0.0.1:1234/acct",
        "allow_http": "true",
    }


def test_secrets_are_asked_for_where_they_stand_and_shown_nowhere():
    """`${secret:name}` in a field; the text of a place does not hold the value."""
    connections = resolved(secret=lambda name: f"<{name}>", c={**BLOB, "auth": {"account_key": "${secret:storage-key}"}})
    place = connections.locate("c", "x")
    assert place.options["account_key"] == "<storage-key>"
    assert "storage-key" not in repr(place)
    assert "storage-key" not in repr(connections.store("c", "x"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "http"}, "connection 'c': base_url: Field required"),
        ({"type": "http", "base_url": "https://x", "headers": {"a": "b\r\nc: d"}}, "connection 'c' has a header with a line break"),
        ({"type": "sql_server"}, "connection 'c': host: Field required"),
        ({"type": "delta"}, "connection type 'delta' cannot be used here yet"),
        ({"account_name": "a"}, "connection type 'None' cannot be used here yet"),
        ("text", "connection 'c' is not a mapping"),
        ({"type": "azure_blob", "account_name": "a"}, "connection 'c' lacks container"),
        ({"type": "azure_blob", "container": "a"}, "connection 'c' lacks account_name"),
        ({**BLOB, "auth": {"mode": "magic"}}, "connection 'c' has the unknown auth mode 'magic'"),
        ({**BLOB, "auth": {"mode": "account_key"}}, "connection 'c' with auth mode 'account_key' lacks account_key"),
        ({**BLOB, "auth": {"mode": "key_vault", "secret": "s"}}, "connection 'c' with auth mode 'key_vault' lacks key_vault"),
        (
            {**BLOB, "connection_string": "AccountName=other;AccountKey=k"},
            "connection 'c' names account 'acct', its connection string another",
        ),
        ({**BLOB, "connection_string": "AccountName=acct"}, "has neither AccountKey nor SharedAccessSignature"),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_used(given, said):
    """Not before: a plan may hold connections that this process never touches."""
    connections = resolved(c=given, d={"type": "local"})
    connections.locate("d", "x")
    for use in (lambda: connections.locate("c", "x"), lambda: connections.files("c", "x"), lambda: connections.store("c", "x")):
        with pytest.raises(ConfigError) as caught:
            use()
        assert said in caught.value.message


def test_an_unknown_connection_is_named_with_what_may_have_been_meant():
    """A near name, or all."""
    connections = resolved(landing={"type": "local"}, bronze={"type": "local"})
    with pytest.raises(ConfigError, match=r"unknown connection 'landin'\. Did you mean 'landing'"):
        connections.locate("landin", "x")
    with pytest.raises(ConfigError, match="Known are bronze, landing"):
        connections.locate("zzz", "x")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "abfss://other@evil.dfs.core.windows.net/x", "a/%2e%2e/%2e%2e/b"])
def test_no_path_leaves_its_connection(path):
    """Nor does a connection's own prefix."""
    connections = resolved(a={"type": "local"}, b=BLOB, c={**BLOB, "path_prefix": "../x"})
    for name in "ab":
        for use in (connections.locate, connections.files, connections.store):
            with pytest.raises(ConfigError):
                use(name, path)
    with pytest.raises(ConfigError):
        connections.locate("c", "x")


def test_local_files_have_size_and_time_as_their_tag(tmp_path):
    """Sorted by path; a rewritten file is another version."""
    connections = resolved(tmp_path, c={"type": "local", "base_path": "in"})
    assert connections.files("c", "") == []
    for name, text in (("b.csv", "12"), ("a/x.csv", "1"), ("a/y.csv", "")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text)
        os.utime(tmp_path / "in" / name, ns=(5, 7))
    assert connections.files("c", "") == [
        FileVersion(connection="c", path="a/x.csv", etag="1-7", size_bytes=1),
        FileVersion(connection="c", path="a/y.csv", etag="0-7", size_bytes=0),
        FileVersion(connection="c", path="b.csv", etag="2-7", size_bytes=2),
    ]
    assert [file.path for file in connections.files("c", "a/x")] == ["a/x.csv"]
    assert [file.path for file in connections.files("c", "./a/")] == ["a/x.csv", "a/y.csv"]


def test_a_local_place_is_a_store_too(tmp_path):
    """Stories are written where a connection says."""
    store = resolved(tmp_path, c={"type": "local"}).store("c", "stories")
    store.put("a/s.html", b"<p>", content_type="text/html")
    assert (tmp_path / "data" / "stories" / "a" / "s.html").read_bytes() == b"<p>"


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_not_unicode_is_left_out_of_a_listing(tmp_path, caplog):
    """It could not be written down; the others must not suffer."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "good.csv").touch()
    (tmp_path / "data" / os.fsdecode(b"b\xffd.csv")).touch()
    assert [file.path for file in resolved(tmp_path, c={"type": "local"}).files("c", "")] == ["good.csv"]
    assert "not valid Unicode" in caplog.text


def test_clients_are_made_once_and_ask_the_given_credential():
    """One client for a connection, however often it is used."""
    asked = []

    def credential(client_id):
        asked.append(client_id)
        return AzureNamedKeyCredential("acct", KEY)

    connections = ResolvedConnections(
        connections={"c": {**BLOB, "auth": {"mode": "aad_msi", "client_id": "me"}}},
        directory=Path(),
        secret=no_secret,
        credential=credential,
        environment={},
    )
    for _ in range(3):
        connections.store("c", "x")
    assert asked == ["me"]


@pytest.mark.cloud
def test_blobs_as_files_and_as_a_store(azurite, container):
    """Paths inside the connection, tags without quotes, no folder markers."""
    container.upload_blob("in/orders/b ü.csv", b"12")
    container.upload_blob("in/orders", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("in/a.csv", b"")
    container.upload_blob("other.csv", b"1")
    connections = resolved(
        c={
            "type": "azure_blob",
            "container": container.container_name,
            "path_prefix": "in",
            "auth": {"mode": "connection_string", "connection_string": azurite.connection_string},
        }
    )
    files = connections.files("c", "")
    assert [(file.path, file.size_bytes) for file in files] == [("a.csv", 0), ("orders/b ü.csv", 2)]
    etag = container.get_blob_client("in/a.csv").get_blob_properties().etag.strip('"')
    assert files[0] == FileVersion(connection="c", path="a.csv", etag=etag, size_bytes=0)
    assert [file.path for file in connections.files("c", "orders/")] == ["orders/b ü.csv"]
    connections.store("c", "state/x").put_if_absent("y", b"1")
    assert container.get_blob_client("in/state/x/y").download_blob().readall() == b"1"
    assert connections.match_url(f"{azurite.blob_endpoint}/{container.container_name}/in/orders/b%20%C3%BC.csv") == [
        ("c", "orders/b ü.csv")
    ]


@pytest.mark.cloud
@pytest.mark.parametrize("mode", ["connection_string", "account_key"])
def test_engines_get_in_with_the_options(azurite, container, mode, monkeypatch):
    """A Delta table is written, read back and found by the location alone."""
    import polars as pl

    text = azurite.connection_string
    connections = resolved(c={"type": "azure_blob", "container": container.container_name, "connection_string": text})
    place = connections.locate("c", "tables/t")
    options = dict(place.options)
    if mode == "account_key":
        del options["connection_string"]
    for _ in range(3):
        pl.DataFrame({"a": [1]}).write_delta(place.uri, storage_options=options, mode="append")
    options["max_retries"] = int(options["max_retries"])  # Polars wants its own setting as a number
    scanned = pl.scan_parquet(f"{place.uri}/*.parquet", storage_options=options, credential_provider=None)
    assert scanned.collect()["a"].to_list() == [1, 1, 1]
