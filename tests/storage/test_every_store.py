"""What every ObjectStore promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from odibi_core.errors import ConfigError


def test_an_object_comes_back_as_it_was_put(store):
    """Bytes of any kind and any length, and under any ordinary name."""
    objects = {
        "a": b"",
        "runs/0123/plan.json": b'{"x": 1}',
        "deep/er/and/deeper/still.bin": bytes(range(256)) * 5000,
        ".odibi/story.html": b"<html>",
        "name with spaces & ümläut 100%.json": b"x",
        "dt=2026-01-01/part#1?.json": b"y",
    }
    for path, data in objects.items():
        store.put(path, data, content_type="text/plain")
    assert {path: store.get(path).data for path in objects} == objects
    assert list(store.list("")) == sorted(objects)


def test_what_was_never_put_is_none(store):
    """A missing object is an answer and no error; also below an object, and for a folder."""
    store.put("a/b", b"1")
    assert store.get("a") is None
    assert store.get("a/b/c") is None
    assert store.get("nothing/here") is None


def test_put_writes_over_and_changes_the_etag(store):
    """The last put stays, under another tag."""
    store.put("x", b"1")
    first = store.get("x")
    store.put("x", b"2")
    second = store.get("x")
    assert (first.data, second.data) == (b"1", b"2")
    assert first.etag != second.etag
    assert '"' not in first.etag
    assert store.get("x") == second


def test_put_if_absent_keeps_the_first(store):
    """The second call says False and leaves what is there."""
    assert store.put_if_absent("a/x", b"1") is True
    assert store.put_if_absent("a/x", b"2") is False
    assert store.put_if_absent("a/x", b"1") is False
    assert store.get("a/x").data == b"1"


def test_put_if_absent_works_again_after_delete(store):
    """A deleted object is absent, and its folder may come back."""
    store.put_if_absent("a/b/x", b"1")
    store.delete("a/b/x")
    assert store.get("a/b/x") is None
    assert list(store.list("")) == []
    assert store.put_if_absent("a/b/x", b"2") is True
    assert store.get("a/b/x").data == b"2"


def test_deleting_what_is_missing_is_fine(store):
    """Also where its folder is missing, or an object stands in the way."""
    store.put("a", b"1")
    store.delete("b")
    store.delete("c/d")
    store.delete("a/b")
    assert list(store.list("")) == ["a"]


def test_replace_writes_only_over_the_version_that_was_read(store):
    """The tag of an older version, a made-up one and a missing object are all refused."""
    store.put("w", b"1")
    first = store.get("w").etag
    assert store.replace("w", b"2", etag=first) == store.get("w").etag
    assert store.replace("w", b"3", etag=first) is None
    assert store.replace("w", b"3", etag="made-up") is None
    assert store.replace("missing", b"3", etag=first) is None
    assert store.get("w").data == b"2"
    assert store.get("missing") is None
    assert store.replace("w", b"3", etag=store.get("w").etag) == store.get("w").etag
    assert store.get("w").data == b"3"


def test_list_gives_the_paths_that_start_with_the_prefix_sorted(store):
    """A prefix is the beginning of a path, with or without a slash at its end."""
    for path in ("runs/b/2", "runs/a/1", "runs/a/10", "runs/a/2", "runsheet", "other/x"):
        store.put(path, b"")
    assert list(store.list("runs/a/")) == ["runs/a/1", "runs/a/10", "runs/a/2"]
    assert list(store.list("runs/a/1")) == ["runs/a/1", "runs/a/10"]
    assert list(store.list("runs")) == ["runs/a/1", "runs/a/10", "runs/a/2", "runs/b/2", "runsheet"]
    assert list(store.list("./runs/b")) == ["runs/b/2"]
    assert list(store.list("nothing/here/")) == []


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "%2e%2e/x", "a\0b", "a\\b", "file:///x"])
def test_a_path_that_leads_out_is_refused_by_every_operation(store, path):
    """Nothing is read, written or deleted outside."""
    for operation in (
        lambda: store.get(path),
        lambda: store.put(path, b""),
        lambda: store.put_if_absent(path, b""),
        lambda: store.replace(path, b"", etag="e"),
        lambda: store.list(path),
        lambda: store.delete(path),
    ):
        with pytest.raises(ConfigError) as caught:
            operation()
        assert caught.value.error_code == "path_refused"


def test_of_many_threads_exactly_one_creates(store):
    """All others see the winner's object, whole."""
    threads = 8
    start = threading.Barrier(threads)

    def attempt(number: int) -> list[bool]:
        won = []
        for round_number in range(10):
            start.wait()
            won.append(store.put_if_absent(f"race/{round_number}", bytes([number]) * 5000))
            data = store.get(f"race/{round_number}").data
            assert data == data[:1] * 5000
        return won

    with ThreadPoolExecutor(threads) as pool:
        outcomes = list(pool.map(attempt, range(threads)))
    assert [sum(row) for row in zip(*outcomes, strict=True)] == [1] * 10


def test_no_increment_is_lost_between_threads(store):
    """Read, add one, replace what was read: the count is the number of successes."""
    store.put("count", b"0")

    def count_up(_: int) -> int:
        done = 0
        while done < 10:
            seen = store.get("count")
            done += store.replace("count", str(int(seen.data) + 1).encode(), etag=seen.etag) is not None
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(count_up, range(4))) == 40
    assert store.get("count").data == b"40"
