"""How a secret travels: every spelling of a value in URLs, JSON, HTML, Python, base64 and hex, and the secrets inside a longer value."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from odibi_core.redaction.names import names_a_secret

LONG_ENOUGH = 8  # a line of a secret, or base64 without its ends, that stands alone
_FIELD = re.compile(r"""(?:^|[;&?\s])([A-Za-z][\w .-]{0,40}?)\s*=\s*(\{[^{}]*\}|"[^"]*"|'[^']*'|[^;&\n]*(?=;)|[^;&\s]*)""")
_LOGIN = re.compile(r"://[^\s/:@]*:([^\s]*)@")
_SIGNATURE = frozenset({"sig", "signature", "code", "key"})


def spellings(value: str) -> set[str]:
    """A value as it may stand in a text. Its base64 is there for each of the three places where it may begin in longer data."""
    found: set[str] = set()
    for text in {value, value.replace("\n", "\r\n"), value.replace("\r\n", "\n")}:
        found.update(_quoted(text))
        found.update(_escaped(text))
        found.update(_encoded(text.encode("utf-8", "surrogatepass")))
    return found


def parts(value: str) -> Iterator[str]:
    """The secrets inside a value: lines, fields of a connection string or a signature, the password of a URL, values in JSON."""
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if len(line) >= LONG_ENOUGH and not line.startswith("-----"))
    if "=" in value:
        for name, given in _FIELD.findall(value):
            if names_a_secret(name) or name.lower() in _SIGNATURE:
                text = given[1:-1] if given[:1] in {"{", '"', "'"} else given
                yield from (text, unquote(text))
    for login in _LOGIN.findall(value):
        yield from (login, unquote(login), unquote_plus(login))
    if value[:1] == "{":
        yield from _in_json(value)


def _in_json(value: str) -> Iterator[str]:
    try:
        waiting: list[tuple[str, object]] = [("", json.loads(value))]
    except (ValueError, RecursionError):
        return
    while waiting:
        name, found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.items())
        elif isinstance(found, str) and names_a_secret(name):
            yield found
            yield from parts(found)


def _quoted(value: str) -> Iterator[str]:
    """As parts of a URL: all escaped or only what must be, spaces as `+`, hex in either case, and escaped twice."""
    try:
        once, path, form = quote(value, safe=""), quote(value), quote_plus(value)
    except UnicodeEncodeError:  # half a character: it cannot stand in a URL
        return
    for text in (once, path, form, quote(value, safe="-_.~!*'()"), quote(value, safe="/?:@!$&'()*+,;=-._~")):
        yield from (text, _lower_hex(text))
    yield from (quote(once, safe=""), _lower_hex(quote(_lower_hex(once), safe="")))


def _escaped(value: str) -> Iterator[str]:
    """As it is, and inside the quotation marks of JSON (once and twice), Python, HTML, SQL, a shell and ODBC."""
    plain = json.dumps(value)[1:-1]
    readable = json.dumps(value, ensure_ascii=False)[1:-1]
    yield from (value, plain, readable, json.dumps(plain)[1:-1], json.dumps(readable)[1:-1], plain.replace("/", "\\/"))
    for text in (plain, readable):  # as JSON is made safe for a page
        safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        yield from (safe, safe.replace("'", "\\u0027"), text.replace("<", "\\u003c"))
    yield from (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode("utf-8", "surrogatepass"))[2:-1])
    yield from (value.replace("\\", "\\\\"), value.replace("'", "\\'"))
    page = html.escape(value)
    yield from (page, html.escape(value, quote=False), page.replace("&#x27;", "&#39;"), page.replace("&#x27;", "&apos;"))
    yield page.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    yield from (value.replace("'", "''"), value.replace("'", "'\"'\"'"), value.replace("'", "'\\''"), value.replace("}", "}}"))


def _encoded(data: bytes) -> Iterator[str]:
    """As hex and base64."""
    yield from (data.hex(), data.hex().upper())
    whole = base64.b64encode(data).decode()
    for text in (whole, whole.rstrip("=")):
        yield from (text, text.replace("+", "-").replace("/", "_"), quote(text, safe=""), _lower_hex(quote(text, safe="")))
    for before in range(3):
        inner = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        # The first characters hold bits of what stands before, the last one may hold bits of what follows.
        sure = inner[(0, 2, 3)[before] : len(inner) - (1 if (before + len(data)) % 3 else 0)]
        if len(sure) >= LONG_ENOUGH:
            yield from (sure, sure.replace("+", "-").replace("/", "_"))


def _lower_hex(quoted: str) -> str:
    """%2F → %2f."""
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
