"""`odibi init`: a project that runs, to be changed into one's own."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import FILE_NAME, shown
from odibi_core.cli.schema import HEADER, schema_text
from odibi_core.cli.screen import Screen, aligned
from odibi_core.errors import ConfigError

TEMPLATES: Mapping[str, str] = {
    "landing-to-gold": "CSV files that land become bronze, silver and gold tables",
    "star-schema": "dimensions with surrogate keys and versions, and facts that point at them",
    "incremental-sql": "what is new in a database, found by a high-water mark",
}
_HOME = Path(__file__).parent / "templates"
_SCHEMA = ".vscode/odibi.schema.json"
_DATABASE = ".db.sql"  # how the SQL ends that makes a SQLite file of the same name
_IGNORED = "# what runs leave behind, and what is secret\n.odibi/\nlake/\n.env\n"
_EXTENSIONS = {"recommendations": ["redhat.vscode-yaml", "ms-azuretools.vscode-azurefunctions"]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    parser.add_argument("folder", nargs="?", default=".", help="where to; made if it is not there (the current folder)")
    parser.add_argument("--template", choices=[*TEMPLATES], default=next(iter(TEMPLATES)), help="what kind of project")
    parser.add_argument("--list", action="store_true", help="say which templates there are")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=init)


def init(given: argparse.Namespace, screen: Screen) -> int:
    """
    Write the files of a template.

    Raises:
        ConfigError: If a file of it is there already; nothing was written then.
    """
    if given.list:
        screen.say(aligned(("template", "what it is"), list(TEMPLATES.items())))
        screen.result([{"template": name, "summary": text} for name, text in TEMPLATES.items()])
        return OK
    folder = Path(given.folder)
    files = _files(given.template, folder)
    there = sorted(
        name for name in (file.removesuffix(".sql") if file.endswith(_DATABASE) else file for file in files) if (folder / name).exists()
    )
    if there:
        raise ConfigError(
            f"'{shown(folder / there[0])}' is there already", code="would_overwrite", hint="Name a new folder: odibi init FOLDER."
        )
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(_DATABASE):
            _make_database(file.with_suffix(""), text)
        else:
            file.write_text(text, encoding="utf-8")
    inside = "" if folder.resolve() == Path.cwd() else f"cd {shown(folder)} && "
    screen.say(f"{len(files)} files in {shown(folder)}; now:\n  {inside}odibi validate && odibi test && odibi run")
    screen.result({"folder": shown(folder), "files": sorted(files)})
    return OK


def _make_database(file: Path, statements: str) -> None:
    import sqlite3

    connection = sqlite3.connect(file)
    try:
        connection.executescript(statements)
    finally:
        connection.close()


def _files(template: str, folder: Path) -> dict[str, str]:
    home = _HOME / template
    name = re.sub(r"\W+", "_", folder.resolve().name) or "my_project"
    found = {file.relative_to(home).as_posix(): file.read_text("utf-8") for file in sorted(home.rglob("*")) if file.is_file()}
    for file, text in found.items():
        if file.endswith(".yaml") and "/" not in file:
            found[file] = f"{HEADER.format(file=_SCHEMA)}\n{text}"
    found[FILE_NAME] = found[FILE_NAME].replace("project: my_project", f"project: {name}")
    return {
        **found,
        ".gitignore": _IGNORED,
        _SCHEMA: schema_text() + "\n",
        ".vscode/extensions.json": json.dumps(_EXTENSIONS, indent=2) + "\n",
    }
