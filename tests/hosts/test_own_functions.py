"""The authors' own functions in real runs: in this process and on Azure, while their files change under a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.config import load_project
from odibi_core.errors import ConfigError
from odibi_core.hosts.azure import AzureHost
from tests.hosts.world import HEAD, World

FLOWS = """\
pipelines:
  - pipeline: own
    nodes:
      - name: raw
        read: { connection: landing, format: csv, path: in.csv }
        write: { connection: lake, format: delta, path: raw }
      - name: mine
        depends_on: [raw, limits]
        transform:
          steps:
            - { function: within, params: { dataset: limits } }
            - { function: times, params: { factor: "${FACTOR:-10}" } }
        write: { connection: lake, format: delta, path: mine }
      - name: limits
        read: { connection: landing, format: csv, path: limits.csv }
  - pipeline: plain
    nodes:
      - name: copy
        read: { connection: landing, format: csv, path: in.csv }
        write: { connection: lake, format: delta, path: copy }
"""
TIMES = """\
import narwhals as nw
from odibi_core.transforms import transform

@transform
def times(frame, factor: int):
    return frame.with_columns(nw.col("i") * factor)
"""
WITHIN = """\
from __future__ import annotations
from odibi_core.transforms import Params, transform

class WithinParams(Params):
    dataset: str

    def reads(self):
        return (self.dataset,)

@transform("within", WithinParams)
def within(frame, params, context):
    return frame.join(context.dataset(params.dataset), on="i", how="semi")
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two functions, in both places; three rows, of which two are within the limits."""
    world = World(tmp_path, HEAD + FLOWS)
    world.land("in.csv", 1, 2, 3)
    world.land("limits.csv", 2, 3)
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms.py").write_text(TIMES)
    (tmp_path / "transforms" / "limits.py").write_text(WITHIN)
    return world


def errors_of(world: World, host: AzureHost) -> list[tuple[str, str]]:
    """Code and message of each node that failed, of all runs."""
    journal = host.app.coordinator.journal
    outcomes = [
        outcome for plan in world.plans() for outcome in journal.outcomes(plan["run_id"], [node["name"] for node in plan["nodes"]]).values()
    ]
    return [
        (result.error.code, result.error.message) for outcome in outcomes if (result := getattr(outcome, "result", None)) and result.error
    ]


def warnings_of(world: World, host: AzureHost, node: str) -> tuple[str, ...]:
    (plan,) = world.plans()
    outcome = host.app.coordinator.journal.outcome(plan["run_id"], node)
    return outcome.result.warnings


def start(host: AzureHost, pipeline: str = "own") -> int:
    return host.on_start_request({"pipeline": pipeline, "key": "k"})[0]


def test_own_functions_run_in_this_process_and_on_azure(world: World) -> None:
    """With parameters, variables in them, and other inputs of the node."""
    host = world.in_process(FACTOR="100")
    command = host.request("own")
    assert command is not None
    final = host.run(command)
    assert (final.status, world.rows("mine")) == ("succeeded", [200, 300])
    azure = world.azure()
    assert start(azure) == 202
    world.work(azure)
    assert world.rows("mine") == [20, 30]
    assert errors_of(world, azure) == []


def test_a_run_under_way_goes_on_with_the_functions_that_are_there_and_says_so(world: World) -> None:
    """A deploy in between does not stop it: the plan names functions, the project's folder has them."""
    first = world.azure()
    assert start(first) == 202
    (world.folder / "transforms.py").write_text(TIMES.replace("* factor", "* factor + 1"))
    second = world.azure()
    world.work(second)
    assert (world.statuses(), world.rows("mine")) == (["succeeded"], [21, 31])
    assert warnings_of(world, second, "raw") == ()
    assert warnings_of(world, second, "mine") == (
        "the files of function 'within' changed after the run was planned; it ran as it is now",
        "the files of function 'times' changed after the run was planned; it ran as it is now",
    )


def test_a_broken_yaml_does_not_take_the_functions_from_a_run_under_way(world: World) -> None:
    """They are read apart from it."""
    assert start(world.azure()) == 202
    world.write(world.written.replace("nodes:", "nodez:"))
    host = world.azure()
    assert host.app.project is None
    world.work(host)
    assert (world.statuses(), world.rows("mine")) == (["succeeded"], [20, 30])
    assert warnings_of(world, host, "mine") == ()


def test_a_file_that_cannot_be_loaded_stops_the_nodes_that_need_it_and_nothing_else(world: World) -> None:
    """The app works, other pipelines run, a run under way fails without having written, and can be resumed."""
    assert start(world.azure()) == 202
    (world.folder / "transforms.py").write_text(TIMES + "\n1 / 0\n")
    host = world.azure()
    assert host.on_health_request()[0] == 200
    assert start(host, "plain") == 202
    world.work(host)
    assert sorted(world.statuses()) == ["failed", "succeeded"]
    assert (world.rows("copy"), world.rows("mine")) == ([1, 2, 3], [])
    assert errors_of(world, host) == [("functions", "transforms.py:8:1: the file cannot be loaded: ZeroDivisionError")]
    status, body = host.on_start_request({"pipeline": "own", "key": "another"})
    assert (status, body["problems"]) == (400, ["transforms.py:8:1: the file cannot be loaded: ZeroDivisionError"])
    (world.folder / "transforms.py").write_text(TIMES)
    mended = world.in_process()
    assert mended.resume("own").status == "succeeded"
    assert world.rows("mine") == [20, 30]


def test_what_a_function_raises_when_its_frame_is_computed_is_told_as_its_own(world: World) -> None:
    """Polars calls it late; what it says stays out."""
    late = TIMES.replace("@transform\n", "@transform(native=True)\n").replace(
        'return frame.with_columns(nw.col("i") * factor)',
        """import polars as pl
    return frame.with_columns(pl.col("i").map_elements(tell, return_dtype=pl.Int64))

def tell(value):
    raise ValueError(f"a secret {value}")""",
    )
    (world.folder / "transforms.py").write_text(late)
    host = world.azure()
    assert start(host) == 202
    world.work(host)
    assert errors_of(world, host) == [("function_failed", "a function of the project failed with ValueError at transforms.py:10")]
    assert not [path for path in world.folder.rglob("*") if path.is_file() and b"a secret 2" in path.read_bytes()]


def test_the_name_of_a_pattern_cannot_be_declared(world: World) -> None:
    """The node would call the pattern."""
    (world.folder / "transforms.py").write_text(TIMES.replace("def times", "def scd2"))
    status, body = world.azure().on_start_request({"pipeline": "own", "key": "k"})
    problem = "transforms.py:4:1: transform 'scd2' is built in. Give it another name: @transform(\"my_name\")."
    assert (status, body["problems"]) == (400, [problem])


def test_the_files_are_part_of_the_projects_fingerprint(world: World) -> None:
    """Another content is another project: connections and resolved nodes are not taken over from the one before."""
    file = world.folder / "odibi.yaml"
    before = load_project(file, variables={})
    assert dict(before.code) == {"transforms.py": TIMES, "transforms/limits.py": WITHIN}
    (world.folder / "transforms" / "more.py").write_text("")
    after = load_project(file, variables={})
    assert after.fingerprint != before.fingerprint
    (world.folder / "transforms" / "more.py").unlink()
    assert load_project(file, variables={}).fingerprint == before.fingerprint


def test_a_file_that_leads_out_of_the_project_is_refused(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What runs is what was deployed with the project."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "evil.py"
    elsewhere.write_text("raise SystemExit\n")
    (world.folder / "transforms" / "evil.py").symlink_to(elsewhere)
    with pytest.raises(ConfigError) as refused:
        load_project(world.folder / "odibi.yaml", variables={})
    assert [str(problem) for problem in refused.value.problems] == [
        "transforms/evil.py:1:1: file lies outside of the project folder. Move it into the folder of the main YAML."
    ]


def test_python_files_in_the_current_folder_are_none_of_our_business(
    world: World, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those beside the project's YAML are run, wherever the command is given."""
    here = tmp_path_factory.mktemp("here")
    (here / "transforms.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(here)
    assert start(world.azure()) == 202
