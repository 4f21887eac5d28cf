"""What a node writes to, and what its commit says about itself."""

from __future__ import annotations

from typing import Any

import pytest

from odibi_core.config import NodeConfig
from odibi_core.events import CheckResult, Column, DatasetRead, DatasetWrite, WatermarkMoved
from odibi_core.messages import FileVersion
from odibi_core.planning.plan import PlannedNode
from odibi_core.ports import Location, Target, WriteReceipt
from odibi_core.runtime.targets import CommitFacts, dataset_write, frame_in_table, has_transactions, target_of
from tests.runtime.builders import RUN, plan
from tests.runtime.test_datasets import Folder

NODE = PlannedNode(name="a", config={})
PLACE = Location(connection="lake", path="t", uri="/mnt/t")


def target(**write: Any) -> Target | None:
    settings = {"write": {"connection": "lake", "format": "delta", "path": "t", **write}} if write is not None else {}
    config = NodeConfig.model_validate({"name": "a", "read": {"connection": "lake", "format": "csv", "path": "x"}, **settings})
    return target_of(plan({"a": ()}), NODE, config, Folder())


def test_a_target_carries_the_nodes_identity() -> None:
    """One transaction for each node of each run; overwrite unless something else is said."""
    assert target() == Target(location=PLACE, format="delta", mode="overwrite", transaction=f"odibi/{RUN}/a")


def test_a_node_without_a_write_has_no_target() -> None:
    """So nothing has to be closed for it."""
    config = NodeConfig.model_validate({"name": "a", "read": {"connection": "lake", "format": "csv", "path": "x"}})
    assert target_of(plan({"a": ()}), NODE, config, Folder()) is None


@pytest.mark.parametrize(
    ("write", "fields"),
    [
        ({"mode": "upsert", "options": {"keys": ["i", "j"]}}, {"mode": "upsert", "keys": ("i", "j")}),
        ({"mode": "append_once", "options": {"keys": "i"}}, {"mode": "append_once", "keys": ("i",)}),
        ({"mode": "merge", "merge_keys": ["i"]}, {"mode": "merge", "keys": ("i",)}),
        ({"partition_by": ["day"], "merge_schema": True}, {"partition_by": ("day",), "merge_schema": True}),
        ({"overwrite_schema": True, "table_properties": {"a": "b"}}, {"overwrite_schema": True, "properties": {"a": "b"}}),
        ({"format": "csv", "options": {"sep": ";"}}, {"format": "csv", "options": {"sep": ";"}}),
    ],
)
def test_what_the_yaml_says_of_a_write(write: dict[str, Any], fields: dict[str, Any]) -> None:
    """Keys are keys however they are given, and no option of the writer."""
    expected = {"location": PLACE, "format": "delta", "mode": "overwrite", "transaction": f"odibi/{RUN}/a", **fields}
    assert target(**write) == Target(**expected)


@pytest.mark.parametrize(
    ("write", "in_table", "transactions"),
    [
        ({}, True, True),
        ({"mode": "append"}, False, True),
        ({"mode": "upsert", "options": {"keys": "i"}}, False, True),
        ({"format": "parquet"}, False, False),
    ],
)
def test_what_a_target_can_do(write: dict[str, Any], in_table: bool, transactions: bool) -> None:
    """Only after an overwrite is a table its node's output, and only Delta can be closed to a zombie."""
    found = target(**write)
    assert (frame_in_table(found), has_transactions(found)) == (in_table, transactions)
    assert (frame_in_table(None), has_transactions(None)) == (False, False)


FACTS = CommitFacts(
    reads=(DatasetRead(dataset="landing/in", format="csv", rows=3), DatasetRead(dataset="p.x", format="delta", version=4)),
    rows_in=3,
    rows_out=2,
    checks=(CheckResult(name="c", kind="range", columns=("i",), severity="warn", passed=False, failed_rows=1, rows=3, detail="1 of 3"),),
    watermark=WatermarkMoved(key="a", column="i", sequence=2, before=None, after='{"t": "int", "v": 7}'),
)


@pytest.mark.parametrize("facts", [FACTS, CommitFacts(), CommitFacts(rows_in=None, rows_out=0)])
def test_a_commit_tells_its_facts_again(facts: CommitFacts) -> None:
    """If the worker dies before its record, the next attempt reads them back."""
    assert CommitFacts.from_metadata(facts.as_metadata()) == facts
    assert all(isinstance(text, str) for text in facts.as_metadata().values())  # Delta takes nothing else


def test_what_is_missing_stays_unknown() -> None:
    """A commit of another release, or of another tool."""
    assert CommitFacts.from_metadata({"timestamp": "1", "operation": "WRITE"}) == CommitFacts()


def test_a_commit_names_no_file() -> None:
    """A table is read by many; a file's name may hold what only few may know."""
    files = (FileVersion(connection="landing", path="in/jane-doe.csv", etag="e7a6", size_bytes=1, parts={"who": "jane-doe"}),)
    facts = CommitFacts(reads=(DatasetRead(dataset="landing/in", format="csv", rows=1, files=files),), rows_in=1, rows_out=1)
    written = str(facts.as_metadata())
    assert "jane" not in written
    assert "e7a6" not in written
    assert CommitFacts.from_metadata(facts.as_metadata()).reads == (DatasetRead(dataset="landing/in", format="csv", rows=1),)


def test_a_receipt_as_reports_show_it() -> None:
    """The place without credentials, and whether an earlier attempt had written it."""
    secret = Location(connection="lake", path="t", uri="/mnt/t", options={"account_key": "p4ssw0rd"})
    receipt = WriteReceipt(rows=2, version=5, created=True, columns=(Column(name="i", type="Int64"),), recovered=True)
    shown = dataset_write(Target(location=secret, format="delta", mode="append", transaction="x"), receipt)
    assert shown == DatasetWrite(
        dataset="lake/t",
        uri="/mnt/t",
        format="delta",
        mode="append",
        rows=2,
        version=5,
        created=True,
        columns=(Column(name="i", type="Int64"),),
        recovered=True,
    )
    assert "p4ssw0rd" not in f"{shown} {secret!r}"
