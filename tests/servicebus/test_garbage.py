"""Whatever comes over a socket, the emulator lives on."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from hypothesis import given
from hypothesis import strategies as st

from odibi_local.servicebus import EmulatorProcess
from odibi_local.servicebus.amqp import frames
from odibi_local.servicebus.amqp.decoding import decode, skip
from odibi_local.servicebus.amqp.errors import DecodeError
from odibi_local.servicebus.amqp.message import read_batch, read_message, read_request
from odibi_local.servicebus.amqp.values import Array, Described, Long, Symbol, Timestamp, Ubyte, Uint, Ulong, encode

QUEUES = {"q": {}, "s": {"RequiresSession": True}}

_MESSAGE = bytes.fromhex("005373c00601a1036d2d31") + bytes.fromhex("005375a003616263")
_BOMB = struct.pack(">BIIB", 0xF0, 5, 0xFFFFFFFF, 0x40)  # an array of four billion nulls in ten bytes


def _conversation() -> list[bytes]:
    """A valid conversation that sends, receives, asks and settles, frame by frame."""
    source, target = Described(0x28, ["amqps://localhost/q"]), Described(0x29, ["amqps://localhost/q"])
    node = Described(0x29, ["q/$management"])
    return [
        frames.SASL_HEADER,
        frames.write_frame(0, frames.SASL_INIT, [Symbol("ANONYMOUS")], sasl=True),
        frames.AMQP_HEADER,
        frames.write_frame(0, frames.OPEN, ["fuzz", "localhost", Uint(65536)]),
        frames.write_frame(1, frames.BEGIN, [None, Uint(0), Uint(100), Uint(100)]),
        frames.write_frame(1, frames.ATTACH, ["sender", Uint(0), False, Ubyte(0), Ubyte(0), source, target, None, None, Uint(0)]),
        frames.write_frame(1, frames.TRANSFER, [Uint(0), Uint(0), b"t", Uint(0), False, False], _MESSAGE),
        frames.write_frame(1, frames.ATTACH, ["receiver", Uint(1), True, Ubyte(0), Ubyte(1), source, target]),
        frames.write_frame(1, frames.FLOW, [Uint(0), Uint(100), Uint(0), Uint(100), Uint(1), Uint(0), Uint(5)]),
        frames.write_frame(1, frames.DISPOSITION, [True, Uint(0), Uint(3), False, Described(0x24, [])]),
        frames.write_frame(1, frames.ATTACH, ["requests", Uint(2), False, Ubyte(0), Ubyte(0), source, node, None, None, Uint(0)]),
        frames.write_frame(1, frames.TRANSFER, [Uint(2), Uint(1), b"u", Uint(0), False, False], _MESSAGE),
        frames.write_frame(1, frames.DETACH, [Uint(0), True]),
        frames.write_frame(1, frames.END, []),
        frames.write_frame(0, frames.CLOSE, []),
    ]


def _garbage(chance: random.Random, kind: int) -> bytes:
    match kind:
        case 0:
            return chance.randbytes(chance.randrange(300))
        case 1:
            return frames.AMQP_HEADER + chance.randbytes(chance.randrange(300))
        case 2:  # a conversation that changes into noise
            return b"".join(_conversation()[: chance.randrange(15)]) + chance.randbytes(chance.randrange(200))
        case 3:  # frames that are whole but full of noise
            body = b"\x00\x53" + bytes([chance.randrange(0x10, 0x1A)]) + chance.randbytes(chance.randrange(60))
            return b"".join(_conversation()[:6]) + struct.pack(">IBBH", 8 + len(body), 2, 0, 1) + body
        case 4:  # some frames left out, in another order
            some = _conversation()
            rest = some[4:]
            return b"".join(some[:4] + chance.sample(rest, chance.randrange(len(rest))))
        case _:  # a few bits flipped
            data = bytearray(b"".join(_conversation()))
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(24, len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)


@pytest.mark.parametrize("kind", range(6))
def test_garbage_connections_do_no_harm(emulator: EmulatorProcess, kind: int):
    """A hundred connections of every kind; the process that answers afterwards is the same."""
    chance = random.Random(20260301 + kind)
    pid = emulator.pid
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as connection:
            connection.sendall(_garbage(chance, kind))
            if chance.random() < 0.3:
                connection.settimeout(0.02)
                _read(connection)
    assert emulator.queues()["s"]["active"] == 0
    assert emulator.pid == pid


def test_the_conversation_that_is_spoiled_is_valid(emulator: EmulatorProcess):
    """Whole and in order, it sends a message, receives it and completes it."""
    before = emulator.queues()["q"]["active"]
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as connection:
        connection.sendall(b"".join(_conversation()[:7]))
        while b"\x00\x53\x24" not in _read(connection):  # accepted
            pass
    assert emulator.queues()["q"]["active"] == before + 1


def test_a_normal_client_works_after_all_that(client: ServiceBusClient, emulator: EmulatorProcess):
    """It sends and receives as ever."""
    with client.get_queue_sender("s") as sender, client.get_queue_receiver("s", session_id="x") as receiver:
        sender.send_messages(ServiceBusMessage("fine", session_id="x"))
        (message,) = receiver.receive_messages(max_wait_time=5)
        receiver.complete_message(message)
    assert str(message) == "fine"


@pytest.mark.parametrize(
    "frame",
    [
        frames.write_frame(0, frames.OPEN, [])[:11] + struct.pack(">BB", 0xC0, 12) + b"\x01" + _BOMB,
        struct.pack(">IBBH", 0x7FFFFFFF, 2, 0, 0),
        struct.pack(">IBBH", 8, 1, 0, 0),
        struct.pack(">IBBH", 100, 200, 0, 0),
    ],
    ids=["four billion nulls", "a frame of two gigabytes", "data before its frame", "data behind its frame"],
)
def test_a_bomb_is_refused_at_once(emulator: EmulatorProcess, frame: bytes):
    """The connection is closed within a second, without the memory or the time that the bytes ask for."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as connection:
        connection.sendall(frames.AMQP_HEADER + frame)
        while _read(connection):
            pass
    assert time.monotonic() - started < 20


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except (TimeoutError, ConnectionError):
        return b""


def test_an_array_of_nothing_is_refused():
    """Four billion elements without a width, and lists and maps that claim more elements than they have bytes."""
    for bomb in (_BOMB, b"\xe0\x02\xff\x45", b"\xd0" + struct.pack(">II", 4, 1 << 31), b"\xc1\x01\xfe"):
        with pytest.raises(DecodeError):
            decode(bomb)


def test_nesting_has_an_end():
    """Neither lists in lists nor descriptors of descriptors reach the recursion limit."""
    nested = b"\x45"
    for _ in range(60):
        nested = b"\xc0" + bytes([len(nested) + 1, 1]) + nested
    with pytest.raises(DecodeError):
        decode(nested)
    with pytest.raises(DecodeError):
        decode(b"\x00" * 5000 + b"\x40")
    with pytest.raises(DecodeError):
        decode(b"\xe0\x30\x01" + b"\x00" * 47)


_simple = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.binary(max_size=300),
    st.text(max_size=100),
    st.uuids(),
    st.text(alphabet="abc-:", max_size=300).map(Symbol),
    st.integers(0, 2**8 - 1).map(Ubyte),
    st.integers(0, 2**32 - 1).map(Uint),
    st.integers(0, 2**64 - 1).map(Ulong),
    st.integers(-(2**63), 2**63 - 1).map(Long),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
)
_values = st.recursive(
    _simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=8).map(lambda items: [*items, True]),
        st.dictionaries(st.text(max_size=5), inner, max_size=5),
        st.builds(Described, st.just(Symbol("d")), inner),
    ),
    max_leaves=20,
)


@given(_values)
def test_every_value_comes_back_as_it_was_written(value: object):
    """And a reader that skips it ends at the same place."""
    written = encode(value)
    assert decode(written) == (value, len(written))
    assert skip(written + b"\x40", 0) == len(written)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9))
def test_an_array_comes_back_as_a_list(numbers: list[int]):
    """Its elements share one constructor."""
    written = encode(Array([Long(number) for number in numbers]))
    assert decode(written) == (numbers, len(written))


@given(st.binary(max_size=200))
def test_noise_is_a_decode_error_or_a_value(noise: bytes):
    """Nothing else is raised by any reader."""
    for read in (decode, lambda data: skip(data, 0), read_message, read_batch, read_request):
        for data in (noise, _MESSAGE + noise, b"\x00\x53\x72" + noise + _MESSAGE):
            with contextlib.suppress(DecodeError):
                read(data)
