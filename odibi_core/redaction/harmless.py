"""Values that stand behind a secret's key and are none: placeholders, references in code, numbers, sentences."""

from __future__ import annotations

import functools
import re

from odibi_core.redaction.names import PASSWORDS, names_a_secret, set_of

_PLACEHOLDER = (
    r"""\$\{[^}]*\}.*"""
    r"""|\$\(.*\)|\$env:\w+|(?-i:\$[A-Z_][A-Z0-9_]*)|\{\{.*|(?-i:\{(?:[a-z_.:!-]*|[A-Z_]*|\d)\}?)|<[^<>]*>?"""
    r"""|%(?:\(\w*\))?[srd]|%[A-Z_]+%|!(?:secret|vault|env|ref|sub|getatt|vault-encrypted)\b.*"""
    r"""|\[.*redacted.*|[*•#x.…?-]{3,}"""
    r"""|redacted|hidden|masked|@Microsoft\.KeyVault.*|kv://.*|secretref:.*|null|none|nil|nan|undefined|unset|empty|true|false|yes|no|on|off|n/?a"""
    r"""|str|string|bytes|int|text|varchar(?:\(\d+\))?|object|any|optional|required|boolean|secretstr|\|.*|\*+|\W{1,3}"""
)
_CODE = (
    r"""(?:await\s+)?[A-Za-z_]+(?:\.[A-Za-z_]+)*[(\[].*"""
    r"""|(?:self|cls|os|env|config|cfg|conf|settings|args|kwargs|params|options|opts|this|var|local|data|module|secrets|process|request"""
    r"""|req|ctx|context|app|credentials?|auth|user|each|output|inputs|values|vault|node|row|item|field|payload|body|response|result)\.[\w.\[\]"']+"""
    r"""|(?:Default|Managed|Client|Azure|Environment|Interactive|Chained|Token|Static)\w*(?:Credential|Provider|Identity)s?"""
)
_SENTENCE = set_of(
    """must should cannot can't may not is are was were has have had the a an at least required missing invalid incorrect wrong
    expired
    expires please enter your and or for from with without in of to found provided accepted rejected failed fails changed reset
    updated rotated mismatch needed denied unknown already will could would does did do if when that this which be been being on by set
    unset empty too short long weak strong only used using authentication authorization ignored optional disabled enabled refreshed
    issued revoked acquired cached loaded resolved fetched stored kept taken it its we you no field value type name id"""
)
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


@functools.cache
def _placeholder() -> re.Pattern[str]:
    return re.compile(_PLACEHOLDER, re.IGNORECASE | re.DOTALL)


@functools.cache
def _code() -> re.Pattern[str]:
    return re.compile(_CODE, re.DOTALL)


def is_harmless(value: str, *, word: str, how: str, after: str = "") -> bool:
    """
    Whether the value of a secret's key is none itself.

    Args:
        value: Without its quotation marks.
        word: What makes its key a secret's: "password", "token", "key" …
        how: "quoted", "=", ":" or "said".
        after: What follows.
    """
    text = value.strip()
    if not text or _placeholder().fullmatch(text):
        return True
    if how != "quoted" and (_code().fullmatch(text) or _code().fullmatch(text + after.partition("\n")[0][:1])):
        return True
    if how != "said" and text.replace("_", "").isalpha() and text.islower() and names_a_secret(text):
        return True  # password=password, in code; ("password", "token"), in a list of names
    if text.isdigit() or _is_number(text):
        return word not in PASSWORDS or len(text) < 4
    if _is_sentence(text, "" if how == "quoted" else after):
        return True
    if word in PASSWORDS:
        return _is_no_password(text, how)
    if word in {"key", "keys"} or word.endswith("key"):
        return len(text) < 8 or " " in text or text.isalpha() or _is_name(text)
    return _is_no_token(text, word, how)


def _is_no_password(text: str, how: str) -> bool:
    # PWD is also the working directory, and a pass may be one of several.
    return text[:1] == "/" and text.count("/") > 1 and re.fullmatch(r"[/\w.-]+", text) is not None and how != "quoted"


def _is_no_token(text: str, word: str, how: str) -> bool:
    if word in {"token", "tokens", "otp", "jwt", "cookie", "signature", "salt", "sas", "authorization"}:
        if " " in text and word != "cookie":
            return True
        return (
            len(text) < 6
            or (text.isalpha() and len(text) <= 16 and (text.islower() or text.isupper() or text.istitle()))
            or (_is_name(text) and (how == ":" or "-" not in text))
        )
    if how == ":" and (_is_name(text) or (word == "secrets" and text.isalpha())):
        return True  # `secret: storage-key` names one
    if word in {"credential", "credentials", "creds"}:
        return text.isalpha() or _is_name(text) or " " in text
    return False


def _is_name(text: str) -> bool:
    """`storage-key`, `my_secret_name`, `tokens.json`, `module.Class`, a path: words, joined."""
    parts = re.split(r"[-_./:]", text)
    return len(parts) > 1 and all(part.isalpha() and (part.islower() or part.istitle() or len(part) < 4) for part in parts if part)


def _is_number(text: str) -> bool:
    return (
        re.fullmatch(
            r"[+-]?\d[\d_,.]*(?:e[+-]?\d+)?\s?(?:%|ms|s|m|h|d|kb|mb|bytes?|chars?|days?|seconds?|minutes?|hours?)?", text, re.IGNORECASE
        )
        is not None
    )


def _is_sentence(text: str, after: str) -> bool:
    """The value is a message about a secret: it begins like one."""
    words = f"{text}{after}".split()
    if len(words) < 3 and " " in text:
        return False
    first = words[0].strip(".,:;!?'\"()").lower()
    if first in _SENTENCE and (len(words) > 1 or text.lower().strip(".!") in _SENTENCE):
        return True
    return len(text.split()) >= 3 and bool(_SENTENCE.intersection(word.strip(".,:;!?").lower() for word in text.split()[:6]))


def is_secret_value(key: str, value: str) -> bool:
    """Whether a value is a secret because its key says so."""
    word = names_a_secret(key)
    return word is not None and not is_harmless(value, word=word, how="quoted")


def is_uuid(text: str) -> bool:
    """Whether a text is the id of something."""
    return re.fullmatch(_UUID, text) is not None
