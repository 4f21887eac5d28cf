"""Secrets that stand in the YAML as plain text stay out of the plan, and are put back from the YAML of today where the plan is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from odibi_core.config.known_secrets import is_secret
from odibi_core.errors import ConfigError

WITHHELD = "withheld: a secret that stands in the YAML"


def without_literals(tree: Mapping[str, JsonValue], *, looks_secret: Callable[[str], bool] = lambda _text: False) -> dict[str, JsonValue]:
    """
    A part of the YAML without the texts under keys of secrets. `${…}` stays: it says no value.

    Args:
        tree: As it is written.
        looks_secret: Whether another text holds a secret, such as a URL with a password. It is withheld as a whole.
    """

    def kept(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {key: _kept_text(value, key, item) if isinstance(item, str) else kept(item) for key, item in value.items()}
        if isinstance(value, list):
            return [WITHHELD if isinstance(item, str) and looks_secret(item) else kept(item) for item in value]
        return value

    def _kept_text(beside: Mapping[str, JsonValue], key: str, text: str) -> str:
        return WITHHELD if "${" not in text and (is_secret(key, text, beside=beside) or looks_secret(text)) else text

    return {key: _kept_text(tree, key, item) if isinstance(item, str) else kept(item) for key, item in tree.items()}


def with_literals(tree: Mapping[str, JsonValue], written: Mapping[str, JsonValue], *, where: str) -> dict[str, JsonValue]:
    """
    The part of a plan with its secrets put back from the same place of the YAML of today.

    Raises:
        ConfigError: If the YAML has none there any more.
    """

    def restored(value: JsonValue, today: JsonValue, path: str) -> JsonValue:
        if value == WITHHELD:
            if not isinstance(today, str):
                raise ConfigError(
                    f"the secret at '{path}' was taken out of the YAML while its run was under way",
                    hint="Write it as '${VARIABLE}' or '${secret:name}': then a run that was planned finds it, whatever is deployed.",
                )
            return today
        if isinstance(value, dict):
            known = today if isinstance(today, dict) else {}
            return {key: restored(item, known.get(key), f"{path}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            items = today if isinstance(today, list) else []
            return [restored(item, items[at] if at < len(items) else None, f"{path}[{at}]") for at, item in enumerate(value)]
        return value

    return {key: restored(item, written.get(key), f"{where}.{key}") for key, item in tree.items()}
