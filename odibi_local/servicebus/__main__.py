"""Run the emulator in the foreground: `python -m odibi_local.servicebus --config Config.json --state state.db`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from odibi_local.servicebus.broker.store import StateError
from odibi_local.servicebus.config import ConfigError, QueueSettings, read_config
from odibi_local.servicebus.process import connection_string
from odibi_local.servicebus.server import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code: 0 after a stop, 2 if it cannot start or go on."""
    parser = argparse.ArgumentParser(prog="python -m odibi_local.servicebus", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="Config.json of Microsoft's emulator")
    parser.add_argument("--state", type=Path, help="SQLite file for the messages; without it they live in memory only")
    parser.add_argument("--port", type=int, default=5672, help="AMQP port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--health-port", type=int, default=5300, help="HTTP port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--ready-file", type=Path, help="where to write ports and connection string as JSON, once it listens")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_run(read_config(options.config), options))
    except (ConfigError, StateError, OSError) as error:
        print(f"servicebus: {error}", file=sys.stderr)  # noqa: T201  the command line's own output
        return 2
    return 0


async def _run(queues: Sequence[QueueSettings], options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = Server(queues, options.state)
    await server.start(options.port, options.health_port)
    if options.ready_file is not None:
        _write_ready_file(options.ready_file, server)
    waits = [asyncio.ensure_future(stopped.wait()), asyncio.ensure_future(server.failure())]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    for each in done:
        each.result()
    await server.stop()


def _write_ready_file(path: Path, server: Server) -> None:
    text = json.dumps({"port": server.port, "health_port": server.health_port, "connection_string": connection_string(server.port)})
    whole = path.with_name(f"{path.name}.{os.getpid()}")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)  # a reader never sees a half-written file


if __name__ == "__main__":
    sys.exit(main())
