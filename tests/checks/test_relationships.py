"""Foreign keys: a key that is not there breaks the check, and NULL is no key."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from odibi_core.checks import CHECKS, CheckSpec, Evaluation, evaluate
from odibi_core.errors import SchemaMismatchError
from tests.checks.builders import context

FACTS = {"n": [1, 2, 3, 4, 5], "k": [10, 20, None, 99, 10], "kind": ["a", "b", "a", "a", "b"]}
KNOWN = {"id": [10, 20, 20, None], "kind": ["a", "b", "b", "a"]}


def keys(facts: Any, known: Any, columns: Any, there: Any, *, severity: str = "fail", **params: Any) -> Evaluation:
    """What a foreign key says of some rows."""
    given = {"columns": columns, "dimension": "d", "dimension_columns": there, **params}
    spec = CheckSpec(name="fk", kind="relationship", severity=severity, params=CHECKS.bind("relationship", given)[1])
    frame = nw.from_native(facts if isinstance(facts, pl.LazyFrame) else pl.LazyFrame(facts))
    return evaluate(frame, [spec], context(datasets={"d": nw.from_native(pl.LazyFrame(known))}))


@pytest.mark.parametrize(("nullable", "broken"), [(False, [3, 4]), (True, [4])])
def test_a_key_must_be_in_the_dimension(nullable, broken):
    """A key that stands there twice makes no row twice; NULL there is found by nobody."""
    found = keys(FACTS, KNOWN, ["k"], ["id"], nullable=nullable)
    (result,) = found.results
    assert (result.failed_rows, result.rows, result.columns) == (len(broken), 5, ("k",))
    assert found.broken["fk"].collect().to_native()["n"].to_list() == broken
    assert found.kept.collect().to_native().columns == ["n", "k", "kind"]


def test_columns_are_a_key_together():
    """Each may be known, and the pair not; a pair with NULL in it is no key."""
    found = keys(FACTS, KNOWN, ["k", "kind"], ["id", "kind"], nullable=True)
    assert found.broken["fk"].collect().to_native()["n"].to_list() == [4, 5]


def test_rows_without_a_match_may_be_set_aside_and_the_others_keep_their_order():
    """The name of the relationship is the reason."""
    found = keys(
        {"n": list(range(100)), "k": [number % 7 for number in range(100)]},
        {"id": [0, 1, 2, 4, 5, 6]},
        ["k"],
        ["id"],
        severity="quarantine",
    )
    assert found.kept.collect().to_native()["n"].to_list() == [number for number in range(100) if number % 7 != 3]
    assert set(found.rejected.collect().to_native()["__failed_tests"]) == {"fk"}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (pl.Int32, pl.Int64),
        (pl.Int64, pl.UInt64),
        (pl.String, pl.Categorical),
    ],
)
def test_keys_of_like_types_are_compared(mine, theirs):
    """Sizes of numbers and the encoding of texts are no difference."""
    found = keys({"k": pl.Series([1, 2]).cast(pl.Int32).cast(mine)}, {"id": pl.Series([2]).cast(pl.String).cast(theirs)}, ["k"], ["id"])
    assert found.results[0].failed_rows == 1


@pytest.mark.parametrize(("mine", "theirs"), [(["1"], [1]), ([date(2024, 1, 1)], [datetime.fromisoformat("2024-01-01")]), ([1.0], [1])])
def test_keys_of_other_types_are_an_error(mine, theirs):
    """Else every row would be without a match, and nobody would know why."""
    with pytest.raises(SchemaMismatchError, match=r"'k' is .* and 'd.id' is .*, so no key would be found"):
        keys({"k": mine}, {"id": theirs}, ["k"], ["id"])


def test_a_missing_column_is_named_on_either_side():
    """With what there is."""
    with pytest.raises(SchemaMismatchError, match="check 'fk' reads missing columns: kk"):
        keys(FACTS, KNOWN, ["kk"], ["id"])
    with pytest.raises(SchemaMismatchError, match="'d' has no column ident"):
        keys(FACTS, KNOWN, ["k"], ["ident"])


def test_an_empty_dimension_and_no_rows():
    """Nothing is known there; and nothing is asked here."""
    empty = {"id": pl.Series([], dtype=pl.Int64)}
    assert keys(FACTS, empty, ["k"], ["id"]).results[0].failed_rows == 5
    assert keys(pl.LazyFrame(FACTS).clear(), KNOWN, ["k"], ["id"]).results[0].passed
