"""
Make the virtual environment: the locked packages, checked by their hashes, and this project. `python -m tests.tools.set_up .venv`

pip installs the locked uv, and uv the rest: seconds instead of more than a minute. Where there is no uv, pip does it all.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.registry import uv_environment

LOCK = Path("requirements-dev.txt")
_PROJECT = ("--no-deps", "--no-build-isolation", "--editable", ".")  # what builds it is in the lock


def main(folder: Path) -> None:
    """Bring the environment up to date; make it anew if it belongs to another Python."""
    print(f"setting up {folder} with Python {platform.python_version()} …", flush=True)
    python = _environment(folder)
    pip = _pip(python)
    try:
        _with_uv(folder, pip, python)
    except (subprocess.CalledProcessError, OSError):
        print("uv could not do it, pip does", flush=True)
        _run([*pip, "install", "-qq", "--require-hashes", "--requirement", str(LOCK)])
        _run([*pip, "install", "-qq", *_PROJECT])


def _environment(folder: Path) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _is_of_this_version(python):
        shutil.rmtree(folder, ignore_errors=True)
        with_pip = importlib.util.find_spec("ensurepip") is not None
        if not with_pip and importlib.util.find_spec("pip") is None:
            raise SystemExit(f"{sys.executable} can make no virtual environment: install its 'venv' package (python3-venv on Debian)")
        _run([sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), str(folder)])
    return python


def _is_of_this_version(python: Path) -> bool:
    if not python.exists():
        return False
    answer = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def _pip(python: Path) -> list[str]:
    has_pip = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    return [str(python), "-m", "pip"] if has_pip else [sys.executable, "-m", "pip", "--python", str(python)]


def _with_uv(folder: Path, pip: list[str], python: Path) -> None:
    lock = folder / "uv.txt"
    lock.write_text(locked(LOCK.read_text("utf-8"), "uv"), "utf-8")
    _run([*pip, "install", "-qq", "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "--requirement", str(lock)])
    uv = [str(python), "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    environment = uv_environment(python)
    _run([*uv, "--require-hashes", "--requirement", str(LOCK)], environment)
    _run([*uv, *_PROJECT], environment)


def locked(requirements: str, package: str) -> str:
    """The lines of one package in a compiled requirements file."""
    lines = requirements.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith(f"{package}=="))
    after = next((number for number, line in enumerate(lines) if number > first and not line.startswith(" ")), len(lines))
    return "".join(lines[first:after])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"set-up failed: {' '.join(map(str, failed.cmd))}") from None
