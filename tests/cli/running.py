"""The command, called in this process or as a process of its own."""

import io
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from odibi_core.cli.main import main

PIPELINES = Path(__file__).parents[2] / "pipelines"
HEADER = "order_id,customer,email,country,product,quantity,price,status,ordered_at\n"
GOOD = (
    HEADER
    + "1,Ada,ada@example.com,ch,kettle,2,10.5,paid,2026-11-21T08:12:00\n2,Ben,ben@example.com,de,lamp,1,24.5,new,2026-11-21T09:40:00\n"
)
BAD = HEADER + "3,Zoe,zoe@example.com,at,kettle,987654,10.5,hijacked,2026-11-21T08:12:00\n"  # quantity and status break a check
BAD_VALUES = ("987654", "hijacked", "zoe@example.com", "Zoe")
_CHOSEN_BY_OTHERS = (
    "CI",
    "GITHUB_ACTIONS",
    "NO_COLOR",
    "TERM",
    "ODIBI_PROJECT",
    "ODIBI_ENV",
    "ODIBI_DEBUG",
    "ODIBI_LOG_FORMAT",
    "ODIBI_LOG_LEVEL",
)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)


class Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        return True


def odibi(*arguments: str, cwd: Path, terminal: bool = False, **environment: str) -> Ended:
    """Call the command in this process."""
    out, err = Terminal() if terminal else io.StringIO(), io.StringIO()
    with (
        chdir(cwd),
        patch.dict(os.environ, _environment(environment), clear=True),
        _own_logging(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


def process(*arguments: str, cwd: Path, script: str = "", **environment: str) -> subprocess.Popen[str]:
    """Start the command as a process; `script` runs before it, to make something slow."""
    code = f"import sys\n{script}\nfrom odibi_core.cli.main import main\nsys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finished(*arguments: str, cwd: Path, **environment: str) -> Ended:
    """Run the command as a process."""
    running = process(*arguments, cwd=cwd, **environment)
    out, err = running.communicate(timeout=60)
    return Ended(running.returncode, out, err)


def a_project(folder: Path, **landed: str) -> Path:
    """The demo project in a folder, with these files in its landing zone."""
    for name in ("odibi.yaml", "orders.yaml", "report.yaml"):
        shutil.copy(PIPELINES / name, folder / name)
    shutil.copytree(PIPELINES / "sql", folder / "sql")
    for name, text in landed.items():
        land(folder, name, text)
    return folder


def land(project: Path, name: str, text: str) -> None:
    """A file arrives."""
    file = project / "landing" / "orders" / f"{name}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def edited(project: Path, file: str, old: str, new: str) -> Path:
    """The project with one thing in it changed."""
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    return project


def files_in(folder: Path) -> dict[str, int]:
    """Every file below a folder with the time of its last change."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in _CHOSEN_BY_OTHERS}, **extra}


@contextmanager
def _own_logging() -> Iterator[None]:
    """The root logger as in a fresh process, and afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
