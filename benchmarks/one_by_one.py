"""Load the files of a container one after the other with `by_hand`, in a process of its own. Prints the seconds of each."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.by_hand import load


def main(given: dict[str, object]) -> None:
    """`given`: the addresses of the `files`, the `lake` and the `options` that open both."""
    files, lake, options = given["files"], given["lake"], given["options"]
    assert isinstance(files, list)
    assert isinstance(lake, str)
    assert isinstance(options, dict)
    for file in files:
        began = time.perf_counter()
        load(file, lake, options)
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main(json.load(sys.stdin))
