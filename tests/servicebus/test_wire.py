"""What the protocol says and the Python client does not look at: frames, windows, credit, refusals, heartbeats."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from odibi_local.servicebus import EmulatorProcess
from odibi_local.servicebus.amqp import frames
from odibi_local.servicebus.amqp.decoding import decode
from odibi_local.servicebus.amqp.message import read_request
from odibi_local.servicebus.amqp.values import Described, Symbol, Ubyte, Uint, encode

QUEUES = {"q": {}, "empty": {}, "s": {"RequiresSession": True}}

_SOURCE, _TARGET = 0x28, 0x29


class _Peer:
    """A client of a few lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.buffer = b""

    def open(self, *, idle_ms: int | None = None, window: int = 100) -> None:
        self.socket.sendall(frames.AMQP_HEADER)
        assert self._exactly(8) == frames.AMQP_HEADER
        idle = None if idle_ms is None else Uint(idle_ms)
        self.send(0, frames.OPEN, ["peer", "localhost", Uint(512), None, idle])
        self.send(0, frames.BEGIN, [None, Uint(0), Uint(window), Uint(100)])
        assert self.receive()[0] == frames.OPEN
        assert self.receive()[0] == frames.BEGIN

    def attach(self, handle: int, *, receives: bool, source: str, target: str, properties: Any = None) -> None:
        modes = [Ubyte(0), Ubyte(1)]
        count = [None, None, None if receives else Uint(0), None, None, None, properties]
        ends = [Described(_SOURCE, [source]), Described(_TARGET, [target])]
        self.send(0, frames.ATTACH, [f"link{handle}", Uint(handle), receives, *modes, *ends, *count])

    def send(self, channel: int, code: int, fields: list[Any], payload: bytes = b"") -> None:
        self.socket.sendall(frames.write_frame(channel, code, fields, payload))

    def receive(self) -> tuple[int, list[Any], bytes]:
        """The next performative, its fields and its payload; a heartbeat is code 0."""
        (size,) = struct.unpack(">I", self._exactly(4))
        body = self._exactly(size - 4)[4:]
        if not body:
            return 0, [], b""
        performative, end = decode(body)
        return performative.descriptor, performative.value, body[end:]

    def receive_only(self, code: int) -> tuple[list[Any], bytes]:
        while True:
            found, fields, payload = self.receive()
            if found == code:
                return fields, payload

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            assert data, "the emulator closed the connection"
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


@pytest.fixture
def peer(emulator: EmulatorProcess) -> Iterator[_Peer]:
    one = _Peer(emulator.port)
    with one.socket:
        yield one


def _data(body: bytes) -> bytes:
    return b"\x00\x53\x75" + encode(body)


def test_a_message_is_cut_to_the_peers_frames_and_waits_for_its_window(peer: _Peer):
    """Delivery ids count messages, not frames; the bare message is what was sent."""
    peer.open(window=2)
    peer.attach(0, receives=False, source="me", target="q")
    peer.receive_only(frames.FLOW)
    bodies = [b"a" * 700, b"b" * 100]
    whole = _data(bodies[0])
    peer.send(0, frames.TRANSFER, [Uint(0), Uint(0), b"0", Uint(0), False, True], whole[:400])
    peer.send(0, frames.TRANSFER, [Uint(0), None, None, None, None, False], whole[400:])
    peer.send(0, frames.TRANSFER, [Uint(0), Uint(1), b"1", Uint(0), False, False], _data(bodies[1]))
    assert [peer.receive_only(frames.DISPOSITION)[0][1] for _ in bodies] == [0, 1]
    peer.attach(1, receives=True, source="q", target="me")
    peer.send(0, frames.FLOW, [Uint(0), Uint(2), Uint(3), Uint(100), Uint(1), Uint(0), Uint(2)])
    got = [peer.receive_only(frames.TRANSFER) for _ in range(2)]
    peer.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        peer.receive()
    peer.socket.settimeout(5)
    peer.send(0, frames.FLOW, [Uint(2), Uint(10), Uint(3), Uint(100)])
    got += [peer.receive_only(frames.TRANSFER) for _ in range(2)]
    assert [fields[1] for fields, _ in got] == [0, None, None, 1]
    assert [fields[5] for fields, _ in got] == [True, True, False, False]
    assert all(len(payload) <= 512 for _, payload in got)
    assert b"".join(payload for _, payload in got[:3]).endswith(whole)
    assert got[3][1].endswith(_data(bodies[1]))
    assert len(got[0][0][2]) == 16, "the delivery tag is the lock token"


def test_draining_gives_unused_credit_back(peer: _Peer):
    """A receiver that wants no waiting learns at once that there is nothing."""
    peer.open()
    peer.attach(0, receives=True, source="empty", target="me")
    peer.send(0, frames.FLOW, [Uint(0), Uint(100), Uint(0), Uint(100), Uint(0), Uint(0), Uint(7), None, True])
    fields, _ = peer.receive_only(frames.FLOW)
    assert (fields[4], fields[5], fields[6], fields[8]) == (0, 7, 0, True)


@pytest.mark.parametrize(
    ("receives", "source", "target", "condition"),
    [
        (True, "nowhere", "me", "amqp:not-found"),
        (False, "me", "nowhere", "amqp:not-found"),
        (True, "nowhere/$management", "me", "amqp:not-found"),
        (True, "s", "me", "amqp:not-allowed"),
    ],
)
def test_a_refused_link_is_attached_to_nothing_and_detached(peer: _Peer, receives: bool, source: str, target: str, condition: str):
    """As AMQP 1.0 says in 2.6.3; the error has its three fields, and the session lives on."""
    peer.open()
    peer.attach(0, receives=receives, source=source, target=target)
    attach, _ = peer.receive_only(frames.ATTACH)
    assert attach[5:7] in ([None, None], [])
    detach, _ = peer.receive_only(frames.DETACH)
    error = detach[2].value
    assert (detach[0], detach[1], error[0]) == (0, True, condition)
    assert error[1]
    assert error[2]["tracking-id"]
    peer.attach(0, receives=True, source="empty", target="me")
    assert peer.receive_only(frames.ATTACH)[0][5].value == ["empty"]


def test_transactions_are_refused(peer: _Peer):
    """Nobody waits for a coordinator."""
    peer.open()
    peer.send(0, frames.ATTACH, ["t", Uint(0), False, None, None, Described(_SOURCE, []), Described(0x30, []), None, None, Uint(0)])
    assert peer.receive_only(frames.DETACH)[0][2].value[0] == "amqp:not-implemented"


@pytest.mark.parametrize("operation", ["com.microsoft:add-rule", "com.microsoft:renew-lock", ""])
def test_every_request_gets_an_answer(peer: _Peer, operation: str):
    """Also one that is not known, and one that makes no sense."""
    peer.open()
    peer.attach(0, receives=True, source="q/$management", target="answers")
    peer.attach(1, receives=False, source="me", target="q/$management")
    peer.send(0, frames.FLOW, [Uint(0), Uint(100), Uint(0), Uint(100), Uint(0), Uint(0), Uint(7)])
    properties = b"\x00\x53\x73" + encode(["id-1", None, None, None, "answers"])
    request = properties + b"\x00\x53\x74" + encode({"operation": operation}) + b"\x00\x53\x77" + encode({})
    peer.send(0, frames.TRANSFER, [Uint(1), Uint(0), b"0", Uint(0), False, False], request)
    answer = read_request(peer.receive_only(frames.TRANSFER)[1])
    assert answer[0][5] == "id-1"
    assert answer[1]["statusCode"] == (400 if operation.endswith("renew-lock") else 501)
    assert answer[1]["errorCondition"] in {"com.microsoft:argument-error", "amqp:not-implemented"}
    assert isinstance(answer[1]["errorCondition"], Symbol)


def test_heartbeats_come_as_often_as_the_peer_asks(peer: _Peer):
    """At least one within its idle time-out."""
    peer.open(idle_ms=3000)
    started = time.monotonic()
    assert peer.receive()[0] == 0
    assert time.monotonic() - started < 3
