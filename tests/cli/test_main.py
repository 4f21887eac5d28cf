"""The command as a whole: version, help, bugs, `dev`, and what it costs to start."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from odibi_core import __version__
from odibi_core.errors import PermanentServiceError
from odibi_core.hosts.in_process import InProcess
from tests.cli.running import GOOD, land, odibi


def test_it_knows_its_version(tmp_path: Path) -> None:
    """And nothing else is needed for that."""
    assert odibi("--version", cwd=tmp_path).out == f"odibi {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["story", "last", "--help"], ["catalog", "runs", "--help"]])
def test_every_command_explains_itself(tmp_path: Path, words: list[str]) -> None:
    """Exit 0."""
    ended = odibi(*words, cwd=tmp_path)

    assert ended.code == 0
    assert ended.out.startswith("usage: odibi")


def test_the_help_loads_nothing_heavy() -> None:
    """What a command needs is imported when it runs: `odibi --help` comes at once."""
    code = "import sys, odibi_core.cli.main as m; m._parser().format_help(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"polars", "deltalake", "pydantic", "narwhals", "yaml", "rich", "azure", "jinja2", "sqlglot"} & set(loaded)


def test_a_run_without_a_terminal_does_not_load_rich(project: Path) -> None:
    """Nor a SQL parser once the queries are compiled."""
    odibi("run", cwd=project)
    land(project, "more", GOOD)
    code = "import sys; from odibi_core.cli.main import main; main(['run']); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project).stdout
    loaded = ended.splitlines()[-1].split()

    assert "1/4 bronze_orders" in ended
    assert "polars" in loaded
    assert not {"rich", "typer", "click", "sqlglot"} & set(loaded)


def test_a_run_loads_what_its_nodes_need(project: Path) -> None:
    """Four nodes on local folders. Every module of ours takes a quarter of a millisecond, so their number has a limit."""
    code = "import sys; from odibi_core.cli.main import main; main(['run']); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project).stdout
    ours = {name for name in ended.splitlines()[-1].split() if name.startswith("odibi_core")}
    adapters = {
        *("queues.service_bus", "secrets.key_vault", "storage.azure", "storage.databases", "storage.web", "hosts.azure"),
        *("engines.databases", "engines.web", "engines.polars.file_sink", "engines.polars.file_rows", "engines.polars.json_reader"),
    }

    assert "odibi_core.engines.polars.delta_sink" in ours
    assert {f"odibi_core.{name}" for name in adapters} & ours == set()
    assert len(ours) <= 285


def test_a_bug_is_called_one_and_shows_no_value(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 70 with the place in our code; the text of a foreign exception may quote data, so it is not shown."""
    monkeypatch.setattr(InProcess, "run", _breaks)
    ended = odibi("run", "--json", cwd=project)

    assert ended.code == 70
    assert "this is a bug: unexpected RuntimeError at odibi_core/cli/run.py:" in ended.err
    assert ended.json["error"]["code"] == "internal"
    assert "4711" not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_odibi_debug_shows_the_traceback_without_secrets(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redacted."""
    monkeypatch.setattr(InProcess, "run", _breaks)
    ended = odibi("run", cwd=project, ODIBI_DEBUG="1")

    assert ended.code == 70
    assert "Traceback" in ended.err
    assert "Zm9vYmFyYmF6" not in ended.err


def test_a_service_that_fails_is_the_operators_business(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 4."""

    def away(*_args: object) -> None:
        raise PermanentServiceError("the container is gone", hint="Create it.")

    monkeypatch.setattr(InProcess, "run", away)
    ended = odibi("run", cwd=project)

    assert (ended.code, ended.err) == (4, "error: the container is gone [service_permanent]\n  hint: Create it.\n")


def test_dev_becomes_the_local_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rest of the command line, whatever it is."""
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, words: became.append(words))
    odibi("dev", "--port", "7071", "--help", cwd=tmp_path)

    assert became == [[sys.executable, "-m", "odibi_local.dev", "--port", "7071", "--help"]]


def test_dev_is_refused_where_the_local_cloud_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ended = odibi("dev", cwd=tmp_path)

    assert ended.code == 2
    assert "needs the package 'odibi_local'" in ended.err


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"CI": "true"}], ids=["terminal", "NO_COLOR", "CI"])
def test_a_terminal_gets_a_live_table(project: Path, environment: dict[str, str]) -> None:
    """In colour unless NO_COLOR is set; in CI, which may have a terminal too, there are lines."""
    text = odibi("run", "--pipeline", "orders", cwd=project, terminal=True, **{"TERM": "xterm", **environment}).out

    assert "orders: succeeded, 4 nodes, 8 rows written" in text
    assert ("✓" in text) == ("CI" not in environment)
    assert ("1/4 bronze_orders" in text) == ("CI" in environment)
    assert ("\x1b[32m" in text) == (not environment)


def _breaks(*_args: object) -> None:
    raise RuntimeError("row 4711 has AccountKey=Zm9vYmFyYmF6;")
