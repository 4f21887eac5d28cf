"""Triggers: each turns an event into one command. No logic here, and nothing heavy is imported before the first event."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import azure.functions as func

from odibi_core.hosts.index import DueAt, index_of

if TYPE_CHECKING:
    from odibi_core.hosts.azure import AzureHost

FOLDER = Path(__file__).resolve().parent
INDEX = index_of(
    Path(os.environ.get("ODIBI_PROJECT") or FOLDER / "pipelines" / "odibi.yaml"), os.environ.get("ODIBI_ENV") or None, os.environ
)
BUS = "ServiceBusConnection"
MAX_BODY_BYTES = 64 * 1024
for _setting, _queue in (("BLOB_EVENTS", "blob-events"), ("NODE_RUNS", "node-runs"), ("RUN_FINISHED", "run-finished")):
    os.environ.setdefault(f"ODIBI_{_setting}_QUEUE", _queue)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def host() -> AzureHost:
    """The product, built when the first event comes."""
    from odibi_core.hosts import azure

    return azure.host(os.environ, app_folder=FOLDER)


def answer(status: int, body: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")


@app.service_bus_queue_trigger(arg_name="msg", queue_name="%ODIBI_BLOB_EVENTS_QUEUE%", connection=BUS)
def blob_events(msg: func.ServiceBusMessage) -> None:
    host().on_blob_event(msg.get_body())


@app.service_bus_queue_trigger(arg_name="msg", queue_name="%ODIBI_NODE_RUNS_QUEUE%", connection=BUS)
def node_runs(msg: func.ServiceBusMessage) -> None:
    host().on_node_run(msg.get_body(), delivery=msg.delivery_count or 1)


@app.service_bus_queue_trigger(arg_name="msg", queue_name="%ODIBI_RUN_FINISHED_QUEUE%", connection=BUS)
def run_finished(msg: func.ServiceBusMessage) -> None:
    host().on_run_finished(msg.get_body())


@app.service_bus_queue_trigger(arg_name="msg", queue_name="%ODIBI_NODE_RUNS_QUEUE%/$DeadLetterQueue", connection=BUS)
def dead_letters(msg: func.ServiceBusMessage) -> None:
    host().on_dead_letter(msg.get_body(), message_id=msg.message_id or "", reason=msg.dead_letter_reason or "")


@app.timer_trigger(arg_name="timer", schedule=os.environ.get("ODIBI_SWEEP_SCHEDULE") or "30 */5 * * * *")
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001  # the host passes it
    host().on_sweep()


@app.route(route="runs", methods=["POST"])
def start_run(req: func.HttpRequest) -> func.HttpResponse:
    given = req.get_body()
    try:
        body = json.loads(given) if len(given) <= MAX_BODY_BYTES else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return answer(400, {"error": "the body must be a JSON object of at most 64 KB"})
    return answer(*host().on_start_request(body))


@app.route(route="runs/{id}", methods=["GET"])
def run_status(req: func.HttpRequest) -> func.HttpResponse:
    return answer(*host().on_status_request(req.route_params.get("id") or ""))


@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the host passes it
    if INDEX.problem:
        return answer(503, {"status": "unhealthy"})
    return answer(*host().on_health_request())


def add_timer(due: DueAt) -> None:
    @app.function_name(due.name)
    @app.timer_trigger(arg_name="timer", schedule=due.schedule)
    def scheduled(timer: func.TimerRequest) -> None:  # noqa: ARG001  # the host passes it
        host().on_timer(due.pipeline, datetime.now(UTC))


def add_polling(number: int, container: str) -> None:
    @app.function_name(f"poll_{number}")
    @app.blob_trigger(arg_name="blob", path=f"{container}/{{name}}", connection=os.environ.get("ODIBI_POLL_BLOBS") or "")
    def landed(blob: func.InputStream) -> None:
        host().on_blob(blob.uri or "")


for _due in INDEX.timers:
    add_timer(_due)
if os.environ.get("ODIBI_POLL_BLOBS"):  # the storage connection to poll, where there is no Event Grid
    for _number, _container in enumerate(INDEX.containers):
        add_polling(_number, _container)
