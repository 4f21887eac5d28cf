"""`odibi test`: tests of nodes and transforms that are written in YAML."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.cli.running import PIPELINES, Ended, edited, files_in, odibi

COUNTED = """\
tests:
  - name: counts
    sql: SELECT a, COUNT(*) AS n FROM x GROUP BY a
    inputs: { x: [{ a: 1 }, { a: 1 }, { a: null }] }
    expected: [{ n: 1, a: null }, { a: 1.0, n: 2 }]
"""


def run(project: Path, text: str, *options: str, name: str = "tests/a_test.yaml") -> Ended:
    file = project / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return odibi("test", *options, cwd=project)


def test_the_tests_of_the_demo_pass() -> None:
    """They are what a reader of the demo learns it from."""
    ended = odibi("test", "--project", str(PIPELINES), cwd=PIPELINES.parent)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "4 passed, 0 failed")


def test_rows_are_compared_by_meaning_and_without_order(project: Path) -> None:
    """1 is 1.0, columns and rows may stand in any order."""
    assert run(project, COUNTED).code == 0


def test_a_difference_is_shown_and_is_exit_3(project: Path) -> None:
    """What is wanted and not there, and what is there and not wanted."""
    ended = run(project, COUNTED.replace("n: 1,", "n: 2,"))

    assert ended.code == 3
    assert ended.out.splitlines()[2:] == [
        "         2 rows wanted, 2 found",
        "         - {n: 2, a: None}",
        "         + {a: None, n: 1}",
        "0 passed, 1 failed",
    ]


def test_the_order_counts_if_the_test_says_so(project: Path) -> None:
    """The first row that is different is shown."""
    text = """
        tests:
          - name: sorted
            transform: sort
            params: { by: [a], ascending: false }
            inputs: { df: [{ a: 1 }, { a: 3 }, { a: 2 }] }
            ordered: true
            expected: [{ a: 3 }, { a: 2 }, { a: 1 }]
    """
    assert run(project, text).code == 0
    ended = run(project, text.replace("{ a: 3 }, { a: 2 }, { a: 1 }]", "{ a: 3 }, { a: 1 }, { a: 2 }]"))
    assert ended.out.splitlines()[2] == "         row 2 is different (3 rows wanted, 3 found)"


def test_other_columns_are_a_difference_unless_ignored(project: Path) -> None:
    """By their names."""
    text = COUNTED.replace("expected: [{ n: 1, a: null }, { a: 1.0, n: 2 }]", "expected: [{ m: 1, a: null }]")
    assert run(project, text).out.splitlines()[2] == "         columns that are missing: m; that are too many: n"
    ignoring = COUNTED.replace("expected: [{ n: 1, a: null }, { a: 1.0, n: 2 }]", "ignore: [n]\n    expected: [{ a: null }, { a: 1 }]")
    assert run(project, ignoring).code == 0


def test_types_are_given_where_a_text_is_none(project: Path) -> None:
    """A date is compared with its ISO text."""
    text = """
        tests:
          - name: a day later
            sql: SELECT CAST(d AS DATE) AS d, amount * 2 AS twice FROM x
            inputs:
              x: { rows: [{ d: "2026-02-28", amount: "1.10" }], types: { d: date, amount: "decimal(10,2)" } }
            expected: [{ d: "2026-02-28", twice: 2.2 }]
    """
    assert run(project, text).code == 0


def test_rows_may_lie_in_files_beside_the_test(project: Path) -> None:
    """Inputs and what is expected."""
    (project / "tests").mkdir()
    (project / "tests/in.csv").write_text("a\n1\n1\n")
    (project / "tests/out.json").write_text('[{"a": 1, "n": 2}]')
    text = COUNTED.replace("[{ a: 1 }, { a: 1 }, { a: null }]", "in.csv").replace("[{ n: 1, a: null }, { a: 1.0, n: 2 }]", "out.json")
    assert run(project, text).code == 0


def test_a_snapshot_is_written_once_and_then_expected(project: Path) -> None:
    """With --snapshot; without one and without `expected` the test says so."""
    text = COUNTED.replace("    expected: [{ n: 1, a: null }, { a: 1.0, n: 2 }]\n", "")
    assert "no_expectation" in run(project, text).out
    assert run(project, text, "--snapshot").code == 0
    assert (project / "tests/__snapshots__/a_test/counts.jsonl").read_text() == '{"a": 1, "n": 2}\n{"a": null, "n": 1}\n'
    assert run(project, text).code == 0
    assert run(project, text.replace("{ a: null }", "{ a: 2 }")).code == 3


def test_an_error_is_expected_by_its_code(project: Path) -> None:
    """Another one, or none, is a failed test."""
    failing = COUNTED.replace("expected: [{ n: 1, a: null }, { a: 1.0, n: 2 }]", "fails: check_failed")
    assert run(project, failing).out.splitlines()[2] == "         it succeeded with 2 rows, and should have failed with 'check_failed'"
    text = """
        tests:
          - name: refused
            node: silver_orders
            inputs:
              bronze_orders: [{ order_id: 1 }]
            fails: check_failed
    """
    assert "it failed with '" in run(project, text).out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("node: silver_orders", "node: silver_order"), "there is no node 'silver_order'"),
        (("bronze_orders:", "bronze:"), "test 'new' gives 'bronze'"),
        (("inputs: { bronze_orders: [{ a: 1 }] }", "inputs: { bronze_orders: nowhere.csv }"), "file 'nowhere.csv' of a test is missing"),
    ],
)
def test_a_test_of_what_is_not_there_says_what_is(project: Path, change: tuple[str, str], message: str) -> None:
    """With the names that are known."""
    text = """
        tests:
          - name: new
            node: silver_orders
            inputs: { bronze_orders: [{ a: 1 }] }
            expected: []
    """
    ended = run(project, text.replace(*change))
    assert ended.code == 3
    assert message in ended.out


def test_a_broken_file_of_tests_is_exit_2_with_every_place(project: Path) -> None:
    """Nothing is run."""
    ended = run(project, COUNTED.replace("sql:", "sqll:").replace("expected:", "expectd:"))

    assert ended.code == 2
    assert "a_test.yaml:3:5: unknown key 'sqll'" in ended.err
    assert "a_test.yaml:5:5: unknown key 'expectd'" in ended.err


def test_no_connection_is_opened_and_nothing_is_left_behind(project: Path) -> None:
    """Every connection is an empty folder, whatever the project says of it."""
    azure = "lake: { type: azure_blob, account_name: nowhere, container: lake, auth: { mode: aad_msi } }"
    edited(project, "odibi.yaml", "lake: { type: local, base_path: ./lake }", azure)
    text = (PIPELINES / "tests/orders_test.yaml").read_text()
    (project / "tests").mkdir()
    (project / "tests/orders_test.yaml").write_text(text)
    before = files_in(project)
    assert odibi("test", cwd=project).code == 0
    assert files_in(project) == before


def test_without_tests_there_is_nothing_to_be_content_with(project: Path) -> None:
    """Exit 2, and how a file of tests is called."""
    ended = odibi("test", cwd=project)
    assert ended.code == 2
    assert ended.err.splitlines()[0] == "error: there are no tests in 'tests' [no_tests]"


def test_flags_of_nodes_above_are_in_force(tmp_path: Path) -> None:
    """The node above is not in the test, and what it calls personal is made anonymous all the same, under its new name, too."""
    (tmp_path / "odibi.yaml").write_text(
        textwrap.dedent("""
            project: shop
            connections: { lake: { type: local, base_path: ./lake } }
            pipelines:
              - pipeline: p
                nodes:
                  - name: people
                    read: { connection: lake, format: csv, path: people.csv }
                    columns: { email: { pii: true } }
                  - name: contacts
                    depends_on: [people]
                    transform: { steps: ["SELECT id, email, email AS reach FROM people"] }
                    privacy: { method: redact }
                    write: { connection: lake, format: delta, path: contacts }
        """)
    )
    text = """
        tests:
          - name: hides
            node: contacts
            inputs: { people: [{ id: 1, email: a@b.c }] }
            expected: [{ id: 1, email: "[REDACTED]", reach: "[REDACTED]" }]
    """
    ended = run(tmp_path, text)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "1 passed, 0 failed"), ended.out


@pytest.mark.parametrize(
    ("inputs", "ended"),
    [
        ("{ df: [{ n: 1, k: 5 }] }", "1 passed, 0 failed"),
        ("{ df: [{ n: 1, k: 5 }], customers: [{ id: 5 }] }", "1 passed, 0 failed"),
        ("{ df: [{ n: 1, k: 5 }], customers: [{ id: 6 }] }", "0 passed, 1 failed"),
    ],
    ids=["not given", "known", "unknown"],
)
def test_a_foreign_key_is_tested_if_the_rows_of_its_dimension_are_given(tmp_path: Path, inputs: str, ended: str) -> None:
    """Under the name of the node that writes them."""
    (tmp_path / "odibi.yaml").write_text(
        textwrap.dedent("""
        project: shop
        connections: { lake: { type: local, base_path: ./lake } }
        pipelines:
          - pipeline: p
            nodes:
              - name: facts
                read: { connection: lake, format: csv, path: facts.csv }
                relationships: [ { dimension: p.customers, fact_key: k, dimension_key: id } ]
                write: { connection: lake, format: delta, path: facts }
              - name: customers
                read: { connection: lake, format: csv, path: customers.csv }
                write: { connection: lake, format: delta, path: customers }
        """)
    )
    text = f"tests: [ {{ name: keys, node: facts, inputs: {inputs}, expected: [{{ n: 1, k: 5 }}] }} ]"
    assert run(tmp_path, text).out.splitlines()[-1] == ended
