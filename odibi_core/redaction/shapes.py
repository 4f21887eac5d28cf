"""
Azure's keys, known by their shape alone: 64 or 32 random bytes in base64, and the newer ones with a mark of their service in them.

Source of the marks: learn.microsoft.com/purview, sensitive information types, and the published patterns of Microsoft's secret scanners.
"""

from __future__ import annotations

import base64
import binascii
import re

from odibi_core.redaction.rules import Rule

_LONG = 86, 2
_SHORT = 43, 1
# Digests have the same shape as keys, but say what they are.
_DIGEST = re.compile(
    r"(?i)(?:sha-?\d|md5|digest|checksum|etag|integrity|hash|fingerprint|crc|public|thumbprint|nonce|content-?id|cert|boundary)[^;\n]{0,40}$"
)
_SERVICES = r"\+ASt|\+ABa|\+AMC|ACDb|APIM|AzCa|\+AEh|\+ASb|\+ARm|AIoT|AZEG|AzFu|AzSe|\+ACR|AZMP|AzSe"


def _is_key(match: re.Match[str]) -> bool:
    """Random bytes, and not the digest of something."""
    text = match[1]
    body = text.replace("%2B", "+").replace("%2F", "/").replace("%2b", "+").replace("%2f", "/").replace("%3D", "=").replace("%3d", "=")
    body = body.replace("\\/", "/").replace("\\u002b", "+").replace("\\u002B", "+").rstrip("=")
    if len(body) not in {_LONG[0], _SHORT[0]} or len(set(body)) < (30 if len(body) > 50 else 19):
        return False
    if not (any(c.isdigit() for c in body) and any(c.islower() for c in body) and any(c.isupper() for c in body)):
        return False
    if re.search(_SERVICES, body):
        return True
    before = match.string[max(0, match.start() - 60) : match.start()]
    if _DIGEST.search(before):
        return False
    try:
        data = base64.b64decode(body.replace("-", "+").replace("_", "/") + "==", validate=False)
    except (binascii.Error, ValueError):
        return False
    return not all(32 <= byte < 127 or byte in {9, 10, 13} for byte in data)


def _is_old_token(match: re.Match[str]) -> bool:
    text = match[0]
    return sum(c.isdigit() for c in text) >= 3 and len(set(text)) >= 16


SHAPES: tuple[Rule, ...] = (
    Rule(
        name="key of an Azure service",
        signs=("=", "%3d"),
        pattern=r"(?:(?<![A-Za-z0-9+/_-])(?!(?<=\\)[nrt])|(?<=%3[DdAaFf])|(?<=%2[0CcFf])|(?<=\\[nrt]))"
        r"((?:[A-Za-z0-9+/_-]|%2[BbFf]|\\/|\\u002[Bb]){43,100}+(?:={1,2}|(?:%3[Dd]){1,2}))(?![A-Za-z0-9+/=])",
        really=_is_key,
    ),
    Rule(name="annotated key of Azure", signs=("jqqj",), pattern=r"(?<![A-Za-z0-9])[A-Za-z0-9_+/-]{40,56}JQQJ9[A-Za-z0-9]{10,40}+={0,2}"),
    Rule(name="key of Azure Functions", signs=("azfu",), pattern=r"[A-Za-z0-9_-]{40,48}AzFu[A-Za-z0-9_-]{6}={0,2}"),
    Rule(name="key of Azure Search, Maps or a registry", signs=("azse", "+acr", "%2bacr", "azmp", "azml"),
         pattern=r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]|%2[BbFf]){40,46}?"
         r"(?:AzSe|(?:\+|%2[Bb])ACR|AZMP|AzMl)(?:[A-Za-z0-9+/]|%2[BbFf]){5,8}(?![A-Za-z0-9+/])"),
    Rule(name="token of Azure DevOps", signs=("azdo",), pattern=r"(?<![A-Za-z0-9])[A-Za-z0-9]{70,78}AZDO[A-Za-z0-9]{4,8}(?![A-Za-z0-9])"),
    Rule(name="old token of Azure DevOps", signs=("2", "3", "4", "5", "6", "7"),
         pattern=r"(?:(?<![A-Za-z0-9_+/.-])(?!(?<=\\)[nrt])|(?<=\\[nrt]))[a-z2-7]{52}(?![A-Za-z0-9_=+/-])",
         really=_is_old_token),
)  # fmt: skip
