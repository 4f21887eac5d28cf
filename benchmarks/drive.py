"""Run one pipeline of a project in this process, as `odibi run` does."""

from __future__ import annotations

import sys
from pathlib import Path


def main(project_file: Path, pipeline: str) -> int:
    from odibi_core.hosts.own_process import prepare

    prepare()
    from odibi_core.hosts.in_process import InProcess

    host = InProcess.open(project_file)
    command = host.request(pipeline)
    end = None if command is None else host.run(command)
    return 0 if end is not None and end.status == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
