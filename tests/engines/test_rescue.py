"""Texts whose rows do not all parse: what fits is read as ever, and the rest goes where the read says."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.errors import DataError, SchemaMismatchError
from odibi_core.ports import Rescue
from tests.engines.conftest import Lake

# A value of another type, two cells too many, a quote that does not close; then a letter that is a quote, a cell over two lines and a
# short line, with which nothing is wrong.
CSV = 'id,name,amount\n1,a,1.5\n2,"b ""q""",x\n3,c,2.5,more,yet\n4,"open,9\n5,d"d,3.5\n6,"two\nlines",7\n7,e\n'
TYPES = {"dtypes": {"id": "int", "amount": "double"}}
FINE = [(1, "a", 1.5), (5, 'd"d', 3.5), (6, "two\nlines", 7.0), (7, "e", None)]
LINES = '{"id":1,"v":1.5}\n{"id":"x","v":2}\nnope\n{"id":3,"v":"y","more":[1]}\n[1]\n\n{"v":3,"id":4}\n'
COLUMNS = "id BIGINT, v DOUBLE"


def scanned(lake: Lake, text: str | bytes, rescue: Rescue, format: str = "csv", **more: Any) -> tuple[pl.DataFrame, dict[str, Any]]:  # noqa: A002  # the word of the ports
    """The rows, and what is told of those that did not parse."""
    lake.file("in", text)
    found = lake.engine.scan(lake.source("in", format, rescue=rescue, **more))
    records = [json.loads(line) for file in found.bad_records for line in file.path.read_text().splitlines()]
    return found.frame.to_native().collect(), {**found.unparsed.model_dump(exclude_defaults=True), "records": records}


def test_csv_records_that_do_not_parse_stay_as_what_could_be_read(lake: Lake) -> None:
    """In their places; their text is in the column that the read names."""
    rows, told = scanned(lake, CSV, Rescue(corrupt_column="_corrupt_record"), options=TYPES)
    assert rows.rows() == [
        (*FINE[0], None),
        (2, 'b "q"', None, '2,"b ""q""",x'),
        (3, "c", 2.5, "3,c,2.5,more,yet"),
        (None, None, None, '4,"open,9'),
        *((*row, None) for row in FINE[1:]),
    ]
    assert told == {"kept": 3, "records": []}


def test_csv_fields_that_do_not_fit_are_rescued(lake: Lake) -> None:
    """As JSON beside the fields that do, with the file; a record that cannot be split is told there, too, if nowhere else."""
    rows, told = scanned(lake, CSV, Rescue(rescued_column="_rescued_data"), options=TYPES)
    assert rows.columns == ["id", "name", "amount", "_rescued_data"]
    assert [None if text is None else json.loads(text) for text in rows["_rescued_data"]] == [
        None,
        {"amount": "x", "_file_path": "in"},
        {"_c3": "more", "_c4": "yet", "_file_path": "in"},
        {"_corrupt_record": '4,"open,9', "_file_path": "in"},
        None,
        None,
        None,
    ]
    assert rows["id"].to_list() == [1, 2, 3, None, 5, 6, 7]
    assert told == {"rescued": 2, "kept": 1, "records": []}


def test_both_columns_share_the_work(lake: Lake) -> None:
    """Fields in one, records in the other."""
    rows, told = scanned(lake, CSV, Rescue(rescued_column="r", corrupt_column="c"), options=TYPES)
    assert rows.filter(pl.col("c").is_not_null()).select("id", "c", "r").rows() == [(None, '4,"open,9', None)]
    assert rows.filter(pl.col("r").is_not_null())["id"].to_list() == [2, 3]
    assert told == {"rescued": 2, "kept": 1, "records": []}


def test_csv_records_that_do_not_parse_are_handed_over(lake: Lake) -> None:
    """With their lines and reasons; no reason holds a value."""
    rows, told = scanned(lake, CSV, Rescue(archive=True), options=TYPES)
    assert rows.rows() == FINE
    assert told == {
        "archived": 3,
        "records": [
            {"path": "in", "line": 3, "reason": "not of the column's type: 'amount' (Float64)", "record": '2,"b ""q""",x'},
            {"path": "in", "line": 4, "reason": "it has 5 cells, and the header has 3", "record": "3,c,2.5,more,yet"},
            {
                "path": "in",
                "line": 5,
                "reason": "it cannot be split into cells: a quote does not close, or stands inside one",
                "record": '4,"open,9',
            },
        ],
    }


def test_csv_records_that_do_not_parse_are_dropped_and_counted(lake: Lake) -> None:
    """DROPMALFORMED."""
    rows, told = scanned(lake, CSV, Rescue(mode="drop"), options=TYPES)
    assert (rows.rows(), told) == (FINE, {"dropped": 3, "records": []})


def test_failfast_rescues_fields_and_refuses_records(lake: Lake) -> None:
    """The line is named, not what is in it."""
    with pytest.raises(DataError, match=r"'lake/in': line 5: it cannot be split") as caught:
        scanned(lake, CSV, Rescue(mode="fail", rescued_column="r"), options=TYPES)
    assert "open" not in str(caught.value)
    rows, _ = scanned(lake, "id\n1\nx\n", Rescue(mode="fail", rescued_column="r"), options={"dtypes": {"id": "int"}})
    assert rows["id"].to_list() == [1, None]


def test_without_rescue_a_row_fails_as_ever(lake: Lake) -> None:
    """The clear error of a read that says nothing."""
    lake.file("in", CSV)
    with pytest.raises(DataError) as caught:
        lake.scan("in", "csv", options=TYPES)
    assert caught.value.error_code == "unreadable_rows"


def test_nothing_to_rescue_reads_the_file_itself(lake: Lake) -> None:
    """No copy is made, and the columns are there for the next time."""
    lake.file("in", "id,name\n1,a\n")
    found = lake.engine.scan(lake.source("in", "csv", rescue=Rescue(rescued_column="r", corrupt_column="c")))
    frame = found.frame.to_native()
    assert str(lake.root / "in") in frame.explain(optimized=False)
    assert frame.collect().rows() == [(1, "a", None, None)]
    assert frame.collect_schema()["r"] == pl.String()
    assert found.unparsed.rows == 0


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("id;t\n1;01.02.2024\n2;x\n", {"dtypes": {"t": "date"}, "date_format": "%d.%m.%Y", "sep": ";"}, {"t": "x"}),
        ("id,t\n1,2024-02-01\n2,x\n", {"parse_dates": ["t"]}, {"t": "x"}),
        ('id|t\n1|a"b\n2|x|y\n', {"sep": "|", "quote": None}, {"_c2": "y"}),
        ("junk\nid,t\nunits,none\n1,2\n2,x\n", {"skip_rows": 1, "skip_rows_after_header": 1, "dtypes": {"t": "int"}}, {"t": "x"}),
        ("\n\nid,t\n1,2\n2,x\n", {"dtypes": {"t": "int"}}, {"t": "x"}),
        ("# c\nid,t\n1,2\n# more\n2,x\n", {"comment": "#", "dtypes": {"t": "int"}}, {"t": "x"}),
        ("1,2\n2,x\n", {"header": False, "names": ["id", "t"], "dtypes": {"t": "int"}}, {"t": "x"}),
        ("id,t\r\n1,2\r\n2,x\r\n", {"dtypes": {"t": "int"}}, {"t": "x"}),
        ("id,t\r1,2\r2,x\r", {"lineterminator": "\r", "dtypes": {"t": "int"}}, {"t": "x"}),
        ("id;t\n1;2,5\n2;x\n", {"sep": ";", "decimal": ",", "dtypes": {"t": "double"}}, {"t": "x"}),
        ("id,t\n1,NA\n2,x\n", {"na_values": "NA", "dtypes": {"t": "int"}}, {"t": "x"}),
        ("id,t\n1,1.50\n2,999.99\n", {"dtypes": {"t": "decimal(4,2)"}}, {"t": "999.99"}),
        ("id,t\n1,true\n2,2\n", {"dtypes": {"t": "boolean"}}, {"t": "2"}),
    ],
)
def test_every_option_counts_in_the_copy(lake: Lake, text: str, options: dict[str, Any], expected: dict[str, str]) -> None:
    """The second row holds what does not fit, the first one is as the options have it."""
    rows, told = scanned(lake, text, Rescue(rescued_column="r"), options=options)
    assert rows["id"].to_list() == [1, 2]
    assert rows["r"][0] is None
    assert json.loads(rows["r"][1]) == {**expected, "_file_path": "in"}
    assert told["rescued"] == 1


def test_types_come_from_the_first_rows_where_none_is_declared(lake: Lake) -> None:
    """As for a read without rescue; a later row that does not fit them is rescued."""
    text = "id,n\n" + "".join(f"{number},{number}\n" for number in range(50)) + "50,x\n51,1,2\n"
    rows, _ = scanned(lake, text, Rescue(rescued_column="r"), options={"infer_schema_length": 20})
    assert rows.schema["n"] == pl.Int64()
    assert rows.filter(pl.col("r").is_not_null()).select("id", "n").rows() == [(50, None), (51, 1)]


def test_blank_lines_and_empty_texts_are_what_they_were(lake: Lake) -> None:
    """The copy differs in the bad row only."""
    good = 'id,t\n1,\n\n2,""\n3, x \n'
    plain, _ = scanned(lake, good, Rescue(corrupt_column="c"), options={"dtypes": {"id": "int"}})
    mended, told = scanned(lake, f"{good}y,z\n", Rescue(corrupt_column="c"), options={"dtypes": {"id": "int"}})
    assert mended.rows() == [*plain.rows(), (None, "z", "y,z")]
    assert plain.rows() == [(1, None, None), (None, None, None), (2, "", None), (3, " x ", None)]
    assert told["kept"] == 1


def test_a_quote_that_never_closes_costs_one_line(lake: Lake) -> None:
    """However many lines come behind it, more than one record may have."""
    text = 'id,t\n0,"x\n' + "".join(f"{number},t\n" for number in range(1, 3001)) + '3001,"y\n'
    rows, told = scanned(lake, text, Rescue(mode="drop"), options={"dtypes": {"id": "int"}})
    assert rows["id"].to_list() == list(range(1, 3001))
    assert told["dropped"] == 2


@pytest.mark.parametrize("seed", range(5))
def test_good_and_bad_records_in_any_order(lake: Lake, seed: int) -> None:
    """Far more of them than are judged at once, with cells over several lines where one block ends and the next begins."""
    chance = random.Random(seed)
    lines, good, bad = ["i,t,x"], [], []
    for number in range(4_000):
        kind = chance.random()
        if kind < 0.9:
            lines.append(f"{number},text {number},{number / 4}")
            good.append((number, f"text {number}", number / 4))
        elif kind < 0.96:
            lines.append(f'{number},"two\nlines, ""{number}""",')
            good.append((number, f'two\nlines, "{number}"', None))
        else:
            wrong = chance.choice([f"{number},a,b", f"{number},a,1,2", f'{number},"a"b,1'])
            lines.append(wrong)
            bad.append(wrong)
    text = "\n".join(lines) + "\n"
    rows, told = scanned(lake, text, Rescue(archive=True), options={"dtypes": {"i": "int", "x": "double"}})
    assert rows.rows() == good
    assert [record["record"] for record in told["records"]] == bad
    numbers = text.split("\n")
    assert all(numbers[record["line"] - 1] == record["record"] for record in told["records"])


@pytest.mark.parametrize("seed", range(3))
def test_good_and_bad_objects_in_any_order(lake: Lake, seed: int) -> None:
    """The same in lines of JSON."""
    chance = random.Random(seed)
    lines, good, bad = [], [], []
    for number in range(12_000):
        if chance.random() < 0.999:
            lines.append(f'{{"i":{number},"t":"text {number}"}}')
            good.append((number, f"text {number}"))
        else:
            wrong = chance.choice([f'{{"i":"{number}"}}', f'{{"i":{number}', f"[{number}]", f'{{"i":{number}.5}}'])
            lines.append(wrong)
            bad.append(wrong)
    rows, told = scanned(lake, "\n".join(lines), Rescue(archive=True), "ndjson", options={"schema_ddl": "i BIGINT, t STRING"})
    assert rows.rows() == good
    assert [record["record"] for record in told["records"]] == bad


def test_several_files_are_one_frame(lake: Lake) -> None:
    """Of columns in another order; each row knows its file, and only the bad record of the second is set aside."""
    files = (lake.file("d/a.csv", "id,t\n1,a\n"), lake.file("d/b.csv", "t,id\nb,2\nc,x\n"), lake.file("d/c.csv", "id,t\n"))
    source = lake.source(
        "d", "csv", rescue=Rescue(archive=True, corrupt_column="c"), files=files, options={"dtypes": {"id": "int"}}, file_column="_f"
    )
    found = lake.engine.scan(source)
    assert found.frame.to_native().collect().rows() == [(1, "a", None, "d/a.csv"), (2, "b", None, "d/b.csv")]
    (records,) = found.bad_records
    assert (records.file.path, found.unparsed.archived) == ("d/b.csv", 1)


def test_columns_beside_the_declared_schema_are_rescued(lake: Lake) -> None:
    """Of each row its own values; the column of bad records stands where the schema has it."""
    rescue = Rescue(rescued_column="r", corrupt_column="_corrupt_record")
    ddl = {"schema_ddl": "id INT, _corrupt_record STRING, amount DOUBLE"}
    rows, told = scanned(lake, "id,name,amount\n1,a,1\n2,,2\nx,c,3\n", rescue, options=ddl)
    assert rows.columns == ["id", "_corrupt_record", "amount", "r"]
    assert [text and json.loads(text) for text in rows["r"]] == [
        {"name": "a", "_file_path": "in"},
        None,
        {"id": "x", "name": "c", "_file_path": "in"},
    ]
    assert told["rescued"] == 2


@pytest.mark.parametrize("bad", ["", "x"])
def test_files_of_other_columns_fit_a_declared_schema(lake: Lake, bad: str) -> None:
    """What a file lacks is null, what it has beside is rescued; without a rescue column it is an error."""
    texts = {"d/a.csv": "id,t\n1,a\n", "d/b.csv": f"t,extra,id\nb,E,{bad or 2}\n", "d/c.csv": "id\n3\n"}
    files = tuple(lake.file(name, text) for name, text in texts.items())
    declared = {"schema_ddl": "id INT, t STRING"}
    found = lake.engine.scan(lake.source("d", "csv", rescue=Rescue(rescued_column="r"), files=files, options=declared))
    rows = found.frame.to_native().collect()
    assert rows.select("id", "t").rows() == [(1, "a"), (None if bad else 2, "b"), (3, None)]
    assert [text and json.loads(text) for text in rows["r"]] == [
        None,
        {**({"id": "x"} if bad else {}), "extra": "E", "_file_path": "d/b.csv"},
        None,
    ]
    with pytest.raises(SchemaMismatchError, match="has other columns than"):
        lake.engine.scan(lake.source("d", "csv", rescue=Rescue(corrupt_column="c"), files=files, options=declared))


@pytest.mark.parametrize(("text", "format_name"), [('{"id":1,"more":2}\n', "ndjson"), ('[{"id":1,"more":2}]', "json")])
def test_a_declared_key_that_is_nowhere_is_null(lake: Lake, text: str, format_name: str) -> None:
    """With rescue and without."""
    lake.file("in", text)
    declared = {"schema_ddl": "t STRING, id BIGINT"}
    assert lake.scan("in", format_name, options=declared).rows() == [(None, 1)]
    rows, _ = scanned(lake, text, Rescue(rescued_column="r"), format_name, options=declared)
    assert rows.rows() == [(None, 1, '{"more":2,"_file_path":"in"}')]


def test_half_a_letter_stays_as_it_is_escaped(lake: Lake) -> None:
    """JSON can name it, and UTF-8 cannot hold it."""
    lines = '{"id":"\\ud800"}\n{"id":1}\n'
    rows, _ = scanned(lake, lines, Rescue(rescued_column="r"), "ndjson", options={"schema_ddl": "id BIGINT"})
    _, told = scanned(lake, '[{"id":"\\ud800"}]', Rescue(archive=True), "json", options={"schema_ddl": "id BIGINT"})
    assert rows["r"][0] == '{"id":"\\ud800","_file_path":"in"}'
    assert told["records"][0]["record"] == '{"id": "\\ud800"}'


def test_a_file_that_is_not_utf_8_is_wrong_as_a_whole(lake: Lake) -> None:
    """Wherever the byte is; its encoding can be named."""
    text = b"id,t\n" + b"1,abc\n" * 20_000 + b"x,\xff\n"
    with pytest.raises(DataError) as caught:
        scanned(lake, text, Rescue(corrupt_column="c"), options={"dtypes": {"id": "int"}})
    assert caught.value.error_code == "encoding"


@pytest.mark.parametrize(("text", "format_name"), [("id,c\n1,2\n", "csv"), ('{"id":1,"c":2}\n', "ndjson")])
def test_a_rescue_column_needs_a_name_of_its_own(lake: Lake, text: str, format_name: str) -> None:
    """A column of the source is not covered by it."""
    with pytest.raises(SchemaMismatchError, match="has column 'c' already"):
        scanned(lake, text, Rescue(corrupt_column="c"), format_name)


def test_json_rows_that_do_not_parse_stay(lake: Lake) -> None:
    """With the keys that could be read, in their places."""
    rows, told = scanned(lake, LINES, Rescue(corrupt_column="c"), "ndjson", options={"dtypes": {"id": "int", "v": "double"}})
    assert rows.columns == ["id", "v", "more", "c"]
    assert rows.select("id", "v", "c").rows() == [
        (1, 1.5, None),
        (None, 2.0, '{"id":"x","v":2}'),
        (None, None, "nope"),
        (3, None, '{"id":3,"v":"y","more":[1]}'),
        (None, None, "[1]"),
        (4, 3.0, None),
    ]
    assert told == {"kept": 4, "records": []}


def test_json_keys_that_do_not_fit_are_rescued_as_they_are(lake: Lake) -> None:
    """Those beside the declared schema, too."""
    rows, told = scanned(lake, LINES, Rescue(rescued_column="r"), "json", options={"schema_ddl": COLUMNS})
    assert rows.select("id", "v").rows() == [(1, 1.5), (None, 2.0), (None, None), (3, None), (None, None), (4, 3.0)]
    assert [text and json.loads(text) for text in rows["r"]] == [
        None,
        {"id": "x", "_file_path": "in"},
        {"_corrupt_record": "nope", "_file_path": "in"},
        {"v": "y", "more": [1], "_file_path": "in"},
        {"_corrupt_record": "[1]", "_file_path": "in"},
        None,
    ]
    assert told == {"rescued": 2, "kept": 2, "records": []}


@pytest.mark.parametrize(
    ("text", "records"),
    [
        (LINES, [(2, '{"id":"x","v":2}'), (3, "nope"), (4, '{"id":3,"v":"y","more":[1]}'), (5, "[1]")]),
        ('[{"id":1,"v":1.5},{"id":"x","v":2},5,{"id":4,"v":3}]', [(2, '{"id": "x", "v": 2}'), (3, "5")]),
    ],
)
def test_json_records_are_handed_over(lake: Lake, text: str, records: list[tuple[int, str]]) -> None:
    """Lines and elements of an array alike."""
    rows, told = scanned(lake, text, Rescue(archive=True), "json", options={"schema_ddl": COLUMNS})
    assert rows.rows() == [(1, 1.5), (4, 3.0)]
    assert [(record["line"], record["record"]) for record in told["records"]] == records


def test_a_document_that_is_no_json_is_one_record(lake: Lake) -> None:
    """As in Spark."""
    rows, _ = scanned(lake, '[{"id":1},{"id":', Rescue(corrupt_column="c"), "json", options={"schema_ddl": "id BIGINT"})
    assert rows.rows() == [(None, '[{"id":1},{"id":')]


@pytest.mark.parametrize("wrong", ['"x"', "1.7", "true", "[1]", '{"z":1}', "99999999999999999999", '"12"'])
def test_json_values_of_every_other_kind_are_rescued(lake: Lake, wrong: str) -> None:
    """What fails a read without rescue does not become another value here."""
    text = f'{{"id":1}}\n{{"id":{wrong}}}\n'
    rows, told = scanned(lake, text, Rescue(rescued_column="r"), "ndjson", options={"schema_ddl": "id BIGINT"})
    assert rows["id"].to_list() == [1, None]
    assert json.loads(rows["r"][1])["id"] == json.loads(wrong)
    assert told["rescued"] == 1


def test_no_row_is_left(lake: Lake) -> None:
    """The columns are there."""
    csv, _ = scanned(lake, "id,t\nx,1\n", Rescue(archive=True), options={"dtypes": {"id": "int"}})
    lines, told = scanned(lake, '{"id":"x"}\n', Rescue(archive=True), "ndjson", options={"schema_ddl": "id BIGINT"})
    assert (csv.schema["id"], csv.rows(), lines.schema["id"], lines.rows()) == (pl.Int64(), [], pl.Int64(), [])
    assert told["archived"] == 1


def test_packed_and_transcoded_files_are_mended_too(lake: Lake, tmp_path: Path) -> None:
    """What is archived is text."""
    import gzip

    packed, _ = scanned(lake, gzip.compress(CSV.encode()), Rescue(mode="drop"), options=TYPES)
    latin, told = scanned(
        lake, "id,t\n1,é\nx,é\n".encode("latin-1"), Rescue(archive=True), options={"encoding": "latin-1", "dtypes": {"id": "int"}}
    )
    assert (packed.rows(), latin.rows()) == (FINE, [(1, "é")])
    assert told["records"][0]["record"] == "x,é"
