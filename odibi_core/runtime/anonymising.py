"""Take personal values out of a node's result, between its transforms and its checks. The salt is fetched here and kept nowhere."""

from __future__ import annotations

from collections.abc import Collection

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError
from odibi_core.ports import Frame, SecretSource


def without_personal_values(
    frame: Frame, config: NodeConfig, personal: Collection[str], secret: SecretSource
) -> tuple[Frame, tuple[str, ...]]:
    """
    The frame with its personal columns made anonymous as `privacy` says, and what the reader of the story should know.

    A column that the node itself flags and that is not in the result may be there under another name: that is a warning.
    """
    privacy = config.privacy
    if privacy is None:
        return frame, ()
    from odibi_core.transforms.privacy import anonymised, personal_columns

    columns = personal_columns(frame, personal)
    there = {column.lower() for column in columns}
    own = [name for name, about in config.columns.items() if about.pii and name in personal]
    missing = sorted(name for name in own if name.lower() not in there)
    warnings = (f"personal columns are not in the result, under their name at least: {', '.join(missing)}",) if missing else ()
    if not columns:
        return frame, warnings
    text = {"hash": privacy.salt, "hmac": privacy.key}.get(privacy.method)
    return anonymised(frame, columns, method=privacy.method, secret=_revealed(text or "", secret)), warnings


def _revealed(text: str, secret: SecretSource) -> str:
    """
    Raises:
        ConfigError: If a placeholder is left that names no secret.
        ServiceError: If the secret cannot be fetched.
    """
    if "${" not in text:
        return text
    from odibi_core.config.placeholders import Keep, Placeholder, substituted

    def lookup(found: Placeholder) -> str | Keep:
        return secret(found.name) if found.kind == "secret" else Keep.KEEP

    revealed = str(substituted(text, lookup, final=True))
    if not revealed:
        raise ConfigError("the salt or key of 'privacy' is empty", hint="Put a value into the secret.")
    return revealed
