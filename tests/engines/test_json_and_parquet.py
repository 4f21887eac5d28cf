"""JSON and Parquet files: shapes that are told apart, and broken files refused without their content."""

from __future__ import annotations

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError

SECRET = "anna@example.org"
TWO = [(1, None), (2, "x")]


@pytest.mark.parametrize("format_name", ["json", "ndjson"])
def test_lines(lake, format_name):
    """One object per line; a key that comes late is not lost."""
    lake.file("a.json", '{"a":1}\n\n{"a":2,"b":"x"}\n')
    assert lake.scan("a.json", format_name).rows() == TWO
    late = "".join(f'{{"a":{n}}}\n' for n in range(5000)) + '{"a":1,"late":true}\n'
    lake.file("late.json", late)
    assert lake.scan("late.json", format_name)["late"].to_list()[-1] is True


@pytest.mark.parametrize("content", ['[{"a":1},{"a":2,"b":"x"}]', ' \n[\n{"a":1},\n{"a":2,"b":"x"}]', '\ufeff[{"a":1},{"a":2,"b":"x"}]'])
def test_an_array(lake, content):
    """Seen from its first character."""
    lake.file("a.json", content)
    assert lake.scan("a.json", "json").rows() == TWO


@pytest.mark.parametrize("content", ['{"a":1}', '{"a":1}\n', '{\n "a":\n 1\n}\n'])
def test_a_single_object_is_one_row(lake, content):
    """On one line or on several."""
    lake.file("a.json", content)
    assert lake.scan("a.json", "json").rows() == [(1,)]


def test_several_files_of_both_kinds(lake):
    """Rows in the order of the files, columns of all of them, paths as announced."""
    lake.file("in/1.json", '[{"a":1}]')
    lake.file("in/2.json", '{"a":2,"b":"x"}\n{"a":3}\n')
    lake.file("in/3.json", '[{"a":4.5}]')
    found = lake.scan("in", "json", file_column="f")
    assert found.select("a", "b", "f").rows() == [
        (1.0, None, "in/1.json"),
        (2.0, "x", "in/2.json"),
        (3.0, None, "in/2.json"),
        (4.5, None, "in/3.json"),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty_file"),
        (f'[1, 2, "{SECRET}"]', "unreadable_rows"),
        (f'[{{"a":1}},{{"a":{SECRET}}}]', "unreadable_rows"),
        (f'{{"a":1}}\n{{"a":{SECRET}}}\n', "unreadable_rows"),
        (f'[{{"a":"{SECRET}"', "unreadable_rows"),
        ('[{"a":NaN}]', "unreadable_rows"),
        ("[" * 100_000, "unreadable_rows"),
        (f'{{"a":"{SECRET}"}}'.encode("utf-16"), "encoding"),
        (f'{{"a":"é{SECRET}"}}'.encode("latin-1"), "encoding"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_broken_json(lake, content, code):
    """Named, and not quoted."""
    version = lake.file("in/a.json", content)
    with pytest.raises(DataError) as caught:
        lake.scan("in/a.json", "json", files=(version,))
    assert caught.value.error_code == code
    assert "lake/in/a.json" in caught.value.message
    assert SECRET not in str(caught.value)


def test_unknown_options(lake):
    """JSON and Parquet need few."""
    lake.file("a.json", '[{"a":1}]')
    with pytest.raises(ConfigError, match="sep"):
        lake.scan("a.json", "json", options={"sep": ";"})
    pl.DataFrame({"a": [1]}).write_parquet(lake.root / "a.parquet")
    with pytest.raises(ConfigError, match="sep"):
        lake.scan("a.parquet", "parquet", options={"sep": ";"})


def test_types_of_json_columns(lake):
    """A number that is a code."""
    lake.file("a.json", '[{"a":1}]')
    assert lake.scan("a.json", "json", options={"schema": {"a": "double"}}).schema == {"a": pl.Float64}


def _parquet(lake, path, data):
    (lake.root / path).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(data).write_parquet(lake.root / path)
    return lake.announced(path)


def test_parquet(lake, computed):
    """The number of rows is known from the footers."""
    files = (_parquet(lake, "in/1.parquet", {"a": [1, 2]}), _parquet(lake, "in/2.parquet", {"a": [3]}))
    scanned = lake.engine.scan(lake.source("in", "parquet", files=files, file_column="f"))
    assert scanned.rows == 3
    assert computed(scanned.frame).rows() == [(1, "in/1.parquet"), (2, "in/1.parquet"), (3, "in/2.parquet")]


@pytest.mark.parametrize(
    ("other", "says"),
    [({"b": [1]}, "missing 'a', not expected 'b'"), ({"a": ["x"]}, "'a' is String and not Int64")],
)
def test_parquet_files_of_different_shape(lake, other, says):
    """By column and type."""
    files = (_parquet(lake, "in/1.parquet", {"a": [1]}), _parquet(lake, "in/2.parquet", other))
    with pytest.raises(SchemaMismatchError) as caught:
        lake.scan("in", "parquet", files=files)
    assert says in caught.value.message
    assert "lake/in/2.parquet" in caught.value.message


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "footer", "middle"])
def test_damaged_parquet(lake, damage):
    """A part of a file, or no Parquet at all."""
    _parquet(lake, "a.parquet", {"a": [SECRET] * 1000, "b": range(1000)})
    file = lake.root / "a.parquet"
    content = file.read_bytes()
    damaged = {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "text": f"a,b\n1,{SECRET}\n".encode(),
        "footer": content[:-8] + b"\xff\xff\xff\x7f" + content[-4:],
        "middle": content[:4] + b"\xff" * 200 + content[204:],
    }[damage]
    file.write_bytes(damaged)
    with pytest.raises(DataError) as caught:
        lake.scan("a.parquet", "parquet")
    assert caught.value.error_code in {"empty_file", "unreadable_rows", "unreadable_data", "engine_panic"}
    assert SECRET not in str(caught.value)


def test_a_parquet_bomb(lake):
    """A few hundred kilobytes that unpack to gigabytes."""
    pl.select(pl.repeat(1, 150_000_000, dtype=pl.Int64).alias("a")).write_parquet(lake.file("a.parquet", "") and lake.root / "a.parquet")
    assert (lake.root / "a.parquet").stat().st_size < 1_200_000
    with pytest.raises(DataError) as caught:
        lake.engine.scan(lake.source("a.parquet", "parquet"))
    assert caught.value.error_code == "archive"


def test_a_format_that_is_not_read(lake):
    """Says which are."""
    with pytest.raises(ConfigError, match="csv"):
        lake.engine.scan(lake.source("a.xlsx", "orc"))
