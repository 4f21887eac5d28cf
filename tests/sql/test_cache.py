"""A text is compiled once; the cache can be slow, old or broken without anybody noticing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.ports import Stored
from odibi_core.sql import SqlCache, cache, compile_sql


class MemoryStore:
    """Objects in memory, with a count of what was asked of it."""

    def __init__(self):
        self.objects: dict[str, bytes] = {}
        self.calls: list[str] = []

    def get(self, path):
        self.calls.append("get")
        return Stored(data=self.objects[path], etag="1") if path in self.objects else None

    def put(self, path, data):
        self.calls.append("put")
        self.objects[path] = data


class BrokenStore:
    """A store that is down."""

    def get(self, path):
        raise PermanentServiceError("store is down")

    def put(self, path, data):
        raise PermanentServiceError("store is down")


TEXT = "SELECT id, COUNT(*) AS n FROM Orders GROUP BY id"


def test_a_text_is_compiled_once(monkeypatch):
    """A new process finds what the last one compiled, and compiles nothing."""
    store = MemoryStore()
    first = SqlCache(store).compile(TEXT, tables=["orders", "df"])
    assert first == compile_sql(TEXT, tables=["orders", "df"])
    monkeypatch.setattr(cache, "compile_sql", lambda *_, **__: pytest.fail("compiled again"))
    second = SqlCache(store)
    assert [second.compile(TEXT, tables=["DF", "orders"]), second.compile(TEXT, tables=["orders", "df"])] == [first, first]
    assert store.calls == ["get", "put", "get"]


@pytest.mark.parametrize(
    "change", [{"text": TEXT + " "}, {"tables": ["orders"]}, {"dialect": "duckdb"}, {"engine": "spark"}, {"version": "0"}]
)
def test_anything_that_changes_the_result_changes_the_key(change, monkeypatch):
    """Text, inputs, dialect, engine and the version of the compiler each make another entry."""
    store = MemoryStore()
    arguments = {"text": TEXT, "tables": ["orders", "df"], "dialect": "spark", "engine": "polars"}
    SqlCache(store).compile(arguments.pop("text"), **arguments)
    if version := change.pop("version", None):
        monkeypatch.setattr(cache, "COMPILER_VERSION", version)
    arguments = {"text": TEXT, "tables": ["orders", "df"], **arguments, **change}
    SqlCache(store).compile(arguments.pop("text"), **arguments)
    assert len(store.objects) == 2


@pytest.mark.parametrize("garbage", [b"", b"{}", b"not json", b'{"text": "SELECT 1", "polars": "", "spark": "", "tables": []}'])
def test_a_damaged_entry_is_compiled_anew(garbage):
    """What is not the compiled form of this very text is replaced."""
    store = MemoryStore()
    right = SqlCache(store).compile(TEXT, tables=["orders"])
    (path,) = store.objects
    store.objects[path] = garbage
    assert SqlCache(store).compile(TEXT, tables=["orders"]) == right
    assert store.objects[path] == right.model_dump_json().encode()


def test_a_broken_store_costs_time_and_nothing_else():
    """A run does not fail because its texts cannot be remembered."""
    assert SqlCache(BrokenStore()).compile(TEXT, tables=["orders"]).tables == ("orders",)


def test_a_refused_text_is_refused_every_time():
    """Problems are not remembered."""
    store = MemoryStore()
    for _ in range(2):
        with pytest.raises(ConfigError):
            SqlCache(store).compile("SELECT * FROM nowhere", tables=["orders"])
    assert store.objects == {}


def test_the_packages_import_no_parser_and_no_frames():
    """sqlglot, narwhals and polars come with the first compilation and the first frame, not with the import."""
    code = (
        "import sys, odibi_core.sql, odibi_core.checks, odibi_core.transforms\n"
        "print([name for name in ('sqlglot', 'narwhals', 'polars') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
