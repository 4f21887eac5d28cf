"""Connections: the union of spellings, one canonical form, no secret in `repr`."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from odibi_core.config import ConnectionConfig
from tests.config.conftest import Complaints, Load

CONNECTION: TypeAdapter[object] = TypeAdapter(ConnectionConfig)


def connections(line: str) -> str:
    return f"project: shop\nconnections:\n  x: {{ {line} }}\npipelines: []\n"


@pytest.mark.parametrize(
    ("line", "mode", "values"),
    [
        ("type: azure_blob, account_name: a, container: c", "aad_msi", {"client_id": None}),
        ("type: azure_adls, account: a, container: c", "aad_msi", {}),
        ("type: azure_blob, account_name: a, container: c, auth: { mode: managed_identity, client_id: i }", "aad_msi", {"client_id": "i"}),
        (
            "type: azure_blob, account_name: a, container: c, auth: { mode: account_key, account_key: k }",
            "account_key",
            {"account_key": "k"},
        ),
        ("type: azure_adls, account: a, container: c, auth_mode: direct_key, account_key: k", "account_key", {"account_key": "k"}),
        ("type: azure_adls, account: a, container: c, auth: { account_key: k }", "account_key", {"account_key": "k"}),
        ("type: azure_blob, account_name: a, container: c, auth: { mode: sas, sas_token: k }", "sas", {"sas_token": "k"}),
        ("type: azure_blob, account_name: a, container: c, auth: { mode: sas_token, sas: k }", "sas", {"sas_token": "k"}),
        (
            "type: azure_blob, account_name: a, container: c, auth: { mode: key_vault, key_vault: v, secret: s }",
            "key_vault",
            {"key_vault_name": "v", "secret_name": "s"},
        ),
        (
            "type: azure_blob, account_name: a, container: c, auth: { mode: key_vault, key_vault_name: v, secret_name: s }",
            "key_vault",
            {"key_vault_name": "v", "secret_name": "s"},
        ),
        (
            "type: azure_adls, account: a, container: c, auth_mode: service_principal, tenant_id: t, client_id: i, client_secret: s",
            "service_principal",
            {"tenant_id": "t", "client_id": "i", "client_secret": "s"},
        ),
        (
            "type: azure_blob, account_name: a, container: c, auth: { connection_string: k }",
            "connection_string",
            {"connection_string": "k"},
        ),
        ("type: sql_server, host: h, database: d", "aad_msi", {}),
        ("type: azure_sql, server: h, database: d, username: u, password: p", "sql_login", {"username": "u", "password": "p"}),
        ("type: sql_server, host: h, database: d, auth: { mode: sql, username: u, password: p }", "sql_login", {"password": "p"}),
        (
            "type: sql_server, host: h, database: d, auth: { mode: aad_password, tenant_id: t, client_id: i, client_secret: s }",
            "service_principal",
            {"client_secret": "s"},
        ),
        ("type: postgresql, host: h, database: d, username: u, password: p", "sql_login", {"username": "u"}),
        ("type: http, base_url: 'https://x'", "none", {}),
        ("type: http, base_url: 'https://x', auth: { token: t }", "bearer", {"token": "t"}),
        ("type: http, base_url: 'https://x', auth: { mode: api_key, api_key: k }", "api_key", {"header_name": "Authorization"}),
        ("type: s3, bucket: b", "default", {}),
        ("type: s3, bucket: b, auth: { access_key_id: i, secret_access_key: k }", "access_key", {"secret_access_key": "k"}),
    ],
)
def test_every_spelling_has_one_meaning(load: Load, line: str, mode: str, values: dict[str, object]) -> None:
    """Older names of types, modes and fields, nested or flat."""
    connection = load(connections(line)).config.connections["x"]
    assert connection.auth.mode == mode
    assert {name: getattr(connection.auth, name) for name in values} == values


def test_connections_without_auth(load: Load) -> None:
    """A folder, and the two of Spark, whose `schema` is a field."""
    local = load(connections("type: local")).config.connections["x"]
    assert local.base_path == "./data"
    unity = load(connections("type: unity_catalog, catalog: c")).config.connections["x"]
    assert (unity.schema_name, unity.create_schema) == ("default", True)
    assert load(connections("type: delta, catalog: c, schema: s")).config.connections["x"].schema_name == "s"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("type: azure_blobb, container: c", "3:14: unknown connection type 'azure_blobb'. Did you mean 'azure_blob'?"),
        ("base_path: x", "3:6: 'type' is missing"),
        ("type: azure_blob, account_name: a, acount: b, container: c", "3:43: unknown key 'acount'. Did you mean 'account'?"),
        ("type: azure_blob, account: a, account_name: b, container: c", "3:6: 'account' and 'account_name' mean the same"),
        ("type: azure_blob, account: a, container: c, auth: { mode: msi }", "3:66: expected 'aad_msi', 'account_key',"),
        ("type: azure_blob, account: a, container: c, auth: { mode: sas }", "3:58: key 'sas_token' is missing"),
        ("type: azure_blob, account: a, container: c, auth: { account_key: k, sas_tokn: x }", "3:76: unknown key 'sas_tokn'"),
        ("type: azure_blob, account: a, container: c, sas_token: k, auth: { mode: aad_msi }", "3:6: 'sas_token' stands beside 'auth'"),
        ("type: sql_server, host: h, database: d, port: 99999", "3:54: must be at most 65535"),
        ("type: http, base_url: x, auth: { token: t, tokn: u }", "3:51: unknown key 'tokn'. Did you mean 'token'?"),
    ],
)
def test_a_wrong_connection_is_refused_where_it_is_wrong(complaints: Complaints, line: str, answer: str) -> None:
    """With one problem."""
    found = complaints(connections(line))
    assert found[0].startswith(f"odibi.yaml:{answer}"), found
    assert len(found) == 1, found


def test_an_unknown_type_is_kept_when_not_strict(load: Load) -> None:
    """And said."""
    loaded = load("strict: false\n" + connections("type: mongodb, uri: s3cret"))
    assert loaded.config.connections["x"].type == "mongodb"
    assert "s3cret" not in repr(loaded.config)
    assert loaded.notices == ("connections.x: type 'mongodb' is not known; a run that uses it is refused",)


@pytest.mark.parametrize(
    "line",
    [
        "type: azure_blob, account: a, container: c, account_key: s3cret",
        "type: azure_blob, account: a, container: c, sas_token: s3cret",
        "type: azure_blob, account: a, container: c, connection_string: s3cret",
        "type: azure_blob, account: a, container: c, tenant_id: t, client_id: c, client_secret: s3cret",
        "type: sql_server, host: h, database: d, username: u, password: s3cret",
        "type: http, base_url: x, headers: { X-Key: s3cret }",
        "type: http, base_url: x, auth: { token: s3cret }",
        "type: http, base_url: x, auth: { api_key: s3cret }",
        "type: s3, bucket: b, auth: { access_key_id: i, secret_access_key: s3cret, session_token: s3cret }",
    ],
)
def test_no_secret_is_in_repr(load: Load, line: str) -> None:
    """Not of the section, not of the project."""
    assert "s3cret" not in repr(load(connections(line)).config)
