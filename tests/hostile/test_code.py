"""Values and texts that want to be run: T15 to T18."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from tests.hosts.world import HEAD, World
from tests.story.pages import Page, assert_harmless

SQL = """\
vars: { wanted: VALUE }
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: { connection: landing, format: csv, path: in.csv }
        transform: { steps: [ "SELECT i FROM df WHERE name = PLACE" ] }
        write: { connection: lake, format: delta, path: n }
"""
VALUES = [
    "' OR 1=1 --",
    "x' OR 'a'='a",
    "'; DROP TABLE df; --",
    "' UNION SELECT 4711 AS i --",
    "\\' OR 1=1 --",
    "\\",
    "''",
    "/*",
    "x\n OR 1=1",
    "${HOME}",
    "{{7*7}}",
]


def quoted(text: str) -> str:
    """As YAML writes it."""
    return "'" + text.replace("'", "''") + "'" if "\n" not in text else '"' + text.replace("\n", "\\n") + '"'


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", ["${vars.wanted}", "'${vars.wanted}'", "${WANTED}", "'${WANTED}'", "'${env:WANTED}'"])
def test_t15_a_value_in_sql_is_one_literal(tmp_path: Path, value: str, place: str) -> None:
    """With quotes around it or without: it is compared with, and finds nothing; a row that has it is found."""
    if value == "${HOME}" and "vars" in place:
        value = "no ${HOME}"  # a variable that is another placeholder and nothing else stands for that one
    world = World(tmp_path, HEAD + SQL.replace("VALUE", quoted(value.replace("${", "$${"))).replace("PLACE", place))
    rows = [("1", "plain"), ("2", value)]
    text = "i,name\n" + "".join(f'{number},"{name.replace(chr(34), chr(34) * 2)}"\n' for number, name in rows)
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing/in.csv").write_text(text)
    host = world.in_process(WANTED=value)
    final = host.run(host.request("p"))
    assert final is not None
    assert (final.status, world.rows("n")) == ("succeeded", [2])


STATEMENTS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('http://169.254.169.254/metadata')",
    "SELECT * FROM read_ipc('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM csv.`/etc/passwd`",
    "CREATE TABLE x AS SELECT * FROM df",
    "DROP TABLE df",
    "SHOW TABLES",
    "SET x = 1",
    "ATTACH 'x.db'",
    "COPY df TO '/tmp/x'",
    "PRAGMA database_list",
    "INSERT INTO df SELECT * FROM df",
    "SELECT 1; DROP TABLE df",
    "SELECT * FROM environment",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT load_file('/etc/passwd')",
    "SELECT java_method('java.lang.System', 'getenv')",
]


@pytest.mark.parametrize("dialect", ["spark", "duckdb"])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_t16_sql_is_one_query_over_the_inputs_of_its_node(tmp_path: Path, statement: str, dialect: str) -> None:
    """Anything else is refused by the planner, at its place, before anything runs."""
    text = HEAD + f"sql_dialect: {dialect}\n" + SQL.replace("VALUE", "x").replace('"SELECT i FROM df WHERE name = PLACE"', f'"{statement}"')
    world = World(tmp_path, text)
    world.land("in.csv", 1)
    with pytest.raises(ConfigError) as caught:
        _run(world)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "lake/n").exists()


def _run(world: World) -> None:
    host = world.in_process()
    host.run(host.request("p"))


@pytest.mark.parametrize("key", ["query", "filter"])
def test_t16_queries_over_files_are_no_wider(tmp_path: Path, key: str) -> None:
    """`query:` and `filter:` of a read are SQL, too."""
    hostile = {"query": "SELECT * FROM read_csv('/etc/passwd')", "filter": "i IN (SELECT line FROM read_csv('/etc/passwd'))"}[key]
    text = HEAD + SQL.replace("VALUE", "x").replace("path: in.csv }", f'path: in.csv, {key}: "{hostile}" }}').replace(
        "name = PLACE", "1 = 1"
    )
    world = World(tmp_path, text)
    world.land("in.csv", 1)
    with pytest.raises(ConfigError):
        _run(world)


TEMPLATES = [
    "{{ 7 * 191 }}",
    "{% for x in range(9) %}1337{% endfor %}",
    "{{ cycler.__init__.__globals__.os.popen('touch owned').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{# gone #}",
    "${{ 7 * 191 }}",
    "%(1337)s",
    "{0.__class__}",
    "{run.project}",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_t17_a_text_of_the_author_is_never_a_template(tmp_path: Path, template: str) -> None:
    """Descriptions, explanations, names of columns and cells come out of the story as they went in."""
    body = (
        "pipelines:\n  - pipeline: p\n    description: TEXT\n    nodes:\n      - name: n\n        description: TEXT\n"
        "        explanation: TEXT\n        read: { connection: landing, format: csv, path: in.csv }\n"
        "        write: { connection: lake, format: delta, path: n }\n"
    )
    text = template if not template.startswith("${") else "$" + template
    world = World(tmp_path, HEAD + body.replace("TEXT", quoted(text)))
    (tmp_path / "landing").mkdir()
    cell = template.replace('"', '""')
    (tmp_path / "landing/in.csv").write_text(f'"{cell} column"\n"{cell} cell"\n')
    _run(world)
    (page,) = (file.read_text() for file in tmp_path.rglob("index.html") if file.parent.name != "stories")
    parsed = Page(page)
    assert_harmless(parsed)
    assert parsed.text().count(template) >= 3
    assert "1337" not in parsed.text().replace(template, "")
    assert not (tmp_path / "owned").exists()
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    "function", ["os.system", "os:system", "builtins.eval", "subprocess:run", "__import__", "odibi_core.cli.main:main", "../evil"]
)
@pytest.mark.parametrize("place", ["step", "transformer"])
def test_t18_a_function_is_one_that_was_registered(tmp_path: Path, function: str, place: str) -> None:
    """No name is imported: functions are the product's, or stand in the project's own files."""
    call = f"transform: {{ steps: [ {{ function: '{function}', params: {{ command: 'touch owned' }} }} ] }}"
    if place == "transformer":
        call = f"transformer: '{function}'\n        params: {{ command: 'touch owned' }}"
    body = SQL.replace("VALUE", "x").replace('transform: { steps: [ "SELECT i FROM df WHERE name = PLACE" ] }', call)
    world = World(tmp_path, HEAD + body)
    world.land("in.csv", 1)
    with pytest.raises(ConfigError) as caught:
        _run(world)
    assert "unknown" in str(caught.value) or "not available" in str(caught.value)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["transforms.py", "transforms/link.py"])
def test_t18_code_that_lies_outside_of_the_project_is_not_loaded(tmp_path: Path, name: str) -> None:
    """Not even through a link in its folder."""
    outside = tmp_path / "outside.py"
    outside.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'owned')!r}).touch()\n")
    inside = tmp_path / "project"
    (inside / "transforms").mkdir(parents=True)
    (inside / name).symlink_to(outside)
    call = SQL.replace("VALUE", "x").replace('"SELECT i FROM df WHERE name = PLACE"', "{ function: mine }")
    world = World(inside, HEAD + call)
    world.land("in.csv", 1)
    with pytest.raises(ConfigError):
        _run(world)
    assert not (tmp_path / "owned").exists()


def test_t18_code_in_a_landing_zone_is_data(tmp_path: Path) -> None:
    """Whoever can land a file cannot run one."""
    world = World(tmp_path, HEAD + SQL.replace("VALUE", "x").replace("name = PLACE", "1 = 1"))
    world.land("in.csv", 1)
    for name in ("transforms.py", "transforms/x.py", "sitecustomize.py"):
        file = tmp_path / "landing" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'owned')!r}).touch()\n")
    _run(world)
    assert world.rows("n") == [1]
    assert not (tmp_path / "owned").exists()
