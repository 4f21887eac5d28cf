"""The files of the project, without what can be made again."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control."""
    trusted = f"safe.directory={ROOT}"  # a clone may belong to somebody else than the one who tests it
    command = ["git", "-c", trusted, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout.decode()
    return tuple(path for name in sorted(set(listing.split("\0"))) if name and (path := ROOT / name).is_file())


@cache
def texts() -> dict[str, str]:
    """The text files by their path in the project."""
    found: dict[str, str] = {}
    for path in project_files():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return found


def python_texts(*roots: str) -> dict[str, str]:
    """The Python files under some folders, or everywhere."""
    return {name: text for name, text in texts().items() if name.endswith(".py") and (not roots or name.split("/")[0] in roots)}


def lines_with(pattern: str, texts_by_name: dict[str, str]) -> list[str]:
    """Where a pattern occurs: `path:line: the line`."""
    found = re.compile(pattern)
    return [
        f"{name}:{number}: {line.strip()[:160]}"
        for name, text in texts_by_name.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if found.search(line)
    ]
