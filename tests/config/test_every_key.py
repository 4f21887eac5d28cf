"""A project that uses every key loads, with the defaults and values that the language defines."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from odibi_core.config import LoadedProject, load_project

EVERY_KEY = Path(__file__).parent / "data" / "every-key.yaml"


@pytest.fixture(scope="module")
def project() -> LoadedProject:
    return load_project(EVERY_KEY, variables={})


def test_every_key_loads(project: LoadedProject) -> None:
    """Nothing is refused; the keys without an effect are said."""
    assert [pipeline.name for pipeline in project.config.pipelines] == ["bronze", "silver"]
    assert project.notices == (
        "performance.use_arrow: concerns pandas only and has no effect",
        "lineage: no OpenLineage events are sent yet; the section has no effect",
        "alerts: no alerts are sent yet; the section has no effect",
        "bronze.orders_raw.log_level: has no effect on a single node; set 'logging.level' of the project",
    )


def test_values_arrive(project: LoadedProject) -> None:
    """One look at each kind of section."""
    config = project.config
    raw = config.pipeline("bronze").node("orders_raw")
    assert raw.read.incremental.watermark_lag == timedelta(hours=2)
    assert raw.contracts[0].max_age == timedelta(days=1)
    assert raw.contracts[1].strict is False
    assert raw.write.keys == ("order_id",)
    assert raw.write.add_metadata.source_file is True
    assert raw.sensitive == ("email",)
    assert config.pipeline("bronze").freshness_sla == timedelta(hours=6)
    clean = config.pipeline("silver").node("orders_clean")
    assert clean.inputs["ev"] == "$bronze.orders_raw"
    assert clean.inputs["cal"].path == "calendar.csv"
    assert [step.kind for step in clean.transform.steps] == ["sql", "sql", "function", "operation"]
    assert clean.transform.steps[1].sql == "SELECT * FROM df WHERE amount >= 15"
    assert [test.type for test in clean.validation.tests][-1] == "distribution"
    assert clean.validation.tests[-1].on_fail == "warn"
    assert clean.schema_policy.new_columns == "add_nullable"
    assert config.pipeline("silver").node("dim_customer").params["scd_type"] == 2
    assert config.pipeline("silver").node("dedup_users").params == {"keys": ["user_id"], "order_by": "updated_at DESC"}
    assert config.story.retention_count == 100
    assert config.alerts[0].metadata.throttle_minutes == 15


def test_the_environment_applies(project: LoadedProject) -> None:
    """`dev` has other variables and another folder, hence another fingerprint."""
    dev = load_project(EVERY_KEY, environment="dev", variables={})
    assert dev.config.pipeline("silver").node("orders_clean").transform.steps[1].sql.endswith(">= 0")
    assert dev.config.connections["lake"].base_path == "./lake_dev"
    assert dev.fingerprint != project.fingerprint


def test_the_tree_is_plain_json(project: LoadedProject) -> None:
    """A plan stores it."""
    assert json.loads(json.dumps(project.tree)) == project.tree
    assert not {"imports", "environments", "recipes"} & set(project.tree)


def test_story_and_system_may_be_absent(tmp_path: Path) -> None:
    """Their defaults are applied where everything is put together."""
    (tmp_path / "odibi.yaml").write_text("project: p\nconnections: {}\npipelines: []\n")
    config = load_project(tmp_path / "odibi.yaml", variables={}).config
    assert (config.story, config.system, config.engine, config.sql_dialect) == (None, None, "polars", "spark")
    assert (config.retry.max_attempts, config.retry.backoff, config.logging.level) == (3, "exponential", "INFO")
