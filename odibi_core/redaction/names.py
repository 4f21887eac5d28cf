"""Which keys say that their value is a secret: `db_password` and `AccountKey` do, `password_policy` and `primary_key` do not."""

from __future__ import annotations

import functools
import re


def set_of(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
PASSWORDS = frozenset({"password", "passwords", "passwd", "passwort", "kennwort", "passphrase", "passcode", "pwd", "psw", "pass"})
_NOUNS = PASSWORDS | {
    *("secret", "secrets", "token", "tokens", "apikey", "apikeys", "credential", "credentials", "creds", "salt", "sas", "jwt", "otp"),
    *("accountkey", "accesskey", "secretkey", "privatekey", "masterkey", "sharedkey", "authkey", "authtoken", "accesstoken"),
    *("connectionstring", "connstring", "connstr", "signature", "cookie", "authorization", "subscriptionkey", "sharedaccesskey"),
}
# Written together in one word: `dbpassword`, `mytoken`.
_ENDINGS = (
    *("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "accountkey", "secretkey", "privatekey"),
    "connectionstring",
)
# `key` alone is a name for anything; with one of these before it, it opens something.
_KEYS = set_of(
    """api access account shared secret private encryption encrypt decrypt decryption signing sign master function functions
    host storage
    subscription auth admin service client deploy server app application instrumentation sas webhook cosmos redis eventhub servicebus
    openai anthropic azure aws gcp google stripe sendgrid twilio datadog databricks security preshared psk workspace ingestion license
    management search cognitive speech maps translator batch registry hmac cipher crypto session jwt ssh rsa ssl tls pgp gpg dsa aes root
    query device iothub signalr relay hub bus cosmosdb sentry algolia mailgun github gitlab npm slack
    rapidapi newrelic dd consumer integration bot login"""
)
_HARMLESS_KEYS = frozenset({"primary", "foreign", "partition", "sort", "public", "cache", "surrogate", "natural", "business", "hash"})
# What may follow without making it something else: `password_value`, `TOKEN_2`, `secret_old`.
_STILL = set_of(
    "value val text plain plaintext string str raw old new prev previous current primary secondary dev test prod staging qa uat base enc "
    "encoded encrypted b64 base64 bytes header env"
)
_NOT_TOKENS = frozenset({"next", "page", "continuation", "cancellation", "max", "min", "num", "total", "stop", "eos", "bos", "pad", "unk"})


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: `AccountKey`, `account_key` and `ACCOUNT-KEY` are the same two."""
    return [word.lower() for word in _WORD.findall(name)]


@functools.lru_cache(maxsize=4096)
def names_a_secret(name: str) -> str | None:
    """
    The word that makes a key the name of a secret, or None.

    Only the end of a name counts: `token_count` is a number and `secret_name` a name. Numbers and words like "value" may follow.
    """
    words = words_of(name[-80:])
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _STILL):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "hash" and before in PASSWORDS:
        return before
    if last in {"string", "strings"} and before in {"connection", "conn"}:
        return "connectionstring"
    if last in {"key", "keys"}:
        return "key" if before in _KEYS and not _HARMLESS_KEYS.intersection(words[:1]) else None
    if last in {"token", "tokens"} and before in _NOT_TOKENS:
        return None
    if last == "pat":
        return "token" if before else None
    if last in _NOUNS:
        return "password" if last in PASSWORDS else last
    return next((ending for ending in _ENDINGS if last.endswith(ending)), None)
