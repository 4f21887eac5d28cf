"""The disk is full: the run says so, leaves no half file behind, and goes on where it stopped when there is space again."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from odibi_core.storage.local import LocalStore
from tests.bad_input.conftest import ORDERS, Shop

REPOSITORY = Path(__file__).parents[2]
ROWS = 20_000
WORK = """
import sys
from odibi_core.errors import OdibiError
from odibi_core.hosts.in_process import InProcess
from pathlib import Path
shop = InProcess.open(Path(sys.argv[1]), environment={})
command = shop.request("orders", key=sys.argv[2])
try:
    final = shop.run(command)
    outcome = shop.app.coordinator.journal.outcome(final.run_id, "bronze")
    error = outcome.result.error
    print(final.status, *(["ok"] if error is None else [error.code, error.exit_code, error.message]))
except OdibiError as error:
    print("raised", error.error_code, error.exit_code, error.message)
"""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of a few kilobytes, where this process may mount one."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def more_space(folder: Path) -> None:
    """Enlarge the disk, as the hint of the error says."""
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)


def run(project: Path, key: str) -> str:
    """Run the orders in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(project), key], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout, done.stderr[-3000:]
    return done.stdout.strip()


def test_a_full_disk_fails_the_node_leaves_no_half_table_and_the_next_run_is_whole(shop: Shop) -> None:
    """The lake lies on a disk of 128 KB and the rows need more: `disk_full`, exit 4, no row; with space the file is in, once."""
    header = (shop.root / "odibi.yaml").read_text().partition("pipelines:")[0]
    roomy = header.replace("system: { connection: lake,", "system: { connection: landing,").replace(
        "story: { connection: lake,", "story: { connection: landing,"
    )
    shop.write("odibi.yaml", f"{roomy}pipelines:\n{ORDERS}")
    lines = "".join(f"{number},buyer{number * 7919 % 100_003}@example.com,{number % 9}\n" for number in range(ROWS))
    shop.write("landing/orders/1.csv", f"order_id,email,quantity\n{lines}")
    with small_disk(shop.root / "lake", "128k"):
        said = run(shop.root / "odibi.yaml", "full")
        assert said.startswith("failed disk_full 4"), said
        assert "example.com" not in said
        left = [path.name for path in (shop.root / "lake").rglob("*") if path.is_file()]
        assert not [name for name in left if name.endswith((".tmp", ".part"))], left
        assert not (shop.root / "lake/bronze/_delta_log").is_dir() or pl.read_delta(str(shop.root / "lake/bronze")).height == 0
        more_space(shop.root / "lake")
        shop.write("landing/orders/1.csv", f"order_id,email,quantity\n{lines}")  # delivered again: a new version of the file
        assert run(shop.root / "odibi.yaml", "space").startswith("succeeded ok")
        assert [len(shop.rows(table)) for table in ("bronze", "silver")] == [ROWS, ROWS]


def test_a_full_system_store_stops_the_run_with_a_clear_error_and_it_goes_on_later(shop: Shop) -> None:
    """The journal cannot be written: the error says `disk_full`, nothing is half, and the same command ends the run when there is space."""
    shop.write("landing/orders/1.csv", "order_id,email,quantity\n1,a@example.com,2\n")
    header = (shop.root / "odibi.yaml").read_text()
    shop.write(
        "odibi.yaml",
        header.replace("connections:\n", "connections:\n  small: { type: local, base_path: ./small }\n").replace(
            "system: { connection: lake,", "system: { connection: small,"
        ),
    )
    with small_disk(shop.root / "small", "4k"):
        said = run(shop.root / "odibi.yaml", "same")
        assert "disk_full 4" in said, said
        assert [path for path in (shop.root / "small").rglob("*.json") if not path.read_bytes().endswith(b"}")] == []
        more_space(shop.root / "small")
        assert run(shop.root / "odibi.yaml", "same").startswith("succeeded ok")
    assert [row["order_id"] for row in shop.rows("silver")] == [1]


def test_an_object_that_did_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write itself is refused by the system: our error, and the folder is as it was."""
    store = LocalStore(tmp_path)
    store.put("a.json", b"before")
    real = Path.open

    def full(self: Path, mode: str = "r", *rest: object, **more: object):
        handle = real(self, mode, *rest, **more)
        if "x" in mode:

            def refuse(_data: bytes) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

            handle = _Refusing(handle, refuse)
        return handle

    monkeypatch.setattr(Path, "open", full)
    for write in (lambda: store.put("a.json", b"after"), lambda: store.put_if_absent("b.json", b"new")):
        with pytest.raises(Exception, match="no space left") as caught:
            write()
        assert (caught.value.error_code, caught.value.exit_code) == ("disk_full", 4)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"before"


class _Refusing:
    """A file whose writes fail."""

    def __init__(self, handle, write) -> None:
        self._handle = handle
        self.write = write

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.close()
