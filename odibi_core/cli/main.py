"""`odibi`: read the command line, run one command, turn whatever happens into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from odibi_core import __version__
from odibi_core.cli import exits
from odibi_core.cli.screen import Mode, Screen
from odibi_core.redaction.process import OUTLETS

_EXIT_CODES = "exit codes: 0 ok, 2 the YAML or the command, 3 the data, 4 a service, 70 a bug, 130 Ctrl-C"
_JSON_LOGS = "json"
# Each command: the module that does it, and what it is for.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("init", "a project that runs, to be changed into one's own"),
    "run": ("run", "run pipelines in this process"),
    "plan": ("plan", "what would run, where and why; nothing is run"),
    "validate": ("validate", "find everything that is wrong with a project"),
    "test": ("test", "given rows, expected rows: tests of nodes, written in YAML"),
    "story": ("story", "what the last runs have to tell"),
    "catalog": ("catalog", "what ran, what moved and what is where"),
    "quarantine": ("quarantine", "the rows that checks set aside"),
    "list": ("listing", "the transformers, patterns, operations and checks that a YAML can name"),
    "explain": ("listing", "one of them: parameters, meaning, an example"),
    "schema": ("schema", "the JSON Schema of the language, for an editor; the columns of a target and how they changed"),
    "migrate": ("migrate", "what of a project of the reference runs as it is, and what differs"),
    "dev": ("dev", "the whole cloud on this machine, event-driven"),
}
_DEFINED_BY: Mapping[str, str] = {"list": "add_list_arguments", "explain": "add_explain_arguments"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    if arguments is None:  # the process is ours
        from odibi_core.hosts.own_process import prepare

        prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    screen = Screen()
    guarded_before = OUTLETS.are_guarded
    OUTLETS.guard(screen.redactor)
    try:
        if words[:1] == ["dev"]:
            from odibi_core.cli.dev import dev

            return dev(words[1:])
        given = _parser(next((word for word in words if word in _COMMANDS), None)).parse_args(words)
        screen = _screen(given)
        return int(given.run(given, screen))
    except KeyboardInterrupt:
        screen.complain("stopped")
        return exits.STOPPED
    except BrokenPipeError:
        # The reader of our output has gone; nothing may be written any more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.CLOSED_PIPE
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001  the border of the process: Polars panics derive from BaseException
        return exits.tell(error, screen, os.environ)
    finally:
        if arguments is not None and not guarded_before:  # the process is somebody else's
            OUTLETS.release()


def _parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The command line; only the chosen command has its arguments, so that only its module is imported."""
    parser = argparse.ArgumentParser(prog="odibi", description="Data pipelines that run themselves.", epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"odibi {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, help_text) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text, epilog=_EXIT_CODES if name == "run" else None)
        if name == chosen:
            define = getattr(import_module(f"odibi_core.cli.{module}"), _DEFINED_BY.get(name, "add_arguments"))
            define(command)
    return parser


def _screen(given: argparse.Namespace) -> Screen:
    logs = given.command == "run" and not given.dry_run and os.environ.get("ODIBI_LOG_FORMAT", "").strip().lower() == _JSON_LOGS
    mode: Mode = "log" if logs else "json" if given.json else "text"
    screen = Screen(mode)
    screen.as_json = bool(given.json)
    return screen


if __name__ == "__main__":
    sys.exit(main())
