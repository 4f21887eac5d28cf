"""
Compile the requirements files from pyproject.toml, or check that they are current.

`python -m tests.tools.requirements --check | --update | --upgrade`: `--update` keeps every pin that still fits, `--upgrade` takes the
newest versions. The files hold hashes and no address: the machine that installs them chooses the registry.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tools.registry import uv_environment

ROOT = Path(__file__).resolve().parents[2]
_EXTRAS = ("--extra", "cli", "--extra", "postgres", "--extra", "sql_server")
FILES = {
    "requirements.txt": ("pyproject.toml",),
    "requirements-dev.txt": ("pyproject.toml", *_EXTRAS, "--group", "dev"),
    "requirements-audit.txt": ("--group", "audit"),
}
_COMPILE = ("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes")
_QUIET = ("--no-emit-index-url", "--no-header", "--quiet")
_AWAY = ("dns error", "error sending request", "Failed to fetch", "Connection refused", "timed out", "network connectivity is disabled")


class RegistryAwayError(RuntimeError):
    """No package registry can be reached, so nothing is known about the files."""


def compiled(name: str, *extra: str) -> str:
    """
    What a requirements file should hold. The pins of the present file are kept where they fit.

    Raises:
        RegistryAwayError: If the registry does not answer.
        RuntimeError: If the requirements of pyproject.toml cannot be met; with what uv says.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / name
        if (ROOT / name).exists():
            output.write_bytes((ROOT / name).read_bytes())
        done = subprocess.run(
            [sys.executable, "-m", *_COMPILE, *_QUIET, *FILES[name], *extra, "--output-file", str(output)],
            cwd=ROOT,
            env=uv_environment(Path(sys.executable)),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            kind = RegistryAwayError if any(sign in done.stderr for sign in _AWAY) else RuntimeError
            raise kind(f"{name} could not be compiled:\n{done.stderr.strip()}")
        return output.read_text("utf-8")


def differences(name: str) -> list[str]:
    """The lines in which a file differs from what it should hold."""
    present = (ROOT / name).read_text("utf-8").splitlines() if (ROOT / name).exists() else []
    lines = difflib.unified_diff(present, compiled(name).splitlines(), name, "compiled from pyproject.toml", lineterm="", n=0)
    return [line for line in lines if "--hash=" not in line]


def main(arguments: list[str]) -> int:
    """Exit code 1: a file is not current. 2: nobody knows, the registry is away."""
    match arguments:
        case ["--check"]:
            found = [line for name in FILES for line in differences(name)]
            if found:
                print(*found, "", "requirements are not current: run 'make requirements-update'", sep="\n")
            return int(bool(found))
        case ["--update"] | ["--upgrade"]:
            for name in FILES:
                (ROOT / name).write_text(compiled(name, *(argument for argument in arguments if argument == "--upgrade")), "utf-8")
            return 0
    print(__doc__)
    return 64


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RegistryAwayError as away:
        print(away, "", "the requirements cannot be checked without a package registry", sep="\n", file=sys.stderr)
        sys.exit(2)
    except RuntimeError as failed:
        print(failed, file=sys.stderr)
        sys.exit(1)
