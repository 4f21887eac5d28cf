"""`odibi migrate`: a project of the reference, line by line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.running import files_in, odibi

PROJECT = """\
project: shop
engine: pandas
connections:
  lake: { type: local, base_path: ./lake }
story: { connection: lake, path: stories }
system: { connection: lake }
pipelines:
  - pipeline: orders
    nodes:
      - name: raw
        read: { connection: lake, format: csv, path: in.csv }
        transform: { steps: [ { function: hash_columns, params: { columns: [email] } } ] }
        validation: { tests: [ { type: accepted_values, column: status, values: [new] } ] }
        on_error: ignore
        write: { connection: lake, format: delta, path: raw }
"""


def project(folder: Path, text: str = PROJECT) -> Path:
    (folder / "odibi.yaml").write_text(text)
    return folder


def findings(folder: Path) -> dict[str, list[tuple[int | None, str]]]:
    found: dict[str, list[tuple[int | None, str]]] = {}
    for finding in odibi("migrate", "--json", cwd=folder).json["findings"]:
        found.setdefault(finding["kind"], []).append((finding.get("line"), finding["text"]))
    return found


def test_what_differs_is_said_at_its_line(tmp_path: Path) -> None:
    """Once each, with the reason."""
    differs = findings(project(tmp_path))["differs"]

    assert differs == [
        (2, "'pandas' is read as 'polars'"),
        (4, "a relative folder starts at the folder of the YAML, not at the current one"),
        (5, "a story is a folder of its own, by pipeline, day and run id"),
        (6, "the catalog has other tables, and marks of the old one are not read: the first run loads everything"),
        (11, "only an empty cell is NULL: 'NA', 'null' and the like stay texts unless 'options.null_values' names them"),
        (12, "NULL stays NULL"),
        (13, "NULL passes"),
        (14, "the nodes behind a failed one run"),
    ]


def test_what_must_change_comes_first_and_is_exit_2(tmp_path: Path) -> None:
    """An unknown key, with what was meant."""
    ended = odibi("migrate", cwd=project(tmp_path, PROJECT.replace("on_error: ignore", "on_eror: ignore")))

    assert ended.code == 2
    title, problem, hint, *_ = ended.out.splitlines()
    assert (title, problem) == ("must change before it runs:", "  odibi.yaml:14:9: unknown key 'on_eror'")
    assert hint.startswith("      Did you mean 'on_error'? Known keys: ")


def test_what_is_not_available_names_its_node(tmp_path: Path) -> None:
    """Exit 2: a run of it would be refused."""
    text = PROJECT.replace("on_error: ignore", "streaming: true")
    found = findings(project(tmp_path, text))
    assert found["later"] == [(10, "node 'raw' of pipeline 'orders': streaming is not available")]


def test_what_has_no_effect_is_no_obstacle(tmp_path: Path) -> None:
    """Exit 0, and nothing is written."""
    text = PROJECT.replace("{ function: hash_columns, params: { columns: [email] } }", "SELECT * FROM df")
    before = files_in(project(tmp_path, text + "performance: { use_arrow: true }\n"))
    ended = odibi("migrate", cwd=tmp_path)

    assert ended.code == 0
    assert "  performance.use_arrow: concerns pandas only and has no effect\n" in ended.out
    assert ended.out.endswith("odibi.yaml: 1 nodes; everything runs\n")
    assert files_in(tmp_path) == before
