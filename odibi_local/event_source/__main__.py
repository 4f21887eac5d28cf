"""Send BlobCreated events of some containers to a queue until interrupted."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from odibi_local.event_source.chaos import Chaos
from odibi_local.event_source.source import EventSource
from odibi_local.functions_host.stop_signals import set_on_stop_signal

_STORAGE, _SERVICE_BUS = "AzureWebJobsStorage", "ServiceBusConnection"  # the settings of the app


def main() -> int:
    """Watch the containers that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m odibi_local.event_source", description=__doc__)
    parser.add_argument("containers", nargs="+", help="containers to watch")
    parser.add_argument("--storage", default=os.environ.get(_STORAGE), help="connection string (AzureWebJobsStorage)")
    parser.add_argument("--service-bus", default=os.environ.get(_SERVICE_BUS), help="connection string (ServiceBusConnection)")
    parser.add_argument("--queue", default="blob-events", help="queue to send to")
    parser.add_argument("--state", type=Path, default=Path(".local/event-source.sqlite"), help="file that remembers what was sent")
    parser.add_argument("--chaos", type=int, default=None, metavar="SEED", help="duplicate, delay, lose and send events early")
    chosen = parser.parse_args()
    if not chosen.storage or not chosen.service_bus:
        parser.error("give --storage and --service-bus, or set AzureWebJobsStorage and ServiceBusConnection")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)
    stop = threading.Event()
    set_on_stop_signal(stop)
    with EventSource(
        storage=chosen.storage,
        containers=chosen.containers,
        service_bus=chosen.service_bus,
        queue=chosen.queue,
        state=chosen.state,
        chaos=None if chosen.chaos is None else Chaos(chosen.chaos),
    ):
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
