"""Archive the stories of runs that ended: one folder per run, the same content however often a batch is tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from odibi_core.events import AnyRunEvent, RunStarted
from odibi_core.ports import ObjectStore, ReportBatch
from odibi_core.story.build import build
from odibi_core.story.markdown import summary
from odibi_core.story.privacy import redacted
from odibi_core.story.render import render

HTML = "text/html; charset=utf-8"  # a browser shows the page; as octet-stream it would save it
JSON = "application/json"
MARKDOWN = "text/markdown; charset=utf-8"


def story_path(run_id: str, pipeline: str, logical_time: datetime, prefix: str = "stories") -> str:
    """The folder of a run's story: 'stories/orders/2026/11/22/<run id>'. The day is that of the logical time in UTC."""
    day = logical_time.astimezone(UTC).strftime("%Y/%m/%d")
    parts = [*prefix.split("/"), _segment(pipeline), day, _segment(run_id)]
    return "/".join(part for part in parts if part)


class StoryArchive:
    """A report that writes `index.html`, its JSON twin `story.json` and the short `run.md` for each run of a batch."""

    def __init__(self, store: ObjectStore, *, redact: Callable[[str], str] = str, prefix: str = "stories") -> None:
        self._store = store
        self._redact = redact
        self._prefix = prefix

    def __call__(self, batch: ReportBatch) -> None:
        for events in batch.runs:
            self._write(events)

    def _write(self, events: tuple[AnyRunEvent, ...]) -> None:
        start = next(event for event in events if isinstance(event, RunStarted))
        folder = story_path(start.run_id, start.pipeline, start.logical_time, self._prefix)
        story = redacted(build(events), self._redact)
        # "<" is escaped so that the twin stays data wherever it is embedded.
        twin = story.model_dump_json().replace("<", "\\u003c")
        self._store.put(f"{folder}/run.md", summary(story).encode(), content_type=MARKDOWN)
        self._store.put(f"{folder}/story.json", twin.encode(), content_type=JSON)
        self._store.put(f"{folder}/index.html", render(story).encode(), content_type=HTML)  # last: it links to the others


def _segment(name: str) -> str:
    """One folder's name: whatever could lead elsewhere is percent-encoded."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)
