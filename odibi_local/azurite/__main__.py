"""Run Azurite's blob service in the foreground until it is interrupted."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from odibi_local.azurite.launcher import AzuriteProcess
from odibi_local.functions_host.stop_signals import set_on_stop_signal


def main() -> int:
    """Start Azurite where the command line says and print its connection string."""
    parser = argparse.ArgumentParser(prog="python -m odibi_local.azurite", description=__doc__)
    parser.add_argument("--location", type=Path, default=Path(".local/azurite-data"), help="folder that keeps the blobs")
    parser.add_argument("--port", type=int, default=10000, help="port on 127.0.0.1; 0 takes a free one")
    chosen = parser.parse_args()
    stop = threading.Event()
    set_on_stop_signal(stop)
    with AzuriteProcess(location=chosen.location, port=chosen.port) as azurite:
        sys.stdout.write(f"{azurite.connection_string}\n")
        sys.stdout.flush()
        while not stop.wait(0.5):
            if not azurite.running:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
