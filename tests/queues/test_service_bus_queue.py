"""Commands to Service Bus: what is sent, where, and what happens when a sender breaks."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import ServiceBusClient, ServiceBusMessageBatch, ServiceBusSender
from azure.servicebus import exceptions as bus

from odibi_core.errors import ConfigError, PermanentServiceError, TransientServiceError
from odibi_core.messages import FinishRun, RunNode, parse_command
from odibi_core.queues.service_bus import ServiceBusQueue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = "0123456789abcdef"
SETTING = "ServiceBusConnection"


def node(name: str, run_id: str = RUN) -> RunNode:
    """A command that is told from others by its node."""
    return RunNode(run_id=run_id, node=name)


class Service:
    """Service Bus in memory: the calls of the client that the adapter uses, with the library's own messages and batches."""

    def __init__(self, batch_bytes: int = 100_000) -> None:
        self.arrived: dict[str, list[list]] = {}  # queue → transfers → messages
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.fails: list[Exception] = []
        self.batch_bytes = batch_bytes
        self.in_use = threading.Lock()

    def get_queue_sender(self, queue: str) -> Sender:
        self.opened.append(queue)
        return Sender(self, queue)

    def close(self) -> None:
        self.closed.append("client")

    @property
    def bodies(self) -> dict[str, list[dict]]:
        return {queue: [body(message) for transfer in transfers for message in transfer] for queue, transfers in self.arrived.items()}


class Sender:
    """One sender of it. It notices when two threads use it at once, which the real one does not survive."""

    def __init__(self, service: Service, queue: str) -> None:
        self.service = service
        self.queue = queue

    def create_message_batch(self) -> ServiceBusMessageBatch:
        return ServiceBusMessageBatch(max_size_in_bytes=self.service.batch_bytes)

    def send_messages(self, what, *, timeout: float) -> None:
        assert 0 < timeout <= 60
        assert self.service.in_use.acquire(blocking=False), "two threads in one sender"
        try:
            time.sleep(0.001)
            if self.service.fails:
                raise self.service.fails.pop(0)
            messages = what._messages if isinstance(what, ServiceBusMessageBatch) else [what]
            self.service.arrived.setdefault(self.queue, []).append(list(messages))
        finally:
            self.service.in_use.release()

    def close(self) -> None:
        self.service.closed.append(self.queue)
        raise bus.ServiceBusConnectionError


def body(message) -> dict:
    """The content of a message, whether the library still holds it as given or as it travels."""
    parts = message.body if hasattr(message, "body") else message[5]
    return json.loads(parts if isinstance(parts, (str, bytes)) else b"".join(parts))


@pytest.fixture
def service() -> Service:
    """An empty service."""
    return Service()


@pytest.fixture
def queue(service) -> ServiceBusQueue:
    """A queue over it."""
    return ServiceBusQueue(lambda: service, node_runs="nodes", run_finished="finished", clock=lambda: NOON)


def test_each_command_goes_to_the_queue_of_its_kind_in_order(queue, service):
    """Several to one queue are one transfer."""
    queue.send([node("b"), FinishRun(run_id=RUN), node("a")])
    assert [[entry["node"] for entry in service.bodies["nodes"]], [entry["kind"] for entry in service.bodies["finished"]]] == [
        ["b", "a"],
        ["finish_run"],
    ]
    assert [len(transfer) for transfer in service.arrived["nodes"]] == [2]
    assert service.opened == ["nodes", "finished"]


def test_both_kinds_may_share_a_queue(service):
    """Then they share a sender and their order."""
    queue = ServiceBusQueue(lambda: service, node_runs="all", run_finished="all")
    queue.send([node("a"), FinishRun(run_id=RUN), node("b")])
    assert [entry["kind"] for entry in service.bodies["all"]] == ["run_node", "finish_run", "run_node"]
    assert service.opened == ["all"]


def test_a_message_says_what_it_is(queue, service):
    """Its id makes duplicates known; it is JSON that the receiver understands; it is due at once."""
    command = RunNode(run_id=RUN, node="a", attempt=2, resend=1)
    queue.send([command])
    (message,) = service.arrived["nodes"][0]
    assert (message.message_id, message.content_type, message.subject) == (command.message_id, "application/json", "run_node")
    assert message.scheduled_enqueue_time_utc is None
    assert parse_command(b"".join(message.body)) == command


def test_a_delay_is_a_time_in_the_message(queue, service):
    """So that one call sends it, alone or with others."""
    queue.send([node("a")], delay=timedelta(seconds=90))
    (message,) = service.arrived["nodes"][0]
    assert message.scheduled_enqueue_time_utc.replace(tzinfo=UTC) == NOON + timedelta(seconds=90)


def test_more_than_fits_is_sent_in_several_batches(queue, service):
    """In order, and nothing is lost or repeated."""
    service.batch_bytes = 1500
    names = [f"n{number}" for number in range(50)]
    queue.send([node(name) for name in names])
    assert [entry["node"] for entry in service.bodies["nodes"]] == names
    assert 1 < len(service.arrived["nodes"]) < 50


def test_what_fits_in_no_batch_is_refused(queue, service):
    """It will never fit."""
    service.batch_bytes = 50
    with pytest.raises(PermanentServiceError) as caught:
        queue.send([node("a"), node("b")])
    assert caught.value.error_code == "message_too_large"


def test_nothing_to_send_opens_nothing(queue, service):
    """A node without successors is common."""
    queue.send([])
    assert service.opened == []


def test_senders_stay_open_until_one_fails(queue, service):
    """The broken one is closed, however badly that goes, and the next call opens another."""
    for _ in range(3):
        queue.send([node("a")])
    assert service.opened == ["nodes"]
    service.fails = [bus.ServiceBusConnectionError()]
    with pytest.raises(TransientServiceError):
        queue.send([node("a")])
    assert service.closed == ["nodes"]
    queue.send([node("a")])
    assert service.opened == ["nodes", "nodes"]
    assert len(service.arrived["nodes"]) == 4


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (bus.ServiceBusConnectionError(), TransientServiceError, "service_transient"),
        (bus.ServiceBusCommunicationError(), TransientServiceError, "service_transient"),
        (bus.OperationTimeoutError(), TransientServiceError, "service_transient"),
        (bus.ServiceBusServerBusyError(), TransientServiceError, "service_transient"),
        (bus.ServiceBusQuotaExceededError(), TransientServiceError, "service_transient"),
        (bus.ServiceBusError("odd"), TransientServiceError, "service_transient"),
        (ConnectionResetError(), TransientServiceError, "service_transient"),
        (ValueError("The handler has already been shutdown"), TransientServiceError, "service_transient"),
        (bus.MessagingEntityNotFoundError(), PermanentServiceError, "missing_queue"),
        (bus.MessagingEntityDisabledError(), PermanentServiceError, "queue_disabled"),
        (bus.ServiceBusAuthenticationError(), PermanentServiceError, "not_authorized"),
        (bus.ServiceBusAuthorizationError(), PermanentServiceError, "not_authorized"),
        (ClientAuthenticationError("no"), PermanentServiceError, "not_authorized"),
        (bus.MessageSizeExceededError(), PermanentServiceError, "message_too_large"),
    ],
)
def test_errors_of_the_service_say_who_must_act(queue, service, error, kind, code):
    """A missing queue is the operator's; a full one is drained by its receivers."""
    service.fails = [error]
    with pytest.raises(kind) as caught:
        queue.send([node("a")])
    assert type(caught.value) is kind
    assert caught.value.error_code == code
    assert caught.value.message.startswith("sending to queue 'nodes' failed: ")


def test_threads_take_turns(queue, service):
    """A sender of the library is for one thread at a time."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: queue.send([node(f"n{number}")]), range(100)))
    assert sorted(entry["node"] for entry in service.bodies["nodes"]) == sorted(f"n{number}" for number in range(100))
    assert service.opened == ["nodes"]


def test_a_closed_queue_opens_again(queue, service):
    """Closing twice is fine, too."""
    queue.send([node("a")])
    queue.close()
    queue.close()
    assert service.closed == ["nodes", "client"]
    queue.send([node("b")])
    assert service.opened == ["nodes", "nodes"]


def test_without_a_connection_the_settings_are_named():
    """Both ways to say it."""
    with pytest.raises(ConfigError, match=f"neither {SETTING} nor {SETTING}__fullyQualifiedNamespace is set"):
        ServiceBusQueue.from_environment({f"{SETTING}__clientId": "me"})


def test_a_broken_connection_string_is_refused_without_quoting_it():
    """Also not in the cause."""
    queue = ServiceBusQueue.from_environment({SETTING: "SharedAccessKey=SECRET"})
    with pytest.raises(ConfigError) as caught:
        queue.send([node("a")])
    assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"


def test_a_namespace_means_the_identity(monkeypatch):
    """With the client id of a user-assigned one. Nothing is asked before the first message."""
    asked = []

    class Somebody:
        def get_token(self, *_: str, **__: object) -> None:
            """Never asked: nobody listens."""

    def credential(client_id: str | None) -> Somebody:
        asked.append(client_id)
        return Somebody()

    settings = {f"{SETTING}__fullyQualifiedNamespace": "127.0.0.1", f"{SETTING}__clientId": "me"}
    queue = ServiceBusQueue.from_environment(settings, credential=credential)
    assert asked == []
    monkeypatch.setattr(ServiceBusSender, "send_messages", lambda sender, *_, **__: asked.append(sender.fully_qualified_namespace))
    queue.send([node("a")])
    queue.send([node("b")])
    assert asked == ["me", "127.0.0.1", "127.0.0.1"]


def test_nobody_listening_is_transient():
    """With the real client: the connection is refused until it gives up."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        text = f"Endpoint=sb://localhost:{port};SharedAccessKeyName=n;SharedAccessKey=SECRET;UseDevelopmentEmulator=true;"
        queue = ServiceBusQueue(lambda: ServiceBusClient.from_connection_string(text, retry_total=0))
        with pytest.raises(TransientServiceError) as caught:
            queue.send([node("a")])
    assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"
    queue.close()


CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {
                        "Name": name,
                        "Properties": {
                            "LockDuration": "PT30S",
                            "MaxDeliveryCount": 5,
                            "RequiresDuplicateDetection": True,
                            "DuplicateDetectionHistoryTimeWindow": "PT5M",
                        },
                    }
                    for name in ("node-runs", "run-finished")
                ],
                "Topics": [],
            }
        ],
        "Logging": {"Type": "File"},
    }
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """The Service Bus emulator, started once."""
    from odibi_local.servicebus import EmulatorProcess

    folder = tmp_path_factory.mktemp("servicebus")
    (folder / "Config.json").write_text(json.dumps(CONFIG))
    with EmulatorProcess(config=folder / "Config.json", state=folder / "state") as process:
        yield process


@pytest.fixture
def connected(emulator):
    """A queue over the emulator."""
    queue = ServiceBusQueue.from_environment({SETTING: emulator.connection_string})
    yield queue
    queue.close()


def received(emulator, queue: str, run_id: str, wanted: int) -> list:
    """The messages of one run, completed."""
    found = []
    with (
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
        client.get_queue_receiver(queue) as receiver,
    ):
        end = time.monotonic() + 20
        while len(found) < wanted and time.monotonic() < end:
            for message in receiver.receive_messages(max_message_count=50, max_wait_time=1):
                receiver.complete_message(message)
                command = parse_command(b"".join(message.body))
                found += [(message, command)] if command.run_id == run_id else []
        assert len(found) == wanted
    return found


@pytest.mark.cloud
def test_commands_arrive_with_the_real_client(emulator, connected):
    """One alone, many as a batch, both kinds; a repetition is dropped by its message id."""
    run = uuid.uuid4().hex
    commands = [node(f"n{number}", run) for number in range(20)]
    connected.send(commands[:1])
    connected.send([*commands[1:], FinishRun(run_id=run)])
    connected.send(commands[:1])
    arrived = received(emulator, "node-runs", run, 20)
    assert [command for _, command in arrived] == commands
    assert [(message.message_id, message.content_type, message.subject) for message, _ in arrived] == [
        (command.message_id, "application/json", "run_node") for command in commands
    ]
    assert [command for _, command in received(emulator, "run-finished", run, 1)] == [FinishRun(run_id=run)]


@pytest.mark.cloud
def test_a_delayed_command_arrives_later(emulator, connected):
    """Not before it is due."""
    run = uuid.uuid4().hex
    due = time.monotonic() + 2
    connected.send([node("a", run), node("b", run)], delay=timedelta(seconds=2))
    received(emulator, "node-runs", run, 2)
    assert time.monotonic() >= due - 0.1


@pytest.mark.cloud
def test_a_missing_queue_is_the_operators(emulator):
    """And says its name."""
    queue = ServiceBusQueue.from_connection_string(emulator.connection_string, node_runs="no-such-queue")
    with pytest.raises(PermanentServiceError, match="no-such-queue") as caught:
        queue.send([node("a")])
    assert caught.value.error_code == "missing_queue"
    queue.close()


@pytest.mark.cloud
def test_a_warm_send_is_fast_and_many_threads_may_send(emulator, connected):
    """The first one opens the connection; after that the median is far below the opening."""
    run = uuid.uuid4().hex
    connected.send([node("first", run)])
    spans = []

    def send(number: int) -> None:
        started = time.perf_counter()
        connected.send([node(f"n{number}", run)])
        spans.append(time.perf_counter() - started)

    for number in range(20):
        send(number)
    assert sorted(spans)[10] < 2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(20, 60)))
    assert len(received(emulator, "node-runs", run, 61)) == 61
