"""`audit:` of a pattern: when the rows were made and where they came from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from odibi_core.outline import Outline

LOAD_TIMESTAMP, SOURCE_SYSTEM = "load_timestamp", "source_system"


class Audit(BaseModel):
    """Which columns are added. Without the section there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    load_timestamp: bool = True
    source_system: str | None = None


def with_audit(pl: Any, lazy: Any, audit: Audit | None, now: datetime) -> Any:
    """The native frame with the audit columns. Every row is stamped, each run, with the time at which the run was planned."""
    if audit is None:
        return lazy
    columns = {LOAD_TIMESTAMP: pl.lit(now, dtype=pl.Datetime("us", "UTC"))} if audit.load_timestamp else {}
    if audit.source_system is not None:
        columns[SOURCE_SYSTEM] = pl.lit(audit.source_system, dtype=pl.String)
    return lazy.with_columns(**columns)


def audit_columns(audit: Audit | None) -> tuple[str, ...]:
    """The names of the columns that `with_audit` adds."""
    if audit is None:
        return ()
    return ((LOAD_TIMESTAMP,) if audit.load_timestamp else ()) + ((SOURCE_SYSTEM,) if audit.source_system is not None else ())


def with_audit_columns(rows: Outline, audit: Audit | None) -> Outline:
    """What `with_audit` makes of a frame, before there is one."""
    return rows.with_columns(*(rows.made(name) for name in audit_columns(audit)))
