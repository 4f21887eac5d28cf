"""Run a Functions app on this machine until interrupted, and load it again whenever its code changes."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from odibi_local.functions_host.host import FunctionsHost
from odibi_local.functions_host.stop_signals import set_on_stop_signal


def main() -> int:
    """Run the app that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m odibi_local.functions_host", description=__doc__)
    parser.add_argument("app_folder", type=Path, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, default=None, help="folder for timer status and blob receipts")
    parser.add_argument("--no-watch", action="store_true", help="do not load the app again when its files change")
    chosen = parser.parse_args()
    stop = threading.Event()
    set_on_stop_signal(stop)
    with FunctionsHost(chosen.app_folder, port=chosen.port, state=chosen.state, watch=not chosen.no_watch) as host:
        sys.stdout.write(f"{host.base_url}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
