"""A few rows for the story, masked."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from odibi_core.config import NodeConfig
from odibi_core.events import Sample
from odibi_core.runtime.sampling import masked_columns, sample_of

HIDDEN = "[REDACTED]"
ROWS = {"id": [1, 2, 3], "Email": ["a@x.org", None, "c@x.org"], "PHONE": ["1", "2", "3"]}


def node(**settings: Any) -> NodeConfig:
    return NodeConfig.model_validate({"name": "a", "read": {"connection": "lake", "format": "csv", "path": "x"}, **settings})


def sampled(frame: dict[str, list[object]], /, *, rows: int = 10, **settings: Any) -> Sample | None:
    return sample_of(nw.from_native(pl.LazyFrame(frame)), node(**settings), rows=rows)


def test_the_first_rows_as_text() -> None:
    """A missing value stays one."""
    assert sampled(ROWS, rows=2) == Sample(columns=("id", "Email", "PHONE"), rows=(("1", "a@x.org", "1"), ("2", None, "2")))


@pytest.mark.parametrize("rows", [0, -1])
def test_no_rows_are_no_sample(rows: int) -> None:
    """Somebody who wants none gets not even the columns."""
    assert sampled(ROWS, rows=rows) is None


def test_an_empty_frame_shows_its_columns() -> None:
    """That is what there is to see."""
    assert sampled({"id": [], "email": []}, sensitive=["email"]) == Sample(columns=("id", "email"), rows=(), masked=("email",))


@pytest.mark.parametrize(
    "settings",
    [
        {"sensitive": ["email", "phone"]},
        {"sensitive": ["EMAIL", "Phone"]},
        {"columns": {"email": {"pii": True}, "phone": {"pii": True}}},
        {"sensitive": ["email"], "columns": {"Phone": {"pii": True}, "id": {"pii": False}}},
    ],
)
def test_columns_are_masked_in_any_letter_case(settings: dict[str, Any]) -> None:
    """Declared sensitive or flagged as personal; whether a value is missing may be seen."""
    assert sampled(ROWS, rows=2, **settings) == Sample(
        columns=("id", "Email", "PHONE"), rows=(("1", HIDDEN, HIDDEN), ("2", None, HIDDEN)), masked=("Email", "PHONE")
    )


def test_a_sensitive_column_that_is_not_there_hides_every_row() -> None:
    """It may have come under another name, and nobody can tell which."""
    assert sampled(ROWS, rows=2, sensitive=["email", "not there"]) == Sample(columns=(), rows=(), note="[REDACTED: Sensitive Data]")


@pytest.mark.parametrize("settings", [{"sensitive": ["mail"]}, {"columns": {"mobile": {"pii": True}}}, {"sensitive": ["email", "nowhere"]}])
def test_a_hidden_column_that_is_not_there_hides_everything(settings: dict[str, Any]) -> None:
    """It may be there under another name."""
    assert sampled(ROWS, rows=2, **settings) == Sample(columns=(), rows=(), note="[REDACTED: Sensitive Data]")


def test_of_a_sensitive_node_nothing_is_shown() -> None:
    """Not even the names of its columns; the frame is not computed for it."""

    def never(_frame: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError

    frame = nw.from_native(pl.LazyFrame(ROWS).map_batches(never))
    assert sample_of(frame, node(sensitive=True), rows=3) == Sample(columns=(), rows=(), note="[REDACTED: Sensitive Data]")


def test_a_switch_that_is_off_masks_nothing() -> None:
    """But the flags still count."""
    shown = sampled(ROWS, rows=1, sensitive=False, columns={"Email": {"pii": True}})
    assert shown is not None
    assert shown.masked == ("Email",)


@pytest.mark.parametrize(("length", "shown"), [(199, 199), (200, 200), (201, 201), (10_000, 201)])
def test_a_long_cell_is_cut(length: int, shown: int) -> None:
    """200 characters and a sign that there was more."""
    (row,) = sampled({"t": ["x" * length]}).rows
    assert len(row[0]) == shown
    assert row[0].endswith("…") == (length > 200)


def test_many_columns_are_cut_and_said() -> None:
    """A mask counts for what is shown."""
    shown = sampled({f"c{number}": [number] for number in range(61)}, sensitive=["c59", "c60"])
    assert (len(shown.columns), shown.note, shown.masked) == (60, "the first 60 of 61 columns", ("c59",))
    assert shown.rows == ((*map(str, range(59)), HIDDEN),)


def test_names_of_masked_columns() -> None:
    """As they were written."""
    settings = {"sensitive": ["Email"], "columns": {"Phone": {"pii": True}, "id": {"description": "the key"}}}
    assert masked_columns(node(**settings)) == ("Email", "Phone")
    assert masked_columns(node(sensitive=True)) == ()
