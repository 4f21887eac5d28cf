"""Blob triggers see each version once, and set aside what fails five times."""

from __future__ import annotations

import json
import os

import pytest
from azure.storage.blob import BlobServiceClient

from odibi_local.functions_host import FunctionsHost
from odibi_local.functions_host.blob_listener import POISON_CONTAINER, path_pattern

APP = """
@app.blob_trigger(arg_name="blob", path="%CONTAINER%/in/{name}.csv", connection="Lake")
def arrived(blob: func.InputStream) -> None:
    print("got", blob.name, blob.length, blob.read(), blob.uri.startswith("http://127.0.0.1"), blob.metadata)
    if "poison" in blob.name:
        raise ValueError("cannot read this")
"""


@pytest.mark.cloud
def test_each_version_is_handled_once_and_a_poison_blob_is_set_aside(azurite, write_app, lines, tmp_path):
    """New, rewritten, after a restart: once each. Five failures, then the poison container."""
    account = BlobServiceClient.from_connection_string(azurite.connection_string)
    landing = account.create_container("blob-trigger")
    landing.upload_blob("in/a.csv", b"1")
    landing.upload_blob("in/other.txt", b"x")
    settings = {**os.environ, "Lake": azurite.connection_string, "CONTAINER": "blob-trigger"}
    folder = write_app(APP)
    with FunctionsHost(folder, settings, sink=lines, watch=False) as host:
        lines.wait_for("got blob-trigger/in/a.csv 1 b'1' True {}")
        landing.upload_blob("in/a.csv", b"22", overwrite=True)
        lines.wait_for("got blob-trigger/in/a.csv 2 b'22'")
        landing.upload_blob("in/poison.csv", b"?")
        lines.wait_for("arrived failed 5 times on 'blob-trigger/in/poison.csv'")
        host.kill_child()
        host.wait_ready()
        landing.upload_blob("in/b.csv", b"333")
        lines.wait_for("got blob-trigger/in/b.csv")
    got = [line.split(" b'")[0] for line in lines.messages("output") if line.startswith("got")]
    assert got.count("got blob-trigger/in/poison.csv 1") == 5
    assert [line for line in got if "poison" not in line] == [
        "got blob-trigger/in/a.csv 1",
        "got blob-trigger/in/a.csv 2",
        "got blob-trigger/in/b.csv 3",
    ]
    poison = account.get_container_client(POISON_CONTAINER)
    (found,) = poison.list_blobs()
    assert json.loads(poison.download_blob(found.name).readall())["BlobName"] == "in/poison.csv"


def test_a_path_names_its_parts():
    """Literal text must fit exactly; each {part} takes the rest."""
    assert path_pattern("in/{day}/{name}.csv").match("in/2026/a/b.csv").groupdict() == {"day": "2026/a", "name": "b"}
    assert path_pattern("in/{name}.csv").match("in/a_csv") is None
