"""What a pattern says of its columns before it runs is what it gives when it runs."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from odibi_core.outline import Outline
from odibi_core.patterns import PATTERNS, PatternParams
from tests.patterns.running import applied, native
from tests.transforms.test_outlines import Listening, known

ROWS = pl.DataFrame({"id": [1, 2], "city": ["a", "b"], "at": [datetime(2026, 1, 1, tzinfo=UTC)] * 2, "gone": [False, False]})
THINGS = pl.DataFrame({"key": [1, 2], "sk": [11, 12], "is_current": [True, True]})
CASES = [
    ("dimension", {"natural_key": "id", "surrogate_key": "sk", "track_cols": "city"}, False),
    (
        "dimension",
        {"natural_key": "id", "surrogate_key": "sk", "scd_type": 0, "audit": {"source_system": "crm"}, "unknown_member": True},
        False,
    ),
    ("dimension", {"natural_key": "id", "surrogate_key": "gone", "track_cols": "city"}, False),
    ("dimension", {"natural_key": "id", "surrogate_key": "sk", "scd_type": 2, "track_cols": "city", "target": "lake.d"}, True),
    ("scd2", {"target": "lake.t", "keys": "id", "track_cols": "city", "effective_time_col": "at", "delete_col": "gone"}, True),
    ("merge", {"target": "lake.t", "keys": "id"}, False),
    ("aggregation", {"grain": "city", "measures": [{"name": "n", "expr": "COUNT(id)"}], "audit": {}}, False),
    ("aggregation", {"grain": "city", "measures": [{"name": "n", "expr": "COUNT(id)"}], "having": "n > 0"}, False),
    (
        "aggregation",
        {"grain": "city", "measures": [{"name": "n", "expr": "MAX(id)"}], "incremental": {"timestamp_column": "at"}, "target": "lake.t"},
        True,
    ),
    ("date_dimension", {"start_date": "2026-01-01", "end_date": "2026-01-02"}, False),
    ("detect_deletes", {"mode": "none"}, False),
    ("detect_deletes", {"mode": "snapshot_diff", "keys": "id", "connection": "lake", "path": "t"}, False),
    ("detect_deletes", {"mode": "snapshot_diff", "keys": "id", "connection": "lake", "path": "t", "soft_delete_col": None}, False),
    (
        "fact",
        {
            "dimensions": [
                {"source_column": "id", "dimension_table": "things", "dimension_key": "key", "surrogate_key": "sk", "scd2": True}
            ],
            "measures": ["gone", {"town": "city"}, {"twice": "id * 2"}],
            "grain": "id",
            "deduplicate": True,
            "keys": "id",
            "audit": {},
        },
        False,
    ),
]


def described(name, params, given, datasets):
    around = Listening(datasets=datasets)
    return PATTERNS.bind(name, params)[1].outline(given, around), around.missing


@pytest.mark.parametrize(("name", "params", "keeps"), CASES, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CASES)])
def test_the_outline_of_a_pattern_is_what_it_gives(name, params, keeps):
    """Names and their order; what keeps a table may have columns of its own there, and then others are not ruled out."""
    made = applied(name, params, None if name == "date_dimension" else ROWS, inputs={"things": THINGS}).made
    outline, missing = described(name, params, known(ROWS), {"things": known(THINGS, "things")})
    assert missing == []
    assert list(outline.names) == native(made.output).columns
    assert (outline.others is not None) is keeps


@pytest.mark.parametrize(("name", "params", "keeps"), CASES, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CASES)])
def test_nothing_is_said_of_what_nobody_knows(name, params, keeps):
    """With unknown inputs nothing is called missing."""
    assert described(name, params, Outline.of("p.raw", None), {"things": Outline.of("p.things", None)})[1] == []


@pytest.mark.parametrize(
    ("name", "params", "missing"),
    [
        ("dimension", {"natural_key": "ix", "surrogate_key": "sk", "track_cols": "cty"}, ["ix", "cty"]),
        (
            "scd2",
            {"target": "lake.t", "keys": "ix", "track_cols": "cty", "effective_time_col": "att", "delete_col": "x"},
            ["ix", "cty", "att", "x"],
        ),
        ("merge", {"target": "lake.t", "keys": "ix", "update_condition": "source.att > target.whatever"}, ["ix", "att"]),
        ("aggregation", {"grain": "cty", "measures": [{"name": "n", "expr": "COUNT(ix)"}]}, ["cty", "ix"]),
        ("detect_deletes", {"mode": "snapshot_diff", "keys": "ix", "connection": "lake", "path": "t"}, ["ix"]),
        (
            "fact",
            {
                "dimensions": [{"source_column": "ix", "dimension_table": "things", "dimension_key": "kex", "surrogate_key": "sk"}],
                "grain": "g",
            },
            ["ix", "kex", "g"],
        ),
        ("fact", {"measures": ["m", {"new": "old"}, {"calc": "id * nothing"}]}, ["m", "old", "nothing"]),
    ],
)
def test_a_column_that_is_missing_is_seen_before_the_run(name, params, missing):
    """Keys, tracked columns, times, grain, measures and lookups, and names in conditions."""
    assert described(name, params, known(ROWS), {"things": known(THINGS, "things")})[1] == missing


def test_every_pattern_says_which_columns_it_gives():
    """None is left to the default, which knows nothing."""
    ours = [entry for entry in PATTERNS if entry.function.__module__.startswith("odibi_core.")]  # a simulation has one of its own
    assert {entry.name for entry in ours} >= {"dimension", "fact", "scd2"}
    for entry in ours:
        assert entry.params.outline is not PatternParams.outline, entry.name
