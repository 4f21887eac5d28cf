"""No secret gets out: registered values in every spelling, credentials by their surroundings, whole records, log lines."""

import base64
import html
import json
import logging
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.events import ErrorRecord, NodeSkipped, PlannedNodeFacts
from odibi_core.redaction import REDACTED, SENSITIVE_SAMPLE, RedactingFilter, Redactor
from odibi_core.redaction.registry import COMMON_WORDS

SECRET = "p4ss/w+rd&=\"ü'<\n tail"  # made of what encodings treat specially


@pytest.fixture
def redactor():
    """A redactor that knows nothing yet."""
    return Redactor()


SPELLINGS = {
    "raw": SECRET,
    "url": quote(SECRET, safe=""),
    "url, lower case": quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%C3%BC", "%c3%bc").replace("%3D", "%3d")
    .replace("%3C", "%3c").replace("%0A", "%0a"),
    "url of a path": quote(SECRET),
    "form": quote_plus(SECRET),
    "url twice": quote(quote(SECRET, safe=""), safe=""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for urls, no padding": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    "json": json.dumps(SECRET)[1:-1],
    "json, not ascii": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "python": repr(SECRET)[1:-1],
    "html": html.escape(SECRET),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_registered_value_is_found_in_every_spelling(redactor, spelling):
    """Inside a text, more than once."""
    redactor.register(SECRET)

    assert redactor.text(f"a {spelling} b {spelling}") == f"a {REDACTED} b {REDACTED}"


def test_of_overlapping_values_the_longest_goes_first(redactor):
    """However they were registered: nothing of the longer one is left."""
    for value in ("abcdef", "abcdefgh", "xabcdefghy"):
        redactor.register(value)

    assert redactor.text("1 abcdefgh 2 xabcdefghy 3 abcdefg") == f"1 {REDACTED} 2 {REDACTED} 3 {REDACTED}g"


def test_a_value_registered_later_is_found_too(redactor):
    """Also after the first text."""
    assert redactor.text("secret-one secret-two") == "secret-one secret-two"
    redactor.register("secret-one")
    assert redactor.text("secret-one secret-two") == f"{REDACTED} secret-two"
    redactor.register("secret-two")
    assert redactor.text("secret-one secret-two") == f"{REDACTED} {REDACTED}"


def test_a_value_with_white_space_around_is_found_without_it(redactor):
    """Files end with a line break, what is made of them often does not."""
    redactor.register("hunter2-long\n")

    assert redactor.text("key hunter2-long.") == f"key {REDACTED}."


def test_a_short_value_is_redacted_only_where_it_is_everything(redactor):
    """A secret of one letter must not destroy every text."""
    redactor.register("s3cr")
    redactor.register("x", always=True)

    assert redactor.text("s3cr") == redactor.text("x") == REDACTED
    assert redactor.text("s3cret in x") == "s3cret in x"


@pytest.mark.parametrize("value", ["", "true", "False", "dev", "prod", "0", "12345"])
def test_an_ordinary_short_value_is_let_through_unless_told(redactor, value):
    """Every resolved variable is registered, and most of the short ones are words."""
    redactor.register(value)
    assert redactor.text(value) == value

    redactor.register(value, always=True)
    assert redactor.text(value) == (REDACTED if value else "")


def made(*parts):
    """A secret that does not stand in this file as a whole."""
    return "".join(parts)


KEY = made("Zm9vYmFy", "cXV4", "==")
STRUCTURED = {
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=core.windows.net": (
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={REDACTED};EndpointSuffix=core.windows.net"
    ),
    f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={KEY}": (
        f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={REDACTED}"
    ),
    "Server=s;Uid=u;Pwd=my pass word;Encrypt=yes": f"Server=s;Uid=u;Pwd={REDACTED};Encrypt=yes",
    "Server=s;PASSWORD={a;b};Encrypt=yes": f"Server=s;PASSWORD={REDACTED};Encrypt=yes",
    "password = 'a b', then more": f"password = '{REDACTED}', then more",
    "password=abc failed": f"password={REDACTED} failed",
    "https://a.blob.core.windows.net/c/b?sv=2024&sig=abc%2Fdef%3D&se=1": f"https://a.blob.core.windows.net/c/b?sv=2024&sig={REDACTED}&se=1",
    "https://f.azurewebsites.net/api/x?code=abc==": f"https://f.azurewebsites.net/api/x?code={REDACTED}",
    "https://x/y?a=1&amp;token=abc#z": f"https://x/y?a=1&amp;token={REDACTED}#z",
    "Authorization: Bearer abc.def": f"Authorization: Bearer {REDACTED}",
    '{"authorization": "Basic dTpw", "a": 1}': f'{{"authorization": "Basic {REDACTED}", "a": 1}}',
    "sent bearer " + made("eyJhbGci", "OiJIUzI1NiJ9.e30.abc"): f"sent bearer {REDACTED}",
    "postgres://user:p@ss:w@db.example.com/x": f"postgres://user:{REDACTED}@db.example.com/x",
    "password: SecretStr('abc')": f"password: SecretStr('{REDACTED}')",
    "%22password%22%3A%22a1b2c3d4%22": f"%22password%22%3A%22{REDACTED}%22",
    "&quot;token&quot;: &quot;a1b2c3d4": f"&quot;token&quot;: &quot;{REDACTED}",
    "redis://:pw@cache:6379": f"redis://:{REDACTED}@cache:6379",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STRUCTURED.items())
def test_a_credential_is_known_by_its_surroundings(redactor, text, expected):
    """Nothing was registered. What stands around stays, and a second pass changes nothing."""
    assert redactor.text(text) == expected
    assert redactor.text(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "abfss://container@account.dfs.core.windows.net/path/file.csv?version=3",
        "HTTP error code=403, sign=5, design=x",
        "check 'not_null' found 12 rows that break it",
        "http://localhost:8080/a@b",
        "the bearer of this message",
        "SELECT token, code FROM t WHERE sig = 1",
        REDACTED,
        SENSITIVE_SAMPLE,
    ],
)
def test_a_harmless_text_stays_the_same_object(redactor, text):
    """So that records need no copy."""
    redactor.register("a secret value")

    assert redactor.text(text) is text


@given(secret=st.text(min_size=6), before=st.text(), after=st.text())
def test_no_registered_value_is_ever_left(secret, before, after):
    """Whatever it is made of and wherever it stands; but words that everybody uses stay (decision 0021)."""
    redactor = Redactor()
    redactor.register(secret)

    if secret not in REDACTED and secret.strip().lower() not in COMMON_WORDS:
        assert secret not in redactor.text(f"{before} {secret} {after}").replace(REDACTED, "\0")


@given(values=st.sets(st.text("ab", min_size=6, max_size=9), min_size=1), text=st.text("ab ", max_size=60))
def test_of_values_that_overlap_nothing_is_left_over(values, text):
    """Each character that belongs to a value is gone, and no other."""
    redactor = Redactor()
    for value in values:
        redactor.register(value)
    hidden = {
        at for value in values for start in range(len(text)) if text.startswith(value, start) for at in range(start, start + len(value))
    }

    assert "".join(redactor.text(text).split(REDACTED)) == "".join(letter for at, letter in enumerate(text) if at not in hidden)


LONG = ["a", "Password=", "Password={", 'Pwd="', "://:", "a:b@", "&sig", "sig=", "Bearer ", "Authorization: ", "password=a b c ",
        "token: ",
        "--secret ", "eyJ.", "eyJhbGciO", "A+/", "key=\\", "password=\\\"", "password='\n", "ghp_", "://a:b", "%3D", "[REDACTED]",
        "<password>", "-----BEGIN PRIVATE KEY-----", "secret is ", "key ",
        "password: |\n ", "AccountKey=a;", "${", "Cookie: a=b; ", "2abc", "name: password, value: "]  # fmt: skip


@pytest.mark.parametrize("piece", LONG)
def test_time_is_linear_in_the_length(redactor, piece):
    """Eight times the text takes about eight times as long, not sixty-four times."""
    for number in range(60):
        redactor.register(f"secret-value-{number}")
    redactor.text(piece * 1000)  # compiles what it needs

    def seconds(length):
        text = (piece * (length // len(piece) + 1))[:length]
        start = time.process_time()
        redactor.text(text)
        return time.process_time() - start

    short, long = seconds(62_500), seconds(500_000)
    assert long < 8
    assert long < 24 * max(short, 0.01)


@dataclass(frozen=True)
class Place:
    file: str
    line: int


class Pair(NamedTuple):
    left: str
    right: str


def test_a_record_is_redacted_all_through_and_keeps_its_types(redactor):
    """Models in tuples, keys of mappings, named tuples, dataclasses; numbers stay."""
    redactor.register("hunter2-long")
    value = {
        "error": ErrorRecord(code="x", message="with hunter2-long", hint="ok"),
        "hunter2-long": [1, ("hunter2-long", None), Pair("a", "hunter2-long"), Place("hunter2-long", 3)],
    }

    assert redactor.record(value) == {
        "error": ErrorRecord(code="x", message=f"with {REDACTED}", hint="ok"),
        REDACTED: [1, (REDACTED, None), Pair("a", REDACTED), Place(REDACTED, 3)],
    }


def test_a_record_without_a_secret_is_the_same_object(redactor):
    """No copy, however deep."""
    redactor.register("hunter2-long")
    value = {"a": [ErrorRecord(code="x", message="y"), (1, Place("f", 1))], "b": {"c": Pair("1", "2")}}

    assert redactor.record(value) is value


def test_names_and_words_of_the_protocol_stay(
    redactor,
):
    """A variable whose value is the name of a node must not stop a run; texts in the same record are redacted."""
    from datetime import UTC, datetime

    for value in ("orders", "node_skipped", "skipped"):
        redactor.register(value)
    event = NodeSkipped(run_id="r", node="orders", reason="orders was skipped", blocked_by="orders", at=datetime(2026, 1, 1, tzinfo=UTC))
    facts = PlannedNodeFacts(name="load_orders", upstream=("orders",), description="orders")

    assert redactor.record(event) == event.model_copy(update={"reason": f"{REDACTED} was {REDACTED}"})
    assert redactor.record(facts) == facts.model_copy(update={"description": REDACTED})
    assert redactor.record(event, keep=frozenset()).node == REDACTED
    assert redactor.record(event, keep=frozenset()).kind == "node_skipped"


def test_a_record_that_goes_too_deep_ends_in_a_redaction(redactor):
    """Rather than in an error."""
    value = "leaf"
    for _ in range(200):
        value = [value]

    assert REDACTED in str(redactor.record(value))


@pytest.fixture
def logged(redactor):
    """A logger whose handler redacts, and what it wrote."""
    redactor.register("hunter2-long")
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append((self.format(record), record))

    handler = Handler()
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.getLogger("tests.redaction")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, lines
    logger.removeHandler(handler)


def test_a_log_line_is_redacted_in_message_and_arguments(logged):
    """Also where only the formatted line holds the secret, or an argument is no text."""
    logger, lines = logged

    logger.warning("hunter2-long")
    logger.warning("a %s b %d", "hunter2-long", 3)
    logger.warning("a %(key)s", {"key": "hunter2-long"})
    logger.warning("hunter2%s", "-long")
    logger.warning("a %s", ValueError("hunter2-long"))
    logger.warning("clean %s", "line")

    assert [line for line, _ in lines] == [REDACTED, f"a {REDACTED} b 3", f"a {REDACTED}", REDACTED, f"a {REDACTED}", "clean line"]
    assert lines[1][1].args == (REDACTED, 3)
    assert lines[5][1].args == ("line",)


def test_a_log_line_is_redacted_in_exception_stack_and_extra_fields(logged):
    """The exception is kept as text only, so that no other handler shows it as it was."""
    logger, lines = logged

    def fail():
        try:
            raise KeyError("hunter2-long")
        except KeyError as error:
            raise ValueError("outer") from error

    try:
        fail()
    except ValueError:
        logger.exception("it failed", extra={"detail": {"key": "hunter2-long"}}, stack_info=True)

    ((line, record),) = lines
    assert "hunter2-long" not in line.replace('KeyError("hunter2-long")', "")  # the source line of this test stands in the trace
    assert f"KeyError: '{REDACTED}'" in line
    assert "ValueError: outer" in line
    assert record.exc_info is None
    assert record.detail == {"key": REDACTED}


def test_a_log_line_that_does_not_fit_its_arguments_is_left_to_the_handler(redactor):
    """A wrong call of the logger must not become an exception of the product."""
    redactor.register("hunter2-long")
    record = logging.makeLogRecord({"msg": "a %d", "args": ("hunter2-long",)})

    assert RedactingFilter(redactor).filter(record)
    assert (record.msg, record.args) == ("a %d", (REDACTED,))


def test_the_module_needs_nothing_but_the_standard_library():
    """It is used before anything else is there."""
    code = "import sys; before = set(sys.modules); import odibi_core.redaction; print('pydantic' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert found.stdout.strip() == "False"
