"""Imports, environments, recipes and side files (threat T7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.config import load_project
from odibi_core.errors import ConfigError
from tests.config.conftest import HEAD, Complaints, Load

NODE = "{ name: load, read: { connection: lake, format: csv, path: a.csv } }"


def pipeline(name: str, node: str = NODE) -> str:
    return f"pipelines:\n  - pipeline: {name}\n    nodes:\n      - {node}\n"


def test_imports_are_laid_over_the_base(load: Load) -> None:
    """Scalars of the import win, mappings merge, pipelines are appended; paths are relative to the importing file."""
    loaded = load(
        "imports: parts/a.yaml\nowner: base\nversion: '1'\n" + HEAD + pipeline("main"),
        files={
            "parts/a.yaml": "imports: [b.yaml]\nowner: a\nconnections: { extra: { type: local } }\n" + pipeline("second"),
            "parts/b.yaml": pipeline("third"),
        },
    )
    assert loaded.config.owner == "a"
    assert loaded.config.version == "1"
    assert sorted(loaded.config.connections) == ["extra", "lake"]
    assert [each.name for each in loaded.config.pipelines] == ["main", "second", "third"]


def test_a_file_imported_twice_counts_once(load: Load) -> None:
    """Two parts may share a third."""
    loaded = load(
        "imports: [a.yaml, b.yaml]\n" + HEAD + "pipelines: []\n",
        files={"a.yaml": "imports: c.yaml\n", "b.yaml": "imports: c.yaml\n", "c.yaml": pipeline("shared")},
    )
    assert [each.name for each in loaded.config.pipelines] == ["shared"]


def test_an_error_in_an_import_names_that_file(complaints: Complaints) -> None:
    """File, line and column are those of the import."""
    found = complaints(
        "imports: [parts/a.yaml]\n" + HEAD + "pipelines: []\n", files={"parts/a.yaml": pipeline("x", NODE.replace("format", "formt"))}
    )
    assert [each.split(" Known")[0] for each in found] == ["parts/a.yaml:4:49: unknown key 'formt'. Did you mean 'format'?"]


def test_an_import_cycle_is_named(complaints: Complaints) -> None:
    """No recursion until something breaks."""
    found = complaints("imports: a.yaml\n" + HEAD, files={"a.yaml": "x: 1\nimports: b.yaml\n", "b.yaml": "imports: [a.yaml]\n"})
    assert found == ["b.yaml:1:11: imports form a cycle: a.yaml → b.yaml → a.yaml"]


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.yaml", "a/../../outside.yaml", "file:///etc/hostname", "..\\outside.yaml"])
def test_an_import_cannot_leave_the_project(complaints: Complaints, tmp_path: Path, name: str) -> None:
    """Absolute, climbing, or with a scheme: the file is not opened."""
    (tmp_path.parent / "outside.yaml").write_text("owner: outside\n")
    [found] = complaints(f"imports: ['{name}']\n{HEAD}pipelines: []\n")
    assert found.startswith(("odibi.yaml:1:11: file lies outside", "odibi.yaml:1:11: file must be named by a relative path"))


def test_a_link_cannot_leave_the_project(complaints: Complaints, tmp_path: Path) -> None:
    """Symbolic links are followed before the path is judged."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text("owner: outside\n")
    (tmp_path / "link.yaml").symlink_to(outside)
    [found] = complaints("imports: [link.yaml]\n" + HEAD + "pipelines: []\n")
    assert found.startswith("odibi.yaml:1:11: file lies outside of the project folder")


def test_imports_are_at_most_ten_deep(complaints: Complaints, load: Load) -> None:
    """Ten levels load, eleven do not."""
    chain = {f"f{number}.yaml": f"imports: f{number + 1}.yaml\n" for number in range(1, 10)} | {"f10.yaml": "owner: deep\n"}
    text = "imports: f1.yaml\n" + HEAD + "pipelines: []\n"
    assert load(text, files=chain).config.owner == "deep"
    [found] = complaints(text, files=chain | {"f10.yaml": "imports: f11.yaml\n", "f11.yaml": "owner: x\n"})
    assert "nested deeper than 10" in found


def test_a_missing_import_is_reported_where_it_is_named(complaints: Complaints) -> None:
    """With the name of the file."""
    assert complaints("imports: [a.yaml]\n" + HEAD) == ["odibi.yaml:1:11: file 'a.yaml' is missing"]


def test_a_missing_project_file_is_an_error_for_the_author(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(ConfigError, match=r"file 'odibi\.yaml' is missing"):
        load_project(tmp_path / "odibi.yaml")


ENVIRONMENTS = (
    "vars: { n: 1 }\n" + HEAD + "environments:\n  dev: { vars: { n: 2 }, connections: { lake: { base_path: ./dev } } }\n"
    "  cloud: { connections: { lake: { type: azure_blob, account_name: acct, container: c } } }\n" + pipeline("main")
)


def test_an_environment_is_laid_over_the_project(load: Load) -> None:
    """First the section, then the file beside the YAML; without a name neither."""
    assert load(ENVIRONMENTS).config.vars == {"n": 1}
    dev = load(ENVIRONMENTS, environment="dev")
    assert (dev.config.vars, dev.config.connections["lake"].base_path, dev.environment) == ({"n": 2}, "./dev", "dev")
    both = load(ENVIRONMENTS, environment="dev", files={"env.dev.yaml": "vars: { n: 3 }\n"})
    assert (both.config.vars, both.config.connections["lake"].base_path) == ({"n": 3}, "./dev")
    assert load(ENVIRONMENTS, environment="qa", files={"env.qa.yaml": "vars: { n: 4 }\n"}).config.vars == {"n": 4}


def test_an_override_of_another_type_replaces_the_connection(load: Load) -> None:
    """Keys of the old type would make no sense in the new one."""
    lake = load(ENVIRONMENTS, environment="cloud").config.connections["lake"]
    assert (lake.type, lake.account_name) == ("azure_blob", "acct")


def test_an_override_of_another_auth_mode_replaces_the_auth(load: Load) -> None:
    """The key of the laptop does not reach production."""
    text = (
        "project: shop\nconnections:\n  lake: { type: azure_blob, account_name: a, container: c, "
        "auth: { mode: account_key, account_key: k } }\nenvironments:\n"
        "  prod: { connections: { lake: { auth: { mode: managed_identity } } } }\n"
        "  same: { connections: { lake: { auth: { mode: direct_key } } } }\npipelines: []\n"
    )
    lake = load(text, environment="prod").config.connections["lake"]
    assert (lake.account_name, lake.auth.mode) == ("a", "aad_msi")
    assert load(text, environment="same").config.connections["lake"].auth.account_key == "k"


def test_an_unknown_environment_lists_the_known_ones(complaints: Complaints) -> None:
    """The reference ignores it and runs the base configuration."""
    assert complaints(ENVIRONMENTS, environment="clud", files={"env.qa.yaml": "{}"}) == [
        "unknown environment 'clud'. Did you mean 'cloud'? Known: cloud, dev, qa."
    ]


def test_a_pipeline_defined_again_by_an_environment_replaces_the_first(load: Load) -> None:
    """The last definition wins; others are appended."""
    over = pipeline("main", NODE.replace("a.csv", "b.csv")) + "  - pipeline: more\n    nodes: []\n"
    loaded = load(ENVIRONMENTS, environment="dev", files={"env.dev.yaml": over})
    assert [each.name for each in loaded.config.pipelines] == ["main", "more"]
    assert loaded.config.pipeline("main").node("load").read.path == "b.csv"


def test_variables_of_other_environments_are_not_needed(load: Load) -> None:
    """A laptop does not know production's secrets."""
    text = HEAD + "environments: { prod: { owner: '${PROD_ONLY}' } }\npipelines: []\n"
    assert load(text).config.owner is None


def test_a_typo_in_any_environment_is_found(complaints: Complaints) -> None:
    """In production's on the laptop, too."""
    text = HEAD + "environments: { prod: { conections: {}, project: x } }\npipelines: []\n"
    found = complaints(text)
    assert found[0].startswith("odibi.yaml:4:25: unknown key 'conections'. Did you mean 'connections'?")
    assert found[1] == "odibi.yaml:4:41: 'project' cannot be overridden by an environment"


RECIPES = """
recipes:
  base:
    required_vars: [key]
    optional_vars: { order: "updated_at DESC" }
    template: { transformer: deduplicate, params: { keys: ["${recipe.key}"], order_by: "${recipe.order}" }, tags: [a, b] }
  wide: { extends: base, optional_vars: { key: id }, template: { cache: true } }
"""


def test_a_recipe_completes_a_node_and_the_node_wins(load: Load) -> None:
    """Mappings merge, lists of the node replace, whole-value placeholders keep their type."""
    read = "read: { connection: lake, format: csv, path: a.csv }"
    loaded = load(
        HEAD
        + RECIPES
        + pipeline("main", f"{{ name: one, recipe: base, recipe_vars: {{ key: 7 }}, tags: [c], {read} }}")
        + f"      - {{ name: two, recipe: wide, params: {{ keep: first }}, {read} }}\n"
    )
    one, two = loaded.config.pipeline("main").nodes
    assert (one.transformer, one.params, one.tags) == ("deduplicate", {"keys": [7], "order_by": "updated_at DESC"}, ("c",))
    assert (two.params, two.cache) == ({"keys": ["id"], "order_by": "updated_at DESC", "keep": "first"}, True)
    assert "recipes" not in loaded.tree
    assert loaded.tree["pipelines"][0]["nodes"][0]["params"]["keys"] == [7]


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        ("{ name: x, recipe: bse }", "odibi.yaml:13:28: unknown recipe 'bse'. Did you mean 'base'?"),
        ("{ name: x, recipe: base }", "odibi.yaml:13:28: recipe 'base' needs a value for 'key'"),
        (
            "{ name: x, recipe: base, recipe_vars: { key: a, ordr: b } }",
            "odibi.yaml:13:57: recipe 'base' has no variable 'ordr'. Did you mean 'order'?",
        ),
    ],
)
def test_a_wrong_use_of_a_recipe_is_reported(complaints: Complaints, node: str, answer: str) -> None:
    """With its place and the names there are."""
    text = HEAD + RECIPES.strip() + "\n" + pipeline("main", node)
    assert complaints(text)[0].startswith(answer)


def test_recipes_cannot_extend_each_other_in_a_circle(complaints: Complaints) -> None:
    """The circle is named."""
    text = (
        HEAD + "recipes: { a: { extends: b, template: {} }, b: { extends: a, template: {} } }\n" + pipeline("m", "{ name: x, recipe: a }")
    )
    assert any("recipes extend each other: a → b → a" in each for each in complaints(text))


def test_a_template_cannot_name_its_node(complaints: Complaints) -> None:
    """`name`, `recipe` and `recipe_vars` belong to the node."""
    found = complaints(HEAD + "recipes: { a: { template: { name: x } } }\npipelines: []\n")
    assert found == ["odibi.yaml:4:29: a template cannot hold 'name'. It belongs to the node that uses the recipe."]


def test_sql_files_are_found_beside_the_yaml_that_names_them(load: Load) -> None:
    """Their text comes with the project, under a path relative to its folder."""
    step = "{ name: x, read: { connection: lake, format: csv, path: a.csv }, transform: { steps: [ { sql_file: q.sql } ] } }"
    loaded = load(
        "imports: parts/a.yaml\n" + HEAD + "pipelines: []\n", files={"parts/a.yaml": pipeline("main", step), "parts/q.sql": "SELECT 1"}
    )
    assert loaded.config.pipeline("main").node("x").transform.steps[0].sql_file == "parts/q.sql"
    assert loaded.files == {"parts/q.sql": "SELECT 1"}


def test_a_missing_or_outside_sql_file_is_reported(complaints: Complaints) -> None:
    """At the place that names it."""
    step = "{ name: x, read: { connection: lake, format: csv, path: a.csv }, transform: { steps: [ { sql_file: FILE } ] } }"
    assert complaints(HEAD + pipeline("main", step.replace("FILE", "q.sql"))) == ["odibi.yaml:7:108: file 'q.sql' is missing"]
    [found] = complaints(HEAD + pipeline("main", step.replace("FILE", "../q.sql")))
    assert found.startswith("odibi.yaml:7:108: file lies outside")


def test_the_fingerprint_follows_what_runs(load: Load) -> None:
    """The same text has the same fingerprint; a SQL file, an import or a value changes it; the environment does not."""
    step = "{ name: x, read: { connection: lake, format: csv, path: a.csv }, transform: { steps: [ { sql_file: q.sql } ] } }"
    text = HEAD + "owner: ${WHO}\n" + pipeline("main", step)
    first = load(text, files={"q.sql": "SELECT 1"}, WHO="a").fingerprint
    assert len(first) == 64
    assert load(text, WHO="b").fingerprint == first
    assert load(text, files={"q.sql": "SELECT 2"}, WHO="a").fingerprint != first
    assert load(text.replace("a.csv", "b.csv"), files={"q.sql": "SELECT 1"}, WHO="a").fingerprint != first
