"""CSV files: options under any spelling, and broken files refused with names and numbers, never with what is in them."""

from __future__ import annotations

import gzip
import os
from datetime import date

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, OdibiError, SchemaMismatchError
from odibi_core.ports import FileChangedError, Window

SECRET = "anna@example.org"


def _refused(lake, content, **options):
    version = lake.file("in/a.csv", content)
    with pytest.raises(OdibiError) as caught:
        lake.scan("in/*.csv", "csv", files=(version,), options=options)
    text = f"{caught.value} {caught.value.hint}"
    assert SECRET not in text
    assert "\x1b" not in text
    assert "polars" not in text.lower()
    assert caught.value.__cause__ is None
    return caught.value


BROKEN = {
    "empty": ("", "empty_file", "'lake/in/a.csv' (csv) has 0 bytes"),
    "long line": (
        f"a,b\n1,2\n1,{SECRET},3\n4,5,6\n",
        "unreadable_rows",
        "2 of 4 lines have more than the 2 cells of the first, line 3 is one",
    ),
    "open quote": (f'a,b\n1,"{SECRET}\n2,y\n', "unreadable_rows", "a quoted cell does not end properly"),
    "quote in cell": (f'a,b\n1,x\n2,"{SECRET}"x\n', "unreadable_rows", "a quoted cell does not end properly"),
    "late text": ("a,b\n" + "1,x\n" * 12_000 + f"{SECRET},y\n", "unreadable_rows", "1 of 12001 values of column 'a' are not Int64"),
    "latin": (f"a,b\n1,é{SECRET}\n".encode("latin-1"), "encoding", "is not UTF-8 at byte 6"),
    "late latin": (b"a,b\n" + b"1,x\n" * 50_000 + f"1,é{SECRET}\n".encode("latin-1"), "encoding", "is not UTF-8 at byte 200006"),
    "utf-16": (f"a,b\n1,{SECRET}\n".encode("utf-16"), "encoding", "is UTF-16 or UTF-32"),
    "utf-16 without mark": (f"a,b\n1,{SECRET}\n".encode("utf-16-le"), "encoding", "has NUL bytes"),
    "utf-32": (f"a,b\n1,{SECRET}\n".encode("utf-32"), "encoding", "is UTF-16 or UTF-32"),
    "nul": (f"a,b\n1,\x00{SECRET}\n", "encoding", "has NUL bytes"),
    "carriage returns": (f"a,b\r1,{SECRET}\r", "unreadable_rows", "line breaks in its header"),
    "same name twice": (f"a,b,a\n1,2,{SECRET}\n", "duplicate_columns", "has column 'a' more than once"),
    "one endless line": ("a" * 100_000, "unreadable_rows", "the first line of 'lake/in/a.csv' (csv) is longer than 65536 bytes"),
    "too wide": (",".join(f"c{n}" for n in range(6000)) + "\n", "too_many_columns", "6000 columns"),
    "zip": (b"PK\x03\x04" + SECRET.encode(), "archive", "is a zip archive"),
    "damaged gzip": (gzip.compress(f"a,b\n1,{SECRET}\n".encode())[:20], "archive", "damaged gzip"),
    "gzip bomb": (gzip.compress(b"a,b\n" + b"1,2\n" * 40_000_000), "archive", "unpacks to more than"),
}


@pytest.mark.parametrize(("content", "code", "says"), BROKEN.values(), ids=BROKEN)
def test_broken_files(lake, content, code, says):
    """Each has its code, and a text with file, format and counts."""
    error = _refused(lake, content)
    assert isinstance(error, DataError)
    assert error.error_code == code
    assert says in error.message


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\r\n", "\ufeffa,b\n"])
def test_a_file_with_its_header_only_has_no_rows(lake, content):
    """It is a file like any other."""
    lake.file("in/a.csv", content)
    found = lake.scan("in/a.csv", "csv")
    assert (found.columns, found.height) == (["a", "b"], 0)


def test_a_header_only_file_has_no_opinion_on_types(lake):
    """Polars would make every column of the others a text."""
    files = (lake.file("in/0.csv", "a,b\n"), lake.file("in/1.csv", "a,b\n1,2.5\n"))
    assert lake.scan("in/*.csv", "csv", files=files).schema == {"a": pl.Int64, "b": pl.Float64}


def test_cells_that_a_short_line_lacks_are_null(lake):
    """As polars reads them."""
    lake.file("a.csv", "a,b\n1\n2,x\n")
    assert lake.scan("a.csv", "csv").rows() == [(1, None), (2, "x")]


def test_files_of_different_columns_are_refused(lake):
    """Names the file and the columns."""
    files = (lake.file("in/1.csv", "a,b\n1,2\n"), lake.file("in/2.csv", f"a,c\n1,{SECRET}\n"))
    with pytest.raises(SchemaMismatchError) as caught:
        lake.scan("in/*.csv", "csv", files=files)
    assert "'lake/in/2.csv'" in caught.value.message
    assert "missing 'b', not expected 'c'" in caught.value.message
    assert SECRET not in str(caught.value)


def test_types_are_seen_in_every_file(lake):
    """Polars looks into ten, and the first of ours need not know."""
    files = tuple(lake.file(f"in/{number:02}.csv", f"a\n{number}{'.5' if number == 14 else ''}\n") for number in range(15))
    assert lake.scan("in/*.csv", "csv", files=files)["a"].sum() == 105.5


def test_columns_in_another_order_are_found_by_name(lake):
    """The first file gives the order; types are widened over all files."""
    files = (lake.file("in/1.csv", "a,b\n1,x\n"), lake.file("in/2.csv", "b,a\ny,2.5\n"))
    found = lake.scan("in/*.csv", "csv", files=files, file_column="f")
    assert found.rows() == [(1.0, "x", "in/1.csv"), (2.5, "y", "in/2.csv")]


def test_the_file_column_has_the_announced_path(lake):
    """Not the place where the bytes were read."""
    packed = lake.file("in/deep/1.csv.gz", gzip.compress(b"a\n1\n2\n"))
    found = lake.scan("in", "csv", files=(packed,), file_column="_source_file")
    assert found.rows() == [(1, "in/deep/1.csv.gz"), (2, "in/deep/1.csv.gz")]


SPELLINGS = [
    ("a;b\n1;2\n", {"sep": ";"}, [(1, 2)]),
    ("a;b\n1;2\n", {"separator": ";"}, [(1, 2)]),
    ("a;b\n1;2\n", {"delimiter": ";"}, [(1, 2)]),
    ("1,2\n3,4\n", {"header": False}, [(1, 2), (3, 4)]),
    ("1,2\n3,4\n", {"header": None}, [(1, 2), (3, 4)]),
    ("a,b\n3,4\n", {"header": 0}, [(3, 4)]),
    ("a,b\n3,4\n", {"header": "infer"}, [(3, 4)]),
    ("a,b\n3,4\n", {"has_header": True}, [(3, 4)]),
    ("a,b\n'x,y',2\n", {"quotechar": "'"}, [("x,y", 2)]),
    ("junk\na,b\n1,2\n", {"skip_rows": 1}, [(1, 2)]),
    ("junk\na,b\n1,2\n", {"skiprows": 1}, [(1, 2)]),
    ("a,b\nNA,2\n", {"null_values": "NA"}, [(None, 2)]),
    ("a,b\nNA,-\n", {"na_values": ["NA", "-"]}, [(None, None)]),
    ("a,b\n007,2\n", {"schema": {"a": "string"}}, [("007", 2)]),
    ("a,b\n007,2\n", {"dtypes": {"a": "Utf8", "b": "double"}}, [("007", 2.0)]),
    ("a,b\n1,2\n", {"inferSchema": False}, [("1", "2")]),
    ("#x\na,b\n1,2\n", {"comment": "#"}, [(1, 2)]),
    ("a,b\n1,2026-07-01\n", {"try_parse_dates": True}, [(1, date(2026, 7, 1))]),
    ("a;b\n1,5;2\n", {"sep": ";", "decimal": ","}, [(1.5, 2)]),
    ("a,b\n1,2\n3,4\n", {"nrows": 1}, [(1, 2)]),
    ("a,b\n1,é\n".encode("latin-1"), {"encoding": "latin-1"}, [(1, "é")]),
    ("a,b\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}, [(1, "é")]),
    ("a,b\n1,2,3\n", {"truncate_ragged_lines": True}, [(1, 2)]),
]


@pytest.mark.parametrize(("content", "options", "rows"), SPELLINGS, ids=lambda value: str(value)[:40])
def test_options_of_several_libraries(lake, content, options, rows):
    """pandas', Spark's and Polars' words for the same."""
    lake.file("a.csv", content)
    assert lake.scan("a.csv", "csv", options=options).rows() == rows


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seperator": ";"}, "Did you mean 'separator'?"),
        ({"zzz": 1}, "Known are:"),
        ({"sep": ";", "delimiter": ";"}, "say the same"),
        ({"schema": {"a": "quaternion"}}, "column type 'quaternion' is not known"),
        ({"encoding": "klingon"}, "encoding 'klingon' is not known"),
    ],
)
def test_options_that_cannot_be(lake, options, says):
    """The author is told before anything is read."""
    lake.file("a.csv", "a,b\n1,2\n")
    with pytest.raises(ConfigError) as caught:
        lake.scan("a.csv", "csv", options=options)
    assert says in str(caught.value)


def test_a_type_for_a_column_that_is_not_there(lake):
    """A misspelt name would be no type at all."""
    lake.file("a.csv", "a,b\n1,2\n")
    with pytest.raises(SchemaMismatchError, match="'c'"):
        lake.scan("a.csv", "csv", options={"schema": {"c": "int"}})


def test_broken_rows_are_named_at_the_write_too(lake, lazily):
    """A frame that was not cached fails in the sink."""
    version = lake.file("in/a.csv", f"a,b\n1,2\n1,{SECRET},3\n")
    scanned = lake.engine.scan(lake.source("in/a.csv", "csv", files=(version,)))
    with pytest.raises(DataError, match=r"'lake/in/a\.csv'") as caught:
        lake.engine.open(lake.target()).write(scanned.frame, {})
    assert SECRET not in str(caught.value)
    assert not (lake.root / "t").exists()


def test_a_file_that_was_rewritten_or_deleted(lake):
    """Exactly the announced version is read."""
    version = lake.file("in/a.csv", "a\n1\n")
    lake.file("in/a.csv", "a\n2222\n")
    with pytest.raises(FileChangedError) as caught:
        lake.scan("in/a.csv", "csv", files=(version,))
    assert not caught.value.gone
    (lake.root / "in/a.csv").unlink()
    with pytest.raises(FileChangedError) as caught:
        lake.scan("in/a.csv", "csv", files=(version,))
    assert caught.value.gone


def test_a_file_that_is_rewritten_while_it_is_read(lake):
    """Its version is compared again after the rows were computed."""
    version = lake.file("in/a.csv", "a\n1\n")
    source = lake.source("in/a.csv", "csv", files=(version,))
    first, second = lake.engine.scan(source), lake.engine.scan(source)
    cached = lake.engine.cache(first.frame, {})
    os.utime(lake.root / "in/a.csv", (1, 1))
    lake.engine.cache(cached.frame, {})  # it was read in time
    with pytest.raises(FileChangedError):
        lake.engine.cache(second.frame, {})
    (lake.root / "in/a.csv").unlink()
    with pytest.raises(FileChangedError) as caught:
        lake.engine.maximum(second.frame, Window(column="a", after=None, until=None))
    assert caught.value.gone


def test_what_a_path_names(lake):
    """A file, a folder without its hidden files, or a pattern; and the versions that were read."""
    lake.file("in/1.csv", "a\n1\n")
    lake.file("in/2.csv", "a\n2\n")
    lake.file("in/deep/3.csv", "a\n3\n")
    lake.file("in/_tmp/4.csv", "a\n4\n")
    lake.file("in/.5.csv", "a\n5\n")
    assert lake.scan("in/1.csv", "csv")["a"].to_list() == [1]
    assert lake.scan("in", "csv")["a"].to_list() == [1, 2, 3]
    assert lake.scan("in/*.csv", "csv")["a"].to_list() == [1, 2]
    assert lake.scan("in/**/*.csv", "csv")["a"].to_list() == [1, 2, 3]
    assert lake.scan("in/[2].csv", "csv")["a"].to_list() == [2]
    scanned = lake.engine.scan(lake.source("in/?.csv", "csv"))
    assert scanned.files == (lake.announced("in/1.csv"), lake.announced("in/2.csv"))
    for nothing in ("nope.csv", "nope/*.csv", "in/*.parquet"):
        with pytest.raises(DataError) as caught:
            lake.scan(nothing, "csv")
        assert caught.value.error_code == "missing_file"
