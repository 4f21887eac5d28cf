"""Read options that shape the rows, and queries, filters and moments of a source. Expected rows are written by hand."""

from __future__ import annotations

import bz2
import gzip
import lzma
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import zstandard

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.ports import Window
from odibi_core.sql import compile_sql


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a;b\n1,5;x\n", {"sep": ";", "decimal": ","}, [(1.5, "x")]),
        ("a;b\n1,5;x\n", {"delimiter": ";", "decimal_comma": True}, [(1.5, "x")]),
        ("1|x\n2|y\n", {"separator": "|", "header": None, "names": ["i", "t"]}, [(1, "x"), (2, "y")]),
        ("1|x\n", {"separator": "|", "names": ["i", "t"], "dtype": {"i": "str"}}, [("1", "x")]),
        ("i,t\n007,x\n", {"dtype": "str"}, [("007", "x")]),
        ("i,t,u\n1,x,2\n", {"usecols": ["u", "i"]}, [(2, 1)]),
        ("i,d\n1,31.12.2026\n2,\n", {"parse_dates": ["d"], "date_format": "%d.%m.%Y"}, [(1, datetime(2026, 12, 31)), (2, None)]),  # noqa: DTZ001  # a wall clock on purpose
        ("i,d\n1,2026-12-31 10:00\n", {"parse_dates": ["d"]}, [(1, datetime(2026, 12, 31, 10))]),  # noqa: DTZ001  # a wall clock on purpose
        ("i,d\n1,31/12/2026\n", {"dtypes": {"d": "date"}, "dateFormat": "dd/MM/yyyy"}, [(1, date(2026, 12, 31))]),
        ("i,d\n1,2026-12-31\n", {"parse_dates": True}, [(1, date(2026, 12, 31))]),
        ("i,n\n1,NA\n2,-\n3,4\n", {"na_values": ["NA", "-"]}, [(1, None), (2, None), (3, 4)]),
        ("junk\n# note\ni\n1\n", {"skiprows": 1, "comment": "#"}, [(1,)]),
        ("i,t\n1,'a,b'\n", {"quotechar": "'"}, [(1, "a,b")]),
        ("i,t\n1,ä\n", {"encoding": "cp1252"}, [(1, "ä")]),
        (
            "i,a,t\n1,2.50,x\n",
            {"schema_ddl": "t STRING, a DECIMAL(9,2) NOT NULL, i INT COMMENT 'the key, once'"},
            [("x", Decimal("2.50"), 1)],
        ),
        ("1,x\n", {"header": False, "schema_ddl": "i BIGINT, t STRING"}, [(1, "x")]),
        ("i,f\n1,0.1\n", {"dtypes": {"i": "int", "f": "float"}, "low_memory": False}, [(1, 0.1)]),
    ],
)
def test_csv_options(lake, text, options, expected):
    """As pandas, Spark and Polars spell them."""
    lake.file("a.csv", text.encode("cp1252" if options.get("encoding") else "utf-8"))
    assert lake.scan("a.csv", "csv", options=options).rows() == expected


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"sepp": ";"}, ConfigError, "Did you mean 'sep'"),
        ({"sep": ";", "delimiter": ";"}, ConfigError, "say the same"),
        ({"dtypes": {"i": "integr"}}, ConfigError, "column type 'integr' is not known"),
        ({"usecols": ["i", "zz"]}, SchemaMismatchError, "column 'zz' of the read options is missing"),
        ({"parse_dates": ["zz"]}, SchemaMismatchError, "column 'zz' of the read options is missing"),
        ({"schema_ddl": "i INT, zz STRING"}, SchemaMismatchError, "column 'zz' of the read options is missing"),
        ({"schema_ddl": "i"}, ConfigError, "'schema_ddl' is not understood"),
        ({"schema_ddl": "i ARRAY<INT>"}, ConfigError, "'schema_ddl' is not understood"),
        ({"schema_ddl": "i INT, i INT"}, ConfigError, "names column 'i' twice"),
        ({"dtype": "int"}, ConfigError, "can only be text"),
    ],
)
def test_csv_options_that_cannot_be_met(lake, options, error, says):
    """With what was meant, or what is missing."""
    lake.file("a.csv", "i,t\n1,x\n")
    with pytest.raises(error) as caught:
        lake.scan("a.csv", "csv", options=options)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_a_date_that_is_none_is_counted_and_not_shown(lake):
    """Its cell stays out of the error."""
    lake.file("a.csv", "i,d\n1,SECRET\n")
    with pytest.raises(DataError, match="1 of 1 values of column 'd'") as caught:
        lake.scan("a.csv", "csv", options={"parse_dates": ["d"]})
    assert "SECRET" not in str(caught.value)


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize(("form", "text"), [("csv", b"i\n1\n2\n"), ("json", b'[{"i": 1}, {"i": 2}]'), ("ndjson", b'{"i": 1}\n{"i": 2}\n')])
def test_packed_files(lake, suffix, form, text):
    """Unpacked by what is in them, whatever they are called."""
    lake.file(f"a.{form}.{suffix}", PACKERS[suffix](text))
    assert lake.scan(f"a.{form}.{suffix}", form)["i"].to_list() == [1, 2]
    lake.file("broken", PACKERS[suffix](text * 100)[:-8])
    with pytest.raises(DataError, match="damaged"):
        lake.scan("broken", form)


def test_json_with_a_schema(lake):
    """Only these columns, in these types; lines or an array."""
    for text in ('[{"i": 1, "t": "x", "u": 1}]', '{"i": 1, "t": "x", "u": 1}\n{"i": 2}\n'):
        lake.file("a.json", text)
        found = lake.scan("a.json", "json", options={"schema_ddl": "t STRING, i DOUBLE"})
        assert found.rows()[0] == ("x", 1.0)
        assert found.schema == {"t": pl.String, "i": pl.Float64}


# ── queries and filters ──


def _query(text: str, *names: str):
    return compile_sql(text, tables=names or ("df",))


@pytest.mark.parametrize("form", ["csv", "delta", "parquet"])
def test_a_query_and_a_filter_come_before_the_window(lake, form):
    """The mark may be a column that the query makes; the source has two names."""
    rows = pl.DataFrame({"id": [1, 2, 3, 4], "Amount": [10, 20, 30, 40]})
    if form == "delta":
        lake.write(rows, "t")
    elif form == "csv":
        lake.file("t", rows.write_csv())
    else:
        (lake.root).mkdir(parents=True, exist_ok=True)
        rows.write_parquet(lake.root / "t")
    queries = (
        _query("SELECT id, o.amount * 2 AS Twice FROM orders AS o WHERE id <> 3", "df", "orders"),
        _query("SELECT * FROM df WHERE (\ntwice > 20\n)"),
    )
    window = Window(column="Twice", after=20, until=60)
    source = lake.source("t", form, queries=queries, names=frozenset({"df", "orders"}), window=window)
    scanned = lake.engine.scan(source)
    assert scanned.rows is None
    assert lake.engine.cache(scanned.frame, {}).frame.to_native().collect().to_dict(as_series=False) == {"id": [2], "Twice": [40]}


def test_a_filter_on_a_table_reaches_the_scan(lake):
    """Files of the table that hold no such row are not opened."""
    for number in (0, 100):
        lake.write(pl.DataFrame({"m": range(number, number + 10)}))
    plan = lake.engine.scan(lake.source("t", queries=(_query("SELECT * FROM df WHERE (m > 50)"),))).frame.to_native().explain()
    assert "FILTER" not in plan.split("SCAN")[0]


# ── moments ──


def _history(lake) -> list[datetime]:
    """Three versions of a table with 1, 2 and 3 rows, and when each was committed."""
    for number in range(3):
        lake.write(pl.DataFrame({"i": [number]}), "t")
        time.sleep(0.005)  # the log counts milliseconds, and two versions of one of them have no order
    stamps = {entry["version"]: entry["timestamp"] for entry in lake.table("t").history()}
    return [datetime.fromtimestamp(stamps[version] / 1000, UTC) for version in sorted(stamps)]


def test_time_travel(lake):
    """By version, and by the moment: what was committed then counts."""
    times = _history(lake)
    newest = len(times) - 1
    assert lake.scan("t", "delta", version=newest - 1).height == 2
    assert lake.scan("t", "delta", as_of=times[-1]).height == 3
    assert lake.scan("t", "delta", as_of=times[-1] - timedelta(milliseconds=1)).height == 2
    assert lake.scan("t", "delta", as_of=times[-1] + timedelta(days=1)).height == 3
    assert lake.scan("t", "delta", options={"timestampAsOf": (times[-1] + timedelta(days=1)).isoformat()}).height == 3
    assert lake.scan("t", "delta", options={"versionAsOf": newest - 1}).height == 2


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"version": 99}, "table 'lake/t' has no version 99; its newest version is"),
        ({"as_of": datetime(2020, 1, 1, tzinfo=UTC)}, "table 'lake/t' did not exist at 2020-01-01T00:00:00+00:00"),
    ],
)
def test_a_moment_that_the_log_does_not_hold(lake, source, says):
    """It is not quietly another one."""
    _history(lake)
    with pytest.raises(DataError) as caught:
        lake.scan("t", "delta", **source)
    assert says in caught.value.message
    assert caught.value.error_code == "missing_version"


def test_a_version_whose_log_was_cleaned_away(lake):
    """The newest can be read, the old one cannot."""
    _history(lake)
    lake.table("t").create_checkpoint()
    first = sorted(Path(lake.root / "t/_delta_log").glob("0*.json"))[0]
    first.unlink()
    assert lake.scan("t", "delta").height == 3
    with pytest.raises(DataError, match="has no version 1; its newest version is"):
        lake.scan("t", "delta", version=1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timestampAsOf": "yesterday"}, "is no time"),
        ({"versionAsOf": 1, "timestampAsOf": "2026-01-01"}, "exclude each other"),
        ({"storage_options": {}}, "delta option 'storage_options' is not known"),
    ],
)
def test_delta_options_that_mean_nothing(lake, options, says):
    """Said before a row is read."""
    _history(lake)
    with pytest.raises(ConfigError, match=says):
        lake.scan("t", "delta", options=options)
