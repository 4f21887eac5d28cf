"""Translate what pydantic found into problems with a place. No value of the input gets into them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue, ValidationError

from odibi_core.config.marks import Absent, Mark, MarkedMapping, child, locate
from odibi_core.config.places import Sources, near, suggestion
from odibi_core.config.section import NAME_PATTERN, UnknownKey
from odibi_core.errors import Problem

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "none_required": "nothing",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "keys and values",
}


def problems_of(
    error: ValidationError, tree: MarkedMapping, sources: Sources, *, unresolved: Collection[Mark], unknown: Iterable[UnknownKey]
) -> list[Problem]:
    """
    One problem for each place that is wrong.

    What follows from another problem is not reported again: values whose variables are missing stand at the marks in `unresolved`,
    and a key that is missing because it is misspelled is among the `unknown`.
    """
    misspelled = {(found.mapping.mark, near(found.key, found.known)) for found in unknown if isinstance(found.mapping, MarkedMapping)}
    found: dict[tuple[Mark, str], list[tuple[str, str]]] = {}
    for item in error.errors(include_url=False, include_input=False):
        path = tuple(item["loc"])
        kind = str(item["type"])
        context: dict[str, Any] = item.get("ctx") or {}
        at = _mark(tree, path, kind, context)
        if (kind == "missing" and (at, path[-1]) in misspelled) or (kind != "missing" and at in unresolved):
            continue
        value = _value(tree, path)
        if kind == "too_short" and value:
            continue  # its items are wrong, and that is reported
        message, hint = _translated(kind, path, context, value)
        if isinstance(value, str) and "${" in value and kind not in ("missing", "section"):
            message, hint = f"a placeholder that is resolved later cannot stand here: {message}", ""
        found.setdefault((at, path[-1] if kind == "missing" and isinstance(path[-1], str) else ""), []).append((message, hint))
    return [_joined(messages, sources, at) for (at, _), messages in found.items()]


def explained(item: Mapping[str, Any], value: JsonValue) -> tuple[str, str]:
    """Message and hint for one entry of `ValidationError.errors()`; `value` is what was wrong, and is never quoted but for a name."""
    return _translated(str(item["type"]), tuple(item["loc"]), item.get("ctx") or {}, value)


def unknown_key(found: UnknownKey, sources: Sources, default: Mark) -> Problem:
    """The problem of a key that its section does not have."""
    at = found.mapping.keys_at.get(found.key, default) if isinstance(found.mapping, MarkedMapping) else default
    hint = found.hint or suggestion(found.key, found.known, what="Known keys")
    return Problem(message=f"unknown key '{found.key}'", hint=hint, place=sources.place(at))


def _joined(messages: Sequence[tuple[str, str]], sources: Sources, at: Mark) -> Problem:
    """Branches of a union complain about one value: 'expected a number or text'."""
    first, hint = messages[0]
    expected = [message.removeprefix("expected ").partition(", found ")[0] for message, _ in messages if message.startswith("expected ")]
    if len(messages) > 1 and len(expected) == len(messages):
        found = first.partition(", found ")[2]
        first = f"expected {' or '.join(dict.fromkeys(expected))}" + (f", found {found}" if found else "")
    return Problem(message=first, hint=hint, place=sources.place(at))


def _mark(tree: MarkedMapping, path: tuple[int | str, ...], kind: str, context: Mapping[str, Any]) -> Mark:
    if kind == "missing":
        return locate(tree, path[:-1], tree.mark)
    if kind in ("union_tag_invalid", "literal_error") and "discriminator" in context:
        return locate(tree, (*path, str(context["discriminator"]).strip("'")), tree.mark)
    if path[-1:] == ("[key]",):
        return locate(tree, path[:-1], tree.mark, on_key=True)
    return locate(tree, path, tree.mark)


def _value(tree: JsonValue, path: Sequence[int | str]) -> JsonValue:
    here = tree
    for part in path:
        below = child(here, part)
        here = here if isinstance(below, Absent) else below
    return here


def _translated(kind: str, path: tuple[int | str, ...], context: Mapping[str, Any], value: JsonValue) -> tuple[str, str]:
    if kind == "missing":
        return f"key '{path[-1]}' is missing", ""
    if kind == "section":
        return str(context["message"]), str(context.get("hint", ""))
    if kind == "two_spellings":
        return f"'{context['first']}' and '{context['second']}' mean the same", "Keep one of them."
    if kind in _EXPECTED:
        return _wrong_type(kind, value)
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {context[key]}", ""
    if kind in ("literal_error", "union_tag_invalid"):
        return _wrong_choice(str(context.get("expected") or context.get("expected_tags")), value, context)
    if kind == "union_tag_not_found":
        return f"key {context['discriminator']} is missing", ""
    if kind in ("too_short", "string_too_short"):
        return "must not be empty", ""
    if kind in ("too_long", "string_too_long"):
        return f"is longer than {context.get('max_length')}", ""
    if kind == "string_pattern_mismatch":
        return _wrong_shape(str(context["pattern"]), value)
    if kind == "extra_forbidden":
        return f"unknown key '{path[-1]}'", ""
    return "not a valid value", ""


def _wrong_type(kind: str, value: JsonValue) -> tuple[str, str]:
    found = "nothing" if value is None else _KINDS.get(next((known for known in _KINDS if isinstance(value, known)), type(None)), "")
    expected = _EXPECTED[kind]
    hint = "Put it in quotes." if kind == "string_type" and isinstance(value, bool | int | float) else ""
    return f"expected {expected}" + (f", found {found}" if found and found != expected else ""), hint


def _wrong_choice(listed: str, value: JsonValue, context: Mapping[str, Any]) -> tuple[str, str]:
    choices = re.findall(r"'([^']*)'", listed)
    if not choices:  # numbers
        return f"expected {listed}", ""
    discriminator = str(context.get("discriminator", "")).strip("'")
    word = value.get(discriminator) if isinstance(value, dict) else value
    meant = difflib.get_close_matches(word, choices, n=1, cutoff=0.5) if isinstance(word, str) else []
    shown = (
        ", ".join(repr(choice) for choice in choices[:-1]) + (" or " if len(choices) > 1 else "") + (repr(choices[-1]) if choices else "")
    )
    return f"expected {shown}", f"Did you mean '{meant[0]}'?" if meant else ""


def _wrong_shape(pattern: str, value: JsonValue) -> tuple[str, str]:
    if pattern != NAME_PATTERN:
        shapes = {
            "^\\$": "expected a reference like '$pipeline.node'",
            "^[a-z": "expected 'pipeline.node'",
            "^\\s*(>": "expected a comparison like '>100'",
        }
        return next((message for start, message in shapes.items() if pattern.startswith(start)), "not of the expected form"), ""
    fixed = re.sub(r"[^a-zA-Z0-9_]", "_", value).strip("_") if isinstance(value, str) else ""
    fixed = f"_{fixed}" if fixed[:1].isdigit() else fixed
    return "a name has letters, digits and underscores and does not begin with a digit", f"Write '{fixed}'." if fixed else ""
