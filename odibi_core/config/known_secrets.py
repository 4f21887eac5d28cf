"""Which values of a configuration are secrets: what variables resolve to, and what stands under a key that names a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from odibi_core.config.dotenv import environment_of
from odibi_core.config.loader import LoadedProject
from odibi_core.redaction import is_secret_value

_NAMES_OF_SECRETS = frozenset({"secret", "secret_name", "key_vault", "key_vault_name"})
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z0-9_]+)(?::-[^}]*)?\}")
_MOST_BYTES = 1_048_576  # of a file that could not be loaded


def known_secrets(project: LoadedProject) -> Iterator[tuple[str, bool]]:
    """Every value that a variable of the YAML resolves to, and every literal secret in it; True for those that are secrets for sure."""
    for value in project.secrets:
        yield value, False
    for value in secret_values(dict(project.tree)):
        yield value, True


def secret_values(tree: JsonValue) -> Iterator[str]:
    """The texts that stand under keys of secrets. Placeholders are none."""
    waiting: list[JsonValue] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, str):
                    if is_secret(key, item, beside=value):
                        yield item
                else:
                    waiting.append(item)


def is_secret(key: str, value: str, *, beside: Mapping[str, JsonValue]) -> bool:
    """Whether a text of the YAML is a secret by its key. With a vault, `secret:` is the name of one."""
    if "${" in value or (key in _NAMES_OF_SECRETS and ("key_vault" in beside or "key_vault_name" in beside)):
        return False
    return is_secret_value(key, value)


def named_variables(file: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """
    The values of all variables that the YAML beside a project's file names.

    For a project that cannot be loaded: what is said about it must not hold them either.
    """
    variables = environment_of(file.parent, environment)
    for path in sorted({file, *file.parent.glob("*.y*ml")}):
        try:
            with path.open("rb") as opened:
                text = opened.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            continue  # whoever loads the project says what is wrong with its file
        yield from (value for name in _VARIABLE.findall(text) if (value := variables.get(name)))
