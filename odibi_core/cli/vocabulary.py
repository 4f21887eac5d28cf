"""What a YAML can name: transforms, patterns, operations and checks, each with its parameters, as people want to read it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from pydantic import BaseModel

    from odibi_core.registry import Registry

KINDS: Mapping[str, str] = {"transformers": "transformer", "patterns": "pattern", "operations": "operation", "checks": "check"}
_SECTION = re.compile(r"^(Shape|Example|Raises|Source|Args|Returns):", re.MULTILINE)


class Parameter(Frozen):
    """One key of `params:`, or of a check."""

    name: str
    type: str
    required: bool
    default: Any = None
    note: str = ""


class Term(Frozen):
    """Something that has a name in the language."""

    kind: str  # a value of KINDS
    name: str
    summary: str
    text: str  # the paragraphs behind the summary
    sections: Mapping[str, str]  # "Shape", "Example", "Raises", "Source" → text
    parameters: tuple[Parameter, ...]
    model: type[BaseModel]


def terms(own: Registry[Any] | None = None) -> tuple[Term, ...]:
    """Everything, by kind and name; `own` are the functions of a project."""
    from odibi_core.checks import CHECKS
    from odibi_core.config import CheckConfig
    from odibi_core.patterns import PATTERNS
    from odibi_core.transforms import OPERATIONS, TRANSFORMS

    transformers = TRANSFORMS if own is None else TRANSFORMS.joined(own)
    found = [*_registered("transformer", transformers), *_registered("pattern", PATTERNS), *_registered("operation", OPERATIONS)]
    functions = {entry.name: entry.function for entry in CHECKS}
    for model in get_args(get_args(CheckConfig)[0]):
        name = model.model_fields["type"].default
        found.append(_term("check", name, functions.get(name), model, summary=model.__doc__ or ""))
    return tuple(sorted(found, key=lambda term: (list(KINDS.values()).index(term.kind), term.name)))


def call_models() -> Mapping[str, Mapping[str, type[BaseModel]]]:
    """The models of `params:`, for `function:` (and `transformer:` and `pattern:`) and for `operation:`."""
    from odibi_core.patterns import PATTERNS
    from odibi_core.transforms import OPERATIONS, TRANSFORMS

    return {
        "function": {entry.name: entry.params for registry in (TRANSFORMS, PATTERNS) for entry in registry},
        "operation": {entry.name: entry.params for entry in OPERATIONS},
    }


def _registered(kind: str, registry: Registry[Any]) -> Iterable[Term]:
    return [_term(kind, entry.name, entry.function, entry.params, summary="") for entry in registry]


def _term(kind: str, name: str, function: Any, model: type[BaseModel], *, summary: str) -> Term:
    said = inspect.cleandoc(summary or (function.__doc__ if function is not None else "") or model.__doc__ or "")
    first, _, rest = said.partition("\n\n")
    if summary and function is not None and function.__doc__:
        rest = inspect.cleandoc(function.__doc__).partition("\n\n")[2]
    pieces = _SECTION.split(rest)
    sections = {title: _joined(text) for title, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    return Term(
        kind=kind,
        name=name,
        summary=_joined(first),
        text="\n\n".join(_joined(part) for part in pieces[0].split("\n\n") if part.strip()),
        sections=sections,
        parameters=_parameters(model, leaving_out=("type",) if kind == "check" else ()),
        model=model,
    )


def _joined(text: str) -> str:
    return " ".join(text.split())


def _parameters(model: type[BaseModel], *, leaving_out: tuple[str, ...]) -> tuple[Parameter, ...]:
    from odibi_core.config.schema import field_notes, spellings_of

    schema = model.model_json_schema()
    notes, found = field_notes(model), []
    for name, info in model.model_fields.items():
        if name in leaving_out:
            continue
        alias = spellings_of(name, info)[0]
        body = schema["properties"].get(alias) or schema["properties"].get(name) or {}
        default = None if info.is_required() else body.get("default")
        kind = type_text(body, schema.get("$defs", {}))
        found.append(Parameter(name=alias, type=kind, required=info.is_required(), default=default, note=notes.get(name, "")))
    return tuple(found)


_NAMES = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "", "object": "keys and values"}


def type_text(body: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema type in words: `text`, `list of text`, `a, b or c`."""
    match body:
        case {"$ref": str() as reference}:
            return type_text(definitions.get(reference.rpartition("/")[2], {}), definitions)
        case {"enum": [*values]}:
            return " | ".join(map(str, values))
        case {"const": value}:
            return str(value)
        case {"format": "duration"}:
            return "span of time"
        case {"anyOf": [*choices]} | {"oneOf": [*choices]}:
            return " or ".join(dict.fromkeys(text for choice in choices if (text := type_text(choice, definitions))))
        case {"type": "array"}:
            inner = type_text(body.get("items", {}), definitions)
            return f"list of {inner}" if inner and inner != "anything" else "list"
        case {"type": "object", "additionalProperties": dict() as inner}:
            return f"names with {type_text(inner, definitions)}"
        case {"type": str() as kind}:
            return _NAMES.get(kind, kind)
        case _:
            return "anything"
