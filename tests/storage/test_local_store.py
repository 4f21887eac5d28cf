"""What LocalStore adds: it holds between processes, and it survives their death."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from odibi_core.errors import PermanentServiceError, TransientServiceError
from odibi_core.folder_lock import locked
from odibi_core.storage import LocalStore
from odibi_core.storage.faults import of_folder

PROCESSES = 4


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Another Python process with `store` over the first argument."""
    begin = "import sys, time, os; from odibi_core.storage import LocalStore; store = LocalStore(sys.argv[1])\n"
    command = [sys.executable, "-c", begin + textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def outputs(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What each printed; all must end well."""
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


def left_overs(root: Path) -> list[str]:
    """Files that are no objects."""
    return [path.name for path in root.rglob(".odibi~*")]


def test_of_many_processes_exactly_one_creates_each_object(tmp_path):
    """Four processes race for 200 objects; each object has one winner and is the winner's, whole."""
    script = """
        me = sys.argv[2]
        while not os.path.exists(sys.argv[3]): time.sleep(0.001)
        won = []
        for n in range(200):
            if store.put_if_absent(f"race/{n % 7}/{n}", (me * 3000).encode()):
                won.append(n)
            seen = store.get(f"race/{n % 7}/{n}").data.decode()
            assert seen == seen[0] * 3000
        print(",".join(map(str, won)))
    """
    go = tmp_path / "go"
    racers = [start(script, tmp_path / "root", name, go) for name in "ABCD"]
    time.sleep(0.8)
    go.touch()
    wins = [[int(n) for n in line.split(",") if n] for line in outputs(racers)]
    assert sorted(n for mine in wins for n in mine) == list(range(200))
    store = LocalStore(tmp_path / "root")
    for name, mine in zip("ABCD", wins, strict=True):
        assert {store.get(f"race/{n % 7}/{n}").data[:1].decode() for n in mine} <= {name}
    assert left_overs(tmp_path / "root") == []


def test_no_increment_is_lost_between_processes_and_stores_of_different_roots(tmp_path):
    """Read, add one, replace. Two of the processes reach the object from a folder further up: the lock is the same."""
    script = """
        path = sys.argv[2]
        done = 0
        while done < 100:
            seen = store.get(path)
            done += store.replace(path, str(int(seen.data) + 1).encode(), etag=seen.etag) is not None
    """
    LocalStore(tmp_path).put("root/deep/count", b"0")
    near, far = (tmp_path / "root", "deep/count"), (tmp_path, "root/deep/count")
    outputs([start(script, *where) for where in (near, far, near, far)])
    assert LocalStore(tmp_path).get("root/deep/count").data == b"400"
    assert left_overs(tmp_path) == []


def test_writers_survive_others_that_empty_and_remove_their_folder(tmp_path):
    """Create and delete in the same folders at once: nobody fails, and nothing that was acknowledged is missing."""
    script = """
        for n in range(300):
            path = f"box/{n % 3}/{sys.argv[2]}"
            assert store.put_if_absent(path, b"1")
            seen = store.get(path)
            assert store.replace(path, b"2", etag=seen.etag)
            store.put(path, b"3")
            assert store.get(path).data == b"3"
            store.delete(path)
            assert store.get(path) is None
    """
    outputs([start(script, tmp_path / "root", name) for name in range(PROCESSES)])
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_writer_leaves_whole_objects_and_no_lock(tmp_path):
    """Kill a process that replaces one object as fast as it can; what is there is whole, and the next replace goes through."""
    script = """
        store.put("x", b"a" * 200_000)
        print("ready", flush=True)
        while True:
            for letter in (b"b", b"c"):
                assert store.replace("x", letter * 200_000, etag=store.get("x").etag)
    """
    store = LocalStore(tmp_path / "root")
    for _ in range(5):
        process = start(script, tmp_path / "root")
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.03)
        process.kill()
        process.communicate()
        seen = store.get("x")
        assert seen.data in {letter * 200_000 for letter in (b"a", b"b", b"c")}
        assert store.replace("x", b"new", etag=seen.etag)
        assert list(store.list("")) == ["x"]


def test_unfinished_writes_are_no_objects_and_go_after_a_day(tmp_path):
    """A writer that was killed leaves a file under a reserved name; listing never shows it and removes it when it is old."""
    store = LocalStore(tmp_path)
    store.put("a/x", b"1")
    young, old = tmp_path / "a" / ".odibi~young", tmp_path / "a" / ".odibi~old"
    young.touch()
    old.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    assert store.list("") == ["a/x"]
    assert left_overs(tmp_path) == [".odibi~young"]


def test_a_lock_is_for_one_at_a_time_and_for_the_folder_that_is_there(tmp_path):
    """Whoever waits for a folder that is removed and made anew gets the lock of the new one."""
    folder = tmp_path / "f"
    folder.mkdir()
    with ExitStack() as new:
        with locked(folder):
            waiting = start(
                """
                from pathlib import Path
                from odibi_core.folder_lock import locked
                with locked(Path(sys.argv[1])):
                    print("in")
                """,
                folder,
            )
            time.sleep(0.8)
            folder.rmdir()
            folder.mkdir()
            new.enter_context(locked(folder))
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
    assert outputs([waiting]) == ["in"]
    folder.rmdir()
    with pytest.raises(FileNotFoundError), locked(folder):
        pass


def test_without_hard_links_creation_is_still_for_one(tmp_path, monkeypatch):
    """Some file systems cannot link: then a rename under the folder's lock does it."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "link", no_links)
    store = LocalStore(tmp_path)
    assert store.put_if_absent("a/x", b"1") is True
    assert store.put_if_absent("a/x", b"2") is False
    assert store.get("a/x").data == b"1"
    assert left_overs(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, PermanentServiceError, "disk_full"),
        (errno.EDQUOT, PermanentServiceError, "disk_full"),
        (errno.EACCES, PermanentServiceError, "not_authorized"),
        (errno.EROFS, PermanentServiceError, "not_authorized"),
        (errno.EIO, TransientServiceError, "service_transient"),
        (errno.EMFILE, TransientServiceError, "service_transient"),
        (errno.ENOTDIR, PermanentServiceError, "folder"),
    ],
)
def test_errors_of_the_system_say_who_must_act(number, kind, code):
    """A full disk is the operator's, a busy one nobody's; the folder's place stays out of the text."""
    error = of_folder(OSError(number, os.strerror(number), "/secret/place"), "writing an object")
    assert type(error) is kind
    assert error.error_code == code
    assert str(error).startswith("writing an object failed: ")
    assert "/secret/place" not in str(error)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_as_such_and_leaves_nothing(tmp_path, monkeypatch):
    """The write fails, the object is absent, and no part of it stays."""
    real = Path.open

    def full(self: Path, mode: str = "r", *rest: object) -> object:
        if mode != "xb":
            return real(self, mode, *rest)
        real(self, mode).close()
        return real(Path("/dev/full"), "wb", 0)

    monkeypatch.setattr(Path, "open", full)
    store = LocalStore(tmp_path)
    for write in (lambda: store.put("x", b"1"), lambda: store.put_if_absent("x", b"1")):
        with pytest.raises(PermanentServiceError) as caught:
            write()
        assert caught.value.error_code == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_an_objects_place_is_an_error_and_not_a_lost_race(tmp_path):
    """Otherwise a caller would be told that somebody else created what can never be read."""
    store = LocalStore(tmp_path)
    store.put("a/b", b"1")
    for write in (
        lambda: store.put("a", b"2"),
        lambda: store.put_if_absent("a", b"2"),
        lambda: store.put("a/b/c", b"2"),
        lambda: store.put_if_absent("a/b/c", b"2"),
        lambda: store.put("n" * 300, b""),
    ):
        with pytest.raises(PermanentServiceError) as caught:
            write()
        assert caught.value.error_code == "folder"
    assert store.list("") == ["a/b"]
    assert left_overs(tmp_path) == []
