"""
Keep secrets out of every text that leaves the process.

Two passes, each one compiled expression, in time linear in the text: first the values that were registered, in every spelling in
which they travel, then texts that look like a credential by what stands around them.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import itertools
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import quote, quote_plus

REDACTED = "[REDACTED]"
SENSITIVE_SAMPLE = "[REDACTED: Sensitive Data]"
MIN_LENGTH = 6  # a shorter value would be found inside ordinary words

# Names that other processes look things up by, and words of the protocol: a run must not stop because a node is named like a variable.
KEPT_FIELDS = frozenset({"kind", "run_id", "pipeline", "node", "name", "upstream", "blocked_by", "connection", "etag", "output"})
_HARMLESS = frozenset({"", "true", "false", "yes", "no", "on", "off", "null", "none", "dev", "test", "stage", "prod", "local"})
_MAX_DEPTH = 64

T = TypeVar("T")

# Each part begins after its first character, and its only group is the value. Quantifiers are possessive or bounded: no text is slow.
_STRUCTURES = (
    # AccountKey=…; SharedAccessKey=…; Password={…}; of connection strings. A value with spaces ends at its semicolon.
    r"""(?:ccountKey|haredAccessKey|haredAccessSignature|assword|(?<=p)wd|lientSecret|haredSecret)\s{0,8}=\s{0,8}"""
    r"""(\[REDACTED[^\]\r\n]{0,40}\]|\{[^{}\r\n]{0,4096}\}|"[^"\r\n]{0,4096}"|'[^'\r\n]{0,4096}'|"""
    r"""[^;\s"'<>]++(?:\x20[^;\s"'<>=]++){1,4}(?=;)|[^;\s"'<>]++)"""
    # …?sv=…&sig=… of a shared access signature
    r"""|(?<=s)(?<![\w.-]s)ig=([^&\s"'<>\\]++)"""
    # …?code=… of a function key, and its like
    r"""|(?<=[?&;])(?:code|token|access_token|refresh_token|id_token|client_secret|api_?key|subscription-key)=([^&\s"'<>#\\]++)"""
    # Authorization: Bearer …, also inside JSON
    r"""|uthorization\\{0,4}["']?\s{0,8}[:=]\s{0,8}\\{0,4}["']?"""
    r"""(?:Bearer|Basic|SharedKey(?:Lite)?|SharedAccessSignature|Digest|Negotiate|Token)\s{1,8}([^\s"'\\]++)"""
    r"""|(?<=b)(?<![a-z]b)earer\s{1,8}([a-z0-9._~+/-]{16,}+=*+)"""
    # scheme://user:PASS@
    r"""|(?<=:)//[^\s/:@"'<>]{0,256}:([^\s/"'<>]{1,1024})(?=@)"""
)
_STRUCTURE = re.compile(rf"[AaBbCcPpSs?&;:](?i:{_STRUCTURES})")  # a fixed set of first characters is found fast
_MAY_HAVE_STRUCTURE = ("=", "://", "uthorization", "UTHORIZATION", "earer", "EARER")


class Redactor:
    """Knows the secrets of this process and takes them out of texts and records. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: set[str] = set()
        self._whole: frozenset[str] = frozenset()  # too short to look for inside a text
        self._registered: re.Pattern[str] | None = None
        self._current = True
        self._fields: dict[type, tuple[str, ...]] = {}  # by the type of a model or dataclass

    def register(self, value: str, *, always: bool = False) -> None:
        """
        Take a value out of every text from now on, in every spelling in which it may turn up.

        A value of fewer than six characters is taken out only where it is the whole text; of those, numbers and words like "dev" or
        "true" are let through unless `always` says that the value is a secret.
        """
        for text in {value, value.strip()}:
            if len(text) >= MIN_LENGTH:
                with self._lock:
                    self._spellings.update(spelling for spelling in _spellings(text) if len(spelling) >= MIN_LENGTH)
                    self._current = False
            elif text and (always or not (text.lower() in _HARMLESS or text.isdigit())):
                with self._lock:
                    self._whole |= {text}

    def text(self, value: str) -> str:
        """The text with `[REDACTED]` in the place of every secret; the same object if there is none."""
        if value in self._whole:
            return REDACTED
        registered = self._pattern()
        if registered is not None:
            found, count = registered.subn(REDACTED, value)
            value = found if count else value
        if any(sign in value for sign in _MAY_HAVE_STRUCTURE):
            found, count = _STRUCTURE.subn(_keep, value)
            value = found if count else value
        return value

    def record(self, model: T, *, keep: frozenset[str] = KEPT_FIELDS) -> T:
        """
        A model, dataclass, mapping, list or tuple with every text in it redacted, keys too; the same object if nothing matched.

        Args:
            model: What to redact.
            keep: Fields of models and dataclasses that stay as they are. Fields that can only hold certain words stay anyway.
        """
        redacted: T = self._value(model, keep, 0)
        return redacted

    def _value(self, value: Any, keep: frozenset[str], depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > _MAX_DEPTH:
            return REDACTED
        if isinstance(value, Mapping):
            return self._mapping(value, keep, depth + 1)
        if isinstance(value, list | tuple):
            return self._sequence(value, keep, depth + 1)
        changed = {}
        for name in self._fields_of(type(value)):
            if name not in keep:
                before = getattr(value, name)
                after = self._value(before, keep, depth + 1)
                if after is not before:
                    changed[name] = after
        if not changed:
            return value
        return value.model_copy(update=changed) if hasattr(value, "model_copy") else dataclasses.replace(value, **changed)

    def _mapping(self, value: Mapping[Any, Any], keep: frozenset[str], depth: int) -> Any:
        pairs = [(self._value(key, keep, depth), self._value(item, keep, depth)) for key, item in value.items()]
        same = all(new_key is key and new is item for (new_key, new), (key, item) in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)

    def _sequence(self, value: list[Any] | tuple[Any, ...], keep: frozenset[str], depth: int) -> Any:
        items = [self._value(item, keep, depth) for item in value]
        if all(new is item for new, item in zip(items, value, strict=True)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)

    def _fields_of(self, kind: type) -> tuple[str, ...]:
        names = self._fields.get(kind)
        if names is None:
            names = self._fields[kind] = _text_fields(kind)
        return names

    def _pattern(self) -> re.Pattern[str] | None:
        if not self._current:
            with self._lock:
                if not self._current:
                    self._registered = re.compile(_any_of(sorted(self._spellings)))
                    self._current = True
        return self._registered


class RedactingFilter(logging.Filter):
    """Redacts log records. Put it on the handlers of the root logger: filters of a logger do not see what its children log."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact message, arguments, extra fields, exception and stack of the record, and let it pass."""
        redactor = self._redactor
        if isinstance(record.msg, str):
            record.msg = redactor.text(record.msg)
        record.args = redactor.record(record.args)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = None  # the handler will say that message and arguments do not fit
        if message is not None and (safe := redactor.text(message)) is not message:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[0] is not None:
            # As text only: other handlers would show the exception itself.
            record.exc_text = record.exc_text or "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_info = None
        for name, value in _extras(record):
            record.__dict__[name] = redactor.record(value)
        return True


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """What the caller put into `extra`, and the texts of exception and stack."""
    for name, value in tuple(record.__dict__.items()):
        if name not in _OWN_FIELDS and value is not None:
            yield name, value


_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) - {"exc_text", "stack_info"} | {"message", "asctime", "taskName"}


def _keep(match: re.Match[str]) -> str:
    """A match with its value redacted."""
    start, end = (place - match.start() for place in match.span(match.lastindex or 0))
    return f"{match[0][:start]}{REDACTED}{match[0][end:]}"


def _any_of(texts: Iterable[str]) -> str:
    """
    An expression for the longest of some texts, which are sorted: of two that begin alike no end may be left over.

    Texts with the same beginning share it, so that a place where none begins is left after a character or two.
    """
    branches = []
    for _, group in itertools.groupby(texts, key=lambda text: text[0]):
        alike = list(group)
        shared = _common_start(alike[0], alike[-1])  # in sorted texts the outermost two have the least in common
        longer = [text[len(shared) :] for text in alike if text != shared]
        branches.append(re.escape(shared) + (f"(?:{_any_of(longer)})" if longer else "") + ("?" if longer and shared in alike else ""))
    return "|".join(branches)


def _common_start(one: str, other: str) -> str:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(character for character, _ in pairs)


def _spellings(value: str) -> Iterable[str]:
    """A value as it stands in texts, URLs, JSON, HTML, Python and base64."""
    once = quote(value, safe="")
    encoded = base64.b64encode(value.encode("utf-8", "surrogatepass"))
    url_safe = base64.urlsafe_b64encode(value.encode("utf-8", "surrogatepass"))
    yield from (value, once, _lower_hex(once), quote(value), _lower_hex(quote(value)), quote_plus(value), quote(once, safe=""))
    yield from (encoded.decode(), encoded.decode().rstrip("="), url_safe.decode(), url_safe.decode().rstrip("="))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1], html.escape(value))


def _lower_hex(quoted: str) -> str:
    """%2F → %2f."""
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)


def _text_fields(kind: type) -> tuple[str, ...]:
    """The fields of a model or dataclass that may hold any text: not those with a fixed set of words."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind) if field.init)
    model_fields: Mapping[str, Any] = getattr(kind, "model_fields", {})
    return tuple(name for name, field in model_fields.items() if not _is_fixed(field.annotation))


def _is_fixed(annotation: Any) -> bool:
    """Whether an annotation allows only certain words, or nothing."""
    if get_origin(annotation) is Literal or annotation is type(None):
        return True
    parts = get_args(annotation)
    return bool(parts) and get_origin(annotation) not in {list, tuple, dict} and all(_is_fixed(part) for part in parts)
