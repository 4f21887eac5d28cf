"""Foreign keys of a node: looked for in the table of the other node, as it is in this run."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from odibi_core.events import NodeResult
from tests.hosts.world import HEAD, World

PROJECT = """\
pipelines:
  - pipeline: p
    nodes:
      - name: facts
        read: { connection: landing, format: csv, path: facts.csv }
        relationships: [ { RELATION } ]
        write: { connection: lake, format: delta, path: facts }
      - name: customers
        read: { connection: landing, format: csv, path: customers.csv }
        write: { connection: lake, format: delta, path: customers, mode: append }
  - pipeline: other
    nodes:
      - name: shops
        read: { connection: landing, format: csv, path: customers.csv }
        write: { connection: lake, format: delta, path: shops }
"""
CUSTOMERS = "dimension: customers, fact_key: customer, dimension_key: id"


def project(folder: Path, relation: str) -> World:
    """Two nodes, the one with the keys written first."""
    world = World(folder, HEAD + PROJECT.replace("RELATION", relation))
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "landing" / "facts.csv").write_text("n,customer\n1,1\n2,2\n3,\n")
    (folder / "landing" / "customers.csv").write_text("id\n1\n")
    return world


def run(world: World, pipeline: str = "p", node: str = "facts") -> NodeResult:
    """What became of a node."""
    host = world.in_process()
    final = host.run(host.request(pipeline))
    result: NodeResult = host.app.coordinator.journal.outcome(final.run_id, node).result
    return result


def test_the_dimension_goes_first_and_is_read_at_the_version_that_it_wrote(tmp_path: Path) -> None:
    """All of its table counts, not only what this run added."""
    world = project(tmp_path, f"{CUSTOMERS}, name: has_customer")
    first = run(world)
    assert first.error.message == "check 'has_customer' found 2 rows that break it"
    assert [(read.dataset, read.version, read.format) for read in first.reads][1:] == [("p.customers", 1, "delta")]
    assert first.rows_in == 3
    assert [one.sample.rows for one in first.failing] == [(("2", "2"), (None, "3"))]
    (tmp_path / "landing" / "customers.csv").write_text("id\n2\n")
    (tmp_path / "landing" / "facts.csv").write_text("n,customer\n1,1\n2,2\n")
    second = run(world)
    assert (second.status, second.reads[1].version) == ("succeeded", 2)
    assert [(one.name, one.kind, one.passed) for one in second.checks] == [("has_customer", "relationship", True)]


def test_a_relationship_may_warn_and_null_may_be_allowed(tmp_path: Path) -> None:
    """Then one row is without a customer, and it is written."""
    result = run(project(tmp_path, f"{CUSTOMERS}, nullable: true, on_violation: warn"))
    assert result.status == "succeeded"
    assert [(one.name, one.severity, one.failed_rows) for one in result.checks] == [("customer_in_customers", "warn", 1)]


def test_a_dimension_of_another_pipeline_is_read_as_it_is(tmp_path: Path) -> None:
    """It must have been written once."""
    world = project(tmp_path, "dimension: other.shops, fact_key: customer, dimension_key: id, on_violation: warn")
    missing = run(world)
    assert (missing.status, missing.error.code) == ("failed", "missing_table")
    assert run(world, "other", "shops").status == "succeeded"
    assert [one.failed_rows for one in run(world).checks] == [2]


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        (CUSTOMERS.replace("customers", "customer"), "unknown dimension 'customer'. Did you mean 'customers'?"),
        (CUSTOMERS.replace("customers", "facts"), "a node cannot be its own dimension"),
        (CUSTOMERS.replace("customers", "nowhere.x"), "unknown pipeline 'nowhere'"),
        (f"{CUSTOMERS}, fact: sales", "the relationship is about 'sales', not about this node"),
        (f"{CUSTOMERS}, on_violation: quarantine", "'on_violation: quarantine' needs a place for the rows"),
        (CUSTOMERS.replace("id", "[id, x]"), "'fact_key' and 'dimension_key' have different numbers of columns"),
    ],
)
def test_what_points_nowhere_is_refused_before_the_run(tmp_path: Path, relation: str, message: str) -> None:
    """With the nearest name."""
    world = project(tmp_path, relation)
    with pytest.raises(ConfigError) as caught:
        run(world)
    assert message in "\n".join([str(caught.value), *map(str, caught.value.problems)])
