"""YAML is read as plain data, bounded, with YAML 1.2 booleans only (threats T1, T2, T3, T8)."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest

from odibi_core.config.marks import MarkedMapping, locate
from odibi_core.config.places import Sources
from odibi_core.config.yaml_reader import MAX_BYTES, read_yaml
from odibi_core.errors import ConfigError


def read(text: str | bytes) -> MarkedMapping:
    return read_yaml(text.encode() if isinstance(text, str) else text, "odibi.yaml", Sources())


def refused(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value.problems[0])


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['id']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/object/new:type [x]",
        "!!binary aGVsbG8=",
        "!!binary |\n    " + "QUJD" * 2000,
        "!!timestamp 2024-01-01",
        "!!set {a, b}",
        "!custom 1",
        "!!str 5",
        "! 5",
    ],
)
def test_a_tag_is_refused_where_it_stands(tagged: str) -> None:
    """No tag constructs anything, not even a harmless one."""
    assert refused(f"safe: 1\nbad: {tagged}\n").startswith("odibi.yaml:2:6: tags are not allowed")


def test_a_tag_on_a_key_is_refused() -> None:
    """A key is plain text."""
    assert refused("!!str a: 1\n").startswith("odibi.yaml:1:1: tags are not allowed")


@pytest.mark.parametrize("levels", [4, 6, 9])
def test_an_alias_bomb_is_refused_at_once(levels: int) -> None:
    """Ten to the power of `levels` leaves are counted, never built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels + 1)]
    started = time.perf_counter()
    answer = refused("\n".join(lines))
    assert time.perf_counter() - started < 10
    assert "aliases" in answer


def test_hostile_yaml_needs_little_memory() -> None:
    """The alias bomb is refused by a process that may use 50 MB more than it has when it starts."""
    program = """
import resource
from odibi_core.config.places import Sources
from odibi_core.config.yaml_reader import read_yaml
from odibi_core.errors import ConfigError
lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 50 * 2**20, used + 50 * 2**20))
try:
    read_yaml("\\n".join(lines).encode(), "odibi.yaml", Sources())
except ConfigError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "refused\n", done.stderr
    assert resource.getpagesize() > 0


def test_a_hundred_aliases_are_enough() -> None:
    """Exactly 100 expansions load; one more is refused."""
    allowed = "a: &a x\nb: [" + ", ".join(["*a"] * 100) + "]\n"
    assert read(allowed)["b"] == ["x"] * 100
    assert "more than 100 aliases" in refused(allowed.replace("[*a", "[*a, *a"))


def test_an_anchor_cannot_contain_itself() -> None:
    """A value that holds itself is refused."""
    assert refused("a: &a [*a]\n").startswith("odibi.yaml:1:8: alias")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a: " + "[" * 41 + "]" * 41, "nested deeper than 40 levels"),
        ("a: " + "[" * 500_000, "nested deeper than 40 levels"),
        ("a: [" + "1, " * 100_001 + "1]", "more than 100000 values"),
        ("a: '" + "x" * MAX_BYTES + "'", "the limit is 1048576"),
    ],
)
def test_size_and_depth_are_bounded(text: str, answer: str) -> None:
    """Whatever the shape of the bomb, the answer comes quickly and says which bound it broke."""
    started = time.perf_counter()
    assert answer in refused(text)
    assert time.perf_counter() - started < 20


def test_a_duplicate_key_names_both_lines() -> None:
    """The second one would win silently."""
    answer = refused("a: 1\nb:\n  x: 1\n  y: 2\n  x: 3\n")
    assert answer.startswith("odibi.yaml:5:3: key 'x' stands twice in one mapping: lines 3 and 5")


def test_all_duplicate_keys_are_reported() -> None:
    """Not only the first."""
    with pytest.raises(ConfigError) as caught:
        read("a: 1\na: 2\nb: 1\nb: 2\n")
    assert [problem.place.line for problem in caught.value.problems if problem.place] == [2, 4]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("NO", "NO"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("1e3", 1000.0),
        ("0.50", 0.5),
        (".5", 0.5),
        ("-7", -7),
        ("0", 0),
        ("0123456", "0123456"),
        ("007", "007"),
        ("-01", "-01"),
        ("00.5", "00.5"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("0o17", 15),
        ("0x1F", 31),
        ("'5'", "5"),
        ('"true"', "true"),
        ("1" * 50, "1" * 50),
        ("1e999", "1e999"),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    """The surprises of YAML 1.1 stay text."""
    found = read(f"a: {written}\n")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"a:\n\tb: 1\n", "odibi.yaml:2:1: tab used for indentation"),
        (b"a: \x00\n", "odibi.yaml:1:4: control character U+0000"),
        (b"a: 1\nb: \x1b[31m\n", "odibi.yaml:2:4: control character U+001B"),
        (b"a: 1\nb: \xff\n", "odibi.yaml:2:4: not valid UTF-8"),
        (b"\xff\xfea\x00:\x00", "odibi.yaml:1:1: not valid UTF-8"),
        (b"", "odibi.yaml:1:1: the file is empty"),
        (b"# only a comment\n", "odibi.yaml:1:1: the file is empty"),
        (b"- a\n", "odibi.yaml:1:1: expected keys and values"),
        (b"a: 1\n---\nb: 2\n", "odibi.yaml:2:1: the file holds more than one document"),
        (b"a: [1, 2\n", "odibi.yaml:2:1: not valid YAML"),
        (b"? [a]\n: 1\n", "odibi.yaml:1:3: a key must be a plain text"),
        (b"a: .inf\n", "odibi.yaml:1:4: infinity and NaN"),
        (b"a: {<<: 1}\n", "odibi.yaml:1:9: '<<' needs a mapping"),
    ],
)
def test_broken_yaml_says_what_and_where(data: bytes, answer: str) -> None:
    """One clear sentence with line and column."""
    assert refused(data).startswith(answer)


def test_a_byte_order_mark_is_harmless() -> None:
    """Windows editors write one."""
    assert read(b"\xef\xbb\xbfa: 1\n") == {"a": 1}


def test_merge_keys_work() -> None:
    """What stands in the mapping wins over `<<`, and the first of several over the next."""
    tree = read("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall: {<<: [*one, *two], a: 0}\n")
    assert tree["all"] == {"a": 0, "b": 1, "c": 2}


def test_every_key_and_value_knows_its_place() -> None:
    """Block and flow style, nested, counted from 1."""
    tree = read("a: 1\nb:\n  - x\n  - {k: v, l: [1, 2]}\n")
    assert locate(tree, ("b", 1, "k"), tree.mark)[1:] == (4, 9)
    assert locate(tree, ("b", 1, "l"), tree.mark, on_key=True)[1:] == (4, 12)
    assert locate(tree, ("b", 1, "l", 1), tree.mark)[1:] == (4, 19)
    assert locate(tree, ("b", 1, "missing", "deep"), tree.mark)[1:] == (4, 5)


def test_an_error_does_not_show_a_secret() -> None:
    """A literal password in the line at fault is starred, a reference to a variable is not."""
    with pytest.raises(ConfigError) as caught:
        read("a: {password: hunter2, token: 'a, b', salt: ${SALT}, x: 1, x: 2}\n")
    place = caught.value.problems[0].place
    assert place is not None
    assert place.excerpt == "a: {password: *******, token: ******, salt: ${SALT}, x: 1, x: 2}"
