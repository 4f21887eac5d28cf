"""
Read YAML safely: plain data only, bounded in size, and every key and value knows its line and column.

Built on the events of PyYAML's parser, so that nothing is constructed before it has been judged. Scalars follow the YAML 1.2
core schema (https://yaml.org/spec/1.2.2/#103-core-schema), except that numbers with leading zeros stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import JsonValue

from odibi_core.config.marks import Mark, MarkedList, MarkedMapping
from odibi_core.config.places import Sources
from odibi_core.errors import ConfigError, Problem

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000  # after aliases are expanded
MAX_ALIASES = 100
MAX_DEPTH = 40
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]{0,39})(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, JsonValue] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_yaml(data: bytes, file: str, sources: Sources) -> MarkedMapping:
    """
    Read one file, whose top must be a mapping. `file` is the name shown in errors.

    Raises:
        ConfigError: If it is not such YAML, too big, or holds tags, duplicate keys or too many aliases.
    """
    text = _decoded(data, file)
    sources.add(file, text)
    reader = _Reader(text, file, sources)
    try:
        return reader.document()
    except yaml.MarkedYAMLError as error:
        raise reader.syntax_error(error) from None
    except yaml.YAMLError as error:
        raise reader.wrong("not valid YAML", Mark(file, 1, 1)) from error


def _decoded(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError(f"'{file}' has {len(data)} bytes, the limit is {MAX_BYTES}", hint="Split it and use 'imports'.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        mark = Mark(file, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        sources = Sources()
        raise problem_error("not valid UTF-8", mark, sources, hint="Save the file as UTF-8.") from None
    found = _CONTROL.search(text)
    if found:
        before_it = text[: found.start()]
        mark = Mark(file, before_it.count("\n") + 1, found.start() - before_it.rfind("\n"))
        raise problem_error(f"control character U+{ord(found[0]):04X} in the YAML", mark, Sources(), hint="Remove it.")
    return text


def problem_error(message: str, mark: Mark, sources: Sources, *, hint: str = "") -> ConfigError:
    """An error with one problem at a mark."""
    return ConfigError.of((Problem(message=message, hint=hint, place=sources.place(mark)),))


class _Reader:
    """Builds the tree of one document from the parser's events."""

    def __init__(self, text: str, file: str, sources: Sources) -> None:
        self.file, self.sources, self.text = file, sources, text
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.anchors: dict[str, tuple[JsonValue, int]] = {}  # value, and how many nodes it expands to
        self.nodes = self.aliases = 0
        self.repeated: list[Problem] = []

    def wrong(self, message: str, mark: Mark, *, hint: str = "") -> ConfigError:
        return problem_error(message, mark, self.sources, hint=hint)

    def syntax_error(self, error: yaml.MarkedYAMLError) -> ConfigError:
        """The parser's error as ours. Its snippet is left out: it may show a secret."""
        at = error.problem_mark or error.context_mark
        mark = Mark(self.file, at.line + 1, at.column + 1) if at else Mark(self.file, 1, 1)
        problem = error.problem or "cannot be read"
        line = self.text.splitlines()[mark.line - 1] if mark.line <= len(self.text.splitlines()) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            tab = Mark(self.file, mark.line, line.index("\t") + 1)
            return self.wrong("tab used for indentation", tab, hint="Indent with spaces.")
        if "undefined alias" in problem:
            return self.wrong("alias without its anchor", mark, hint="Define it with '&name' above, outside of itself.")
        return self.wrong(f"not valid YAML: {problem}", mark, hint="Quote texts that hold ': ', ' #' or begin with a special character.")

    def mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def document(self) -> MarkedMapping:
        """The only document of the stream."""
        next(self.events)
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise self.wrong("the file is empty", Mark(self.file, 1, 1))
        first = next(self.events)
        value, _ = self.value(first, 1)
        if not isinstance(value, MarkedMapping):
            raise self.wrong("expected keys and values at the top of the file", self.mark(first))
        next(self.events)
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise self.wrong("the file holds more than one document", self.mark(following), hint="Remove the '---' between them.")
        if self.repeated:
            raise ConfigError.of(tuple(self.repeated))
        return value

    def value(self, event: Any, depth: int) -> tuple[JsonValue, int]:
        """The value that begins with this event, and how many nodes it expands to."""
        mark = self.mark(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, mark)
        if event.tag is not None:
            raise self.wrong("tags are not allowed", mark, hint="Write plain values: text, numbers, lists and mappings.")
        self.count(1, mark)
        if depth > MAX_DEPTH:
            raise self.wrong(f"nested deeper than {MAX_DEPTH} levels", mark)
        value: JsonValue
        if isinstance(event, yaml.ScalarEvent):
            value, size = self.scalar(event, mark), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            value, size = self.sequence(mark, depth)
        else:
            value, size = self.mapping(mark, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, size)
        return value, size

    def count(self, nodes: int, mark: Mark) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.wrong(f"more than {MAX_NODES} values, aliases expanded", mark)

    def alias(self, event: Any, mark: Mark) -> tuple[JsonValue, int]:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise self.wrong(f"more than {MAX_ALIASES} aliases", mark)
        if event.anchor not in self.anchors:
            raise self.wrong(f"alias '*{event.anchor}' without its anchor", mark, hint="Define it with '&name' above, outside of itself.")
        value, size = self.anchors[event.anchor]
        self.count(size, mark)
        return value, size

    def scalar(self, event: Any, mark: Mark) -> JsonValue:
        text: str = event.value
        if not event.implicit[0] or event.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number not in (float("inf"), float("-inf")):
                return number
        if text.lower().lstrip("+-") in (".inf", ".nan"):
            raise self.wrong("infinity and NaN are not allowed", mark, hint="Leave the bound out, or quote the text.")
        return text

    def sequence(self, mark: Mark, depth: int) -> tuple[JsonValue, int]:
        items, size = MarkedList(mark), 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            value, added = self.value(event, depth + 1)
            items.add(value, self.mark(event))
            size += added
        return items, size

    def mapping(self, mark: Mark, depth: int) -> tuple[JsonValue, int]:
        result, merged, size = MarkedMapping(mark), [], 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key_at = self.mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self.wrong("a key must be a plain text", key_at)
            if event.tag is not None:
                raise self.wrong("tags are not allowed", key_at, hint="Write plain values: text, numbers, lists and mappings.")
            self.count(1, key_at)
            key: str = event.value
            if event.anchor is not None:
                self.anchors[event.anchor] = (key, 1)
            following = next(self.events)
            value, added = self.value(following, depth + 1)
            size += added + 1
            if key == "<<" and not event.style:
                merged.append((value, self.mark(following)))
            elif key in result:
                self.repeat(key, result.keys_at[key], key_at)
            else:
                result.put(key, value, key_at=key_at, value_at=self.mark(following))
        for value, at in merged:
            self.merge(result, value, at)
        return result, size

    def repeat(self, key: str, first: Mark, second: Mark) -> None:
        self.repeated.append(
            Problem(
                message=f"key '{key}' stands twice in one mapping: lines {first.line} and {second.line}",
                hint="Keep one of them.",
                place=self.sources.place(second),
            )
        )

    def merge(self, into: MarkedMapping, value: JsonValue, at: Mark) -> None:
        """`<<`: what is written in the mapping wins, then the first of several."""
        for source in value if isinstance(value, MarkedList) else [value]:
            if not isinstance(source, MarkedMapping):
                raise self.wrong("'<<' needs a mapping or a list of mappings", at)
            for key in source:
                if key not in into:
                    into.take(key, source)
