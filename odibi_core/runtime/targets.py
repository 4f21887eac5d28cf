"""What a node writes to, and what its commit says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from odibi_core.config import NodeConfig, SchemaPolicy, WriteConfig
from odibi_core.config.delta_options import DeltaOptions
from odibi_core.config.write import SAFE_RETENTION_HOURS
from odibi_core.errors import ConfigError
from odibi_core.events import CheckResult, DatasetRead, DatasetWrite, GateResult, Quarantined, RowAccount, SchemaChange, WatermarkMoved
from odibi_core.frozen import Frozen
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Connections, MergeRules, Target, Upkeep, WriteReceipt
from odibi_core.runtime.watermark import transaction_of


def target_of(plan: Plan, node: PlannedNode, config: NodeConfig, connections: Connections) -> Target | None:
    """The target of a node, or None if it writes nothing."""
    write = config.write
    if write is None:
        return None
    path = write.path or write.table
    if path is None:
        raise ConfigError(f"node '{node.name}' writes neither a path nor a table", hint="Set 'write.path' or 'write.table'.")
    policy = config.schema_policy
    options = write.delta if write.format == "delta" else DeltaOptions()
    as_computed = write.add_metadata is None and policy is None and not write.skip_if_unchanged
    target = Target(
        location=connections.locate(write.connection, path),
        format=write.format,
        mode="append" if config.materialized == "incremental" else write.mode,
        transaction=transaction_of(plan.run_id, node.name),
        keys=write.keys,
        partition_by=write.partition_by or options.partition_by,
        merge_schema=write.merge_schema or options.merge_schema or _grows(policy),
        overwrite_schema=write.overwrite_schema or options.overwrite_schema,
        replace_where=options.replace_where,
        on_changed=None if policy is None else policy.on_changed_columns,
        watched=policy is not None,
        rescue_column="" if policy is None else policy.rescue_column,
        merge=_merge_rules(write) if write.mode == "merge" else None,
        upkeep=_upkeep(write),
        as_computed=as_computed and options.replace_where is None,
        properties={**plan.table_properties, **write.table_properties},
        options={} if write.format == "delta" else {key: value for key, value in write.options.items() if key != "keys"},
    )
    if any(one.is_write and one.use == "replace" for one in node.targets.values()):
        # A pattern's target too: it is replaced whole, and only over what was read of it.
        return replace(target, mode="overwrite", keys=(), merge_schema=True, over_present=True)
    return target


def _grows(policy: SchemaPolicy | None) -> bool:
    """Whether a policy may add columns: those that are new, or the one for what is rescued."""
    return policy is not None and (policy.new_columns == "add_nullable" or policy.rescues)


def _merge_rules(write: WriteConfig) -> MergeRules | None:
    options = write.merge_options
    if options is None:
        return None
    created = options.audit_cols.created_col if options.audit_cols is not None else None
    return MergeRules(
        update=options.update_condition,
        insert=options.insert_condition,
        delete=options.delete_condition,
        inserted_only=() if created is None else (created,),
    )


def _upkeep(write: WriteConfig) -> Upkeep | None:
    optimize = write.auto_optimize if write.auto_optimize is not None and write.auto_optimize.enabled else None
    if write.format != "delta" or not (optimize or write.zorder_by):
        return None
    hours = None if optimize is None or not optimize.vacuum_retention_hours else optimize.vacuum_retention_hours
    return Upkeep(
        zorder_by=write.zorder_by, compact=optimize is not None, vacuum_hours=None if hours is None else max(hours, SAFE_RETENTION_HOURS)
    )


def frame_in_table(target: Target | None) -> bool:
    """Whether the table holds exactly this node's output after the commit, so that no copy has to be kept."""
    return target is not None and target.format == "delta" and target.mode == "overwrite" and target.as_computed


def has_transactions(target: Target | None) -> bool:
    """Whether commits to the target carry transactions, so that a node can be closed to zombies."""
    return target is not None and (target.format == "delta" or target.over_present)


def dataset_write(target: Target, receipt: WriteReceipt) -> DatasetWrite:
    """A commit as reports show it."""
    return DatasetWrite(
        dataset=target.location.name,
        uri=target.location.uri,
        format=target.format,
        mode=target.mode,
        rows=receipt.rows,
        version=receipt.version,
        created=receipt.created,
        columns=receipt.columns,
        rescued=receipt.rescued,
        change=SchemaChange.between(receipt.before, receipt.columns) if receipt.before else None,
        recovered=receipt.recovered,
    )


class CommitFacts(Frozen):
    """
    What goes into the metadata of a commit: numbers and names, never a row.

    If the worker dies between its commit and its record, the next attempt reads them back and can still tell the story.
    """

    reads: tuple[DatasetRead, ...] = ()
    rows_in: int | None = None
    rows_out: int | None = None
    account: RowAccount | None = None
    checks: tuple[CheckResult, ...] = ()
    gate: GateResult | None = None
    quarantined: Quarantined | None = None
    watermark: WatermarkMoved | None = None

    def as_metadata(self) -> dict[str, str]:
        """Texts for the commit. File names stay out: they are in the journal's plan, and a commit is read by many."""
        facts = {
            "rows_in": json.dumps(self.rows_in),
            "rows_out": json.dumps(self.rows_out),
            "reads": json.dumps([read.model_dump(mode="json", exclude={"files"}) for read in self.reads]),
            "checks": json.dumps([check.model_dump(mode="json") for check in self.checks]),
        }
        if self.account is not None:
            facts["account"] = self.account.model_dump_json()
        if self.gate is not None:
            facts["gate"] = self.gate.model_dump_json()
        if self.quarantined is not None:
            facts["quarantined"] = self.quarantined.model_dump_json()
        if self.watermark is not None:
            facts["watermark"] = self.watermark.model_dump_json()
        return facts

    @classmethod
    def from_metadata(cls, facts: Mapping[str, str]) -> CommitFacts:
        """Read them back; what is missing stays unknown."""
        mark, account, gate = facts.get("watermark"), facts.get("account"), facts.get("gate")
        aside = facts.get("quarantined")
        return cls(
            reads=tuple(DatasetRead.model_validate(read) for read in json.loads(facts.get("reads", "[]"))),
            rows_in=json.loads(facts.get("rows_in", "null")),
            rows_out=json.loads(facts.get("rows_out", "null")),
            account=None if account is None else RowAccount.model_validate_json(account),
            checks=tuple(CheckResult.model_validate(check) for check in json.loads(facts.get("checks", "[]"))),
            gate=None if gate is None else GateResult.model_validate_json(gate),
            quarantined=None if aside is None else Quarantined.model_validate_json(aside),
            watermark=None if mark is None else WatermarkMoved.model_validate_json(mark),
        )
