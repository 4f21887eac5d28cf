"""From events to commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from odibi_core.messages import BlobArrived, DatasetWritten, FileVersion, StartRun, TimerTicked
from odibi_core.planning.triggers import Schedule, command_for_tick, commands_for_file, landed_files, schedules
from tests.planning.conftest import HEAD, Load, PlanOf, pipeline, reading

FILE = FileVersion(connection="landing", path="orders/2026-03-01/eu/a.csv", etag="e1", size_bytes=9)
START = datetime(2026, 3, 1, 3, tzinfo=UTC)
PARTS = {"day": "2026-03-01", "region": "eu", "name": "a"}


def blob(path: str, connection: str = "landing") -> str:
    return f"{{ blob: {{ connection: {connection}, path: '{path}' }} }}"


def several(**triggers: str) -> str:
    """Pipelines by name, each with its triggers."""
    sections = [pipeline(reading("a"), triggers=f"[ {text} ]", name=name) for name, text in triggers.items()]
    return sections[0] + "".join(section.removeprefix("pipelines:\n") for section in sections[1:])


def test_one_file_starts_every_pipeline_that_wants_it(load: Load) -> None:
    """Each once, with the parts that its own pattern names: of several patterns the first that matches."""
    project = load(
        several(
            wide=blob("orders/**"),
            named=blob("orders/{day:%Y-%m-%d}/{region}/{name}.csv"),
            twice=f"{blob('nothing/*')}, {blob('orders/*/{region}/*')}, {blob('orders/**')}",
            elsewhere=blob("orders/**", connection="lake"),
            other=blob("customers/**"),
            timed="{ schedule: '0 0 3 * * *' }",
        )
    )
    assert commands_for_file(project, FILE) == tuple(
        StartRun(project="shop", pipeline=name, cause=BlobArrived(files=(FILE.model_copy(update={"parts": parts}),)))
        for name, parts in (("wide", {}), ("named", PARTS), ("twice", {"region": "eu"}))
    )


def test_a_plan_knows_who_follows_its_nodes(load: Load, plan_of: PlanOf) -> None:
    """Each pipeline once for each node that it names, in the order of the project; and what a follower's run is called."""
    write = ", write: { connection: lake, format: csv, path: out.csv, mode: overwrite }"
    text = pipeline(reading("a", extra=write), reading("b", extra=write), reading("c", extra=write))
    for name, triggers in (
        ("q", "{ dataset: p.a }, { dataset: p.c }"),
        ("r", "{ dataset: p.a }, { dataset: p.a }"),
        ("s", "{ dataset: q.z }"),
    ):
        text += pipeline(reading("z", extra=write), name=name, triggers=f"[ {triggers} ]").removeprefix("pipelines:\n")
    plan = plan_of(text, TimerTicked(scheduled_time=START))
    assert plan.followers == {"a": ("q", "r"), "c": ("q",)}
    cause = DatasetWritten(dataset="p.a", run_id=plan.run_id, logical_time=START)
    followed = plan_of(text, cause, pipeline="q")
    assert (followed.cause, followed.logical_time, followed.followers) == (cause, START, {"z": ("s",)})


def test_a_file_that_nobody_wants_starts_nothing(load: Load) -> None:
    """A date that is none does not match, neither does another letter case."""
    project = load(several(p=blob("orders/{day:%Y-%m-%d}/*.csv")))
    for path in ("orders/2026-02-30/a.csv", "Orders/2026-02-03/a.csv", "orders/2026-02-03/a.csv/b", "orders/2026-02-03/a.CSV"):
        assert commands_for_file(project, FILE.model_copy(update={"path": path})) == ()


def run_id(load: Load, text: str, file: FileVersion, environment: str | None = None) -> str:
    """The id of the one run that a file starts."""
    (command,) = commands_for_file(load(text, environment=environment), file)
    return command.run_id


def test_the_same_file_version_is_the_same_run(load: Load) -> None:
    """Whatever else the event says about it, and however the project changed meanwhile."""
    first = run_id(load, several(p=blob("orders/**")), FILE)
    assert run_id(load, several(p=blob("orders/{day}/**")), FILE.model_copy(update={"size_bytes": 10})) == first


@pytest.mark.parametrize("change", [{"etag": "e2"}, {"path": "orders/b.csv"}])
def test_another_version_or_file_is_another_run(load: Load, change: dict[str, str]) -> None:
    """A rewritten file is new."""
    text = several(p=blob("orders/**"))
    assert run_id(load, text, FILE.model_copy(update=change)) != run_id(load, text, FILE)


def test_project_environment_and_pipeline_make_their_own_runs(load: Load) -> None:
    """They may share a system store."""
    text = several(p=blob("orders/**"))
    environment = HEAD + "environments: { prod: { retry: { max_attempts: 2 } } }\n" + text
    found = {
        run_id(load, text, FILE),
        run_id(load, several(q=blob("orders/**")), FILE),
        run_id(load, HEAD.replace("shop", "store") + text, FILE),
        run_id(load, environment, FILE, "prod"),
    }
    assert len(found) == 4


def test_a_tick_belongs_to_the_time_it_was_due(load: Load) -> None:
    """The same time is the same run, another is another; the way the zone is written does not matter."""
    project = load(several(p="{ schedule: '0 0 3 * * *' }"))
    due = datetime(2026, 3, 1, 3, tzinfo=UTC)
    command = command_for_tick(project, "p", due)
    assert command == StartRun(project="shop", pipeline="p", cause=TimerTicked(scheduled_time=due))
    assert command.run_id == command_for_tick(project, "p", due).run_id
    assert command.run_id != command_for_tick(project, "p", due + timedelta(days=1)).run_id


def test_schedules_of_all_pipelines(load: Load) -> None:
    """With six fields, seconds first."""
    project = load(several(p="{ schedule: '*/5 * * * *' }, { schedule: '30 0 3 * * *' }", q=blob("a"), r="{ schedule: '0 0 4 * * *' }"))
    assert schedules(project) == (
        Schedule(pipeline="p", expression="0 */5 * * * *"),
        Schedule(pipeline="p", expression="30 0 3 * * *"),
        Schedule(pipeline="r", expression="0 0 4 * * *"),
    )


def test_of_a_listing_the_wanted_files_stand_in_the_order_of_their_paths(load: Load) -> None:
    """Each once, with the parts of the first pattern that matches; a later listing of a path counts."""
    (config,) = load(several(p=f"{blob('in/{name}.csv')}, {blob('in/**')}")).config.pipelines
    listing = [
        FileVersion(connection="landing", path=path, etag=etag, size_bytes=1)
        for path, etag in (("in/b.csv", "1"), ("out/c.csv", "1"), ("in/x/d.txt", "1"), ("in/a.csv", "1"), ("in/b.csv", "2"))
    ]
    listing.append(FileVersion(connection="lake", path="in/e.csv", etag="1", size_bytes=1))
    assert [(file.path, file.etag, file.parts) for file in landed_files(config, listing)] == [
        ("in/a.csv", "1", {"name": "a"}),
        ("in/b.csv", "2", {"name": "b"}),
        ("in/x/d.txt", "1", {}),
    ]
