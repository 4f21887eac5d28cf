"""No name leads out of the place that it is joined to."""

from __future__ import annotations

import os.path
import unicodedata
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from odibi_core.errors import ConfigError
from odibi_core.storage import safe_join

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "a/..",
    "..",
    "..\\x",
    "a\\..\\b",
    "%2e%2e/x",
    "%2E%2e%2fx",
    "%252e%252e/x",
    "a/%2e%2e/%2e%2e/x",
    "%2fetc/passwd",
    "．．／x",
    "a／．．／b",
    "‥/x",
    "a\0b",
    "a%00b",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "abfss://other@evil.dfs.core.windows.net/x",
    "file:///etc/passwd",
    "FILE:/etc",
    "//host/x",
    "C:\\x",
    "C:/x",
    "c%3a/x",
    "x.",
    "x ",
    "a/.. /b",
    "a/.. ./b",
    "...",
    "x" * 1025,
    "\ud800",
    ".odibi~lock",
    "a/.odibi~0123",
]
HARMLESS = [
    ("plain.csv", "plain.csv"),
    ("a/b/c.csv", "a/b/c.csv"),
    ("./a/./b", "a/b"),
    ("a/b/", "a/b/"),
    ("a..b/..c/x...y", "a..b/..c/x...y"),
    (".odibi/system", ".odibi/system"),
    ("100%.csv", "100%.csv"),
    ("a%20b.csv", "a%20b.csv"),
    ("orders/*.csv", "orders/*.csv"),
    ("x'; DROP TABLE--.csv", "x'; DROP TABLE--.csv"),
    ("<img src=x onerror=alert(1)>.csv", "<img src=x onerror=alert(1)>.csv"),
    ("=HYPERLINK(..).csv", "=HYPERLINK(..).csv"),
    ("${ENV}.csv", "${ENV}.csv"),
    ("{{7*7}}.csv", "{{7*7}}.csv"),
    ("\u202egnp.csv", "\u202egnp.csv"),
    ("\U0001f4a9/\u00fc.csv", "\U0001f4a9/\u00fc.csv"),
    ("u\u0308.csv", "u\u0308.csv"),
    ("x" * 1024, "x" * 1024),
    ("dt=2026-01-01T10:00/x", "dt=2026-01-01T10:00/x"),
]
BASES = ["/data/base", "abfss://landing@account.dfs.core.windows.net/in", "state/", ""]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("base", BASES)
def test_a_name_that_may_lead_out_is_refused(base, name):
    """Plainly, behind URL encoding once or twice, or in letters that look like dots and slashes. The text does not quote it."""
    with pytest.raises(ConfigError) as caught:
        safe_join(base, name)
    assert caught.value.error_code == "path_refused"
    assert len(name) < 4 or name not in str(caught.value)


@pytest.mark.parametrize(("name", "kept"), HARMLESS)
def test_any_other_name_is_kept_letter_for_letter(name, kept):
    """However odd: a name is data."""
    assert safe_join("/data/base", name) == f"/data/base/{kept}"
    assert safe_join("state/", name) == f"state/{kept}"
    assert safe_join("", name) == kept


def test_an_empty_name_is_the_base():
    """So a connection itself can be located."""
    assert safe_join("/data", "") == "/data"
    assert safe_join("/data", ".") == "/data"
    assert safe_join("/data", "./") == "/data"


TRICKY = st.lists(st.sampled_from([*"./\\%:~ ab25eEfFcC\0\n", "．", "／", "‥", "%2e", "%2f", "..", "../", "//"]), max_size=12).map("".join)


@given(st.one_of(st.text(), TRICKY))
@example("%25%32%65%2e/")
@example("a//b")
def test_every_accepted_name_stays_under_the_base_for_every_reader(name):
    """Normalised as a file system does, decoded as a URL reader does, and folded as Unicode does: always under the base."""
    try:
        joined = safe_join("/data/base", name)
    except ConfigError:
        return
    readings = {joined, unquote(joined), unquote(unquote(joined)), unicodedata.normalize("NFKC", unquote(joined))}
    for reading in readings:
        seen = os.path.normpath(reading.replace("\\", "/"))
        assert seen == "/data/base" or seen.startswith("/data/base/")
    uri = safe_join("abfss://c@account.dfs.core.windows.net/base", name)
    assert uri.startswith("abfss://c@account.dfs.core.windows.net/base")
    assert urlsplit(uri).netloc == "c@account.dfs.core.windows.net"
