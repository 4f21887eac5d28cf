"""Which runs a run starts because it wrote."""

from __future__ import annotations

from odibi_core.events import DatasetWrite, NodeFinished, Outcome
from odibi_core.messages import DatasetWritten, StartRun
from odibi_core.runtime.followers import runs_behind
from tests.runtime.builders import OTHER_RUN, RUN, START, at, outcome, plan, result

WRITE = DatasetWrite(dataset="lake/t", uri="/t", format="delta", mode="append", rows=1, version=1)


def wrote(node: str, **fields: object) -> Outcome:
    return NodeFinished(run_id=RUN, node=node, attempt=1, result=result(write=WRITE), at=at(1)).model_copy(update=fields)


def test_a_write_is_followed_by_a_run_of_its_own() -> None:
    """Named by the run that wrote; of that run's logical time, whenever it is."""
    followed = plan({"a": (), "b": ()}, followers={"a": ("q", "r"), "b": ("q",)})
    assert runs_behind(followed, {"a": wrote("a"), "b": wrote("b")}) == tuple(
        StartRun(project="shop", pipeline=name, cause=DatasetWritten(dataset=f"p.{node}", run_id=RUN, logical_time=START))
        for node, name in (("a", "q"), ("a", "r"), ("b", "q"))
    )


def test_a_target_of_a_pattern_is_a_write_too() -> None:
    followed = plan({"a": ()}, followers={"a": ("q",)})
    only = NodeFinished(run_id=RUN, node="a", attempt=1, result=result(also_wrote=(WRITE,)), at=at(1))
    assert [command.pipeline for command in runs_behind(followed, {"a": only})] == ["q"]


def test_nothing_follows_what_was_not_written_here() -> None:
    """No outcome yet, failed, skipped, nothing new to write, or written by the run that this one resumes."""
    followed = plan(dict.fromkeys("abcde", ()), followers=dict.fromkeys("abcde", ("q",)))
    outcomes = {"b": outcome("b", "failed"), "c": outcome("c", "skipped"), "d": outcome("d"), "e": wrote("e", taken_from=OTHER_RUN)}
    assert runs_behind(followed, outcomes) == ()
