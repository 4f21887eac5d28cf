"""Files that want to fill the memory, stop the process or be read as what they are not: T24 to T33."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest
import zstandard

from odibi_core.engines.polars import avro_checks, csv_reader, json_reader, text_checks, workbook_checks
from odibi_core.errors import DataError, OdibiError
from odibi_core.events import NodeFinished
from tests.engines.conftest import Lake
from tests.hosts.world import HEAD, World

SECRET = "s3cr3t-cell"
SPREADSHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def refused(lake: Lake, path: str, format_name: str, content: bytes, **options: Any) -> DataError:
    """Why a file is not read; the reason never quotes it."""
    lake.file(path, content)
    with pytest.raises(DataError) as caught:
        lake.scan(path, format_name, options=options)
    assert SECRET not in f"{caught.value}{caught.value.hint}"
    assert f"lake/{path}" in caught.value.message
    return caught.value


# ── T24: packed bombs ──

ZEROS = b"0" * (80 << 20)


@pytest.mark.parametrize(
    ("packed", "format_name"),
    [
        (lambda: gzip.compress(b"a\n" + ZEROS, 1), "csv"),
        (lambda: zstandard.ZstdCompressor().compress(b"a\n" + ZEROS), "csv"),
        (lambda: gzip.compress(b'[{"a":"' + ZEROS, 1), "json"),
        (lambda: gzip.compress(b'{"a":"' + ZEROS, 1), "ndjson"),
    ],
    ids=["gzip csv", "zstd csv", "gzip json", "gzip ndjson"],
)
def test_t24_a_packed_file_may_unpack_to_a_hundred_times_its_size(lake: Lake, packed: Any, format_name: str) -> None:
    """Unpacking stops at the limit, and what was written until then is removed."""
    error = refused(lake, "a.gz", format_name, packed())
    assert error.error_code == "archive"
    assert "unpacks to more than 67108864 bytes" in error.message
    lake.engine.release()


def test_t24_ordinary_text_that_is_packed_is_read(lake: Lake) -> None:
    """It is far from the limit."""
    lake.file("a.csv", gzip.compress(b"a,b\n" + b"".join(b"%d,text\n" % number for number in range(1000))))
    assert lake.scan("a.csv", "csv").height == 1000


# ── T25 to T28: texts ──


@pytest.mark.parametrize(("format_name", "start"), [("csv", b"a,b\n1,"), ("csv", b'a,b\n1,"'), ("ndjson", b'{"a":1}\n{"a":"')])
def test_t25_a_cell_that_never_ends_is_refused_before_it_is_read(lake: Lake, format_name: str, start: bytes) -> None:
    """By looking for a line end in each part of the file: no parser is asked to hold it."""
    error = refused(lake, "a.txt", format_name, start + SECRET.encode() * (2 * text_checks.MAX_LINE_BYTES // len(SECRET) + 2))
    assert error.error_code == "too_big"
    assert "a line of more than 16777216 bytes" in error.message


def test_t25_a_large_file_of_ordinary_lines_is_read(lake: Lake) -> None:
    """More than two parts of the check."""
    lake.file("a.csv", b"a,b\n" + b"1,0123456789012345678901234567890123456789\n" * 800_000)
    assert lake.scan("a.csv", "csv").height == 800_000


def test_t25_a_json_document_has_a_largest_size(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read whole, so its size is looked at first; lines have no such limit."""
    monkeypatch.setattr(json_reader, "MAX_DOCUMENT_BYTES", 1000)
    error = refused(lake, "a.json", "json", json.dumps([{"a": SECRET}] * 100).encode())
    assert error.error_code == "too_big"
    assert "object per line" in error.hint
    lake.file("b.ndjson", b'{"a":1}\n' * 1000)
    assert lake.scan("b.ndjson", "ndjson").height == 1000


@pytest.mark.parametrize("content", [f'a,b\n1,"{SECRET}\n2,x\n', f'a,b\n1,"{SECRET}" tail"\n', f"a,b\n1,2,{SECRET}\n"])
def test_t26_a_broken_row_is_told_without_its_cells(lake: Lake, content: str) -> None:
    """The library's own message quotes them."""
    assert refused(lake, "a.csv", "csv", content.encode()).error_code == "unreadable_rows"


WIDE = 20_000


@pytest.mark.parametrize(
    ("format_name", "content", "options"),
    [
        ("csv", ",".join(f"c{n}" for n in range(WIDE // 2)) + "\n", {}),
        ("csv", ",".join("1" for _ in range(WIDE)) + "\n", {"has_header": False}),
        ("json", json.dumps([{f"c{n}": 1 for n in range(WIDE)}]), {}),
        ("ndjson", json.dumps({f"c{n}": 1 for n in range(WIDE)}) + "\n", {}),
    ],
    ids=["csv", "csv without header", "json", "ndjson"],
)
def test_t27_a_table_has_at_most_5000_columns(lake: Lake, format_name: str, content: str, options: dict[str, Any]) -> None:
    """In every format: each of them costs memory in every later step."""
    assert csv_reader.MAX_COLUMNS == 5000
    error = refused(lake, "a.txt", format_name, content.encode(), **options)
    assert error.error_code == "too_many_columns"


def test_t27_two_hundred_thousand_columns_are_no_header(lake: Lake) -> None:
    """The line is over what a header may have, so no parser sees it."""
    error = refused(lake, "a.csv", "csv", ",".join(f"c{n}" for n in range(200_000)).encode() + b"\n")
    assert error.error_code == "unreadable_rows"


@pytest.mark.parametrize("format_name", ["parquet", "avro", "excel", "delta"])
def test_t27_binary_formats_have_the_same_limit(lake: Lake, format_name: str) -> None:
    """Their schema is known before a row is read."""
    names = [f"c{n}" for n in range(5001)]
    lake.root.mkdir(parents=True)
    rows = pl.DataFrame({name: [1] for name in names})
    if format_name == "parquet":
        rows.write_parquet(lake.root / "a")
    elif format_name == "avro":
        rows.write_avro(lake.root / "a")
    elif format_name == "delta":
        rows.write_delta(str(lake.root / "a"))
    else:
        (lake.root / "a").write_bytes(workbook([sheet("".join(cell(1, n, "x") for n in range(5001)))]))
    with pytest.raises(DataError) as caught:
        lake.scan("a", format_name)
    assert caught.value.error_code == "too_many_columns"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("format_name", ["csv", "json", "ndjson"])
def test_t28_two_bytes_a_letter_are_not_read_as_one(lake: Lake, encoding: str, format_name: str) -> None:
    """With or without a mark at its start; the hint says how to read it."""
    text = {"csv": f"a,b\n1,{SECRET}\n", "json": f'[{{"a":"{SECRET}"}}]', "ndjson": f'{{"a":"{SECRET}"}}\n'}[format_name]
    error = refused(lake, "a.txt", format_name, text.encode(encoding))
    assert error.error_code == "encoding"
    assert "'encoding'" in error.hint


# ── T29, T30: Parquet ──


def test_t29_damaged_parquet_is_rows_or_a_clean_error(lake: Lake) -> None:
    """Cut off, with a footer of two gigabytes, or with a byte turned anywhere: never a crash and never a cell in a text."""
    lake.root.mkdir(parents=True)
    file = lake.root / "a.parquet"
    pl.DataFrame({"a": [f"{SECRET}{n}" for n in range(1000)], "b": range(1000)}).write_parquet(file)
    whole, chance = file.read_bytes(), random.Random(29)
    damaged = [whole[: len(whole) // 3], whole[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1", whole[:-4], b"PAR1PAR1", b"PAR1"]
    for _ in range(25):
        place = chance.randrange(len(whole))
        damaged.append(whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :])
    # A turned byte in the footer, where every length and every offset stands.
    for _ in range(25):
        place = chance.randrange(len(whole) - 600, len(whole))
        damaged.append(whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :])
    said = []
    for content in damaged:
        file.write_bytes(content)
        try:
            lake.scan("a.parquet", "parquet")
        except OdibiError as error:
            said.append(error)
    assert {error.error_code for error in said} <= {"unreadable_rows", "unreadable_data", "engine_panic", "archive", "too_many_columns"}
    assert SECRET not in "".join(f"{error}{error.hint}" for error in said)
    assert len(said) >= 6


def test_t30_a_parquet_file_of_absurdly_many_rows_is_refused_by_its_footer(lake: Lake) -> None:
    """The number of rows is looked at before one is read."""
    lake.root.mkdir(parents=True)
    pl.select(pl.repeat(1, 150_000_000, dtype=pl.Int64).alias("a")).write_parquet(lake.root / "a.parquet")
    assert (lake.root / "a.parquet").stat().st_size < 1_200_000
    with pytest.raises(DataError) as caught:
        lake.engine.scan(lake.source("a.parquet", "parquet"))
    assert caught.value.error_code == "archive"


# ── T31: JSON ──


@pytest.mark.parametrize(
    ("format_name", "content"),
    [
        ("json", "[" * 100_000 + "]" * 100_000),
        ("json", '{"a":' * 100_000 + "1" + "}" * 100_000),
        ("ndjson", '{"a":' * 100_000 + "1" + "}" * 100_000 + "\n"),
        ("json", '[{"a":NaN}]'),
        ("ndjson", '{"a":Infinity}\n'),
        ("json", '[{"a":1e999}]'),
        ("json", f'[{{"a":{"9" * 5000}}}]'),
        ("json", f'[{{"a":"{SECRET}'),
        ("ndjson", f'{{"a":"{SECRET}"\n'),
    ],
    ids=["deep list", "deep object", "deep line", "NaN", "Infinity", "1e999", "5000 digits", "cut off", "cut off line"],
)
def test_t31_json_that_is_none_is_refused(lake: Lake, format_name: str, content: str) -> None:
    """However deep: it takes no stack of ours."""
    assert refused(lake, "a.json", format_name, content.encode()).error_code == "unreadable_rows"


@pytest.mark.parametrize(("format_name", "content"), [("json", '[{"a":1,"a":2}]'), ("ndjson", '{"a":1,"a":2}\n')])
def test_t31_of_a_key_that_stands_twice_one_value_counts(lake: Lake, format_name: str, content: str) -> None:
    """As RFC 8259, section 4, leaves it to the reader; it is one column all the same."""
    lake.file("a.json", content)
    found = lake.scan("a.json", format_name)
    assert (found.columns, found.height) == (["a"], 1)


# ── T32: Delta ──

DAMAGES = {
    "data file cut off": (".parquet", lambda content: content[: len(content) // 2]),
    "data file of zeros": (".parquet", lambda content: bytes(len(content))),
    "data file with a wrong middle": (".parquet", lambda content: content[:4] + b"\xff" * 60 + content[64:]),
    "log cut off": ("0.json", lambda content: content[: len(content) // 2]),
    "log of zeros": ("0.json", lambda content: bytes(len(content))),
    "log that is no JSON": ("0.json", lambda _: b"{{{{"),
    "log that is empty": ("0.json", lambda _: b""),
    "log of another shape": ("0.json", lambda _: b'{"metaData":{"schemaString":"[]","partitionColumns":7}}\n'),
    "schema that is no JSON": ("0.json", lambda content: content.replace(b'"schemaString":"{', b'"schemaString":"{{{')),
    "protocol of the future": ("0.json", lambda content: content.replace(b'"minReaderVersion":1', b'"minReaderVersion":99')),
}


@pytest.mark.parametrize(("ending", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_t32_a_damaged_table_fails_its_node_and_not_the_process(tmp_path: Path, ending: str, damage: Any) -> None:
    """The library panics on some of them, with an exception that is none: the node ends with a code, and the next run works."""
    world = World(tmp_path, HEAD + TABLES)
    pl.DataFrame({"i": [1], "t": [SECRET]}).write_delta(str(tmp_path / "lake" / "source"))
    pl.DataFrame({"i": [2], "t": ["x"]}).write_delta(str(tmp_path / "lake" / "other"))
    file = next(file for file in (tmp_path / "lake" / "source").rglob("*") if file.name.endswith(ending))
    file.write_bytes(damage(file.read_bytes()))
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    outcomes = host.app.coordinator.journal.outcomes(final.run_id, ["bad", "good"])
    assert isinstance(outcomes["bad"], NodeFinished)
    error = outcomes["bad"].result.error
    assert error is not None
    assert error.code != "internal"
    assert SECRET not in f"{error}"
    assert final.status == "failed"
    assert world.rows("good") == [2]


TABLES = """\
pipelines:
  - pipeline: p
    nodes:
      - name: bad
        read: { connection: lake, format: delta, path: source }
        write: { connection: lake, format: delta, path: bad }
      - name: good
        read: { connection: lake, format: delta, path: other }
        write: { connection: lake, format: delta, path: good }
"""


# ── T33: workbooks, archives, Avro ──


def cell(row: int, column: int, text: str) -> str:
    letters, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return f'<c r="{letters}{row}" t="inlineStr"><is><t>{text}</t></is></c>'


def sheet(cells: str, *, before: str = "", dimension: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<worksheet {SPREADSHEET}>{dimension}<sheetData><row r="1">{cells}</row></sheetData></worksheet>'


def workbook(parts: Iterable[str | bytes], *, more: dict[str, str] | None = None, target: str = "worksheets/sheet1.xml") -> bytes:
    """An .xlsx file with one sheet, whose XML is given in parts."""
    whole = io.BytesIO()
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    texts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {SPREADSHEET} xmlns:r="{RELATIONS}">'
        '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="{target}"/></Relationships>',
        **(more or {}),
    }
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in texts.items():
            book.writestr(name, text)
        with book.open("xl/worksheets/sheet1.xml", "w") as out:
            for part in parts:
                out.write(part.encode() if isinstance(part, str) else part)
    return whole.getvalue()


TWO = cell(1, 0, "h") + '</row><row r="2">' + cell(2, 0, "v")


@pytest.mark.parametrize("kind", ["zip", "7z", "tar of zip"])
def test_t33_an_archive_is_not_read_as_a_table(lake: Lake, kind: str) -> None:
    """With or without members that climb out of it: nothing is unpacked."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("../../../owned.csv", f"a\n{SECRET}\n")
    content = {"zip": whole.getvalue(), "7z": b"7z\xbc\xaf\x27\x1c" + SECRET.encode(), "tar of zip": gzip.compress(whole.getvalue())}[kind]
    assert refused(lake, "a.csv", "csv", content).error_code == "archive"
    assert not list(lake.root.parent.rglob("owned*"))


def test_t33_members_of_a_workbook_that_climb_out_are_never_written(lake: Lake) -> None:
    """The workbook is read where it lies; only its sheets are looked at."""
    lake.file("a.xlsx", workbook([sheet(TWO)], more={"../../../../owned.txt": "x", "/tmp/owned.txt": "x"}))
    assert lake.scan("a.xlsx", "excel").rows() == [("v",)]
    assert not list(lake.root.parent.rglob("owned*"))
    assert not Path("/tmp/owned.txt").exists()


def test_t33_a_workbook_that_unpacks_to_an_absurd_size_is_refused(lake: Lake) -> None:
    """Before the library, which would take six times that."""
    parts = [
        sheet(TWO).partition("<c ")[0],
        '<c r="A1" t="inlineStr"><is><t>',
        *["0" * (1 << 20)] * 80,
        "</t></is></c></row></sheetData></worksheet>",
    ]
    error = refused(lake, "a.xlsx", "excel", workbook(parts))
    assert error.error_code == "archive"
    assert "unpacks to more than 67108864 bytes" in error.message


def test_t33_a_workbook_that_lies_about_its_size_is_refused_too(lake: Lake) -> None:
    """The sizes in its directory say a kilobyte."""
    content = bytearray(workbook([sheet(TWO), *["<!--" + "0" * (1 << 20) + "-->"] * 80]))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = content.find(signature)
        while place >= 0:
            struct.pack_into("<I", content, place + offset, min(1000, struct.unpack_from("<I", content, place + offset)[0]))
            place = content.find(signature, place + 4)
    assert refused(lake, "a.xlsx", "excel", bytes(content)).error_code == "archive"


@pytest.mark.parametrize(
    "cells",
    [
        TWO + '</row><row r="1048576">' + '<c r="XFD1048576"><v>1</v></c>',
        TWO + '</row><row r="4294967295">' + '<c r="A4294967295"><v>1</v></c>',
        TWO + '</row><row r="1048576">' + "<c r='ZZ1048576'><v>1</v></c>",
        TWO + '</row><row r="1048576">' + '<c t="n" s="1"\n r = "xfd1048576"><v>1</v></c>',
    ],
)
def test_t33_two_cells_that_lie_far_apart_are_refused(lake: Lake, cells: str) -> None:
    """A kilobyte that makes the library ask for half a terabyte, and the process die."""
    error = refused(lake, "a.xlsx", "excel", workbook([sheet(cells)]))
    assert error.error_code == "archive"
    assert f"the limit is {workbook_checks.MAX_CELLS}" in error.message


def test_t33_what_a_sheet_says_of_its_own_size_does_not_count(lake: Lake) -> None:
    """Its cells do: an ordinary sheet with a wrong dimension is read."""
    lake.file("a.xlsx", workbook([sheet(TWO, dimension='<dimension ref="A1:XFD1048576"/>')]))
    assert lake.scan("a.xlsx", "excel").rows() == [("v",)]


ENTITIES = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>', "&e;"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]>', "&e;"),
        (f"<!DOCTYPE x [{ENTITIES}]>", "&a9;"),
    ],
    ids=["file", "address", "billion laughs"],
)
def test_t33_entities_of_a_sheet_are_not_resolved(lake: Lake, before: str, text: str) -> None:
    """No file is read, no address asked, and nothing grows."""
    error = refused(lake, "a.xlsx", "excel", workbook([sheet(cell(1, 0, "h") + '</row><row r="2">' + cell(2, 0, text), before=before)]))
    assert error.error_code == "unreadable_rows"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "../../../../etc/passwd", "/etc/passwd", "http://127.0.0.1:9/sheet.xml"])
def test_t33_a_sheet_is_a_part_of_its_workbook(lake: Lake, target: str) -> None:
    """Whatever the relation says."""
    assert refused(lake, "a.xlsx", "excel", workbook([sheet(TWO)], target=target)).error_code == "unreadable_rows"


def test_t33_a_sheet_in_two_bytes_a_letter_is_refused(lake: Lake) -> None:
    """Its cells could not be looked at."""
    assert refused(lake, "a.xlsx", "excel", workbook([sheet(TWO).encode("utf-16")])).error_code == "unreadable_rows"


def record(kind: int, data: bytes) -> bytes:
    """A record of an .xlsb sheet."""
    return bytes([kind, len(data)]) + data


def test_t33_the_binary_kind_of_workbook_has_the_same_limit(lake: Lake) -> None:
    """Rows and columns of its records are counted, also where they stand across two chunks."""
    far = record(0, struct.pack("<I", 1_048_575) + b"\0" * 13) + record(2, struct.pack("<I", 16_383) + b"\0" * 8)
    content = workbook([sheet(TWO)], more={"xl/worksheets/sheet2.bin": "".join(map(chr, record(0, b"\0" * 17) * 3 + far))})
    assert refused(lake, "a.xlsb", "excel", content).error_code == "archive"
    area = workbook_checks._Binary()
    for byte in far:
        area.add(bytes([byte]))
    assert area.cells == 1_048_576 * 16_384


AVRO = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "string"}]}


def number(value: int) -> bytes:
    """A number as Avro writes it."""
    value = (value << 1) ^ (value >> 63)
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def avro(rows: int, data: bytes, *, codec: bytes = b"null", size: int | None = None) -> bytes:
    """A file with one block that says what it likes."""
    schema = json.dumps(AVRO).encode()
    entries = number(11) + b"avro.schema" + number(len(schema)) + schema + number(10) + b"avro.codec" + number(len(codec)) + codec
    block = number(rows) + number(len(data) if size is None else size) + data
    return b"Obj\x01" + number(2) + entries + number(0) + b"0" * 16 + block + b"0" * 16


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (avro(1, deflated(number(len(ZEROS)) + ZEROS), codec=b"deflate"), "archive"),
        (avro(1, b"\xff\xff\xff\xff\x0f" + b"x", codec=b"snappy"), "archive"),
        (avro(10**15, number(3) + b"abc"), "unreadable_rows"),
        (avro(-5, number(3) + b"abc"), "unreadable_rows"),
        (avro(1, number(3) + b"abc", size=10**15), "unreadable_rows"),
        (avro(1, number(3) + b"abc", size=-1), "unreadable_rows"),
        (avro(1, number(10**12) + b"abc"), "engine_panic"),
        (b"Obj\x01" + number(10**15), "unreadable_rows"),
        (b"Obj\x01" + b"\xff" * 30, "unreadable_rows"),
    ],
    ids=["deflate", "snappy", "rows", "negative rows", "size", "negative size", "text", "header", "number without end"],
)
def test_t33_a_block_of_avro_is_not_believed(lake: Lake, content: bytes, code: str) -> None:
    """What it says about rows and sizes is compared with its bytes before the library allocates for it."""
    assert refused(lake, "a.avro", "avro", content).error_code == code


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_t33_ordinary_avro_is_read(lake: Lake, codec: str) -> None:
    """In several blocks."""
    whole = io.BytesIO()
    fastavro.writer(whole, AVRO, [{"a": f"text {n}"} for n in range(5000)], codec=codec, sync_interval=1000)
    lake.file("a.avro", whole.getvalue())
    assert lake.scan("a.avro", "avro").height == 5000
    assert avro_checks._SYNC == 16
