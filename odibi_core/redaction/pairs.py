"""
Find values by the key before them: `password=…`, `"secret": "…"`, `--token …`, `<ApiKey>…</ApiKey>`, `password is …`.

The key is found by its last word, read backwards from there over a bounded distance, and judged as a whole; so is the value: a
placeholder, a reference in code or a sentence is no secret. Every step looks at a bounded part of the text, so time stays linear.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from odibi_core.redaction.harmless import is_harmless, is_uuid
from odibi_core.redaction.names import names_a_secret

Span = tuple[int, int]
SIGNS = ("pass", "pwd", "secret", "token", "key", "credential", "creds", "salt", "sas", "connection", "connstr", "signature", "kennwort",
         "otp", "jwt", "pat", "psw", "cookie")  # fmt: skip
_LONGEST = 4096

_KEY = (
    r"""[PpSsTtKkCcOoJj](?:(?i:(?<=p)(?:assw(?:ords?|d|ort)|assphrase|asscode|ass|wd|sw|at)|(?<=s)(?:ecrets?|alt|as|ignature)|(?<=t)okens?"""
    r"""|(?<=k)(?:eys?|ennwort)|(?<=c)(?:redentials?|reds|onnection[ _-]?strings?|onn(?:_?str(?:ing)?)|ookie)|(?<=o)tp|(?<=j)wt))"""
    r"""(?P<rest>[A-Za-z0-9_.-]{0,40}+)"""
)
_BETWEEN = (
    # The key is the value of a `name`, or has a mapping, and its own value follows.
    r"""(?:(?P<value>\\{0,4}["']?(?:,?\s{0,20}|[ ]?:[ ]?\{\s{0,20}(?:"type":[ ]?"\w{1,20}",\s{0,20})?)"""
    r"""\\{0,4}["']?(?i:value|default)\\{0,4}["']?[ \t]{0,8}[=:][ \t]{0,8})"""
    # A sign of assignment, with the quotation mark or bracket that closes the key before it; all of them may be escaped.
    r"""|(?P<assign>(?:\\{0,4}["'`]|&quot;|&\#34;|&\#x27;|&\#39;|%22|\]|\*{1,2})?[ \t]{0,40}"""
    r"""(?::[ ]?(?:str|bytes|[Ss]tring|SecretStr|Optional\[str\]|str[ ]\|[ ]None)[ ]?=(?!=)"""
    r"""|:=|=>|->|=(?!=)|%3[AaDd]|:(?!:)(?!//)|\\u003[Dd])[ \t]{0,40})"""
    # A pair in brackets.
    r"""|(?P<pair>["'],[ ]?(?=(?:b?["'])[^"'\r\n]{1,4096}["'][ ]?[\)\]]))"""
    # An element of XML.
    r"""|(?P<tag>(?:["'][^<>\r\n]{0,80})?>(?=[^<>\r\n]{1,4096}</))"""
    # A flag of a command, or a sentence.
    r"""|(?P<said>[ ](?:is|was|to|of|as|value|:|=)[ :]{1,2}|[ \t]{1,8}(?=[^\s=:])))"""
)
_BARE = (
    r"""(?:\$?\$\{[^}\r\n]{0,256}\}|\{\{[^}\r\n]{0,256}\}\}|\$\([^)\r\n]{0,256}\)|[^\s"'`<>,;&|)\]}\\]"""
    r"""|[,;&|)\]}](?![\s"'`,;&|)\]}<]|$|\\[nrt"']|[\w.-]{1,40}[ ]?(?:[=:]|%3[Dd]))"""
    r"""|\\(?![nrt"'\\]|$))"""
    r"""{1,4096}+"""
)


@functools.cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_KEY + _BETWEEN)


@functools.cache
def _bare() -> re.Pattern[str]:
    return re.compile(_BARE)


class _Candidate(NamedTuple):
    """A value that may be a secret, and how it is written: "quoted", after "=" or ":", or "said" in a sentence."""

    start: int
    end: int
    how: str


def find(text: str, known: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Where the values of secret keys stand."""
    position = 0
    pattern = _pattern()
    while (match := pattern.search(text, position)) is not None:
        position = match.start() + 1
        start = _start_of_key(text, match.start())
        word = names_a_secret(text[start : match.end("rest")])
        if word is None:
            position = max(position, match.end("rest"))
            continue
        candidate = _value(text, match, start)
        position = max(position, match.end("rest"))
        if candidate is None:
            continue
        if text[candidate.start : candidate.end] in known or _is_secret(text, candidate, word):
            yield candidate.start, candidate.end
            position = max(position, candidate.end)
        elif candidate.how in {"=", ":"}:
            position = max(position, candidate.end)  # without marks it holds no further pair


def _start_of_key(text: str, position: int) -> int:
    """Where the name that ends here began: letters, digits, `_`, `-`, `.` or one space in `Account Key`."""
    least = max(0, position - 60)
    while position > least and (text[position - 1].isalnum() or text[position - 1] in "_-."):
        position -= 1
    if position > 1 and text[position - 1] == " " and text[position - 2].isalpha():  # "account key", "api key"
        start = position - 1
        while start > max(0, position - 16) and text[start - 1].isalpha():
            start -= 1
        position = start
    # An escaped line break before a name is no part of it: `\npassword=…`.
    if text[position - 1 : position] == "\\" and text[position : position + 1] in "nrt":
        return position + 1
    return position


def _value(text: str, match: re.Match[str], key: int) -> _Candidate | None:
    """What stands behind a key that began at `key`, if its form is one in which values do."""
    kind, start = match.lastgroup, match.end()
    before = text[key - 1 : key]
    if kind == "rest":
        return None
    if kind == "said":
        return _said(text, match, key)
    if kind == "tag":
        return _Candidate(start, text.find("<", start), "quoted") if before in {"<", ":", '"', "'", "/"} else None
    if kind == "pair" and text[key : key + 1] != "-" and not (before in {'"', "'"} and text[key - 2 : key - 1] in {"(", "["}):
        return None  # one of many in a list
    found = _at(text, start)
    if found is None:
        return None
    start, end, quoted = found
    sign = text[match.end("rest") : match.end()]
    return _Candidate(start, end, "quoted" if quoted or kind == "value" else "=" if "=" in sign or "%3" in sign else ":")


def _said(text: str, match: re.Match[str], key: int) -> _Candidate | None:
    """After `--password ` anything, after `password is ` what is quoted or looks made up."""
    start = match.end()
    flag = _is_flag(text, key)
    found = _at(text, start)
    if found is None or (flag and not found[2] and text.startswith("--", start)):
        return None
    start, end, quoted = found
    if flag:
        return _Candidate(start, end, "=")
    if not quoted and text[end - 1] in ".?!:":
        end -= 1
    value = text[start:end]
    verb = match["said"].strip()
    if verb and (quoted or (verb[-1] in ":=" and not value.isalpha())):
        return _Candidate(start, end, "said")
    made_up = (
        len(value) >= 6 and not is_uuid(value) and any(c.isdigit() for c in value) and any(c.isalpha() or c in "!#$%&*@^~+/" for c in value)
    )
    return _Candidate(start, end, "said") if made_up and (quoted or len(value) >= 8 or verb) else None


def _is_flag(text: str, start: int) -> bool:
    """`--db-password`, `-Password`: read back by `_start_of_key`, which takes dashes for parts of the name."""
    if text[start : start + 2].isalpha() and " " in text[start : start + 16]:  # "the --password": the flag is the second word
        start = text.find(" ", start, start + 17) + 1
    return text[start : start + 1] == "-" and text[start - 1 : start] in {"", " ", "\t", "\n", '"', "'", "[", ",", "`", "("}


def _at(text: str, start: int) -> tuple[int, int, bool] | None:
    """The value that begins here, without its quotation marks, and whether it had some."""
    if text[start : start + 2] in {'b"', "b'", 'r"', "r'", 'f"', "f'", 'u"', "u'", '@"'}:
        start += 1
    opening = start
    while opening < len(text) and text[opening] == "\\" and opening - start < 4:
        opening += 1
    mark = text[opening : opening + 1]
    for coded in ("&quot;", "&#34;", "&#x27;", "&#39;", "%22", "%27", "\\u0022", "\\u0027"):
        if text.startswith(coded, start):
            begin = start + len(coded)
            end = text.find(coded, begin, begin + _LONGEST)
            if end < 0:  # cut off
                found = re.compile(r"[^\s<>&%]{1,4096}+").match(text, begin)
                return None if found is None else (begin, found.end(), True)
            return (begin, end, True) if end > begin else None
    if mark in {'"', "'", "`"}:
        return _between_marks(text, start, opening, mark)
    if text[start : start + 1] in {"|", ">"} and re.match(r"[|>][+-]?\s*\n", text[start : start + 40]):
        return _block(text, start)
    if text[start : start + 1] in {"[", "{", "("} and not text.startswith("{{", start):
        return None
    found = _bare().match(text, start)
    return None if found is None else (start, found.end(), False)


def _between_marks(text: str, start: int, opening: int, mark: str) -> tuple[int, int, bool] | None:
    begin = opening + 1
    if text.startswith(mark * 2, begin):  # three of them
        end = text.find(mark * 3, begin + 2, begin + _LONGEST)
        return (begin + 2, end if end > 0 else min(len(text), begin + _LONGEST), True)
    if opening > start:  # escaped marks end at the next ones of the same depth
        end = text.find(text[start:begin], begin, begin + _LONGEST)
        return (begin, end, True) if end > begin else None
    end = begin
    limit = min(len(text), begin + _LONGEST)
    while end < limit and text[end] != mark:
        if text[end] in "\r\n":
            # A value may hold a line break, if its end is near.
            near = text.find(mark, end, end + 256)
            if near < 0:
                break
        end += 2 if text[end] == "\\" and text[end + 1 : end + 2] not in {"", "\n"} else 1
    end = min(end, limit)
    return (begin, end, True) if end > begin else None


def _block(text: str, start: int) -> tuple[int, int, bool] | None:
    """A block of YAML: the lines that are indented as far as its first one."""
    first = text.find("\n", start) + 1
    indent = len(text[first : first + 64]) - len(text[first : first + 64].lstrip(" "))
    if not indent:
        return None
    end = first
    while end < len(text) and end - first < _LONGEST:
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end
        if text[end:line_end].strip() and not text.startswith(" " * indent, end):
            break
        end = min(line_end + 1, len(text))
    end = min(end, first + indent + _LONGEST)
    while end > first and text[end - 1] in "\r\n ":
        end -= 1
    return first + indent, end, True


def _is_secret(text: str, found: _Candidate, word: str) -> bool:
    if not 0 < found.end - found.start <= _LONGEST:
        return False
    return not is_harmless(text[found.start : found.end], word=word, how=found.how, after=text[found.end : found.end + 24])
