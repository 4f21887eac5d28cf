"""Commands: their ids, and what is read of a queue message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.errors import ConfigError
from odibi_core.messages import (
    MAX_MESSAGE_BYTES,
    BlobArrived,
    Cause,
    FileVersion,
    FinishRun,
    Requested,
    RunNode,
    StartRun,
    TimerTicked,
    digest,
    parse_command,
)

RUN = "0123456789abcdef0123456789abcdef"
FILE = FileVersion(connection="landing", path="in/a.csv", etag="1", size_bytes=3, parts={"name": "a"})
DUE = datetime(2026, 3, 1, 3, tzinfo=UTC)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
run_ids = st.from_regex(r"[0-9a-z]{16,40}", fullmatch=True)
commands = st.one_of(
    st.builds(RunNode, run_id=run_ids, node=names, attempt=st.integers(1, 1000), resend=st.integers(0, 9)),
    st.builds(FinishRun, run_id=run_ids, resend=st.integers(0, 9)),
)


@given(commands)
def test_what_is_sent_is_what_is_read(command: RunNode | FinishRun) -> None:
    """As text and as bytes; a queue message stays small."""
    text = command.model_dump_json()
    assert parse_command(text) == parse_command(text.encode()) == command
    assert len(text) < 400


@given(commands, commands)
def test_a_message_id_names_one_message(one: RunNode | FinishRun, other: RunNode | FinishRun) -> None:
    """Duplicate detection drops the same message again, and never another; the id fits into the 128 characters of Service Bus."""
    assert (one.message_id == other.message_id) == (one == other)
    assert len(one.message_id) <= 128


def test_a_field_of_a_later_release_is_passed_over() -> None:
    """A worker of this release goes on with what it knows."""
    body = {"kind": "run_node", "version": 1, "run_id": RUN, "node": "a", "priority": "high"}
    assert parse_command(json.dumps(body)) == RunNode(run_id=RUN, node="a")


def message(**changes: object) -> str:
    """A good message with some fields changed; None takes one out."""
    good = {"kind": "run_node", "version": 1, "run_id": RUN, "node": "a", "attempt": 1, "resend": 0}
    return json.dumps({key: value for key, value in {**good, **changes}.items() if value is not None})


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("", "message_garbage", "message is not JSON"),
        ("garbage", "message_garbage", "message is not JSON"),
        (b"\xff\xfe\x00", "message_garbage", "message is not JSON"),
        ("[" * 60_000, "message_garbage", "message is not JSON"),
        ("9" * 5000, "message_garbage", "message is not JSON"),
        ("[]", "message_garbage", "message is not a JSON object"),
        ("null", "message_garbage", "message is not a JSON object"),
        (" " * (MAX_MESSAGE_BYTES + 1), "message_too_large", "message of 65537 bytes is over the limit of 65536"),
        ("{}", "message_version", "message version is missing or not a number, known is 1"),
        (message(version=2), "message_version", "message version is 2, known is 1"),
        (message(version="p4ssw0rd"), "message_version", "message version is missing or not a number, known is 1"),
        (message(kind=None), "message_garbage", "message is not a known command: wrong kind"),
        (message(kind="start_run"), "message_garbage", "message is not a known command: wrong kind"),
        (message(node="p4ssw0rd!"), "message_garbage", "message is not a known command: wrong run_node.node"),
        (message(run_id="../../etc"), "message_garbage", "message is not a known command: wrong run_node.run_id"),
        (message(run_id=RUN + "\n"), "message_garbage", "message is not a known command: wrong run_node.run_id"),
        (message(node=None, attempt=0), "message_garbage", "message is not a known command: wrong run_node.attempt, run_node.node"),
        (message(attempt=1001), "message_garbage", "message is not a known command: wrong run_node.attempt"),
        (message(resend=-1), "message_garbage", "message is not a known command: wrong run_node.resend"),
    ],
)
def test_what_is_no_command_is_refused_without_being_quoted(body: str | bytes, code: str, text: str) -> None:
    """The text names fields and numbers only."""
    with pytest.raises(ConfigError) as caught:
        parse_command(body)
    assert (caught.value.error_code, caught.value.message) == (code, text)
    assert "p4ssw0rd" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_a_config_error_and_nothing_else(body: bytes | str) -> None:
    """A handler catches one kind of error."""
    with pytest.raises(ConfigError):
        parse_command(body)


# ── run ids ──


def run_id(cause: Cause, *, project: str = "shop", environment: str = "", pipeline: str = "p") -> str:
    return StartRun(project=project, environment=environment, pipeline=pipeline, cause=cause).run_id


@pytest.mark.parametrize(
    ("cause", "environment", "expected"),
    [
        (BlobArrived(files=(FILE,)), "", "b6f83365381d25f4ca377a22bf09d339"),
        (TimerTicked(scheduled_time=DUE), "", "937756b37afb3f5f95bd3827f39ff66c"),
        (Requested(key="ké"), "prod", "de23a40282be7c0063ab75a17f01072f"),
    ],
)
def test_a_run_id_never_changes(cause: Cause, environment: str, expected: str) -> None:
    """
    Another release must find the runs of this one.

    Each is sha256sum of a JSON list, `["blob", "shop", "", "p", "landing/in/a.csv@1"]` for the first one, cut after 32 digits.
    """
    assert run_id(cause, environment=environment) == expected


def test_an_event_that_comes_again_is_the_same_run() -> None:
    """Whatever the store says about its size, and whatever the pattern made of its path."""
    again = FILE.model_copy(update={"size_bytes": 4, "parts": {}})
    assert run_id(BlobArrived(files=(FILE,))) == run_id(BlobArrived(files=(again,)))


def test_every_cause_is_a_run_of_its_own() -> None:
    """Another version, file, connection, time, key, pipeline, environment, project or kind of cause."""
    other = {"etag": "2"}, {"path": "in/b.csv"}, {"connection": "lake"}
    causes: list[Cause] = [
        BlobArrived(files=(FILE,)),
        *(BlobArrived(files=(FILE.model_copy(update=change),)) for change in other),
        BlobArrived(files=(FILE, FILE.model_copy(update=other[1]))),
        TimerTicked(scheduled_time=DUE),
        TimerTicked(scheduled_time=DUE + timedelta(seconds=1)),
        Requested(key="landing/in/a.csv@1"),
        Requested(key="2026-03-01T03:00:00+00:00"),
    ]
    found = [run_id(cause) for cause in causes]
    found += [run_id(causes[0], **changed) for changed in ({"project": "q"}, {"environment": "prod"}, {"pipeline": "q"})]
    assert len(set(found)) == len(found)


def test_a_request_is_its_key() -> None:
    """What lies in the landing zone when it is repeated does not make another run."""
    assert run_id(Requested(key="k")) == run_id(Requested(key="k", files=(FILE,), nodes=("a",)))


def test_the_same_instant_is_the_same_run() -> None:
    """However its zone is written."""
    vienna = DUE.astimezone(timezone(timedelta(hours=1)))
    assert run_id(TimerTicked(scheduled_time=vienna)) == run_id(TimerTicked(scheduled_time=DUE))


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_a_digest_keeps_its_parts_apart(one: list[str], other: list[str]) -> None:
    """("ab", "c") is not ("a", "bc"); the result is a part of a path."""
    assert (digest(*one) == digest(*other)) == (one == other)
    assert len(digest(*one)) == 32
    assert set(digest(*one)) <= set("0123456789abcdef")
