"""High-water marks as text that keeps their type."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.errors import DataError
from odibi_core.ports import Scalar
from odibi_core.runtime.watermark import MarkKey, format_scalar, parse_scalar, transaction_of

VIENNA = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (7, '{"t": "int", "v": 7}'),
        (-(2**63), '{"t": "int", "v": -9223372036854775808}'),
        (2**70, '{"t": "int", "v": 1180591620717411303424}'),
        (7.5, '{"t": "float", "v": 7.5}'),
        (7.0, '{"t": "float", "v": 7.0}'),
        ("7", '{"t": "str", "v": "7"}'),
        ("", '{"t": "str", "v": ""}'),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), '{"t": "timestamp_us_utc", "v": "2026-03-01T12:00:00.000000+00:00"}'),
        (datetime(2026, 3, 1, 12, tzinfo=VIENNA), '{"t": "timestamp_us_utc", "v": "2026-03-01T11:00:00.000000+00:00"}'),
        (datetime(2026, 3, 1, 12, 0, 0, 1), '{"t": "timestamp_us_utc", "v": "2026-03-01T12:00:00.000001+00:00"}'),  # noqa: DTZ001  naive is meant
    ],
)
def test_a_value_as_text(value: Scalar, text: str | None) -> None:
    """The text is stored: it may not change between releases. A time without a zone is one of UTC."""
    assert format_scalar(value) == text


@given(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes(timezones=st.sampled_from([UTC, VIENNA]))
)
def test_what_was_formatted_is_parsed_back(value: Scalar) -> None:
    """With its type: 7, 7.0 and "7" are three different marks."""
    found = parse_scalar(format_scalar(value))
    assert (type(found), found) == (type(value), value)


@given(st.datetimes())
def test_a_time_without_a_zone_comes_back_with_one(value: datetime) -> None:
    """The same wall clock, in UTC."""
    assert parse_scalar(format_scalar(value)) == value.replace(tzinfo=UTC)


@given(st.lists(st.datetimes(timezones=st.sampled_from([UTC, VIENNA])), min_size=2, max_size=2))
def test_the_text_of_times_sorts_as_the_times_do(times: list[datetime]) -> None:
    """All in one zone, with the same digits."""
    texts = [json.loads(str(format_scalar(time)))["v"] for time in times]
    assert (texts[0] <= texts[1]) == (times[0] <= times[1])


@pytest.mark.parametrize("value", [True, False, float("nan"), float("inf"), float("-inf")])
def test_what_has_no_order_cannot_be_a_mark(value: object) -> None:
    """NaN is larger than nothing, a boolean has two values."""
    with pytest.raises(DataError) as caught:
        format_scalar(value)
    assert caught.value.error_code == "watermark_type"


def test_each_owner_has_its_own_mark() -> None:
    """Projects and environments may share a store; a project and an environment do not run into each other."""
    key = MarkKey(project="shop", environment="prod", pipeline="p", name="n")
    others = [
        MarkKey(project="shopprod", environment="", pipeline="p", name="n"),
        MarkKey(project="shop", environment="", pipeline="p", name="n"),
        MarkKey(project="shop", environment="prod", pipeline="q", name="n"),
        MarkKey(project="shop", environment="prod", pipeline="p", name="m"),
    ]
    assert len({key.path, *(other.path for other in others)}) == 5
    assert key.path.endswith("/p/n.json")


def test_a_node_of_a_run_has_one_transaction() -> None:
    """It is stored in tables: it may not change between releases."""
    assert transaction_of("a" * 32, "bronze") == f"odibi/{'a' * 32}/bronze"
