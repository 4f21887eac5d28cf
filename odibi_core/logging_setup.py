"""Logging."""

from __future__ import annotations
import logging
from collections.abc import Mapping
from odibi_core.events import AnyRunEvent
from odibi_core.redaction import Redactor


def configure_logging(environment: Mapping[str, str], redactor: Redactor) -> None:
    logging.basicConfig(level=logging.INFO)


def log_event(event: AnyRunEvent) -> None:
    logging.getLogger("odibi.run").info("%s %s", event.kind, getattr(event, "node", ""))
