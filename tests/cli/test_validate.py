"""`odibi validate`: every problem at once, at its place, without touching a store."""

from pathlib import Path

from tests.cli.running import edited, files_in, odibi


def test_a_sound_project_is_counted(project: Path) -> None:
    """Exit 0, and no file is made or changed."""
    before = files_in(project)
    ended = odibi("validate", cwd=project)

    assert (ended.code, ended.out, ended.err) == (0, "ok: 2 pipelines, 6 nodes\n", "")
    assert files_in(project) == before


def test_problems_of_the_yaml_come_with_excerpt_and_caret_in_reading_order(project: Path) -> None:
    """Exit 2."""
    edited(project, "orders.yaml", "mode: append", "mode: apend")
    edited(project, "orders.yaml", "description: Every row", "descripton: Every row")
    ended = odibi("validate", cwd=project)

    assert ended.code == 2
    first, second, count = ended.err.strip().split("\n\n")
    assert first.splitlines()[:3] == [
        "orders.yaml:8:9: unknown key 'descripton'",
        "    8 |         descripton: Every row as it came, with the file it came from",
        "      |         ^",
    ]
    assert second.startswith("orders.yaml:11:")
    assert count == "2 problems in odibi.yaml"


def test_what_the_planner_refuses_is_found_in_every_node_at_once(project: Path) -> None:
    """A function nobody knows, SQL that does not parse and SQL that is not portable, each at the name of its node."""
    edited(project, "orders.yaml", "function: deduplicate", "function: dedupplicate")
    edited(project, "orders.yaml", "SELECT product, COUNT", "SELEC product, COUNT")
    edited(project, "report.yaml", "SUM(orders) AS orders", "FROBNICATE(orders) AS orders")
    found = odibi("validate", "--json", cwd=project)

    assert (found.code, found.json["ok"]) == (2, False)
    assert [(problem["file"], problem["line"], problem["column"]) for problem in found.json["problems"]] == [
        ("orders.yaml", 20, 25),
        ("orders.yaml", 50, 28),
        ("report.yaml", 25, 31),
    ]
    assert "Did you mean 'deduplicate'?" in found.json["problems"][0]["hint"]


def test_values_of_a_trigger_are_no_problem(project: Path) -> None:
    """A plan is made as the pipeline's own trigger would have it made."""
    edited(project, "orders.yaml", "path: bronze/orders", 'path: "bronze/${trigger.name}"')

    assert odibi("validate", cwd=project).code == 0


def test_notices_are_warnings(project: Path) -> None:
    """What is accepted but has no effect is said, and does not fail."""
    edited(project, "odibi.yaml", "engine: polars", "engine: pandas")
    ended = odibi("validate", cwd=project)

    assert ended.code == 0
    assert ended.err == "warning: engine: 'pandas' is read as 'polars'\n"


def test_github_gets_annotations_with_paths_from_where_it_stands(project: Path) -> None:
    """One line each; line breaks and percent signs are escaped."""
    edited(project, "orders.yaml", "mode: append", "mode: apend")
    ended = odibi("validate", project.name, cwd=project.parent, GITHUB_ACTIONS="true")

    assert ended.code == 2
    (line,) = ended.out.splitlines()
    assert line.startswith(f"::error file={project.name}/orders.yaml,line=11,col=")
    assert line.endswith("%0ADid you mean 'append'?")


UNKNOWN = """\
project: shop
connections: { landing: { type: local, base_path: ./landing }, lake: { type: local, base_path: ./lake } }
pipelines:
  - pipeline: p
    nodes:
      - name: raw
        read: { connection: landing, format: csv, path: "orders/*.csv" }
      - name: totals
        depends_on: [raw]
        transform:
          steps:
            - |
              SELECT customer,
                     SUM(amont) AS total
              FROM raw GROUP BY customer
            - { function: rename_columns, params: { mapping: { totl: sum } } }
        validation: { tests: [{ type: not_null, columns: [custmer] }] }
      - { name: broken, depends_on: [raw], transform: { steps: ["SELEC 1"] } }
"""


def test_columns_that_cannot_be_there_are_found_with_their_places_beside_everything_else(tmp_path: Path) -> None:
    """In a parameter and in a check, by what SQL says of its result; a node that is broken otherwise hides none of them."""
    (tmp_path / "odibi.yaml").write_text(UNKNOWN, encoding="utf-8")
    found = sorted(odibi("validate", "--json", cwd=tmp_path).json["problems"], key=lambda problem: problem["line"])
    lines = [line[problem["column"] - 1 :] for problem in found for line in [UNKNOWN.splitlines()[problem["line"] - 1]]]

    assert [(problem["line"], rest.split(",")[0].split(":")[0].split("]")[0]) for problem, rest in zip(found, lines, strict=True)] == [
        (16, "totl"),
        (17, "custmer"),
        (18, '1"'),
    ]
    assert found[1]["message"] == "node 'totals' of pipeline 'p': check 'not_null' reads the unknown column 'custmer'"
    assert found[1]["hint"] == "Did you mean 'customer'? Known columns: customer, total."


def test_local_sources_are_looked_at_if_asked(tmp_path: Path) -> None:
    """Then a name in the first SQL over a file is known to be wrong, at its place in the text; and nothing is written."""
    (tmp_path / "odibi.yaml").write_text(UNKNOWN.replace("totl", "total").replace("custmer", "customer").replace("SELEC 1", "SELECT 1"))
    file = tmp_path / "landing" / "orders" / "a.csv"
    assert odibi("validate", cwd=tmp_path).code == 0
    without = odibi("validate", "--with-data", cwd=tmp_path)
    assert without.code == 0
    assert "note: node 'raw' of pipeline 'p': its source was not looked at: " in without.err
    file.parent.mkdir(parents=True)
    file.write_text("customer,amount\nAda,1.5\n")
    before = files_in(tmp_path)
    ended = odibi("validate", "--with-data", cwd=tmp_path)

    assert ended.code == 2
    assert ended.err.startswith("odibi.yaml:14:26: step 1 of node 'totals' in pipeline 'p': SQL reads the unknown column 'amont'\n")
    assert "hint: Did you mean 'amount'? Known columns: amount, customer." in ended.err
    assert files_in(tmp_path) == before
