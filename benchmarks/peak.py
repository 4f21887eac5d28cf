"""`python -m benchmarks.peak ARGUMENT…`: run this interpreter with the arguments, then print the child's largest resident set as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def main() -> None:
    process = subprocess.Popen([sys.executable, *sys.argv[1:]])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    per_mb = 1024 * 1024 if sys.platform == "darwin" else 1024
    print(json.dumps({"peak_mb": used.ru_maxrss / per_mb}))
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
