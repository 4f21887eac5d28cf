"""Numbers, spans and instants read as a person would write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from odibi_core.story import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"), (-1, "0 ms"), (0.0123, "12 ms"), (0.0996, "0.1 s"), (0.84, "0.8 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
        (59.6, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7800, "2 h 10 min"), (3_600_000, "1,000 h"),
    ],
)  # fmt: skip
def test_a_duration_has_the_unit_that_fits(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1200, "1.2 kB"), (999_600, "1.0 MB"), (184_320, "184 kB"), (5e13, "50,000 GB")],
)
def test_a_size_has_the_unit_that_fits(count, text):
    assert words.size(count) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 retries"), (1, "1 retry"), (1204, "1,204 retries")])
def test_a_count_has_the_right_form(count, text):
    assert words.counted(count, "retry", "retries") == text


@pytest.mark.parametrize(("items", "text"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcde", "a, b and 3 more")])
def test_a_list_is_a_phrase(items, text):
    assert words.listed(list(items)) == text


def test_instants_are_in_utc():
    at = datetime(2026, 3, 1, 0, 30, 5, tzinfo=timezone(timedelta(hours=1)))
    assert words.instant(at) == "28 Feb 2026, 23:30:05 UTC"
    assert words.clock(at) == "23:30:05"
    assert words.offset(at, datetime(2026, 2, 28, 23, 30, 2, tzinfo=UTC)) == "+3.0 s"


def test_hidden_characters_are_spelled_out():
    assert words.visible("a\u202eb\x1b[1;31mc\x1b[0m\r\nd\ufeff") == "a\\u202ebc\nd\\ufeff"
    assert words.visible("Zürich 東京 👩‍🚀") == "Zürich 東京 👩‍🚀"
