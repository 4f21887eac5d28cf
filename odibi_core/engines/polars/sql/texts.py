"""Functions of text."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, text, whole
from odibi_core.engines.polars.sql.library import Arguments, function, literal, simple
from odibi_core.engines.polars.sql.numbers import choice
from odibi_core.engines.polars.sql.operators import comparison, constant
from odibi_core.engines.polars.sql.typed import BIGINT, BOOLEAN, INT, TEXT, Typed, common, typed
from odibi_core.sql import regex

_STRINGS = pl.List(pl.String())

simple("upper", TEXT, text, lambda value: value.str.to_uppercase())
simple("lower", TEXT, text, lambda value: value.str.to_lowercase())
simple("startswith", BOOLEAN, text, lambda value, part: value.str.starts_with(part))
simple("endswith", BOOLEAN, text, lambda value, part: value.str.ends_with(part))
simple("contains", BOOLEAN, text, lambda value, part: value.str.contains(part, literal=True))
simple("octet_length", INT, text, lambda value: value.str.len_bytes().cast(pl.Int32))
simple("bit_length", INT, text, lambda value: value.str.len_bytes().cast(pl.Int32) * 8)


def _initcap(value: pl.Expr) -> pl.Expr:
    """The first letter after each space; others are small."""
    words = value.str.to_lowercase().str.split(" ")
    each = pl.element().str.slice(0, 1).str.to_uppercase() + pl.element().str.slice(1)
    return words.list.eval(each).list.join(" ")


def _found(value: pl.Expr, part: pl.Expr) -> pl.Expr:
    """Where a text is in another, counted in characters from 1, or 0."""
    head = value.str.find(part, literal=True)  # in bytes
    characters = value.cast(pl.Binary).bin.slice(0, head).cast(pl.String).str.len_chars().cast(pl.Int32) + 1
    inside = value.str.contains(part, literal=True)
    return pl.when(inside).then(characters).when(inside.is_not_null()).then(pl.lit(0, dtype=pl.Int32))


simple("initcap", TEXT, text, _initcap)
simple("instr", INT, text, _found)


@function("locate")
def _locate(args: Arguments) -> Typed:
    start = max(1, int(literal(args, 3, "1"))) - 1
    value = text(args[1]).str.slice(start) if start else text(args[1])
    place = _found(value, text(args[0]))
    return typed(pl.when(place > 0).then(place + start).otherwise(place), INT)


@function("length")
def _length(args: Arguments) -> Typed:
    if isinstance(args[0].dtype, pl.List):
        return typed(args[0].expr.list.len().cast(pl.Int32), INT)
    return typed(text(args[0]).str.len_chars().cast(pl.Int32), INT)


@function("reverse")
def _reverse(args: Arguments) -> Typed:
    if isinstance(args[0].dtype, pl.List):
        return args[0].but(args[0].expr.list.reverse())
    return typed(text(args[0]).str.reverse(), TEXT)


def _trim(strip: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[[Arguments], Typed]:
    """Spaces only, where Polars takes every white space."""
    return lambda args: typed(strip(text(args[0]), text(args[1]) if len(args) > 1 else pl.lit(" ")), TEXT)


function("trim", "btrim")(_trim(lambda value, signs: value.str.strip_chars(signs)))
function("ltrim")(_trim(lambda value, signs: value.str.strip_chars_start(signs)))
function("rtrim")(_trim(lambda value, signs: value.str.strip_chars_end(signs)))


def _padded(args: Arguments, *, left: bool) -> Typed:
    value, length = text(args[0]), whole(args[1])
    fill = text(args[2]) if len(args) > 2 else pl.lit(" ")
    missing = (length - value.str.len_chars().cast(pl.Int64)).clip(0, None)
    widths = fill.str.len_chars().cast(pl.Int64)
    repeated = _repeated(fill, pl.when(widths > 0).then((missing + widths - 1) // widths).otherwise(0)).str.slice(0, missing)
    cut = value.str.slice(0, length.clip(0, None))
    return typed(repeated + cut if left else cut + repeated, TEXT)


def _repeated(value: pl.Expr, count: pl.Expr) -> pl.Expr:
    return pl.when(value.is_not_null()).then(value.repeat_by(count.clip(0, None).cast(pl.UInt32)).list.join(""))


function("lpad")(lambda args: _padded(args, left=True))
function("rpad")(lambda args: _padded(args, left=False))
function("repeat")(lambda args: typed(_repeated(text(args[0]), whole(args[1])), TEXT))
function("space")(lambda args: typed(_repeated(pl.lit(" "), whole(args[0])), TEXT))


@function("left")
def _left(args: Arguments) -> Typed:
    return typed(text(args[0]).str.slice(0, whole(args[1]).clip(0, None)), TEXT)


@function("right")
def _right(args: Arguments) -> Typed:
    value, count = text(args[0]), whole(args[1]).clip(0, None)
    start = (value.str.len_chars().cast(pl.Int64) - count).clip(0, None)
    return typed(value.str.slice(start), TEXT)


@function("substring")
def _substring(args: Arguments) -> Typed:
    """From 1; 0 is 1; a negative start counts from the end, and what lies before the text is cut off."""
    value, start = text(args[0]), whole(args[1])
    size = value.str.len_chars().cast(pl.Int64)
    first = pl.when(start > 0).then(start - 1).when(start < 0).then(size + start).otherwise(0)
    if len(args) == 2:
        return typed(value.str.slice(first.clip(0, None)), TEXT)
    last = (first + whole(args[2])).clip(0, None)
    begin = first.clip(0, None)
    return typed(value.str.slice(begin, (last - begin).clip(0, None)), TEXT)


@function("substring_index")
def _substring_index(args: Arguments) -> Typed:
    separator, count = literal(args, 2), int(literal(args, 3))
    pieces = text(args[0]).str.split(separator)
    kept = pieces.list.head(count) if count > 0 else pieces.list.tail(-count)
    return typed(kept.list.join(separator), TEXT)


@function("replace")
def _replace(args: Arguments) -> Typed:
    new = text(args[2]) if len(args) > 2 else pl.lit("")
    value, sought = text(args[0]), text(args[1])
    if args[1].literal is not None:
        return typed(value.str.split(args[1].literal).list.join(new), TEXT)
    made = pl.struct(value.alias("v"), sought.alias("s"), new.alias("n")).map_elements(
        lambda row: None if None in row.values() else row["v"].replace(row["s"], row["n"]) if row["s"] else row["v"], return_dtype=pl.String
    )
    return typed(made, TEXT)


@function("translate")
def _translate(args: Arguments) -> Typed:
    source, target = literal(args, 2), literal(args, 3)
    made = text(args[0])
    table: dict[str, str] = {}
    for place, sign in enumerate(source):
        table.setdefault(sign, target[place] if place < len(target) else "")
    return typed(made.str.replace_many(list(table), list(table.values())) if table else made, TEXT)


@function("concat")
def _concat(args: Arguments) -> Typed:
    if any(isinstance(arg.dtype, pl.List) for arg in args):
        return concat_lists(args)
    return typed(pl.concat_str([text(arg) for arg in args], ignore_nulls=False), TEXT)


@function("concat_lists")
def concat_lists(args: Arguments) -> Typed:
    """Lists behind each other; NULL if one is NULL."""
    shared = common(args)
    parts = [cast(arg, shared.dtype).expr for arg in args]
    any_null = pl.any_horizontal([part.is_null() for part in parts])
    return typed(pl.when(~any_null).then(pl.concat_list(parts)), shared.dtype)


@function("concat_ws")
def _concat_ws(args: Arguments) -> Typed:
    separator = literal(args, 1)
    parts = [arg.expr.list.join(separator) if isinstance(arg.dtype, pl.List) else text(arg) for arg in args[1:]]
    return typed(pl.concat_str(parts, separator=separator, ignore_nulls=True) if parts else pl.lit(""), TEXT)


@function("split")
def _split(args: Arguments) -> Typed:
    """By a regular expression; with a limit, at most so many pieces."""
    pattern, limit = literal(args, 2), int(literal(args, 3, "-1"))
    value = text(args[0])
    mark = "\ue001"
    plain = not regex.translated(pattern).strip("\\") or pattern.isalnum() or pattern in (",", ";", " ", "-", "_", "/", ":", "#", "@")
    if limit > 0:
        marked = value.str.replace(regex.translated(pattern), mark, n=limit - 1) if limit > 1 else value
        return typed(marked.str.split(mark), _STRINGS)
    if plain:
        return typed(value.str.split(pattern), _STRINGS)
    return typed(value.str.replace_all(regex.translated(pattern), mark).str.split(mark), _STRINGS)


function("split_text")(lambda args: typed(text(args[0]).str.split(text(args[1])), _STRINGS))


@function("split_part")
def _split_part(args: Arguments) -> Typed:
    separator, place = literal(args, 2), int(literal(args, 3))
    pieces = text(args[0]).str.split(separator) if separator else pl.concat_list(text(args[0]))
    piece = pieces.list.get(place - 1 if place > 0 else place, null_on_oob=True)
    return typed(pl.when(text(args[0]).is_not_null()).then(piece.fill_null("")), TEXT)


@function("regexp_extract")
def _regexp_extract(args: Arguments) -> Typed:
    """The group of the first match, or an empty text."""
    found = text(args[0]).str.extract(regex.translated(literal(args, 2)), int(literal(args, 3, "1")))
    return typed(pl.when(text(args[0]).is_not_null()).then(found.fill_null("")), TEXT)


@function("regexp_extract_all")
def _regexp_extract_all(args: Arguments) -> Typed:
    pattern, group = regex.translated(literal(args, 2)), int(literal(args, 3, "1"))
    whole_matches = text(args[0]).str.extract_all(pattern)
    each = whole_matches if group == 0 else whole_matches.list.eval(pl.element().str.extract(pattern, group))
    return typed(each, _STRINGS)


@function("regexp_replace")
def _regexp_replace(args: Arguments) -> Typed:
    return typed(text(args[0]).str.replace_all(regex.translated(literal(args, 2)), regex.replacement(literal(args, 3))), TEXT)


@function("regexp_replace_first")
def _regexp_replace_first(args: Arguments) -> Typed:
    return typed(text(args[0]).str.replace(regex.translated(literal(args, 2)), regex.replacement(literal(args, 3))), TEXT)


@function("regexp_like")
def _regexp_like(args: Arguments) -> Typed:
    return typed(text(args[0]).str.contains(regex.translated(literal(args, 2))), BOOLEAN)


@function("regexp_full")
def _regexp_full(args: Arguments) -> Typed:
    return typed(text(args[0]).str.contains(f"^(?:{regex.translated(literal(args, 2))})$"), BOOLEAN)


@function("regexp_count")
def _regexp_count(args: Arguments) -> Typed:
    return typed(text(args[0]).str.count_matches(regex.translated(literal(args, 2))).cast(pl.Int32), INT)


@function("like")
def _like(args: Arguments) -> Typed:
    return typed(text(args[0]).str.contains(regex.like(literal(args, 2), literal(args, 3, "\\"))), BOOLEAN)


@function("ilike")
def _ilike(args: Arguments) -> Typed:
    return typed(text(args[0]).str.contains("(?i)" + regex.like(literal(args, 2), literal(args, 3, "\\"))), BOOLEAN)


@function("ascii")
def _ascii(args: Arguments) -> Typed:
    return typed(text(args[0]).map_elements(lambda value: ord(value[0]) if value else 0, return_dtype=pl.Int32), INT)


@function("chr")
def _chr(args: Arguments) -> Typed:
    return typed(whole(args[0]).map_elements(lambda code: "" if code < 0 else chr(code % 256), return_dtype=pl.String), TEXT)


def _digest(algorithm: str) -> Callable[[pl.Series], pl.Series]:
    def digested(series: pl.Series) -> pl.Series:
        return pl.Series(
            series.name,
            [None if value is None else hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest() for value in series],
            dtype=pl.String,
        )

    return digested


def _digested(value: Typed, algorithm: str) -> Typed:
    return typed(text(value).map_batches(_digest(algorithm), return_dtype=pl.String, is_elementwise=True), TEXT)


function("md5")(lambda args: _digested(args[0], "md5"))
function("sha1")(lambda args: _digested(args[0], "sha1"))


@function("sha2")
def _sha2(args: Arguments) -> Typed:
    bits = literal(args, 2)
    if bits not in ("0", "224", "256", "384", "512"):
        return typed(pl.lit(None, dtype=pl.String), TEXT)
    return _digested(args[0], f"sha{'256' if bits == '0' else bits}")


@function("crc32")
def _crc32(args: Arguments) -> Typed:
    return typed(text(args[0]).map_elements(lambda value: zlib.crc32(value.encode()), return_dtype=pl.Int64), BIGINT)


@function("base64")
def _base64(args: Arguments) -> Typed:
    return typed(text(args[0]).map_elements(lambda value: base64.b64encode(value.encode()).decode(), return_dtype=pl.String), TEXT)


@function("unbase64")
def _unbase64(args: Arguments) -> Typed:
    return typed(text(args[0]).str.decode("base64"), pl.Binary())


@function("get_json_object")
def _get_json_object(args: Arguments) -> Typed:
    return typed(text(args[0]).str.json_path_match(text(args[1])), TEXT)


@function("elt")
def _elt(args: Arguments) -> Typed:
    return choice([(comparison("eq", args[0], constant(place)), value) for place, value in enumerate(args[1:], 1)], constant(None))


@function("levenshtein")
def _levenshtein(args: Arguments) -> Typed:
    pair = pl.struct(text(args[0]).alias("a"), text(args[1]).alias("b"))
    return typed(pair.map_elements(lambda row: _distance(row["a"], row["b"]), return_dtype=pl.Int32), INT)


def _distance(left: str | None, right: str | None) -> int | None:
    """
    Edits between two texts.

    Source: Wagner and Fischer, "The String-to-String Correction Problem", 1974.
    """
    if left is None or right is None:
        return None
    before = list(range(len(right) + 1))
    for row, sign in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            current.append(min(before[column] + 1, current[-1] + 1, before[column - 1] + (sign != other)))
        before = current
    return before[-1]
