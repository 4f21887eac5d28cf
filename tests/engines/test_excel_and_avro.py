"""Excel and Avro: sheets, columns and types by the options' names; broken files refused without a cell."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import fastavro
import polars as pl
import pytest
import xlsxwriter

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError


def _book(sheets: dict[str, list[list[Any]]]) -> bytes:
    whole = io.BytesIO()
    with xlsxwriter.Workbook(whole, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(lines):
                for column, cell in enumerate(cells):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(row, column, cell)
                    elif cell is not None:
                        sheet.write(row, column, cell)
    return whole.getvalue()


BOOK = {
    "Jan": [["id", "amount", "note", "at"], [1, 1.5, "a", datetime(2026, 1, 1, 12)], [2, 2.5, None, None]],  # noqa: DTZ001  # cells have no zone
    "Feb": [["id", "amount", "note", "at"], [3, 3.5, "c", None]],
    "Notes": [["report"], ["made by", "hand"], ["id", "x"], [7, "y"], [None, None], [8, "z"]],
    "Empty": [],
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"id": [1.0, 2.0], "amount": [1.5, 2.5], "note": ["a", None], "at": [datetime(2026, 1, 1, 12), None]}),  # noqa: DTZ001  # a wall clock on purpose
        ({"sheet_name": "Feb", "usecols": ["id"]}, {"id": [3.0]}),
        ({"sheet_name": 1, "columns": ["id", "note"]}, {"id": [3.0], "note": ["c"]}),
        ({"sheet_id": 2, "usecols": "A:B"}, {"id": [3.0], "amount": [3.5]}),
        ({"sheet_name": ["Jan", "Feb"], "usecols": ["id"]}, {"id": [1.0, 2.0, 3.0]}),
        (
            {"sheet_pattern": "*E*B*", "add_source_file": True, "usecols": ["id"]},
            {"id": [3.0], "_source_file": ["b.xlsx"], "_source_sheet": ["Feb"]},
        ),
        ({"sheet_pattern": ["jan", "f?b"], "usecols": ["id"], "dtype": {"id": "int"}}, {"id": [1, 2, 3]}),
        ({"sheet_name": "Notes", "skiprows": 2}, {"id": [7.0, 8.0], "x": ["y", "z"]}),
        ({"sheet_name": "Notes", "header": 2, "nrows": 1}, {"id": [7.0], "x": ["y"]}),
        ({"sheet_name": "Feb", "header": None, "skiprows": 1, "names": ["a", "b", "c", "d"], "usecols": ["a"]}, {"a": [3.0]}),
        ({"schema_ddl": "amount DECIMAL(5,2), id INT"}, {"amount": [1.5, 2.5], "id": [1, 2]}),
    ],
    ids=str,
)
def test_excel(lake, options, expected):
    """The first sheet, or what the options ask for."""
    lake.file("in/b.xlsx", _book(BOOK))
    found = lake.scan("in/b.xlsx", "excel", options=options)
    assert {name: [float(v) if name == "amount" else v for v in found[name]] for name in found.columns} == expected


def test_texts_stay_texts_when_asked(lake):
    """A leading zero is none of our business otherwise."""
    lake.file("b.xlsx", _book({"S": [["zip", "n"], ["0123", 5], ["0456", None]]}))
    found = lake.scan("b.xlsx", "excel", options={"dtype": "str"})
    assert found.to_dict(as_series=False) == {"zip": ["0123", "0456"], "n": ["5", None]}


def test_several_books_with_the_path_of_each(lake):
    """Columns that one of them lacks are null there."""
    lake.file("in/1.xlsx", _book({"S": [["a"], [1]]}))
    lake.file("in/2.xlsx", _book({"S": [["a", "b"], [2, "x"]]}))
    found = lake.scan("in/*.xlsx", "excel", file_column="_source_file").sort("a")
    assert found.rows() == [(1.0, "in/1.xlsx", None), (2.0, "in/2.xlsx", "x")]


@pytest.mark.parametrize(
    ("content", "options", "error", "says"),
    [
        (b"", {}, DataError, "has 0 bytes"),
        (b"SECRET", {}, DataError, "is no Excel file"),
        (_book(BOOK), {"sheet_name": "May"}, DataError, "has no sheet 'May'"),
        (_book(BOOK), {"sheet_name": 9}, DataError, "has no sheet number 9"),
        (_book(BOOK), {"sheet_pattern": "x*"}, DataError, "no sheet of 'lake/b.xlsx' matches"),
        (_book(BOOK), {"dtype": {"nowhere": "int"}}, SchemaMismatchError, "column 'nowhere' of the read options is missing"),
        (_book(BOOK), {"sheetz": 1}, ConfigError, "excel option 'sheetz' is not known"),
        (_book(BOOK), {"header": "SECRET"}, ConfigError, "excel option 'header' has a value"),
        (_book(BOOK), {"skip_rows": 1, "skiprows": 1}, ConfigError, "'skiprows' is given twice"),
    ],
)
def test_excel_that_cannot_be_read(lake, content, options, error, says):
    """With the file and what is there instead; never a cell."""
    lake.file("b.xlsx", content)
    with pytest.raises(error, match=says) as caught:
        lake.scan("b.xlsx", "excel", options=options)
    assert "SECRET" not in f"{caught.value}{caught.value.hint}"


def _avro(rows: list[dict[str, Any]]) -> bytes:
    schema = {
        "type": "record",
        "name": "row",
        "fields": [
            {"name": "i", "type": "long"},
            {"name": "t", "type": ["null", "string"]},
            {"name": "d", "type": {"type": "int", "logicalType": "date"}},
        ],
    }
    whole = io.BytesIO()
    fastavro.writer(whole, schema, rows, codec="deflate" if rows else "null")
    return whole.getvalue()


def test_avro(lake):
    """With its types, from several files."""
    day = date(2026, 1, 2)
    lake.file("in/1.avro", _avro([{"i": 1, "t": "a", "d": day}, {"i": 2, "t": None, "d": day}]))
    lake.file("in/2.avro", _avro([]))
    found = lake.scan("in/*.avro", "avro", file_column="f")
    assert found.rows() == [(1, "a", day, "in/1.avro"), (2, None, day, "in/1.avro")]
    assert found.schema == {"i": pl.Int64, "t": pl.String, "d": pl.Date, "f": pl.String}


WHOLE = _avro([{"i": 1, "t": "SECRET", "d": 1}])


@pytest.mark.parametrize(("content", "code"), [(b"", "empty_file"), (b"SECRET", "unreadable_rows"), (WHOLE[:-9], "unreadable_rows")])
def test_avro_that_cannot_be_read(lake, content, code):
    """Empty, something else, cut off."""
    lake.file("a.avro", content)
    with pytest.raises(DataError) as caught:
        lake.scan("a.avro", "avro")
    assert caught.value.error_code == code
    assert "SECRET" not in str(caught.value)
