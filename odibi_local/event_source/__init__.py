"""Plays Event Grid: tells a Service Bus queue which blobs were created."""

from odibi_local.event_source.blob_event import blob_created
from odibi_local.event_source.chaos import Chaos
from odibi_local.event_source.source import EventSource

__all__ = ["Chaos", "EventSource", "blob_created"]
