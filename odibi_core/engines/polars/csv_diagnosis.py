"""Say what is wrong with a CSV file that could not be read: which file, which column, how many lines. Never what is in them."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable

import polars as pl

from odibi_core.engines.polars.csv_reader import ScannedCsv
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.errors import DataError, OdibiError

_MAX_LINES = 2_000_000  # looked at; a file of more is judged by its beginning
_MAX_CELL = 1 << 20
_HINT = "Correct the file at its source, or its read options; or say in 'archive_options' where such rows go."


def diagnosed(error: OdibiError, scans: Iterable[ScannedCsv]) -> OdibiError:
    """The same error, with the file and counts if one of the scanned files is at fault."""
    if error.error_code not in {"unreadable_rows", "encoding"}:
        return error
    for scan in scans:
        for file in scan.files:
            at = _not_utf8(file)
            if at is not None:
                hint = "Deliver it as UTF-8, or name its 'encoding' in the read options."
                return DataError(f"'{file.name}' (csv) is not UTF-8 at byte {at}", code="encoding", hint=hint)
            found = _broken_lines(file, scan) or _wrong_values(file, scan)
            if found:
                return DataError(f"'{file.name}' (csv): {found}", code="unreadable_rows", hint=_HINT)
    return error


def _not_utf8(file: LocalFile) -> int | None:
    """Where the file stops being UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    read = 0
    with file.path.open("rb") as source:
        while True:
            chunk = source.read(1 << 20)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return read - pending + error.start
            if not chunk:
                return None
            read += len(chunk)


def _broken_lines(file: LocalFile, scan: ScannedCsv) -> str | None:
    """Lines with more cells than the header, and quotes that do not close."""
    options = scan.options.polars
    quote = options.get("quote_char", '"')
    width = 0
    wrong, first, number = 0, 0, 0
    limit = csv.field_size_limit(_MAX_CELL)
    try:
        with file.path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            rows = csv.reader(
                text,
                delimiter=options.get("separator", ","),
                quotechar=quote,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
                strict=True,
            )
            for number, row in enumerate(rows, start=1):
                if number <= options.get("skip_rows", 0) or number > _MAX_LINES:
                    continue
                width = width or len(row)
                if len(row) > width:
                    wrong += 1
                    first = first or rows.line_num
    except (csv.Error, TypeError):
        return f"a quoted cell does not end properly, at or after row {number + 1}"
    finally:
        csv.field_size_limit(limit)
    return f"{wrong} of {number} lines have more than the {width} cells of the first, line {first} is one" if wrong else None


def _wrong_values(file: LocalFile, scan: ScannedCsv) -> str | None:
    """The first column with values that are not of its type, counted by reading it as text."""
    try:
        texts = pl.scan_csv(file.path, glob=False, **{**scan.options.polars, "infer_schema": False, "truncate_ragged_lines": True})
        for name, dtype in scan.schema.items():
            if dtype == pl.String() or name not in texts.collect_schema():
                continue
            text = pl.col(name)
            bad = text.is_not_null() & (text.str.len_chars() > 0) & text.cast(dtype, strict=False).is_null()
            counted = texts.select(bad.sum().alias("bad"), pl.len().alias("all")).collect()
            wrong, total = counted.row(0)
            if wrong:
                return f"{wrong} of {total} values of column '{name}' are not {dtype}"
    except (pl.exceptions.PolarsError, OSError):
        return None
    return None
