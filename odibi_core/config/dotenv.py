"""The `.env` file beside the YAML: variables for a laptop."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from odibi_core.errors import ConfigError, Place, Problem

MAX_BYTES = 256 * 1024
# Set by Azure: dedicated and premium plans have the first, Flex Consumption the second, any app with a managed identity the third.
_ON_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_SKU", "IDENTITY_ENDPOINT")
_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*
        (?: "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>[^']*)' | (?P<bare>[^\r\n]*?) )
        [ \t]*(?:(?:(?<=\s)|(?<=["']))\#[^\r\n]*)?(?=\r?\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n|\Z)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def environment_of(directory: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The environment that `${VAR}` is resolved from: the process's, overlaid with `.env` in the folder of the YAML.

    In Azure Functions the file is not read: one that was deployed by accident must not override the app's settings.

    Raises:
        ConfigError: If the file cannot be read or understood.
    """
    environment = dict(os.environ if variables is None else variables)
    file = directory / ".env"
    if any(environment.get(name) for name in _ON_AZURE) or not file.is_file():
        return environment
    try:
        data = file.read_bytes()
        text = data[: MAX_BYTES + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("'.env' cannot be read", hint="Save it as UTF-8 text.") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"'.env' has more than {MAX_BYTES} bytes")
    return environment | parse_dotenv(text)


def parse_dotenv(text: str) -> dict[str, str]:
    """
    Read `NAME=value` lines: comments, `export`, single quotes as they are, double quotes with escapes, both over several lines.

    Raises:
        ConfigError: At the first line that is none of these. The line itself is not shown: it may hold a secret.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _BLANK.match(text, position)
        if match is None:
            match = _LINE.match(text, position)
            if match is None:
                line = text.count("\n", 0, position) + 1
                place = Place(file=".env", line=line, column=1)
                raise ConfigError.of((Problem(message="not a 'NAME=value' line", hint="Quote values with spaces.", place=place),))
            values[match["name"]] = _value(match)
        position = match.end() + (2 if text.startswith("\r\n", match.end()) else 1)
    return values


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), match["double"], flags=re.DOTALL)
    if match["single"] is not None:
        return match["single"]
    return match["bare"].strip()
