"""
The quarantine of a node: a target beside its `write:`, for the rows that break a check with `on_fail: quarantine`.

It is opened before anything is read and written before the target that decides, under a transaction of its own. So an attempt that
dies between the two leaves rows that the next one finds, and adds nothing to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from odibi_core.config import NodeConfig, QuarantineConfig
from odibi_core.events import Quarantined
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Cached, Connections, Engine, Expiry, FencedError, Frame, Sink, Target, Upkeep, WriteReceipt
from odibi_core.runtime.targets import dataset_write
from odibi_core.runtime.watermark import transaction_of

REASON, TESTS, AT, BATCH, NODE = "_rejection_reason", "_failed_tests", "_rejected_at", "_source_batch_id", "_original_node"
_CONTENT = "content"  # of a commit's facts: what the rows hold, so that a later attempt sees whether its rows are the same


def quarantine_of(config: NodeConfig) -> QuarantineConfig | None:
    """The quarantine of a node, if anything can go there."""
    validation = config.validation
    if validation is None or validation.quarantine is None:
        return None
    parts = any(test.on_fail == "quarantine" for test in validation.tests)
    return validation.quarantine if parts or any(key.on_violation == "quarantine" for key in config.relationships) else None


def time_text(moment: datetime) -> str:
    """A time as `_rejected_at` holds it: text in UTC that sorts like the times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def quarantine_target(plan: Plan, node: PlannedNode, settings: QuarantineConfig, connections: Connections) -> Target:
    """Where rejected rows go. Statistics tell the smallest and largest values of a file, so there are none of the data's columns."""
    shown = [name for name, wanted in ((AT, settings.add_columns.rejected_at), (BATCH, settings.add_columns.source_batch_id)) if wanted]
    statistics = {"delta.dataSkippingStatsColumns": ",".join(shown)} if shown else {"delta.dataSkippingNumIndexedCols": "0"}
    expiry = None
    if settings.retention_days is not None and settings.add_columns.rejected_at:
        expiry = Expiry(column=AT, before=time_text(plan.planned_at - timedelta(days=settings.retention_days)))
    is_table = settings.table is not None
    return Target(
        location=connections.locate(settings.connection, settings.table or settings.path or ""),
        format="delta" if is_table else "parquet",
        mode="append",
        transaction=f"{transaction_of(plan.run_id, node.name)}/quarantine",
        merge_schema=True,
        evolves=True,
        upkeep=Upkeep(expiry=expiry),
        properties={**plan.table_properties, **statistics} if is_table else {},
    )


class Quarantine(Frozen):
    """The quarantine of one execution of a node, as it was when it was opened."""

    plan: Plan
    node: PlannedNode
    settings: QuarantineConfig
    engine: Engine
    target: Target
    sink: Sink

    @classmethod
    def opened(cls, plan: Plan, node: PlannedNode, config: NodeConfig, connections: Connections, engine: Engine) -> Quarantine | None:
        """The opened quarantine of a node; None if nothing can go there."""
        settings = quarantine_of(config)
        if settings is None:
            return None
        target = quarantine_target(plan, node, settings, connections)
        return cls(plan=plan, node=node, settings=settings, engine=engine, target=target, sink=engine.open(target))

    def close(self) -> None:
        """
        Let no other worker of this node write any more. What is in stays.

        Raises:
            WriteConflictError: If somebody wrote meanwhile.
        """
        try:
            if self.sink.committed() is None:
                self.sink.fence(self.target.transaction)
        except FencedError:
            return

    def chosen(self, rejected: Frame | None, rows: int) -> Cached | None:
        """Those of the rejected rows that are kept, with the columns that say why, when and whence; None if there are none."""
        if rejected is None or rows == 0:
            return None
        wanted = labelled(rejected, self.settings, run_id=self.plan.run_id, node=self.node.name, at=self.plan.planned_at)
        kept = self.engine.cache(sampled(wanted, rows, self.settings), {})
        return kept if kept.rows else None

    def write(self, kept: Cached | None, rows: int, facts: Mapping[str, str]) -> Quarantined:
        """
        Write what was chosen of so many rejected rows, once.

        An earlier attempt that died may have written other rows, if its inputs changed since: then these take their place.
        """
        earlier = self.sink.committed()
        content = "" if kept is None else self.engine.fingerprint(kept.frame, None)
        told = Quarantined(rows=rows, kept=0 if kept is None else kept.rows, dataset=self.target.location.name)
        if earlier is not None and earlier.facts.get(_CONTENT, content) != content:
            receipt = self._replace(kept, {**facts, _CONTENT: content})
        else:
            receipt = None if kept is None else earlier or self.sink.write(kept.frame, {**facts, _CONTENT: content})
        return told if receipt is None else told.model_copy(update={"write": dataset_write(self.target, receipt)})

    @property
    def _shared(self) -> bool:
        """Whether another node of the run has its rejected rows in the same place."""
        others = (node.config.get("validation") for node in self.plan.nodes if node.name != self.node.name)
        places = (other.get("quarantine") for other in others if isinstance(other, dict))
        own = (self.settings.connection, self.settings.table or self.settings.path)
        return any(
            isinstance(place, dict) and (place.get("connection"), place.get("table") or place.get("path")) == own for place in places
        )

    def _replace(self, kept: Cached | None, facts: Mapping[str, str]) -> WriteReceipt | None:
        """
        Put these rows where those of an earlier attempt of this node are; beside them, if nothing tells which those are.

        First the others go, then these come, each under a transaction of its own: an attempt that dies between the two is completed.
        """
        import narwhals as nw

        anew = f"{self.target.transaction}/{facts[_CONTENT][:16]}"
        whole = self.engine.open(replace(self.target, mode="overwrite", transaction=f"{anew}/cleared", over_present=True))
        present = whole.present()
        columns = [] if present is None else present.frame.collect_schema().names()
        told_apart = BATCH in columns and (NODE in columns or not self._shared)
        if present is not None and told_apart and whole.committed() is None:
            mine = nw.col(BATCH) == self.plan.run_id
            if NODE in columns:
                mine = mine & (nw.col(NODE) == self.node.name)
            whole.write(present.frame.filter(~mine.fill_null(value=False)), {})
        if kept is None:
            return None
        beside = self.engine.open(replace(self.target, transaction=anew))
        return beside.committed() or beside.write(kept.frame, facts)


def labelled(rejected: Frame, settings: QuarantineConfig, *, run_id: str, node: str, at: datetime) -> Frame:
    """Rejected rows with the columns that `add_columns` asks for. The time is the run's, so that a retry writes the same rows."""
    import narwhals as nw

    from odibi_core.checks import FAILED_TESTS

    broken, wanted = nw.col(FAILED_TESTS), settings.add_columns
    added = {
        REASON: nw.concat_str(nw.lit("Failed: "), broken) if wanted.rejection_reason else None,
        AT: nw.lit(time_text(at)) if wanted.rejected_at else None,
        BATCH: nw.lit(run_id) if wanted.source_batch_id else None,
        TESTS: broken if wanted.failed_tests else None,
        NODE: nw.lit(node) if wanted.original_node else None,
    }
    columns = [column.alias(name) for name, column in added.items() if column is not None]
    own = [name for name in rejected.collect_schema().names() if name not in added and name != FAILED_TESTS]
    return rejected.select(*(nw.col(name) for name in own), *columns)


def sampled(rejected: Frame, rows: int, settings: QuarantineConfig) -> Frame:
    """The share of so many rows that is kept, evenly spread and always the same, and at most so many of them."""
    share = settings.sample_fraction
    wanted = rows if share is None else (max(1, int(rows * share + 1e-9)) if share else 0)
    if wanted < rows:
        rejected = _every_so_often(rejected, wanted, rows)
    return rejected if settings.max_rows is None else rejected.head(settings.max_rows)


def _every_so_often(frame: Frame, wanted: int, rows: int) -> Frame:
    from odibi_core.transforms.native import Native, native_of

    native = native_of(frame, who="validation.quarantine.sample_fraction")
    number = native.pl.int_range(native.pl.len(), dtype=native.pl.Int64)
    return Native.back(native.lazy.filter((number + 1) * wanted // rows > number * wanted // rows))
