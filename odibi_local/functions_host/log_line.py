"""Log lines of the host: structured, printed as text or, with ODIBI_LOG_FORMAT=json, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

from odibi_local.functions_host.datums import instant


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One thing that happened. Lines that the app itself prints have kind `output` and stay as they are."""

    kind: str  # host, function, output
    level: str  # INFO, WARNING, ERROR
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_text(self) -> str:
        """Return the line for a person."""
        if self.kind == "output":
            return self.message
        mark = "" if self.level == "INFO" else f"{self.level} "
        trace = self.fields.get("trace")
        below = f"\n{trace.rstrip()}" if trace else ""
        return f"{self.time:%H:%M:%S.%f}"[:-3] + f" {self.kind:<8} {mark}{self.message}{below}"

    def as_json(self) -> str:
        """Return the line for a machine."""
        if self.kind == "output" and self.message.startswith("{"):
            return self.message
        record = {"time": instant(self.time), "level": self.level, "kind": self.kind, "message": self.message, **self.fields}
        return json.dumps(record, default=str)


LogSink = Callable[[LogLine], None]


def printing_sink(*, log_format: str, stream: TextIO | None = None) -> LogSink:
    """Return a sink that prints each line at once, as JSON when the format is `json`."""
    out = stream or sys.stdout

    def write(line: LogLine) -> None:
        out.write((line.as_json() if log_format == "json" else line.as_text()) + "\n")
        out.flush()

    return write
