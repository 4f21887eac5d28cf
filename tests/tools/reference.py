"""The reference pages, made of the models and registries: `python -m tests.tools.reference --check` or `--update`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from odibi_core.cli.listing import stated_default
from odibi_core.cli.vocabulary import KINDS, Parameter, Term, terms, type_text
from odibi_core.config.project import ProjectConfig
from odibi_core.config.schema import editor_schema

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "docs" / "reference"
_INTRODUCTIONS: Mapping[str, str] = {
    "transformers": "Named steps: `function: NAME` with `params:` in `transform.steps`, or `transformer: NAME` on a node.",
    "patterns": "What warehouses are made of: `pattern: {type: NAME, params: …}` on a node.",
    "operations": "Older spellings of steps: `operation: NAME` with `params:` in `transform.steps`.",
    "checks": "What must be true of the data: in `validation.tests` and `contracts`. NULL passes all but `not_null`.",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    everything = terms()
    found = {f"{kind}.md": _page(kind, [term for term in everything if term.kind == name]) for kind, name in KINDS.items()}
    return {"keys.md": _keys(), **found}


def _page(kind: str, found: Sequence[Term]) -> str:
    index = "\n".join(f"- [`{term.name}`](#{term.name}): {_cell(term.summary)}" for term in found)
    return f"# {kind.capitalize()}\n\n{_INTRODUCTIONS[kind]}\n\n{index}\n\n" + "\n".join(_section(term) for term in found)


def _section(term: Term) -> str:
    parts = [f"## {term.name}", term.summary, *term.text.split("\n\n")]
    parts.append(_table(term.parameters))
    parts += [f"*{title}*: {term.sections[title]}" for title in ("Shape", "Example", "Source") if title in term.sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(parameters: Sequence[Parameter]) -> str:
    if not parameters:
        return "No parameters."
    rows = [f"| `{one.name}` | {_cell(one.type)} | {_cell(stated_default(one))} | {_cell(one.note)} |" for one in parameters]
    return "\n".join(["| parameter | type | default | |", "| --- | --- | --- | --- |", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _keys() -> str:
    schema = editor_schema()
    sections = {"project": schema, **{name: body for name, body in schema["$defs"].items() if name not in ("placeholder", "JsonValue")}}
    told = [_of_section(name, body, schema["$defs"]) for name, body in sections.items()]
    words = (ProjectConfig.__doc__ or "").strip().partition("\n")[0]
    return (
        f"# Keys of the YAML\n\n{words} A value may always be a placeholder such as `${{VAR}}`; an unknown key is an error.\n\n"
        + "\n".join(told)
    )


def _of_section(name: str, body: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "anyOf" in body and "properties" not in body:
        body = next(part for part in body["anyOf"] if "properties" in part)
    properties: Mapping[str, Any] = body.get("properties", {})
    shown = {key: value for key, value in properties.items() if "$comment" not in value}
    also: dict[str, list[str]] = {}
    for key, value in properties.items():
        same = str(value.get("$comment", "")).removeprefix("same as '").removesuffix("'")
        if same in shown:
            also.setdefault(same, []).append(key)
    rows = [_row(key, value, body.get("required", []), also.get(key, []), definitions) for key, value in shown.items()]
    lines = [
        f"## {_title(name)}",
        body.get("description", ""),
        "\n".join(["| key | type | default | |", "| --- | --- | --- | --- |", *rows]),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _row(key: str, value: Mapping[str, Any], required: Sequence[str], also: Sequence[str], definitions: Mapping[str, Any]) -> str:
    default = "required" if key in required else value.get("default", "")
    default = str(default).lower() if isinstance(default, bool) else str(default)
    notes = [str(value.get("description", "")), f"also spelled {', '.join(f'`{other}`' for other in also)}" if also else ""]
    return f"| `{key}` | {_cell(_type(value, definitions))} | {_cell(default)} | {_cell('; '.join(note for note in notes if note))} |"


def _type(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    match value:
        case {"$ref": "#/$defs/placeholder"}:
            return ""
        case {"$ref": "#/$defs/JsonValue"}:
            return "anything"
        case {"$ref": str() as reference}:
            title = _title(reference.rpartition("/")[2])
            return f"[{title}](#{title.replace(' ', '-')})"
        case {"anyOf": [*choices]}:
            return " or ".join(dict.fromkeys(text for choice in choices if (text := _type(choice, definitions))))
        case {"type": "array", "items": dict() as items}:
            return f"list of {_type(items, definitions)}"
        case {"type": "object", "additionalProperties": dict() as inner}:
            return f"names with {_type(inner, definitions)}"
        case _:
            return type_text(value, definitions)


def _title(name: str) -> str:
    """A model's name as words: `AzureBlobConnection` is the "azure blob connection"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Config")).lower()


def main(arguments: Sequence[str]) -> int:
    made = pages()
    if arguments == ["--update"]:
        HOME.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (HOME / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in made.items() if not (HOME / name).exists() or (HOME / name).read_text("utf-8") != text]
    for name in stale:
        print(f"docs/reference/{name} is not what the code says: make reference")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
