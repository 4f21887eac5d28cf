"""The endpoints of the app: who may call them, what they take, and what they tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hosts.test_function_app import Indexed, indexed
from tests.hosts.world import HEAD, ORDERS, World

__all__ = ["indexed"]
SECRET = "s3cr3t-value"


def test_only_health_answers_without_a_key(indexed: Indexed) -> None:
    """Every other HTTP function wants a function key; Entra can be put in front of all of them."""
    levels = {
        name: function.trigger.properties["authLevel"]
        for name, function in indexed().functions.items()
        if function.trigger.properties["type"] == "httpTrigger"
    }
    assert levels == {"start_run": "FUNCTION", "run_status": "FUNCTION", "health": "ANONYMOUS"}


@pytest.mark.parametrize("text", [HEAD + ORDERS, "pipelines: [ {", "project: shop\npipelines: 7\n"])
def test_health_tells_a_stranger_one_word(indexed: Indexed, tmp_path: Path, text: str) -> None:
    """No version, no name, no reason."""
    answer = indexed(text, ODIBI_SYSTEM_URI=str(tmp_path / "system")).http("health")
    assert json.loads(answer.body) == {"status": "healthy" if answer.status == 200 else "unhealthy"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"pipeline": "nightly"}' + b" " * 65536,
        b'{"pipeline": "nightly", "key": "' + b"x" * 65536 + b'"}',
        b'{"pipeline": ' + b"[" * 60_000,
        b'{"a":' * 10_000,
        b"\xff\xfe{}",
        b"null",
        b"",
    ],
)
def test_a_body_is_a_small_json_object(indexed: Indexed, body: bytes) -> None:
    """Over 64 KB, too deep or no object: 400, and nothing of it in the answer."""
    answer = indexed().http("start_run", method="POST", body=body)
    assert (answer.status, json.loads(answer.body)) == (400, {"error": "the body must be a JSON object of at most 64 KB"})


@pytest.mark.parametrize(
    "body",
    [
        {"pipeline": "../../etc"},
        {"pipeline": "<script>alert(1)</script>"},
        {"pipeline": "orders\r\nX-Injected: 1"},
        {"pipeline": ["orders"]},
        {"pipeline": "orders", "nodes": ["../x"]},
        {"pipeline": "orders", "nodes": "bronze"},
        {"pipeline": "orders", "environment": {"PW": SECRET}},
        {"pipeline": "orders", "__class__": "x"},
    ],
)
def test_a_request_that_asks_for_something_else_is_400(tmp_path: Path, body: dict[str, object]) -> None:
    """With the reason, as JSON; no run is started and no file is made."""
    world = World(tmp_path, HEAD + ORDERS)
    world.land("orders/a.csv", 1)
    status, answer = world.azure().on_start_request(body)  # type: ignore[arg-type]  # it is hostile
    assert (status, world.queue.sent, world.plans()) == (400, [], [])
    assert SECRET not in json.dumps(answer)


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "a\nb", "\u202e", "x" * 50_000, "{}", "${HOME}"])
def test_the_key_of_a_request_is_hashed_and_nothing_more(tmp_path: Path, key: str) -> None:
    """It names no path: two requests with it are one run."""
    world = World(tmp_path, HEAD + ORDERS)
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing/copy.csv").write_text("i\n1\n")
    host = world.azure()
    answers = [host.on_start_request({"pipeline": "nightly", "key": key}) for _ in range(2)]
    assert [status for status, _ in answers] == [202, 202]
    assert answers[0] == answers[1]
    assert len(world.plans()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "landing", "odibi.yaml"]


@pytest.mark.parametrize("run_id", ["../../../etc/passwd", "..", "%2e%2e", "a/b", "a\0", "x" * 5000, "", "*", "１２３"])
def test_a_run_that_cannot_exist_is_404(tmp_path: Path, run_id: str) -> None:
    """The id is no path; the answer does not repeat it."""
    (tmp_path / "plan.json").write_text("{}")
    assert World(tmp_path, HEAD + ORDERS).azure().on_status_request(run_id) == (404, {"error": "no such run"})
