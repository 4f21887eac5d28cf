"""`python -m odibi_local.demo`, or `make demo`: land files, watch the runs, compare every table with its input."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from odibi_local.demo.scene import REPOSITORY, demo


def main() -> int:
    """Run the demo that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m odibi_local.demo", description=__doc__)
    usual = REPOSITORY / ".local" / "demo"
    parser.add_argument("--folder", type=Path, default=usual, help="where state and stories go (default: .local/demo)")
    return demo(parser.parse_args().folder.resolve())


if __name__ == "__main__":
    sys.exit(main())
