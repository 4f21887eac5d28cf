"""What a commit says about itself, and how it is found again: a commit that raised may well have happened."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction

from odibi_core.engines.polars.delta_table import table_schema
from odibi_core.events import Column
from odibi_core.frozen import Frozen
from odibi_core.ports import FENCED, Target, WriteReceipt

TABLE = "odibi/table"  # the application id under which everything but a plain append moves a table
_FACTS = "odibi"
_TRANSACTION = "odibi_transaction"
_LOOK_BACK = (10, 200)  # commits; the first look is cheap and nearly always enough
_APPEND_RETRIES = 100  # appends never hurt one another; each retry is one small request


class Commit(Frozen):
    """One attempt to commit a batch for a target."""

    target: Target
    rows: int
    created: bool
    facts: Mapping[str, str]
    before: tuple[Column, ...] = ()  # the table's columns, if they may be others afterwards
    rescued: int = 0
    sequence: int = 1
    marks: Mapping[str, int] = field(default_factory=dict)  # versions that never expire
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)  # tells our own commit from one of another worker

    def properties(self, table: DeltaTable, *, alone: bool) -> CommitProperties:
        """
        The node's transaction and, if it must be alone, the table's: whoever holds an older handle is refused.

        A handle that is behind is refused for a shared transaction whatever the number of retries; with no retry it is refused for
        any commit in between. `alone` asks for that.
        """
        now = now_ms()
        transactions = [Transaction(self.target.transaction, self.sequence, now)]
        transactions += [Transaction(application, version) for application, version in self.marks.items()]
        if alone:
            transactions.append(Transaction(TABLE, table.version() + 1, now))
        told = {"attempt": self.attempt, "rows": self.rows, "created": self.created, "facts": dict(self.facts)}
        told |= {"before": [[column.name, column.type] for column in self.before]} if self.before else {}
        told |= {"rescued": self.rescued} if self.rescued else {}
        return CommitProperties(
            custom_metadata={_FACTS: json.dumps(told), _TRANSACTION: self.target.transaction},
            app_transactions=transactions,
            max_commit_retries=0 if alone else _APPEND_RETRIES,
        )

    def receipt(self, table: DeltaTable) -> WriteReceipt:
        """After a commit on this very handle."""
        return WriteReceipt(
            rows=self.rows,
            version=table.version(),
            created=self.created,
            columns=columns_of(table),
            before=self.before,
            rescued=self.rescued,
            facts=dict(self.facts),
        )


def fence_properties(application: str) -> CommitProperties:
    """What a commit without rows holds."""
    return CommitProperties(app_transactions=[Transaction(application, FENCED, now_ms())])


def found_commit(table: DeltaTable, transaction: str, *, attempt: str | None = None) -> WriteReceipt:
    """
    The receipt of a commit that the table is known to hold, read back from its log.

    Older than the last 200 commits, or written by Spark: its rows, version and facts are unknown.
    """
    for limit in _LOOK_BACK:
        entries = table.history(limit)
        for entry in entries:
            if entry.get(_TRANSACTION) == transaction:
                return _receipt(entry, table, attempt)
        if len(entries) < limit:
            break
    return WriteReceipt(rows=None, version=None, columns=columns_of(table), recovered=True)


def _receipt(entry: Mapping[str, Any], table: DeltaTable, attempt: str | None) -> WriteReceipt:
    told = _told(entry)
    rows, facts = told.get("rows"), told.get("facts")
    return WriteReceipt(
        rows=rows if isinstance(rows, int) else None,
        version=entry.get("version"),
        created=told.get("created") is True,
        columns=columns_of(table),
        before=tuple(Column(name=str(name), type=str(kind)) for name, kind in told.get("before", ())),
        rescued=told.get("rescued", 0),
        facts={str(key): str(value) for key, value in facts.items()} if isinstance(facts, dict) else {},
        recovered=attempt is None or told.get("attempt") != attempt,
    )


def _told(entry: Mapping[str, Any]) -> dict[str, Any]:
    try:
        told = json.loads(entry.get(_FACTS) or "{}")
    except (TypeError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def columns_of(table: DeltaTable) -> tuple[Column, ...]:
    """The columns of a table as Polars calls their types."""
    return tuple(Column(name=name, type=str(dtype)) for name, dtype in table_schema(table).items())


def now_ms() -> int:
    """The clock of the log: milliseconds; seconds would read as 1970, and the transaction would expire at once."""
    return int(time.time() * 1000)
