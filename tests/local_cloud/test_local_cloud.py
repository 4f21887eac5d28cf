"""The whole cloud on a laptop: a blob lands, an event comes, functions run, and everything survives a restart."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request

import pytest
from azure.storage.blob import BlobServiceClient

from odibi_local.cloud import LocalCloud

pytestmark = pytest.mark.cloud

APP = """
import json
import sys
from azure.servicebus import ServiceBusClient, ServiceBusMessage

def say(*words: object) -> None:  # in one piece: functions run side by side, and print() writes each of its words alone
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

bus = lambda name: app.service_bus_queue_trigger(arg_name="msg", connection="ServiceBusConnection", queue_name=name)

@bus("%ODIBI_BLOB_EVENTS_QUEUE%")
def on_blob(msg: func.ServiceBusMessage) -> None:
    event = json.loads(msg.get_body())
    say(json.dumps({"arrived": event["subject"].split("/blobs/")[1], "at": time.time()}))
    if "broken" in event["subject"]:
        with ServiceBusClient.from_connection_string(os.environ["ServiceBusConnection"]) as client:
            with client.get_queue_sender("node-runs") as sender:
                sender.send_messages(ServiceBusMessage("break"))

@bus("node-runs")
def run_node(msg: func.ServiceBusMessage) -> None:
    raise ValueError("broken on purpose")

@bus("node-runs/$DeadLetterQueue")
def on_dead_letter(msg: func.ServiceBusMessage) -> None:
    say("dead", msg.get_body().decode(), msg.dead_letter_reason)

@app.timer_trigger(arg_name="timer", schedule="*/2 * * * * *")
def sweep(timer: func.TimerRequest) -> None:
    pass

@app.blob_trigger(arg_name="blob", path="landing/{name}", connection="AzureWebJobsStorage")
def on_content(blob: func.InputStream) -> None:
    say("content of", blob.name, len(blob.read()))

@app.route("health", methods=["GET"])
def health(req: func.HttpRequest) -> str:
    return os.environ["ODIBI_STORAGE"][:30] + os.environ["EXTRA"]
"""
SETTINGS = {"ODIBI_BLOB_EVENTS_QUEUE": "blob-events", "EXTRA": "!"}


def _cloud(write_app, tmp_path, lines):
    return LocalCloud(write_app(APP), folder=tmp_path / "cloud", environment=SETTINGS, sink=lines, watch_source=False)


def test_a_blob_that_lands_runs_functions_and_nothing_is_lost_over_a_restart(write_app, tmp_path, lines):
    """Event, dead letters, timer, blob content, HTTP; and what arrives while the cloud is down is handled after its next start."""
    began = time.monotonic()
    with _cloud(write_app, tmp_path, lines) as cloud:
        print(f"started in {time.monotonic() - began:.2f} s")
        with urllib.request.urlopen(f"{cloud.base_url}/api/health", timeout=10) as answer:
            assert answer.read() == b"DefaultEndpointsProtocol=http;!"
        landing = BlobServiceClient.from_connection_string(cloud.storage_connection).get_container_client("landing")
        lags = []
        for number in range(10):
            landing.upload_blob(f"{number}.csv", b"a,b")
            sent = time.time()
            arrived = json.loads(lines.wait_for(f'"arrived": "{number}.csv"').message)
            lags.append((arrived["at"] - sent) * 1000)
        print(f"blob to function: median {statistics.median(lags):.0f} ms, longest {max(lags):.0f} ms")
        assert statistics.median(lags) < 1000
        landing.upload_blob("broken.csv", b"a,b")
        lines.wait_for("dead break MaxDeliveryCountExceeded")
        lines.wait_for("sweep ok")
        lines.wait_for("content of landing/9.csv 3")
        host_pid = cloud.host.child_pid
    assert host_pid is not None
    handled = len([line for line in lines.messages("output") if "arrived" in line])
    cloud = _cloud(write_app, tmp_path, lines)
    cloud.azurite.start()
    with BlobServiceClient.from_connection_string(cloud.storage_connection) as account:
        account.get_container_client("landing").upload_blob("while-away.csv", b"a")
    with cloud:
        lines.wait_for('"arrived": "while-away.csv"')
        time.sleep(0.5)
    assert len([line for line in lines.messages("output") if "arrived" in line]) == handled + 1
