"""`odibi schema`: the JSON Schema of the language, for the editor. With `history` or `diff` it is about the columns of a target."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import shown
from odibi_core.cli.schema_history import add_diff_arguments, add_history_arguments
from odibi_core.cli.screen import Screen

HEADER = "# yaml-language-server: $schema={file}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    parser.add_argument("--out", metavar="FILE", help="write it there; without it to standard output")
    parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")
    parser.set_defaults(run=schema)
    of_targets = parser.add_subparsers(metavar="history|diff")
    add_history_arguments(of_targets.add_parser("history", help="the columns that a target had, and when they changed"))
    add_diff_arguments(of_targets.add_parser("diff", help="what changed from one version of a target's columns to another"))


def schema(given: argparse.Namespace, screen: Screen) -> int:
    """Print or write the schema."""
    text = schema_text()
    if given.out is None:
        screen.say(text)
        screen.result(json.loads(text))
        return OK
    file = Path(given.out)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
    screen.say(f"wrote {shown(file)}; name it in the first line of a YAML:\n  {HEADER.format(file=file.as_posix())}")
    screen.result({"file": shown(file), "bytes": len(text.encode())})
    return OK


def schema_text() -> str:
    """The schema on one line: editors do not mind, and it stays small."""
    from odibi_core.cli.vocabulary import call_models
    from odibi_core.config.schema import editor_schema

    return json.dumps(editor_schema(call_models()), ensure_ascii=False, separators=(",", ":"))
