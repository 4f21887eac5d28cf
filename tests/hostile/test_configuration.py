"""Configurations that want to do harm: T1 to T9, wherever the product reads YAML."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_core.config import load_project
from odibi_core.config.data_tests import load_data_tests
from odibi_core.errors import ConfigError
from tests.config.conftest import HEAD, Complaints, Load
from tests.hosts.world import HEAD as SHOP
from tests.hosts.world import ORDERS, World

BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)])
TAGS = [
    "!!python/object/apply:os.system ['touch owned']",
    "!!python/object/new:os.system [touch owned]",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/tuple [1, 2]",
    "!!binary aGVsbG8=",
    "!!set {a}",
    "!ruby/object:Gem::Installer x",
    "!include /etc/passwd",
]
REFUSED = {
    "tag": ("x: !!python/object/apply:os.system ['id']", "tags are not allowed"),
    "bomb": (BOMB, "aliases"),
    "twice": ("x: 1\nx: 2", "stands twice in one mapping: lines"),
    "deep": ("x: " + "[" * 60 + "]" * 60, "nested deeper than 40 levels"),
    "wide": ("x: [" + "1, " * 100_001 + "1]", "more than 100000 values"),
    "big": ("x: '" + "x" * 1_100_000 + "'", "1048576"),
    "control": ("x: a\x00b", "control character U+0000"),
    "documents": ("x: 1\n---\ny: 2", "more than one document"),
}


def read(folder: Path, place: str) -> object:
    if place.endswith("_test.yaml"):
        return load_data_tests(folder / place)
    return load_project(folder / "odibi.yaml", environment="prod" if place.startswith("env") else None, variables={})


def every_file(tmp_path: Path, text: str) -> dict[str, str]:
    """What is said of a text, by the file that it stands in: the project, an import, an environment's file, a file of data tests."""
    said = {}
    for number, place in enumerate(("odibi.yaml", "imported.yaml", "env.prod.yaml", "orders_test.yaml")):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        good = HEAD + "imports: [imported.yaml]\npipelines: []\n"
        (folder / "odibi.yaml").write_text(good if place != "odibi.yaml" else HEAD + text)
        (folder / "imported.yaml").write_text("vars: { a: 1 }\n")
        (folder / place).write_text((HEAD if place == "odibi.yaml" else "") + text)
        with pytest.raises(ConfigError) as caught:
            read(folder, place)
        said[place] = str(caught.value)
    return said


@pytest.mark.parametrize(("text", "answer"), REFUSED.values(), ids=REFUSED)
def test_t1_to_t3_every_file_of_yaml_is_read_as_plain_and_bounded_data(tmp_path: Path, text: str, answer: str) -> None:
    """Tags, bombs, keys that stand twice, and what is too deep, too wide or too big: refused, with the file."""
    for place, said in every_file(tmp_path, text).items():
        assert answer in said, (place, said)
        assert place in said


@pytest.mark.parametrize("tag", TAGS)
def test_t1_no_tag_constructs_anything(complaints: Complaints, tmp_path: Path, tag: str) -> None:
    """The answer has line and column, and nothing ran."""
    assert complaints(HEAD + f"vars: {{ x: {tag} }}\npipelines: []\n")[0].startswith("odibi.yaml:4:12: tags are not allowed")
    assert not (tmp_path / "owned").exists()


def test_t2_a_project_that_is_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    """A billion leaves are counted and never built: with 50 MB more than the process has at its start."""
    (tmp_path / "odibi.yaml").write_text(HEAD + BOMB + "\npipelines: []\n")
    program = f"""
import resource
from pathlib import Path
from odibi_core.config import load_project
from odibi_core.errors import ConfigError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 50 * 2**20, used + 50 * 2**20))
try:
    load_project(Path({str(tmp_path / "odibi.yaml")!r}), variables={{}})
except ConfigError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "refused\n", done.stderr
    assert resource.getpagesize() > 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40, deadline=None)
@given(
    value=st.text(min_size=1)
    | st.sampled_from(
        ["x\n  type: local\n  base_path: /etc", "0123456", "yes", "2024-01-01", "abc #def", "a: b", "[1]", "{a: 1}", "*x", "!!null", "'"]
    )
)
def test_t4_and_t5_a_value_of_the_environment_is_one_text(tmp_path: Path, value: str) -> None:
    """Whatever it holds, it is that text, and the structure around it is what was written; the plan keeps the name."""
    path = tmp_path / "odibi.yaml"
    path.write_text("project: p\nconnections:\n  lake: { type: local, base_path: ./lake }\nowner: '${WHO}'\npipelines: []\n")
    loaded = load_project(path, variables={"WHO": value})
    assert loaded.config.owner == value
    assert list(loaded.config.connections) == ["lake"]
    assert json.dumps(loaded.tree).count("${WHO}") == 1


@pytest.mark.parametrize("text", ["DELETE FROM t WHERE id > ${vars.missing}", "${vars.mising}", "${MISSING_VARIABLE}", "${recipe.x}"])
def test_t6_a_placeholder_without_a_value_is_an_error(complaints: Complaints, text: str) -> None:
    """It never becomes an empty text, which would widen a condition."""
    said = complaints(HEAD + f"vars: {{ missed: 7 }}\nowner: '{text}'\npipelines: []\n")
    assert said
    assert all(line.startswith("odibi.yaml:5:") for line in said)


@pytest.mark.parametrize(
    "name",
    ["/etc/hostname", "../../../etc/hostname", "%2e%2e/x.yaml", "file:///etc/hostname", "https://evil.example.com/x.yaml", "link.yaml"],
)
def test_t7_an_import_stays_in_the_project(complaints: Complaints, tmp_path: Path, name: str) -> None:
    """Absolute, upwards, encoded, an address or a link: nothing outside is opened."""
    (tmp_path / "link.yaml").symlink_to("/etc/hostname")
    said = complaints(HEAD + f"imports: ['{name}']\npipelines: []\n")
    assert said
    assert Path("/etc/hostname").read_text().strip() not in "".join(said)


def test_t7_imports_in_a_circle_are_named(complaints: Complaints) -> None:
    """And end."""
    said = complaints(HEAD + "imports: [a.yaml]\npipelines: []\n", files={"a.yaml": "imports: [b.yaml]\n", "b.yaml": "imports: [a.yaml]\n"})
    assert "a.yaml → b.yaml → a.yaml" in said[0]


@pytest.mark.parametrize("key", ["sql_file", "explanation_file"])
@pytest.mark.parametrize("name", ["/etc/hostname", "../../../../../../etc/hostname", "link.sql"])
def test_t7_a_side_file_stays_in_the_project(tmp_path: Path, key: str, name: str) -> None:
    """The text of no other file comes into a plan or a story."""
    (tmp_path / "link.sql").symlink_to("/etc/hostname")
    place = f"transform: {{ steps: [ {{ sql_file: '{name}' }} ] }}" if key == "sql_file" else f"explanation_file: '{name}'"
    path = tmp_path / "odibi.yaml"
    path.write_text(
        HEAD
        + "pipelines:\n  - pipeline: p\n    nodes:\n      - name: n\n        read: { connection: lake, format: csv, path: a.csv }\n"
        + f"        {place}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_project(path, variables={})
    assert Path("/etc/hostname").read_text().strip() not in f"{caught.value}{caught.value.problems!r}"


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("1e3", 1000.0), ("12:30:45", "12:30:45"), ("0o17", 15), ("0123", "0123"), ("2024-01-01", "2024-01-01"), ("~", None)],
)
def test_t8_scalars_are_those_of_yaml_1_2(load: Load, written: str, value: object) -> None:
    """No surprise of YAML 1.1 turns a text into a number or a boolean."""
    found = load(HEAD + f"vars: {{ x: {written} }}\npipelines: []\n").tree["vars"]["x"]
    assert (found, type(found)) == (value, type(value))


def test_t9_a_yaml_that_breaks_in_the_middle_of_a_run_harms_nothing(tmp_path: Path) -> None:
    """The run goes on by its frozen plan, and what is new is refused aloud; the last good plan is not used in silence."""
    world = World(tmp_path, SHOP + ORDERS)
    world.land("orders/a.csv", 1, 2)
    first = world.azure()
    first.on_blob_event(world.event("orders/a.csv"))
    world.write((SHOP + ORDERS).replace("pipeline: orders", "pipeline: [orders"))
    second = world.azure(ODIBI_SYSTEM_URI=str(tmp_path / "lake/_system"))
    assert second.on_start_request({"pipeline": "nightly"})[0] == 400
    assert world.work(second) == ["bronze", "silver"]
    assert (world.rows("silver"), world.statuses()) == ([1, 2], ["succeeded"])
