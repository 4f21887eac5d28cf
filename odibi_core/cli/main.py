"""`odibi`: read the command line, run one command, turn whatever happens into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from odibi_core import __version__
from odibi_core.cli import catalog, exits, init, listing, migrate, plan, run, schema, story, test, validate
from odibi_core.cli.screen import Mode, Screen

_EXIT_CODES = "exit codes: 0 ok, 2 the YAML or the command, 3 the data, 4 a service, 70 a bug, 130 Ctrl-C"
_JSON_LOGS = "json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    if arguments is None:  # the process is ours
        from odibi_core.hosts.own_process import prepare

        prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    screen = Screen()
    try:
        if words[:1] == ["dev"]:
            from odibi_core.cli.dev import dev

            return dev(words[1:])
        given = _parser().parse_args(words)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="odibi", description="Data pipelines that run themselves.", epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"odibi {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    init.add_arguments(commands.add_parser("init", help="a project that runs, to be changed into one's own"))
    run.add_arguments(commands.add_parser("run", help="run pipelines in this process", epilog=_EXIT_CODES))
    plan.add_arguments(commands.add_parser("plan", help="what would run, where and why; nothing is run"))
    validate.add_arguments(commands.add_parser("validate", help="find everything that is wrong with a project"))
    test.add_arguments(commands.add_parser("test", help="given rows, expected rows: tests of nodes, written in YAML"))
    story.add_arguments(commands.add_parser("story", help="what the last runs have to tell"))
    catalog.add_arguments(commands.add_parser("catalog", help="what ran, what moved and what is where"))
    listing.add_list_arguments(commands.add_parser("list", help="the transformers, operations and checks that a YAML can name"))
    listing.add_explain_arguments(commands.add_parser("explain", help="one of them: parameters, meaning, an example"))
    schema.add_arguments(commands.add_parser("schema", help="the JSON Schema of the language, for an editor"))
    migrate.add_arguments(commands.add_parser("migrate", help="what of a project of the reference runs as it is, and what differs"))
    commands.add_parser("dev", help="the whole cloud on this machine, event-driven")
    return parser


def _screen(given: argparse.Namespace) -> Screen:
    logs = given.command == "run" and not given.dry_run and os.environ.get("ODIBI_LOG_FORMAT", "").strip().lower() == _JSON_LOGS
    mode: Mode = "log" if logs else "json" if given.json else "text"
    screen = Screen(mode)
    screen.as_json = bool(given.json)
    return screen


if __name__ == "__main__":
    sys.exit(main())
