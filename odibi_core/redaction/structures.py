"""Secrets known by the form around them: connection strings, signed URLs, logins in URLs, headers, PEM blocks, tokens with dots."""

from __future__ import annotations

import base64
import binascii
import re

from odibi_core.redaction.harmless import is_harmless, is_uuid
from odibi_core.redaction.rules import Rule

_EQUALS = r"(?:=|%3[Dd]|%253[Dd]|\\u003[Dd])"  # also escaped for a URL, twice, or for JSON
_ARGUMENT = r"""((?:(?!%26|%2526|\\u0026|\\[nrt])[^&\s"'<>#;,)}\]`|]){1,8192}+)"""
_COMING_BEFORE = re.compile(r"(?:^|[^\w.%-]|u0026|u003[fFbB]|%26|%3[fFbB]|%2526|%20|\\[nrt])$")
_BEHIND_A_QUESTION = re.compile(r"(?:[?&;]|u0026|u003[fFbB]|%26|%3[fFbB]|%2526)$")


def _begins(match: re.Match[str]) -> bool:
    """Whether the name of a parameter begins here, and is not the end of another one."""
    return _COMING_BEFORE.search(match.string[max(0, match.start() - 6) : match.start()]) is not None


def _is_parameter(match: re.Match[str]) -> bool:
    return _BEHIND_A_QUESTION.search(match.string[max(0, match.start() - 6) : match.start()]) is not None


def _is_signature(match: re.Match[str]) -> bool:
    text = match[1]
    if not _begins(match) or is_harmless(text, word="password", how="="):
        return False
    return _is_parameter(match) or len(text) >= 16 or "%" in text or text.endswith("=")


def _is_long_argument(match: re.Match[str]) -> bool:
    """`code=` and `key=` are also the names of small things."""
    text = match[1]
    if not _is_parameter(match) or is_uuid(text):
        return False
    return text.lower().endswith(("=", "%3d")) or (len(text) >= 16 and _is_mixed(text))


def _is_secret_argument(match: re.Match[str]) -> bool:
    return _is_parameter(match) and not is_harmless(match[1], word="password", how="=")


def _is_mixed(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def _is_field(match: re.Match[str]) -> bool:
    """Between semicolons. What stands in a sentence or in code is judged with its whole key, elsewhere."""
    text, end = match.string, match.end()
    before = text[max(0, match.start() - 24) : match.start()].rstrip()
    if text[end : end + 1] != ";" and ";" not in before and text[end : end + 3].lower() != "%3b":
        return False
    return not is_harmless(match[1].strip("\"'"), word="password", how="=")


def _is_login(match: re.Match[str]) -> bool:
    """`Basic …`: base64 of a name, a colon and a password."""
    text = match[1]
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain and plain.decode("latin-1").isprintable()


def _is_credential(match: re.Match[str]) -> bool:
    text = match[match.lastindex or 0]
    return not is_harmless(text, word="password" if match.lastindex == 1 else "authorization", how="quoted")


def _is_no_port(match: re.Match[str]) -> bool:
    """`host:8080/a@b` is a port and a path; `${PASSWORD}` says nothing."""
    text = match[match.lastindex or 0]
    return re.match(r"\d{1,5}(?:[/?#]|$)", text) is None and not is_harmless(text, word="password", how="quoted")


def _is_token_alone(match: re.Match[str]) -> bool:
    """`https://TOKEN@host`: a name of somebody is shorter or has no digits."""
    return len(match[1]) >= 20 and _is_mixed(match[1])


def _is_random_key(match: re.Match[str]) -> bool:
    """Letters of both cases and several digits, and not said to be public."""
    text = str(match[1])
    if "ublic" in match.string[max(0, match.start() - 16) : match.start()] or is_uuid(text):
        return False
    return sum(c.isdigit() for c in text) >= 3 and sum(c.isupper() for c in text) >= 4 and sum(c.islower() for c in text) >= 4


def _is_mixed_login(match: re.Match[str]) -> bool:
    return _is_mixed(match[1])


def _has_pairs(match: re.Match[str]) -> bool:
    return "=" in match[1] and not match[1].startswith("=")


def _is_random(match: re.Match[str]) -> bool:
    text = match[match.lastindex or 0]
    return _is_mixed(text) or len(text) >= 40


_HEADER = r"""\\{0,4}["']?\s{0,8}(?:[:=]|,(?=[ ]["']))\s{0,8}(?:b?\\{0,4}["'])?"""
_SCHEMES = (
    r"(?:Bearer|Basic|SharedKey(?:Lite)?|SharedAccessSignature|Digest|Negotiate|NTLM|Token|ApiKey|Api-Key|GoogleLogin|AWS4-HMAC-SHA256"
    r"|OAuth|Splunk|SSWS)"
)
_PEM = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"

STRUCTURES: tuple[Rule, ...] = (
    Rule(
        name="field of a connection string",
        signs=("key", "signature", "assword", "pwd", "secret"),
        pattern=r"[AaSsPpCcIi](?i:(?<=a)cc(?:ount|ess)Key|(?<=s)haredAccessKey|(?<=s)haredSecret(?:Value)?|(?<=p)assword|(?<=p)wd"
        r"|(?<=c)lientSecret|(?<=i)nstrumentationKey|(?<=s)haredAccessSignature|(?<=s)ecretAccessKey)"
        rf"[ ]{{0,8}}{_EQUALS}[ ]{{0,8}}"
        r"""((?!\[REDACTED)(?:\{(?:[^{}\r\n]|\}\}){1,4096}\}|"[^"\r\n]{1,4096}"|'[^'\r\n]{1,4096}'"""
        r"""|[^;\s"'<>]{1,256}+(?:\x20[^;\s"'<>=]{1,256}+){1,4}(?=;)|(?:(?!&amp;|\\u0026|%3[Bb]|\\[nr])[^;\s"'<>]){1,4096}+))""",
        really=_is_field,
    ),
    Rule(name="signature of a signed URL", signs=("sig",),
         pattern=rf"(?i:[Ss](?<=s)ig(?:nature)?){_EQUALS}{_ARGUMENT}", really=_is_signature),
    Rule(name="code of a function", signs=("code", "key"), pattern=rf"(?i:code|key|hmac){_EQUALS}{_ARGUMENT}", really=_is_long_argument),
    Rule(
        name="parameter of a URL",
        signs=("token", "secret", "key", "password", "passwd", "pwd", "credential", "assertion", "samlresponse", "signature"),
        pattern=r"(?i:access_token|refresh_token|id_token|token|client_secret|client_assertion|secret|api_?key|apikey|subscription-key"
        r"|x-functions-key|password|passwd|pwd|x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential)"
        r"|samlresponse|auth_?token)"
        + _EQUALS + _ARGUMENT,
        really=_is_secret_argument,
    ),
    Rule(
        name="header of a request",
        signs=("authorization",),
        pattern=rf"[Aa]uthorization(?<=.{{13}}){_HEADER}(?:(?i:{_SCHEMES})(?:\s|%20){{1,8}}([^\r\n\"'\\<>]{{1,8192}}?)"
        rf"(?=\s{{0,8}}(?:[\"'\\<>\r\n]|$|[ ](?![\w-]+=)))|(?!(?i:{_SCHEMES})\b)([^\s\"'\\,;<>]{{6,8192}}+))",
        really=_is_credential,
    ),
    Rule(name="header of a request, in capitals", signs=("authorization",),
         pattern=rf"AUTHORIZATION{_HEADER}(?:(?i:{_SCHEMES})\s{{1,8}})?([^\s\"'\\]{{6,8192}}+)", really=_is_credential),
    Rule(name="bearer token", signs=("bearer",), really=_is_random,
         pattern=r"[Bb](?:earer|EARER)(?<![A-Za-z][Bb].{5})(?:\s|%20|\+){1,8}([A-Za-z0-9._~+/-]{16,8192}+={0,2})"),
    Rule(name="basic login", signs=("basic ", "basic%20"), really=_is_login,
         pattern=r"[Bb]asic(?<!\w.{5})(?:\s|%20){1,4}([A-Za-z0-9+/_-]{6,2048}+={0,2})"),
    Rule(name="cookie", signs=("cookie",), pattern=rf"[Cc]ookie{_HEADER}([^\r\n\"'\\]{{3,8192}}+)", really=_has_pairs),
    Rule(
        name="login in a URL",
        signs=("://",),
        pattern=r"""://(?:[^\s/:@"'<>\[\]?#]{0,256}:((?:(?!://)[^\s/"'<>]){1,1024}(?=@)"""
        r"""|(?!\d{1,5}[/?#])(?:(?!://)[^\s"'<>]){1,512}?(?=@[\w.-]+(?:[:/?]|$))))""",
        really=_is_no_port,
    ),
    Rule(name="login without a scheme", signs=("@",), really=_is_mixed_login,
         pattern=r"""(?:^|[\s"'=(])[A-Za-z][\w.-]{0,63}:([^\s:@/"'<>]{6,128})@(?=[\w-]{1,63}[.:])"""),
    Rule(name="setting of the lake's driver", signs=("fs.azure.",), really=_is_no_port,
         pattern=r"""fs\.azure\.(?:account\.key|sas|account\.oauth2\.client\.secret)[\w.-]{0,200}["']?\s{0,8}[,=:\s]\s{0,8}["']?([^\s"',]{4,2048}+)"""),
    Rule(name="value of a guarded text", signs=("secretstr(", "secretbytes("),
         pattern=r"Secret(?:Str|Bytes)\(b?[\"']([^\"'*\r\n]{1,4096})[\"']"),
    Rule(name="key in a sentence", signs=("key",), really=_is_random_key,
         pattern=r"""[Kk](?:ey|EY)["']?[ ]{0,2}[ :=][ ]{0,2}["']?([A-Za-z0-9+/_-]{24,128}+={0,2})(?![A-Za-z0-9./])"""),
    Rule(name="token in a URL", signs=("://",), pattern=r"""://([^\s/:@"'<>?#]{20,512})(?::[^\s/@"'<>]{0,64})?@""", really=_is_token_alone),
    Rule(name="login of a command", signs=("-u", "--user"),
         pattern=r"""(?:[ ]-u|--user|--proxy-user)[ =]["']?[^\s:"']{1,128}:([^\s"']{1,512}+)""", really=_is_no_port),
    Rule(name="login of a database command", signs=(" -p",),
         pattern=r"(?:mysql|mysqldump|mariadb|sshpass|sqlcmd|bcp|az)\b[^\r\n]{0,200}?[ ]-[pP][ ]?[\"']?((?!--)[^\s\"']{4,256}+)",
         really=_is_no_port),
    Rule(name="password of a statement", signs=("identified by", "password '"),
         pattern=r"(?i:identified\s{1,4}by|password)\s{1,4}'((?:[^'\r\n]|''){1,512}+)'"),
    Rule(name="login of Oracle", signs=("jdbc:oracle", "sqlplus"),
         pattern=r"(?:jdbc:oracle:\w{1,8}:|sqlplus\s{1,4})[\w.$]{1,64}/([^\s@\"']{1,256})@"),
    Rule(
        name="private key",
        signs=("private key",),
        pattern=rf"-----BEGIN {_PEM}((?:(?!-----(?:END|BEGIN))[\s\S]){{1,65536}}+)(?=-----END|-----BEGIN|$)",
    ),
    Rule(name="tail of a private key", signs=("private key",), pattern=rf"([A-Za-z0-9+/=]{{16,256}})(?:\s|\\r|\\n){{0,8}}-----END {_PEM}"),
    Rule(name="lines of a private key", signs=("private-lines",),
         pattern=r"Private-Lines: \d{1,4}\s{1,4}((?:[A-Za-z0-9+/=]{1,80}\s{0,4}){1,200}+)"),
    Rule(
        name="signed token",
        signs=("eyj", "ewog", "eyai"),
        pattern=r"(?:eyJ|ewog|eyAi)(?<![A-Za-z0-9_-]...)[A-Za-z0-9_-]{8,16384}+(?:\.[A-Za-z0-9_=-]{4,16384}+){1,4}(?:\.[A-Za-z0-9_=-]*+)?",
    ),
    Rule(name="head of a signed token", signs=("eyj",),
         pattern=r"eyJ(?:hbGciO|0eXAiO|raWQiO|4NXQiO|lbmMiO|jdHkiO)[A-Za-z0-9_-]{12,16384}+[A-Za-z0-9_.=-]{0,16384}+"),
    Rule(name="hash of a password", signs=("$2", "$argon2", "$6$", "$5$", "$1$", "pbkdf2", "scrypt"),
         pattern=r"(?:\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(?:id?|d)\$[^\s\"'<>]{20,512}"
         r"|\$[156y]\$(?:rounds=\d{1,8}\$)?[./A-Za-z0-9]{1,32}\$[./A-Za-z0-9]{22,128}"
         r"|(?:pbkdf2|scrypt)[:_$][\w:$./+=,-]{32,512})"),
)  # fmt: skip
