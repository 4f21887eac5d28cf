"""Facts: look-ups, orphans, measures, grain. Expected rows are written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import NOW, applied, rows_of

N = None
CUSTOMERS = pl.DataFrame({"id": ["a", "b", None], "customer_sk": [1, 2, 9]})
VERSIONS = pl.DataFrame(
    {
        "id": ["a", "a", "b"],
        "customer_sk": [1, 3, 2],
        "valid_from": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 1, 15)],
        "valid_to": [date(2024, 2, 1), None, date(2024, 3, 1)],
        "is_current": [False, True, False],
    }
)
LOOKUP = {"source_column": "customer", "dimension_table": "dim", "dimension_key": "id", "surrogate_key": "customer_sk"}
FACTS = pl.DataFrame({"order": [1, 2, 3, 4], "customer": ["b", "a", "x", None], "qty": [5, 6, 7, 8]})


def made(facts: pl.DataFrame = FACTS, dim: pl.DataFrame = CUSTOMERS, **params: object):
    return applied("fact", {"dimensions": [LOOKUP], **params}, facts, inputs={"dim": dim})


def test_a_fact_gets_the_key_of_its_thing() -> None:
    """Behind its own columns, which stay; without a match it is key 0, and NULL matches nothing. Rows keep their order."""
    found = made().output
    assert found.columns == ["order", "customer", "qty", "customer_sk"]
    assert found.rows() == [(1, "b", 5, 2), (2, "a", 6, 1), (3, "x", 7, 0), (4, N, 8, 0)]
    assert found.schema["customer_sk"] == pl.Int64


def test_orphans_can_be_rejected() -> None:
    with pytest.raises(DataError, match="2 facts have no match in dimension 'dim' by 'customer'"):
        made(orphan_handling="reject")
    assert made(FACTS.head(2), orphan_handling="reject").output.height == 2


def test_orphans_can_be_set_aside() -> None:
    """With the first dimension that lacks them; the others stay."""
    shops = {"source_column": "shop", "dimension_table": "shops", "dimension_key": "shop", "surrogate_key": "shop_sk"}
    facts = FACTS.with_columns(shop=pl.Series(["s", "t", "s", "s"]))
    flags = {"_rejection_reason": True, "rejected_at": True, "_source_dimension": True}
    params = {
        "dimensions": [LOOKUP, shops],
        "orphan_handling": "quarantine",
        "quarantine": {"connection": "lake", "path": "orphans", "add_columns": flags},
    }
    done = applied("fact", params, facts, inputs={"dim": CUSTOMERS, "shops": pl.DataFrame({"shop": ["s"], "shop_sk": [7]})})
    assert done.output.rows() == [(1, "b", 5, "s", 2, 7)]
    reason = "Orphan record: no match in dimension '{}' on column '{}'"
    assert done.aside.rows() == [
        (3, "x", 7, "s", N, reason.format("dim", "customer"), NOW, "dim", N),
        (4, N, 8, "s", N, reason.format("dim", "customer"), NOW, "dim", N),
        (2, "a", 6, "t", 1, reason.format("shops", "shop"), NOW, "shops", N),
    ]
    assert done.aside.columns[4:] == ["customer_sk", "_rejection_reason", "_rejected_at", "_source_dimension", "shop_sk"]


def test_current_versions_only() -> None:
    """Of a dimension with versions."""
    assert made(dim=VERSIONS, dimensions=[{**LOOKUP, "scd2": True}]).output["customer_sk"].to_list() == [0, 3, 0, 0]


@pytest.mark.parametrize("text", [False, True])
def test_the_version_of_the_facts_own_time(text: bool) -> None:
    """From its beginning on, up to its end and not at it; before the first and after the last there is none."""
    days = [
        date(2024, 1, 14),
        date(2024, 1, 15),
        date(2024, 3, 1),
        date(2023, 12, 31),
        date(2024, 1, 31),
        date(2024, 2, 1),
        date(2025, 1, 1),
        None,
    ]
    facts = pl.DataFrame({"customer": ["b", "b", "b", "a", "a", "a", "a", "a"], "day": days})
    if text:
        facts = facts.with_columns(pl.col("day").cast(pl.String))
    found = made(facts, VERSIONS, dimensions=[{**LOOKUP, "scd2": True, "as_of": "day"}]).output
    assert found["customer_sk"].to_list() == [0, 2, 0, 0, 1, 3, 3, 0]
    assert found["customer"].to_list() == facts["customer"].to_list()


DAY = date(2024, 1, 31)


@pytest.mark.parametrize(
    ("value", "thing"),
    [
        ("2024-01-31", DAY),
        (" 2024-01-31 ", DAY),
        ("2024-01-31T08:30:00", DAY),
        ("2024-01-31 08:30:00", DAY),
        (datetime(2024, 1, 31, 8, 30, tzinfo=UTC), DAY),
        (DAY, datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        (DAY, "2024-01-31"),
        ("7", 7),
        (7, "7"),
        (7, 7.0),
        (7.0, 7),
    ],
)
def test_keys_of_different_types_meet(value: object, thing: object) -> None:
    """A day in a text file finds its day, whatever the types: silently no match would be the worst answer."""
    facts, dim = pl.DataFrame({"customer": [value, None]}), pl.DataFrame({"id": [thing], "customer_sk": [5]})
    assert made(facts, dim).output.rows() == [(value, 5), (N, 0)]


def test_keys_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(SchemaMismatchError, match="'customer' is Boolean and 'id' of 'dim' is Date: no comparison"):
        made(pl.DataFrame({"customer": [True]}), pl.DataFrame({"id": [DAY], "customer_sk": [5]}))


def test_a_dimension_with_a_key_twice_would_double_facts() -> None:
    """As one with versions does that is not said to have them."""
    with pytest.raises(DataError, match="1 keys are more than once in dimension 'dim' by 'customer'"):
        made(dim=VERSIONS)


def test_the_key_may_be_looked_up_as_itself() -> None:
    """A date key that is the natural key too."""
    lookup = {"source_column": "date_sk", "dimension_table": "dim", "dimension_key": "date_sk", "surrogate_key": "date_sk"}
    facts = pl.DataFrame({"date_sk": [20240131, 1], "n": [1, 2]})
    found = made(facts, pl.DataFrame({"date_sk": [20240131, 0]}), dimensions=[lookup]).output
    assert rows_of(found, "n", "date_sk") == [(1, 20240131), (2, 0)]


def test_a_column_that_is_there_gives_way_to_the_key() -> None:
    found = made(FACTS.with_columns(customer_sk=pl.lit(77))).output
    assert rows_of(found, "order", "customer_sk") == [(1, 2), (2, 1), (3, 0), (4, 0)]


def test_measures_pass_are_renamed_and_calculated() -> None:
    """In their order; a name with a hyphen is a name, and a calculation may replace a column."""
    facts = pl.DataFrame({"qty": [2], "price": [1.5], "total-cost": [9]})
    measures = ["qty", {"cost": "total-cost"}, {"total": "qty * price"}, {"qty": "qty + 1", "rounded": "ROUND(price)"}]
    found = applied("fact", {"measures": measures}, facts).output
    assert found.to_dicts() == [{"qty": 3, "price": 1.5, "cost": 9, "total": 3.0, "rounded": 2.0}]
    with pytest.raises(SchemaMismatchError, match="'fact' needs missing columns: discount"):
        applied("fact", {"measures": ["discount"]}, facts)


def test_the_grain_is_checked() -> None:
    """After deduplication, with NULL like any other value."""
    facts = pl.DataFrame({"order": [1, 1, None, None], "line": [1, 1, 1, 2], "n": [1, 2, 3, 4]})
    with pytest.raises(DataError, match="1 of 4 facts are duplicates at the grain order, line"):
        applied("fact", {"grain": ["order", "line"]}, facts)
    kept = applied("fact", {"grain": ["order", "line"], "deduplicate": True, "keys": ["order", "line"]}, facts).output
    assert kept["n"].to_list() == [1, 3, 4]


def test_audit_columns() -> None:
    found = applied("fact", {"audit": {"source_system": "pos"}}, pl.DataFrame({"n": [1]})).output
    assert found.rows() == [(1, NOW, "pos")]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"deduplicate": True}, "'keys' is needed with deduplicate: true"),
        ({"orphan_handling": "drop"}, "'unknown', 'reject' or 'quarantine'"),
        ({"orphan_handling": "quarantine"}, "'quarantine' is needed"),
        ({"orphan_handling": "quarantine", "quarantine": {"connection": "lake"}}, "name either 'path' or 'table'"),
        ({"dimensions": [{k: v for k, v in LOOKUP.items() if k != "dimension_key"}]}, "needs parameter 'dimensions.0.dimension_key'"),
        ({"dimensions": [LOOKUP, LOOKUP]}, "several dimensions bring the column: customer_sk"),
        ({"dimensions": [{**LOOKUP, "as_of": "day"}]}, "'as_of' needs scd2: true"),
        ({"dimensions": [{**LOOKUP, "scd": True}]}, "has no parameter 'dimensions.0.scd'"),
        ({"measure": []}, "has no parameter 'measure'"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PATTERNS.bind("fact", params)
