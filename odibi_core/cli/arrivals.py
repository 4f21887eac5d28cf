"""What a file that arrives in a pipeline's landing zones looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odibi_core.config import BlobSource, PipelineConfig
    from odibi_core.messages import FileVersion


def typical_files(pipeline: PipelineConfig) -> tuple[FileVersion, ...]:
    """A file for each landing zone, as its pattern describes it."""
    from odibi_core.planning.triggers import blob_sources

    return tuple(_typical_file(source) for source in blob_sources(pipeline))


def _typical_file(source: BlobSource) -> FileVersion:
    from odibi_core.messages import FileVersion

    pattern = source.pattern
    today = datetime.now(UTC).date().isoformat()
    return FileVersion(connection=source.connection, path=pattern.glob, etag="", size_bytes=0, parts=dict.fromkeys(pattern.parts, today))
