"""Which nodes read what arrived in a pipeline's landing zones, and what such an arrival looks like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odibi_core.config import BlobSource, NodeConfig, PipelineConfig
    from odibi_core.messages import FileVersion


def reads_arrivals(node: NodeConfig, pipeline: PipelineConfig, files: Iterable[FileVersion]) -> bool:
    """Whether a node reads such files, so that a run gives it those that are new and no others."""
    from odibi_core.config import BlobPattern
    from odibi_core.planning.triggers import blob_sources

    read = node.read
    if read is None or read.path is None or read.connection not in {source.connection for source in blob_sources(pipeline)}:
        return False
    if "${trigger." in read.path:
        return True
    pattern = BlobPattern.parse(read.path)
    return any(file.connection == read.connection and pattern.matches(file.path) is not None for file in files)


def typical_files(pipeline: PipelineConfig) -> tuple[FileVersion, ...]:
    """A file for each landing zone, as its pattern describes it."""
    from odibi_core.planning.triggers import blob_sources

    return tuple(_typical_file(source) for source in blob_sources(pipeline))


def _typical_file(source: BlobSource) -> FileVersion:
    from odibi_core.messages import FileVersion

    pattern = source.pattern
    today = datetime.now(UTC).date().isoformat()
    return FileVersion(connection=source.connection, path=pattern.glob, etag="", size_bytes=0, parts=dict.fromkeys(pattern.parts, today))
