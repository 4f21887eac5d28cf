"""Whole values: keys that name secrets, bytes, exceptions with all that hangs on them, models of the configuration."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import pytest

from odibi_core.config.connection import HttpConnection
from odibi_core.redaction import REDACTED, Redactor
from odibi_core.redaction.exceptions import RedactedError

SECRET = "tJ3!kLm9zQ&ü/+x"


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.register(SECRET)
    return redactor


@dataclass(frozen=True)
class Login:
    user: str
    password: str
    port: int = 5432


def test_a_key_tells_what_its_value_is(redactor: Redactor) -> None:
    """Without any of these values being known; names, numbers and placeholders stay."""
    value = {
        "password": "orange",
        "nested": [{"apiKey": "abcd1234efgh"}, ("Authorization", "abc123def456")],
        "pin_code_password": 123456,
        "login": Login("ada", "orange"),
        "secret_name": "storage-key",
        "token_count": 512,
        "primary_key": "order_id",
        "db_password": "${DB_PASSWORD}",
    }
    assert redactor.record(value) == {
        "password": REDACTED,
        "nested": [{"apiKey": REDACTED}, ("Authorization", REDACTED)],
        "pin_code_password": REDACTED,
        "login": Login("ada", REDACTED),
        "secret_name": "storage-key",
        "token_count": 512,
        "primary_key": "order_id",
        "db_password": "${DB_PASSWORD}",
    }


def test_bytes_and_sets_are_looked_through(redactor: Redactor) -> None:
    """Also bytes that are no text; the type stays."""
    assert redactor.record(b"\xff a " + SECRET.encode()) == b"\xff a " + REDACTED.encode()
    assert redactor.record(bytearray(b"clean")) == bytearray(b"clean")
    assert redactor.record({SECRET, "b"}) == {REDACTED, "b"}


def failed() -> BaseException:
    try:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise OSError(13, "denied", f"/data/{SECRET}") from error
        except OSError:
            raise ValueError(f"first {SECRET}")  # noqa: B904  a context, not a cause
    except ValueError as error:
        group = ExceptionGroup(f"all of {SECRET}", [error, TypeError("clean")])
        group.add_note(f"seen {SECRET}")
        return group


def test_an_exception_is_copied_without_its_secrets(redactor: Redactor) -> None:
    """Types, traceback, cause, context, notes and groups stay."""
    error = failed()
    clean = redactor.record(error)
    text = "".join(traceback.format_exception(clean))

    assert SECRET not in text
    assert isinstance(clean, ExceptionGroup)
    assert clean.message == f"all of {REDACTED}"
    assert clean.__notes__ == [f"seen {REDACTED}"]
    value, other = clean.exceptions
    assert (type(value), type(other), str(value)) == (ValueError, TypeError, f"first {REDACTED}")
    assert type(value.__context__) in {OSError, PermissionError, RedactedError}
    assert value.__traceback__ is error.exceptions[0].__traceback__  # type: ignore[attr-defined]  # it is a group
    assert SECRET not in redactor.exception(error)
    assert SECRET in "".join(traceback.format_exception(error)), "the first one is as it was"


class StubbornError(Exception):
    """Shows a secret whatever is done to its arguments."""

    def __init__(self, *, where: str) -> None:
        super().__init__()
        self.where = where

    def __str__(self) -> str:
        return f"at {SECRET} in {self.where}"


def test_an_exception_that_cannot_be_cleaned_is_replaced(redactor: Redactor) -> None:
    """By its type and redacted text."""
    clean = redactor.record(StubbornError(where="here"))
    assert type(clean) is RedactedError
    assert str(clean) == f"StubbornError: at {REDACTED} in here"


def test_an_exception_without_a_secret_is_the_same_object(redactor: Redactor) -> None:
    """So that whoever compares it finds it."""
    error = ValueError("clean")
    assert redactor.record(error) is error


def test_the_repr_of_a_model_of_the_configuration_holds_no_secret() -> None:
    """In fields for secrets, and in those that are not."""
    model = HttpConnection.model_validate(
        {
            "type": "http",
            "base_url": "https://loader:or4nge77@api.example.com",
            "headers": {"X-Api-Key": "abcd1234efgh"},
            "auth": {"mode": "bearer", "token": "abcd1234efgh5678"},
        }
    )
    assert [text for text in ("or4nge77", "abcd1234") if text in repr(model) + str(model)] == []
    assert "https://loader:[REDACTED]@api.example.com" in repr(model)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("password", "the password of the user"),
        ("test", "a test of the tests"),
        ("production", "runs in production"),
        ("abc", "abc of things"),
        ("1234", "row 1234 of 12345"),
    ],
)
def test_a_common_or_short_secret_does_not_erase_a_word(redactor: Redactor, value: str, text: str) -> None:
    """But it goes where a key names it, and where it is everything."""
    redactor.register(value, always=True)
    assert redactor.text(text) == text
    assert redactor.text(value) == REDACTED
    assert value not in redactor.text(f"db_passwd={value};").partition("=")[2]


def test_a_short_secret_that_is_no_word_goes_where_it_stands_alone(redactor: Redactor) -> None:
    """`x7!q` is in no sentence by chance."""
    redactor.register("x7!q", always=True)
    assert redactor.text("login with 'x7!q' failed") == f"login with '{REDACTED}' failed"


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        ("Server=tcp:db;User ID=loader;Password=mY pass;Encrypt=True", "mY pass"),
        ("AccountName=a;AccountKey=Zm9vYmFyYmF6cXV4;EndpointSuffix=x", "Zm9vYmFyYmF6cXV4"),
        ("https://a.blob.core.windows.net/c?sv=2024&sig=abcd%2Fefgh%3D", "abcd/efgh="),
        ("postgresql://loader:p%40ss%2Fword1@db/shop", "p@ss/word1"),
        ('{"user": "ada", "password": "nested-0range"}', "nested-0range"),
        ("first-line-of-it\nsecond-line-of-it", "second-line-of-it"),
    ],
)
def test_the_secrets_inside_a_known_value_are_known_too(redactor: Redactor, value: str, inside: str) -> None:
    """A driver's error quotes the password alone."""
    redactor.register(value)
    assert redactor.text(f"refused: {inside} (1)") == f"refused: {REDACTED} (1)"
