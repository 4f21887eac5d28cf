"""The Python files of a project: `transforms.py` and `transforms/*.py` beside its YAML. Read here, run elsewhere."""

from __future__ import annotations

from pathlib import Path

from odibi_core.config.imports import ProjectFiles
from odibi_core.config.marks import Mark
from odibi_core.errors import ConfigError

CODE_FILE = "transforms.py"
CODE_FOLDER = "transforms"


def code_of(files: ProjectFiles) -> dict[str, str]:
    """
    The text of every Python file, by its path in the project. They are part of the project's fingerprint.

    A file that leads out of the project folder, or cannot be read, is a problem.
    """
    found: dict[str, str] = {}
    for path in _paths(files.directory):
        name = path.relative_to(files.directory).as_posix()
        mark = Mark(name, 1, 1)
        try:
            found[name] = files.read(files.confined(name, files.directory, mark), mark).decode("utf-8-sig")
        except UnicodeDecodeError:
            files.report(f"file '{name}' is not valid UTF-8", mark)
        except ConfigError as error:
            files.problems.extend(error.problems)
    return found


def read_code(directory: Path) -> dict[str, str]:
    """
    The same for a project whose YAML cannot be loaded: runs under way still need their functions.

    Raises:
        ConfigError: With all problems that were found.
    """
    files = ProjectFiles(directory=directory.resolve())
    found = code_of(files)
    if files.problems:
        raise ConfigError.of(tuple(files.problems))
    return found


def _paths(directory: Path) -> list[Path]:
    single, folder = directory / CODE_FILE, directory / CODE_FOLDER
    inside = sorted(path for path in folder.glob("*.py") if path.is_file()) if folder.is_dir() else []
    return [single, *inside] if single.is_file() else inside
