"""Personal columns as texts. What is expected was computed with sha256sum and openssl."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import SchemaMismatchError
from odibi_core.transforms.privacy import anonymised, personal_columns

SALTED = "57a674a84dd0b5aaa6f4ebda6a20413eba4fe1aa5b192e359b7acba7279b4eb6"  # a@x.orgpepper
PLAIN = "907d7bf93d60cbe6565458bb0fe7e8fac60dffe3561e27cce320947f1a13ef8b"  # a@x.org
KEYED = "b6c0c5abf08dc232fde6b59b99cae2abeb055545d72259a7cac1f69e3170de66"  # a@x.org, with the key 'pepper'


def made(values: Any, method: Any, secret: str = "") -> list[str | None]:
    frame = nw.from_native(pl.LazyFrame({"id": range(len(values)), "c": values}))
    result = anonymised(frame, ["c"], method=method, secret=secret)
    assert result.collect_schema() == {"id": nw.Int64, "c": nw.String}
    computed = result.collect().to_native()
    assert computed.columns == ["id", "c"]
    return computed["c"].to_list()


@pytest.mark.parametrize(("method", "secret", "text"), [("hash", "pepper", SALTED), ("hash", "", PLAIN), ("hmac", "pepper", KEYED)])
def test_a_hash_stands_for_its_value(method: str, secret: str, text: str) -> None:
    """The same value, the same text, so that joins still work; a missing value stays missing."""
    assert made(["a@x.org", None, "a@x.org"], method, secret) == [text, None, text]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            datetime.fromisoformat("2024-05-01T10:00:00"),
            "f5d12533f6c4abd911b331c628d6a132c86cb7513acdeb7474b2e2524179d675",
        ),  # 2024-05-01 10:00:00pepper
        (datetime(2024, 5, 1, 10, tzinfo=UTC), "f5d12533f6c4abd911b331c628d6a132c86cb7513acdeb7474b2e2524179d675"),
        (True, "bc715eefdd6b0c6db7a3eb64ca9095e90eeed990dd23a591da8d707a945783c1"),  # truepepper
    ],
)
def test_a_value_is_hashed_as_its_text(value: object, text: str) -> None:
    """The text of a SQL cast, with the salt behind it."""
    assert made([value], "hash", "pepper") == [text]


def test_a_number_is_hashed_as_its_digits() -> None:
    """As the text '7' would be."""
    digits = ["7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451"]
    assert made([7], "hash") == made(["7"], "hash") == digits


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (["4111222233334444", "1234", "12345", "", None], ["************4444", "1234", "*2345", "", None]),
        (["äöüß€"], ["*öüß€"]),
        ([20240501], ["****0501"]),
        ([date(2024, 5, 1)], ["******5-01"]),
        ([Decimal("123.45")], ["**3.45"]),
        ([datetime.fromisoformat("2024-05-01T10:00:00.500000")], ["*****************00.5"]),
    ],
)
def test_a_mask_shows_the_last_four_characters(values: list[object], texts: list[str | None]) -> None:
    """What has no more than four is left."""
    assert made(values, "mask") == texts


def test_redacting_leaves_nothing() -> None:
    """Not even which values are missing."""
    assert made(["a", None], "redact") == ["[REDACTED]", "[REDACTED]"]
    assert made([[1], []], "redact") == ["[REDACTED]", "[REDACTED]"]


@pytest.mark.parametrize("method", ["hash", "hmac", "mask", "redact"])
def test_no_rows_have_the_same_columns(method: str) -> None:
    """Text, whatever they were."""
    frame = nw.from_native(pl.LazyFrame({"c": []}, schema={"c": pl.Int64}))
    assert anonymised(frame, ["c"], method=method, secret="k").collect().to_native().schema == {"c": pl.String}
    assert anonymised(frame, [], method=method).collect().to_native().schema == {"c": pl.Int64}


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], [b"x"]])
def test_what_has_no_text_is_said(values: list[object]) -> None:
    """Before anything is computed, with the column and its type."""
    frame = nw.from_native(pl.LazyFrame({"c": values}))
    with pytest.raises(SchemaMismatchError, match="personal column 'c' is "):
        anonymised(frame, ["c"], method="hash")


def test_flags_have_no_case() -> None:
    """In the order of the frame."""
    frame = nw.from_native(pl.LazyFrame({"Email": ["a"], "id": [1], "PHONE": ["1"]}))
    assert personal_columns(frame, ["phone", "EMAIL", "gone"]) == ("Email", "PHONE")
