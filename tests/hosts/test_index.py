"""What the Functions app needs to know of a project when it is indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.hosts.index import DueAt, Index, index_of

HEAD = "project: shop\nconnections: { landing: { type: azure_blob, account_name: shop, container: landing } }\n"


def index(folder: Path, text: str, *, environment: str | None = None, **variables: str) -> Index:
    file = folder / "odibi.yaml"
    file.write_text(text, encoding="utf-8")
    return index_of(file, environment, variables)


def pipelines(**triggers: str) -> str:
    return (
        HEAD + "pipelines:\n" + "".join(f"  - {{ pipeline: {name}, triggers: [ {text} ], nodes: [] }}\n" for name, text in triggers.items())
    )


def test_schedules_have_six_fields_and_functions_have_names(tmp_path: Path) -> None:
    """Five fields get seconds; a second schedule of a pipeline is numbered; blanks do not count."""
    text = pipelines(
        Orders="{ schedule: '*/5 * * * *' }, { schedule: ' 30  0 3 * * *  ' }",
        files="{ blob: { connection: landing, path: a } }",
        report="{ schedule: '0 0 4 * * MON' }",
    )
    assert index(tmp_path, text).timers == (
        DueAt(name="timer_orders", pipeline="Orders", schedule="0 */5 * * * *"),
        DueAt(name="timer_orders_2", pipeline="Orders", schedule="30 0 3 * * *"),
        DueAt(name="timer_report", pipeline="report", schedule="0 0 4 * * MON"),
    )


@pytest.mark.parametrize(
    "names",
    [
        {"Orders": "{ schedule: '0 0 3 * * *' }", "orders": "{ schedule: '0 0 4 * * *' }"},
        {"p": "{ schedule: '0 0 3 * * *' }, { schedule: '0 0 4 * * *' }", "p_2": "{ schedule: '0 0 5 * * *' }"},
    ],
    ids=["letter case", "number"],
)
def test_no_two_functions_have_one_name(tmp_path: Path, names: dict[str, str]) -> None:
    """Also when pipelines differ by letter case only, or one is called like another's second timer."""
    found = [timer.name.lower() for timer in index(tmp_path, pipelines(**names)).timers]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", ["a" * 128, "'with space'", "'Übung'", "'a/b'"])
def test_a_function_has_a_name_that_the_host_accepts(tmp_path: Path, name: str) -> None:
    """Also when the project will be refused for it: the tree was not validated. 128 characters are a good name of a pipeline."""
    (timer,) = index(tmp_path, pipelines(**{name: "{ schedule: '0 0 3 * * *' }"})).timers
    assert len(timer.name) <= 128
    assert all(character.isascii() and (character.isalnum() or character in "_-") for character in timer.name)


def test_the_landing_containers_once_each(tmp_path: Path) -> None:
    """Of the connections that a blob trigger names; one without a container has none."""
    text = pipelines(
        a="{ blob: { connection: landing, path: a } }, { blob: { connection: landing, path: b } }",
        b="{ blob: { connection: nowhere, path: a } }, { schedule: '0 0 3 * * *' }",
    )
    assert index(tmp_path, text).containers == ("landing",)


def test_an_environment_overrides_containers_and_schedules(tmp_path: Path) -> None:
    """In the file or beside it, as when the project is loaded."""
    text = pipelines(a="{ blob: { connection: landing, path: a } }") + (
        "environments:\n"
        "  prod: { connections: { landing: { container: arrivals } } }\n"
        "  test:\n    pipelines: [ { pipeline: a, triggers: [ { schedule: '0 0 3 * * *' } ], nodes: [] } ]\n"
    )
    (tmp_path / "env.prod.yaml").write_text("connections: { landing: { container: arrivals-prod } }\n")
    assert index(tmp_path, text).containers == ("landing",)
    assert index(tmp_path, text, environment="prod").containers == ("arrivals-prod",)
    tested = index(tmp_path, text, environment="test")
    assert (tested.timers, tested.containers) == ((DueAt(name="timer_a", pipeline="a", schedule="0 0 3 * * *"),), ())


@pytest.mark.parametrize("name", ["schedule", "container"])
def test_a_value_of_a_variable_is_left_to_the_host(tmp_path: Path, name: str) -> None:
    """The index resolves nothing: a trigger that needs a variable gets no function."""
    text = pipelines(a="{ schedule: '${WHEN}' }, { blob: { connection: landing, path: a } }").replace(
        "container: landing", "container: '${WHERE}'"
    )
    found = index(tmp_path, text, WHEN="0 0 3 * * *", WHERE="landing")
    assert (found.timers, found.containers, found.problem) == ((), (), "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pipelines: [ {", "odibi.yaml:"),
        ("a: b: c", "odibi.yaml:1:"),
        ("project: shop\nimports: [ nowhere.yaml ]\n", "odibi.yaml:2:"),
        ("project: shop\nproject: store\n", "odibi.yaml:2:"),
        ("\t", "odibi.yaml:"),
    ],
)
def test_a_broken_yaml_is_a_problem_with_its_place_and_no_exception(tmp_path: Path, text: str, problem: str) -> None:
    """So that the app still indexes, and health can say that it is broken."""
    found = index(tmp_path, text)
    assert (found.timers, found.containers) == ((), ())
    assert found.problem.startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "project: shop",
        "pipelines: 7",
        "pipelines: [ 7, [], null, { pipeline: [] } ]",
        "pipelines: [ { triggers: 7 }, { triggers: [ 7, null, { schedule: 7 }, { blob: 7 }, { blob: { connection: [] } } ] } ]",
        "connections: 7\npipelines: [ { pipeline: p, triggers: [ { blob: { connection: landing } } ] } ]",
    ],
)
def test_a_tree_of_any_shape_gives_an_index(tmp_path: Path, text: str) -> None:
    """What is wrong with it, loading says."""
    found = index(tmp_path, text)
    assert (found.timers, found.containers) == ((), ())


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """So is one that is no text."""
    assert index_of(tmp_path / "nowhere.yaml", None, {}).problem
    (tmp_path / "odibi.yaml").write_bytes(b"\xff\xfe\x00")
    assert index_of(tmp_path / "odibi.yaml", None, {}).problem
    assert index_of(tmp_path, None, {}).problem


def test_what_nobody_thought_of_is_named_by_its_type_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text may quote the file."""
    monkeypatch.setattr("odibi_core.config.tree.read_tree", lambda *_, **__: 1 / 0)
    assert index_of(tmp_path / "odibi.yaml", None, {}) == Index(problem="unexpected ZeroDivisionError")
