"""The JSON Schema of the language, for editors: completion, hover texts and red lines while somebody types."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from odibi_core.config.auth import MODE_SPELLINGS
from odibi_core.config.connection import TYPE_SPELLINGS
from odibi_core.config.project import ProjectConfig
from odibi_core.config.section import Section

Schema = dict[str, Any]
Calls = Mapping[str, Mapping[str, type[BaseModel]]]  # "function" or "operation" → name → the model of its params
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLACEHOLDER: Schema = {"$ref": "#/$defs/placeholder"}
_SPAN: Schema = {"anyOf": [{"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhdw]\s*$"}, {"type": "number", "minimum": 0}]}
# What a `respelled` of the models or a validator turns into the declared type.
_ALSO: Mapping[tuple[str, str], Schema] = {
    ("WriteConfig", "auto_optimize"): {"type": "boolean"},
    ("WriteConfig", "add_metadata"): {"type": "boolean"},
    ("ProjectConfig", "engine"): {"const": "pandas"},
    ("NodeConfig", "engine"): {"const": "pandas"},
}
_FIELD = re.compile(r"^    (?P<name>\w+):.*?  # (?P<note>.+)$", re.MULTILINE)


def editor_schema(calls: Calls | None = None) -> Schema:
    """
    The schema of a project file and of the files that it imports, for which reason no key is required at the top.

    Args:
        calls: The params of the transforms that a node or a step may name.

    A value may always be a placeholder (`${VAR}`), so a number is also a text with one in it. Unknown keys are refused.
    """
    schema = ProjectConfig.model_json_schema(ref_template="#/$defs/{model}")
    models = {model.__name__: model for model in _sections()}
    found: dict[str, Schema] = {
        name: _of_model(models[name], body) if name in models else _cleaned(body) for name, body in schema["$defs"].items()
    }
    top = _of_model(ProjectConfig, {key: value for key, value in schema.items() if key != "$defs"})
    top.pop("required", None)
    found["StepConfig"] = {"anyOf": [{"type": "string", "minLength": 1}, found["StepConfig"]]}
    found.pop("CustomConnection", None)
    connections = top["properties"]["connections"]["additionalProperties"]["anyOf"]
    connections[:] = [one for one in connections if not one["$ref"].endswith("/CustomConnection")]
    _with_calls(found, calls or {})
    found["placeholder"] = {"type": "string", "pattern": r"\$\{", "description": "A value from the environment, a variable, a date …"}
    return {"$schema": _DIALECT, "title": "odibi project", **top, "$defs": found}


@cache
def field_notes(model: type[BaseModel]) -> Mapping[str, str]:
    """What the comment behind each field of a model says, and that of the models it inherits from."""
    notes: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, BaseModel) and ancestor is not BaseModel:
            notes |= {found["name"]: found["note"] for found in _FIELD.finditer(_source_of(ancestor))}
    described = {name: info.description for name, info in model.model_fields.items() if info.description}
    return {name: text for name, text in {**notes, **described}.items() if name in model.model_fields}


def _source_of(model: type[BaseModel]) -> str:
    try:
        return inspect.getsource(model)
    except OSError:  # made while a program runs, as the parameters of an author's function are
        return ""


def spellings_of(name: str, info: FieldInfo) -> tuple[str, ...]:
    """The keys that fill a field, the canonical one first."""
    match info.validation_alias:
        case AliasChoices(choices=choices):
            return tuple(str(choice) for choice in choices)
        case str() as alias:
            return (alias,)
        case _:
            return (info.alias or name,)


def _sections() -> Iterator[type[Section]]:
    """All sections of the language."""
    pending: list[type[Section]] = [Section]
    while pending:
        for child in pending.pop().__subclasses__():
            pending.append(child)
            yield child


def _of_model(model: type[Section], body: Schema) -> Schema:
    properties = {name: _of_value(value) for name, value in body.get("properties", {}).items()}
    spellings = model.spellings()
    first = {field: key for key, field in reversed(spellings.items()) if key in properties}
    notes = field_notes(model)
    for field, key in first.items():
        if (model.__name__, field) in _ALSO:
            properties[key] = _either(properties[key], _ALSO[model.__name__, field])
        if field in notes:
            properties[key] = {"description": f"{notes[field][:1].upper()}{notes[field][1:]}", **properties[key]}
    required = [_needed(key, [other for other, field in spellings.items() if first.get(field) == key]) for key in body.get("required", [])]
    for key, field in spellings.items():
        if key not in properties and field in first:
            properties[key] = {"$comment": f"same as '{first[field]}'", **_bare(properties[first[field]])}
    properties |= {key: {"$comment": "an older spelling"} for key in model.also_known}
    result: Schema = {"type": "object", "properties": properties, "additionalProperties": model.model_config.get("extra") == "allow"}
    if model.__doc__:
        result = {"description": inspect.cleandoc(model.__doc__).partition("\n\n")[0].replace("\n", " "), **result}
    plain = [names[0] for names in required if len(names) == 1]
    plain += ["type"] if "const" in body.get("properties", {}).get("type", {}) and "type" not in plain else []
    choices = [{"anyOf": [{"required": [name]} for name in names]} for names in required if len(names) > 1]
    return {**result, **({"required": plain} if plain else {}), **({"allOf": choices} if choices else {})}


def _needed(key: str, spellings: list[str]) -> list[str]:
    return list(dict.fromkeys([key, *spellings]))


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("description", "default")}


def _of_value(value: Schema) -> Schema:
    """A property without what only pydantic reads, and with placeholders where a scalar or a list is wanted."""
    default = {"default": value["default"]} if value.get("default") not in (None, [], {}) else {}
    cleaned = _cleaned({key: part for key, part in value.items() if key != "default"})
    return {**default, **(cleaned if "const" in value else _with_placeholder(cleaned))}  # a kind must be told before anything is resolved


def _cleaned(value: Any) -> Any:
    match value:
        case {"format": "duration"}:
            return _SPAN
        case {"const": str() as name, **rest} if name in TYPE_SPELLINGS.values() or name in MODE_SPELLINGS.values():
            others = [other for other, canonical in {**TYPE_SPELLINGS, **MODE_SPELLINGS}.items() if canonical == name]
            return {**_cleaned({key: part for key, part in rest.items() if key != "type"}), "enum": [name, *others]}
        case dict():
            cleaned = {
                ("anyOf" if key == "oneOf" else key): _cleaned(part)
                for key, part in value.items()
                if key not in ("discriminator", "writeOnly") and not (key == "title" and isinstance(part, str))
            }
            if "anyOf" in cleaned:
                cleaned["anyOf"] = [inner for part in cleaned["anyOf"] for inner in (part["anyOf"] if [*part] == ["anyOf"] else [part])]
            return {**cleaned, "items": _with_placeholder(cleaned["items"])} if isinstance(cleaned.get("items"), dict) else cleaned
        case list():
            return [_cleaned(part) for part in value]
        case _:
            return value


def _with_placeholder(schema: Schema) -> Schema:
    kinds = [schema.get("type")] if "anyOf" not in schema else [part.get("type") for part in schema["anyOf"]]
    free_text = any(
        part.get("type") == "string" and not part.keys() & {"pattern", "enum", "const"} for part in schema.get("anyOf", [schema])
    )
    takes_scalars = any(kind in ("string", "integer", "number", "boolean", "array") for kind in kinds) or "enum" in schema
    return schema if free_text or not takes_scalars or "const" in schema else _either(schema, _PLACEHOLDER)


def _either(schema: Schema, other: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], other]}
    around: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    return {**around, "anyOf": [{key: value for key, value in schema.items() if key not in around}, other]}


def _with_calls(found: dict[str, Schema], calls: Calls) -> None:
    """Tie `params` to the name beside it. A name that is not known may be a function of the author."""
    functions, operations = calls.get("function", {}), calls.get("operation", {})
    for kind, models in (("function", functions), ("operation", operations)):
        for name, model in models.items():
            body = model.model_json_schema(ref_template=f"#/$defs/{kind}.{name}.{{model}}")
            for inner, definition in body.pop("$defs", {}).items():
                found[f"{kind}.{name}.{inner}"] = _cleaned(definition)
            properties = {key: _of_param(value) for key, value in body.get("properties", {}).items()}
            spelled = [spellings_of(field, info) for field, info in model.model_fields.items()]
            properties |= {other: properties[first] for first, *others in spelled if first in properties for other in others}
            alone = {first for first, *others in spelled if not others}
            required = [key for key in body.get("required", []) if key in alone]
            kept = {"required": required} if required else {}
            found[f"{kind}.{name}"] = {"type": "object", "properties": properties, "additionalProperties": False, **kept}
    step, node = found["StepConfig"]["anyOf"][1], found["NodeConfig"]
    step.setdefault("allOf", []).extend([*_rules("function", "function", functions), *_rules("operation", "operation", operations)])
    node.setdefault("allOf", []).extend(_rules("transformer", "function", functions))
    pattern = found["PatternConfig"]
    pattern.setdefault("allOf", []).extend(_rules("type", "function", functions))
    for owner, key, names in ((step, "function", functions), (step, "operation", operations), (node, "transformer", functions)):
        if names:
            owner["properties"][key] = {"anyOf": [{"enum": sorted(names)}, {"type": "string"}]}


def _of_param(value: Schema) -> Schema:
    """A parameter: where a list of texts is wanted, one text will do."""
    schema = _of_value({key: part for key, part in value.items() if key != "minLength" or value.get("type") != "array"})
    lists = [part for part in schema.get("anyOf", [schema]) if part.get("type") == "array"]
    takes_texts = any(part.get("items", {}).get("type") == "string" for part in lists)
    return _either(schema, {"type": "string"}) if takes_texts else schema


def _rules(key: str, kind: str, models: Mapping[str, type[BaseModel]]) -> list[Schema]:
    return [
        {
            "if": {"properties": {key: {"const": name}}, "required": [key]},
            "then": {"properties": {"params": {"$ref": f"#/$defs/{kind}.{name}"}}},
        }
        for name in models
    ]
