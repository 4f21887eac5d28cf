"""
Take the secrets out of texts and records.

Three things are looked for in the text as it is, and every place that one of them names is replaced: the values that this process
knows, what looks like a secret by its form, and what a key says is one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar, get_args, get_origin

from odibi_core.redaction import detection
from odibi_core.redaction.harmless import is_secret_value
from odibi_core.redaction.registry import Registry

REDACTED = "[REDACTED]"
SENSITIVE_SAMPLE = "[REDACTED: Sensitive Data]"
WITHHELD = "[REDACTED: withheld, because the check of the redaction failed]"

# Names that other processes look things up by, and words of the protocol: a run must not stop because a node is named like a variable.
KEPT_FIELDS = frozenset({"kind", "run_id", "pipeline", "node", "name", "upstream", "blocked_by", "connection", "etag", "output"})
_MAX_DEPTH = 64
_LONGEST_REMEMBERED, _MOST_REMEMBERED = 200, 10_000  # characters of a text, and texts

T = TypeVar("T")


class Redactor:
    """Knows the secrets of this process and takes them out of texts and records. Safe to share between threads."""

    def __init__(self, *, tested: bool = False) -> None:
        self._registry = Registry()
        self._fields: dict[type, tuple[str, ...]] = {}  # by the type of a model or dataclass
        self._clean: set[str] = set()  # short texts without a secret: the same names and words pass every border of a run
        self._tested = tested  # the self-test uses one that needs no test

    def register(self, value: str, *, always: bool = False) -> None:
        """
        Take a value out of every text from now on, in every spelling in which it may turn up, and the secrets inside it.

        A value of fewer than six characters, or a word that everybody uses ("password", "production"), is taken out only where it is
        the whole text, and where a key says that it is a secret; of those, numbers and words like "dev" or "true" are let through
        unless `always` says that the value is a secret.
        """
        self._registry.add(value, always=always)
        self._clean = set()  # another one: who looks through a text at this moment remembers it in the old one

    def text(self, value: str) -> str:
        """
        The text with `[REDACTED]` in the place of every secret; the same object if there is none.

        A redactor that fails its self-test, or at a text, returns a fixed sentence instead: better no text than a secret.
        """
        if not value:
            return value
        clean = self._clean
        if value in clean:
            return value
        if value in self._registry.whole:
            return REDACTED
        try:
            if not (self._tested or _is_sound()):
                return WITHHELD
            found = _replaced(value, self._spans(value))
        except (ArithmeticError, LookupError, MemoryError, RecursionError, ValueError, TypeError):
            return WITHHELD  # fails closed: what could not be looked through is not let out
        if found is value and len(value) <= _LONGEST_REMEMBERED and len(clean) < _MOST_REMEMBERED:
            clean.add(value)
        return found

    def record(self, model: T, *, keep: frozenset[str] = KEPT_FIELDS) -> T:
        """
        Models, dataclasses, mappings, sequences, sets, bytes and exceptions with every text in them redacted, keys too.

        The value of a key that names a secret goes as a whole. What holds no secret is the same object.

        Args:
            model: What to redact.
            keep: Fields of models and dataclasses that stay as they are. Fields that can only hold certain words stay anyway.
        """
        redacted: T = self._value(model, keep, 0)
        return redacted

    def exception(self, error: BaseException) -> str:
        """The traceback with cause, context, notes and groups, as a redacted text without a line break at its end."""
        import traceback

        return self.text("".join(traceback.format_exception(error)).rstrip("\n"))

    def traceback(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
        """The same of what `sys.exc_info` returns."""
        import traceback

        return self.text("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))

    def _spans(self, value: str) -> Iterator[tuple[int, int]]:
        yield from self._registry.find(value)
        yield from detection.find(value, self._registry.whole)

    def _value(self, value: Any, keep: frozenset[str], depth: int) -> Any:
        if isinstance(value, str):
            return self._text_of(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > _MAX_DEPTH:
            return REDACTED
        if isinstance(value, Mapping):
            return self._mapping(value, keep, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, keep, depth + 1)
        if isinstance(value, bytes | bytearray):
            return self._bytes(value)
        if isinstance(value, BaseException):
            from odibi_core.redaction.exceptions import without_secrets

            return without_secrets(value, self.text, self.record)
        return self._model(value, keep, depth + 1)

    def _text_of(self, value: str) -> str:
        found = self.text(value)
        # An enumeration's member stays what it is if nothing was found.
        return value if found is value or found == value else found

    def _bytes(self, value: bytes | bytearray) -> Any:
        text = value.decode("utf-8", "surrogateescape")
        found = self.text(text)
        return value if found is text else type(value)(found.encode("utf-8", "surrogateescape"))

    def _model(self, value: Any, keep: frozenset[str], depth: int) -> Any:
        changed = {}
        for name in self._fields_of(type(value)):
            if name not in keep:
                before = getattr(value, name)
                after = self._named(name, before, keep, depth)
                if after is not before:
                    changed[name] = after
        if not changed:
            return value
        return value.model_copy(update=changed) if hasattr(value, "model_copy") else dataclasses.replace(value, **changed)

    def _named(self, name: Any, value: Any, keep: frozenset[str], depth: int) -> Any:
        """The value of a key; what the key says counts."""
        if isinstance(value, str | bytes | int | float) and isinstance(name, str) and not isinstance(value, bool):
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            if is_secret_value(name, text):
                return REDACTED.encode() if isinstance(value, bytes) else REDACTED
        return self._value(value, keep, depth)

    def _mapping(self, value: Mapping[Any, Any], keep: frozenset[str], depth: int) -> Any:
        pairs = [(self._value(key, keep, depth), self._named(key, item, keep, depth)) for key, item in value.items()]
        same = all(new_key is key and new is item for (new_key, new), (key, item) in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)

    def _sequence(self, value: Any, keep: frozenset[str], depth: int) -> Any:
        before = list(value)
        items = [self._value(item, keep, depth) for item in before]
        if len(items) == 2 and isinstance(before[0], str) and isinstance(before[1], str | bytes) and isinstance(value, tuple):
            items[1] = self._named(before[0], before[1], keep, depth)  # a header, or an item of a mapping
        if all(new is item for new, item in zip(items, before, strict=True)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)

    def _fields_of(self, kind: type) -> tuple[str, ...]:
        names = self._fields.get(kind)
        if names is None:
            names = self._fields[kind] = _text_fields(kind)
        return names


def _is_sound() -> bool:
    from odibi_core.redaction.self_test import is_sound

    return is_sound(_for_the_test)


def _for_the_test() -> Redactor:
    return Redactor(tested=True)


def _replaced(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """The text without what is between the places; of places that overlap nothing is left over."""
    found = sorted(spans)
    if not found:
        return text
    pieces: list[str] = []
    position = 0
    start, end = found[0]
    for further in (*found[1:], (len(text) + 1, len(text) + 1)):
        if further[0] < end:
            end = max(end, further[1])
            continue
        # A mark that is there already stays as it is: redacting twice changes nothing.
        if not _is_mark(text, start, end):
            pieces += (text[position:start], REDACTED)
            position = end
        start, end = further
    return "".join((*pieces, text[position:])) if pieces else text


def _is_mark(text: str, start: int, end: int) -> bool:
    opening = text.rfind("[REDACTED", max(0, start - 40), end)
    return 0 <= opening <= start and text.find("]", opening, end + 1) in {end - 1, end}


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
