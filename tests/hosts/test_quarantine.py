"""Rows that break a check go to the quarantine, each once, whatever happens between its write and that of the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.config import load_project
from odibi_core.engines.polars.delta_sink import DeltaSink
from odibi_core.engines.polars.file_rows import FileRows
from odibi_core.errors import ConfigError, TransientServiceError
from odibi_core.events import NodeFinished, NodeResult
from tests.hosts.world import HEAD, World

READ = "read: { connection: landing, format: csv, path: in.csv }"
TESTS = (
    "tests: [ { type: not_null, columns: [v], on_fail: quarantine }, { type: range, column: i, max: 9, on_fail: quarantine, name: small } ]"
)
AS_TABLE, AS_PATH = "quarantine: { connection: lake, table: bad }", "quarantine: { connection: lake, path: bad }"
WRITE = "write: { connection: lake, format: delta, path: good, mode: append }"
ROWS = "i,v\n1,a\n2,\n3,c\n10,d\n11,\n"
BAD = [(2, None, "not_null"), (10, "d", "small"), (11, None, "not_null,small")]


class Dies(SystemExit):
    """The process is gone."""


class Project:
    """One node with a quarantine, run again and again in fresh processes."""

    def __init__(self, folder: Path, *parts: str, more: str = "") -> None:
        node = "\n        ".join(["name: n", *parts])
        self.world = World(folder, HEAD + f"pipelines:\n  - pipeline: p\n    nodes:\n      - {node}\n{more}")
        self.folder = folder

    def land(self, text: str) -> None:
        (self.folder / "landing").mkdir(exist_ok=True)
        (self.folder / "landing" / "in.csv").write_text(text)

    def run(self, text: str | None = None) -> NodeResult:
        """The result of the node `n` of a new run."""
        return self.results(text)["n"]

    def results(self, text: str | None = None) -> dict[str, NodeResult]:
        if text is not None:
            self.land(text)
        host = self.world.in_process()
        command = host.request("p")
        assert command is not None
        host.run(command)
        events = host.app.coordinator.journal.events(command.run_id)
        return {event.node: event.result for event in events if isinstance(event, NodeFinished)}

    def good(self) -> list[int]:
        return self.world.rows("good")

    def bad(self) -> pl.DataFrame:
        place = self.folder / "lake" / "bad"
        return (pl.read_delta(str(place)) if place.is_dir() else pl.read_parquet(place)).sort("i")

    def rejected(self) -> list[tuple[Any, ...]]:
        """The numbers, values and broken checks of the rows in the quarantine."""
        return self.bad().select("i", "v", "_failed_tests").rows() if (self.folder / "lake" / "bad").exists() else []


def checked(place: str = AS_TABLE, tests: str = TESTS) -> str:
    return f"validation: {{ {tests}, {place} }}"


@pytest.mark.parametrize("place", [AS_TABLE, AS_PATH])
def test_rows_that_break_a_check_are_set_aside(tmp_path: Path, place: str) -> None:
    """The others go on; each row says what exactly it breaks, when, and in which run."""
    project = Project(tmp_path, READ, checked(place), WRITE)
    result = project.run(ROWS)
    assert (result.status, result.rows_in, result.rows_out) == ("succeeded", 5, 2)
    assert project.good() == [1, 3]
    plan = project.world.plans()[0]
    at = datetime.fromisoformat(plan["planned_at"]).isoformat(timespec="microseconds")
    assert project.bad().to_dicts() == [
        {
            "i": i,
            "v": v,
            "_rejection_reason": f"Failed: {tests}",
            "_rejected_at": at,
            "_source_batch_id": plan["run_id"],
            "_failed_tests": tests,
        }
        for i, v, tests in BAD
    ]
    assert at.endswith("+00:00")
    told = result.quarantined
    assert (told.dataset, told.rows, told.kept, told.write.rows) == ("lake/bad", 3, 3, 3)
    assert result.account.left_out == {"quarantined": 3}
    assert result.warnings == ()


@pytest.mark.parametrize("place", [AS_TABLE, AS_PATH])
@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert, options: { keys: [i] }"])
def test_every_run_adds_its_own(tmp_path: Path, place: str, mode: str) -> None:
    """Whatever the node does with its good rows."""
    project = Project(tmp_path, READ, checked(place), WRITE.replace("append", mode))
    project.run(ROWS)
    result = project.run("i,v\n4,\n5,x\n")
    assert (result.quarantined.rows, project.rejected()) == (1, sorted([*BAD, (4, None, "not_null")]))
    assert project.bad()["_source_batch_id"].n_unique() == 2
    assert project.good() == ([5] if mode == "overwrite" else [1, 3, 5])


def test_columns_are_added_as_asked(tmp_path: Path) -> None:
    """In either spelling; none but the row's own if none is wanted."""
    wanted = "add_columns: { _rejection_reason: false, rejected_at: false, _source_batch_id: false, _original_node: true }"
    project = Project(tmp_path, READ, checked(AS_TABLE[:-2] + f", {wanted} }}"), WRITE)
    project.run(ROWS)
    assert project.bad().rows() == [(i, v, tests, "n") for i, v, tests in BAD]
    assert project.bad().columns == ["i", "v", "_failed_tests", "_original_node"]


def test_all_rows_bad_and_none_at_all(tmp_path: Path) -> None:
    """No good row is like an empty batch; no row at all writes nothing anywhere."""
    tests = "tests: [ { type: not_null, columns: [v], on_fail: quarantine } ]"
    project = Project(tmp_path, READ, checked(tests=tests), WRITE)
    assert project.run("i,v\n1,\n").status == "succeeded"
    assert (project.rejected(), project.good(), (tmp_path / "lake" / "good").exists()) == ([(1, None, "not_null")], [], False)
    result = project.run("i,v\n")
    assert (result.status, result.quarantined.rows, result.quarantined.write) == ("succeeded", 0, None)
    project.run("i,v\n1,a\n")
    assert (len(project.rejected()), project.good(), project.world.versions("bad")) == (1, [1], 2)


def test_an_overwrite_with_no_good_row_empties_the_table(tmp_path: Path) -> None:
    """As any overwrite with no rows."""
    project = Project(tmp_path, READ, checked(), WRITE.replace("append", "overwrite"))
    project.run("i,v\n1,a\n")
    assert project.run("i,v\n1,\n").status == "succeeded"
    assert project.good() == []


def test_a_node_that_writes_nothing_has_a_quarantine_too(tmp_path: Path) -> None:
    """What stands behind it gets the good rows."""
    behind = f"      - name: b\n        depends_on: [n]\n        {WRITE}\n"
    project = Project(tmp_path, READ, checked(), more=behind)
    results = project.results(ROWS)
    assert [results[name].status for name in "nb"] == ["succeeded", "succeeded"]
    assert (project.good(), project.rejected()) == ([1, 3], BAD)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ("max_rows: 4", [0, 1, 2, 3]),
        ("sample_fraction: 0.25", [3, 7, 11, 15, 19]),
        ("sample_fraction: 0.01", [19]),
        ("sample_fraction: 0.0", []),
        ("sample_fraction: 1.0", [*range(20)]),
        ("sample_fraction: 0.5, max_rows: 2", [1, 3]),
    ],
)
def test_the_quarantine_may_be_limited(tmp_path: Path, limits: str, kept: list[int]) -> None:
    """Always the same rows of the same input; the counts stay true, and what is not kept is said."""
    tests = "tests: [ { type: not_null, columns: [v], on_fail: quarantine } ]"
    project = Project(tmp_path, READ, checked(AS_TABLE[:-2] + f", {limits} }}", tests), WRITE)
    result = project.run("i,v\n" + "".join(f"{i},\n" for i in range(20)) + "20,x\n")
    assert [row[0] for row in project.rejected()] == kept
    assert (result.quarantined.rows, result.quarantined.kept, result.checks[0].failed_rows) == (20, len(kept), 20)
    said = f"of 20 rejected rows {len(kept)} are kept in 'lake/bad', as its limits say"
    assert result.warnings == ((said,) if len(kept) < 20 else ())


@pytest.mark.parametrize("place", [AS_TABLE, AS_PATH])
def test_old_rows_go_when_their_time_has_come(tmp_path: Path, place: str) -> None:
    """Also in a run that rejects none; never those that are as old as the limit."""
    project = Project(tmp_path, READ, checked(place[:-2] + ", retention_days: 30 }"), WRITE)
    clock = project.world.clock

    def run(text: str) -> None:
        project.land(text)
        host = project.world.azure()
        host.app.coordinator.start_run(project.world.in_process().request("p"))
        project.world.work(host)

    run("i,v\n1,\n")
    clock.now += timedelta(days=29)
    run("i,v\n2,\n")
    assert [row[0] for row in project.rejected()] == [1, 2]
    clock.now += timedelta(days=2)
    run("i,v\n3,x\n")
    assert [row[0] for row in project.rejected()] == [2]


def test_columns_may_come_go_and_change(tmp_path: Path) -> None:
    """An older quarantine never refuses a row."""
    project = Project(tmp_path, READ, checked(), WRITE.replace("append", "overwrite, overwrite_schema: true"))
    project.run("i,v,w\n1,,7\n")
    project.run("i,v,w,x\n2,,seven,true\n")
    project.run("i,v\n3,\n")
    assert project.bad().select("i", "w", "x").rows() == [(1, "7", None), (2, "seven", True), (3, None, None)]


def test_personal_values_are_anonymous_in_the_quarantine_too(tmp_path: Path) -> None:
    """Privacy comes before the checks; and no statistic of the table tells a value."""
    personal = "columns: { v: { pii: true } }\n        privacy: { method: redact }"
    tests = "tests: [ { type: range, column: i, max: 1, on_fail: quarantine } ]"
    project = Project(tmp_path, READ, personal, checked(tests=tests), WRITE)
    project.run("i,v\n1,a@x.org\n2,b@x.org\n")
    assert project.rejected() == [(2, "[REDACTED]", "range")]
    log = "".join(file.read_text() for file in (tmp_path / "lake" / "bad" / "_delta_log").glob("*.json"))
    assert '"minValues\\":{\\"_rejected_at' in log or "minValues" in log
    assert '\\"v\\":' not in log.split("minValues", 1)[1]


# ── what goes wrong ──


def dying(sink: type, name: str, after: bool) -> Callable[..., Any]:
    write = sink.write

    def dies(self: Any, *given: Any, **named: Any) -> Any:
        if self._name != name:
            return write(self, *given, **named)
        if after:
            write(self, *given, **named)
        raise Dies

    return dies


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert, options: { keys: [i] }"])
@pytest.mark.parametrize("at", ["bad", "good"])
@pytest.mark.parametrize("place", [AS_TABLE, AS_PATH])
def test_a_worker_that_dies_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, at: str, mode: str, after: bool
) -> None:
    """Before or after either of the two commits."""
    project = Project(tmp_path, READ, checked(place), WRITE.replace("append", mode))
    project.land(ROWS)
    host = project.world.in_process()
    command = host.request("p")
    kind = FileRows if at == "bad" and place == AS_PATH else DeltaSink
    with monkeypatch.context() as patched:
        patched.setattr(kind, "write", dying(kind, f"lake/{at}", after))
        with pytest.raises(Dies):
            host.run(command)
    again = project.world.in_process()
    assert again.resume("p").status == "succeeded"
    assert (project.good(), project.rejected()) == ([1, 3], BAD)
    told = again.app.coordinator.journal.outcome(command.run_id, "n").result.quarantined
    assert (told.rows, told.kept, told.dataset) == (3, 3, "lake/bad")


@pytest.mark.parametrize("place", [AS_TABLE, AS_PATH])
def test_other_rows_of_a_second_attempt_take_the_place_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """The source changed after the first attempt had set rows aside: those that count are the ones that were left out of the table."""
    project = Project(tmp_path, READ, checked(place), WRITE)
    project.run("i,v\n0,\n")
    project.land(ROWS)
    host = project.world.in_process()
    with monkeypatch.context() as patched:
        patched.setattr(DeltaSink, "write", dying(DeltaSink, "lake/good", after=False))
        with pytest.raises(Dies):
            host.run(host.request("p"))
    assert project.rejected() == [(0, None, "not_null"), *BAD]
    project.land("i,v\n1,a\n2,b\n3,\n")
    assert project.world.in_process().resume("p").status == "succeeded"
    assert (project.good(), project.rejected()) == ([1, 2], [(0, None, "not_null"), (3, None, "not_null")])


@pytest.mark.parametrize(("columns", "left"), [("", BAD), (", add_columns: { original_node: true }", [])])
def test_rows_of_another_node_in_the_same_quarantine_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str, left: list[tuple[Any, ...]]
) -> None:
    """Where no column tells whose the rows are, those of the first attempt stay too: rather one too many than one lost."""
    place = f"quarantine: {{ connection: lake, table: bad{columns} }}"
    other = ["name: m", READ.replace("in.csv", "other.csv"), checked(place), WRITE.replace("good", "good_too")]
    more = "      - " + "\n        ".join(other) + "\n"
    project = Project(tmp_path, "depends_on: [m]", READ, checked(place), WRITE, more=more)
    project.land(ROWS)
    (tmp_path / "landing" / "other.csv").write_text("i,v\n4,d\n20,\n")
    host = project.world.in_process()
    with monkeypatch.context() as patched:
        patched.setattr(DeltaSink, "write", dying(DeltaSink, "lake/good", after=False))
        with pytest.raises(Dies):
            host.run(host.request("p"))
    project.land("i,v\n1,a\n2,b\n3,\n")
    assert project.world.in_process().resume("p").status == "succeeded"
    expected = sorted([(3, None, "not_null"), (20, None, "not_null,small"), *left], key=lambda row: row[0])
    assert project.rejected() == expected


def test_a_retry_sets_nothing_aside_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target was away for two attempts."""
    project = Project(tmp_path, READ, checked(), WRITE)
    project.land(ROWS)
    write, failures = DeltaSink.write, [1, 1]

    def away(self: DeltaSink, *given: Any, **named: Any) -> Any:
        if self._name == "lake/good" and failures:
            failures.pop()
            raise TransientServiceError("the store is away")
        return write(self, *given, **named)

    monkeypatch.setattr(DeltaSink, "write", away)
    assert project.run().status == "succeeded"
    assert (project.good(), project.rejected(), failures) == ([1, 3], BAD, [])


def test_without_a_place_rows_that_would_be_set_aside_fail_the_node(tmp_path: Path) -> None:
    """As in the reference; a notice says so when the project is validated."""
    project = Project(tmp_path, READ, f"validation: {{ {TESTS} }}", WRITE)
    result = project.run(ROWS)
    assert (result.status, result.error.code, [check.severity for check in result.checks]) == ("failed", "check_failed", ["fail", "fail"])
    assert project.run("i,v\n1,a\n").status == "succeeded"
    told = load_project(tmp_path / "odibi.yaml", variables={}).notices
    assert any("'on_fail: quarantine' fails the node, because no 'quarantine' says where the rows go" in notice for notice in told)


def test_nothing_is_written_where_the_quarantine_is_away(tmp_path: Path) -> None:
    """The node fails before it reads; no row of it is anywhere."""
    project = Project(tmp_path, READ, checked(), WRITE)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "bad").write_text("no table")
    result = project.run(ROWS)
    assert result.status == "failed"
    assert not (tmp_path / "lake" / "good").exists()


def test_what_the_target_refuses_is_not_set_aside_either(tmp_path: Path) -> None:
    """The whole batch comes again when its columns fit."""
    project = Project(tmp_path, READ, checked(), WRITE)
    project.run("i,v\n1,a\n")
    result = project.run("i,v,w\n2,,1\n3,c,1\n")
    assert (result.status, result.error.code, project.rejected()) == ("failed", "schema_mismatch", [])


def test_a_check_that_fails_the_node_sets_nothing_aside(tmp_path: Path) -> None:
    """All or nothing."""
    tests = TESTS[:-2] + ", { type: row_count, min: 3 } ]"
    project = Project(tmp_path, READ, checked(tests=tests), WRITE)
    assert project.run(ROWS).error.code == "check_failed"
    assert not (tmp_path / "lake" / "bad").exists()


def test_an_incremental_load_sets_each_row_aside_once(tmp_path: Path) -> None:
    """The high-water mark passes rejected rows as well."""
    read = READ.replace(" }", ", incremental: { mode: stateful, column: i } }")
    project = Project(tmp_path, read, checked(), WRITE)
    project.run("i,v\n1,a\n2,\n")
    project.run("i,v\n1,a\n2,\n3,\n")
    project.run()
    assert (project.good(), project.rejected()) == ([1], [(2, None, "not_null"), (3, None, "not_null")])


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ((READ, checked("quarantine: { connection: lake, table: good }"), WRITE), "'validation.quarantine' is where the node writes"),
        ((READ, checked("quarantine: { connection: lake, path: ./good/ }"), WRITE), "'validation.quarantine' is where the node writes"),
        ((READ, checked("quarantine: { connection: lak, path: bad }"), WRITE), "unknown connection 'lak'"),
        ((READ, f"validation: {{ {TESTS}, quarantine: {{ connection: lake }} }}", WRITE), "exactly one of 'path' and 'table' is needed"),
        (
            (READ, "transformer: merge\n        params: { target: lake.m, keys: [i] }", checked(), WRITE),
            "'validation.quarantine' would come after the pattern has written its target",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(tmp_path: Path, parts: tuple[str, ...], problem: str) -> None:
    """With a way out."""
    with pytest.raises(ConfigError) as error:
        Project(tmp_path, *parts).run(ROWS)
    assert problem in error.value.message
    assert all(one.hint for one in error.value.problems) or "exactly one" in problem


@pytest.mark.parametrize(
    ("validation", "notice"),
    [
        (f"{{ tests: [ {{ type: not_null, columns: [v] }} ], {AS_TABLE} }}", "no test has 'on_fail: quarantine', so nothing goes there"),
        (f"{{ {TESTS}, {AS_TABLE[:-2]}, add_columns: {{ rejected_at: false }} }} }}", "no row has an age, so all are kept"),
        (f"{{ {TESTS}, {AS_TABLE[:-2]}, add_columns: {{ source_batch_id: false }} }} }}", "cannot be released"),
    ],
)
def test_what_has_no_effect_is_said(tmp_path: Path, validation: str, notice: str) -> None:
    Project(tmp_path, READ, f"validation: {validation}", WRITE)
    assert any(notice in text for text in load_project(tmp_path / "odibi.yaml").notices)


def test_nodes_that_share_a_quarantine_are_told_to_name_themselves(tmp_path: Path) -> None:
    """Without a name in each row nobody knows whose it is."""
    Project(tmp_path, READ, checked(), WRITE, more=f"      - name: m\n        {READ}\n        {checked()}\n")
    (notice,) = (text for text in load_project(tmp_path / "odibi.yaml").notices if "shared" in text)
    assert notice == "validation.quarantine: 'lake/bad' is shared by p.n, p.m; set 'add_columns.original_node: true' on each"
