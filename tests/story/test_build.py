"""The twin says what the events say, in words that a person would use. Expected values are written out by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.events import NodeClosing, NodeHandedOff, PlannedNodeFacts, Quarantined, RunFinished, RunStarted
from odibi_core.messages import BlobArrived, Requested
from odibi_core.story import Story, build
from odibi_core.story.blocks import Facts
from odibi_core.story.cards import card
from tests.story import runs


def twin(events):
    return json.loads(build(events).model_dump_json())


def test_a_successful_run_is_told_in_full():
    story = twin(runs.success())
    assert story["schema_id"] == "odibi.story/1"
    assert story["run"] == {
        "run_id": "0f3c9a7be21d4586a9f0c1d2e3b4a596",
        "project": "shop",
        "pipeline": "orders",
        "environment": "prod",
        "status": "succeeded",
        "cause": {"kind": "blob", "text": "file orders.csv arrived", "resumes": None},
        "logical_time": "2026-11-22T10:00:03Z",
        "started_at": "2026-11-22T10:00:03Z",
        "finished_at": "2026-11-22T10:00:06.200000Z",
        "seconds": 3.2,
    }
    assert story["verdict"] == {
        "tone": "good",
        "title": "Succeeded",
        "sentence": "File orders.csv arrived. 1,210 rows came in, 12 rows went to lake/gold/orders (version 0, new). All 4 checks passed.",
        "next_action": "Nothing to do.",
        "command": "",
    }
    assert story["totals"] == {
        "rows_in": 1210,
        "rows_written": 2414,
        "rows_quarantined": None,
        "tables": 3,
        "files": 1,
        "file_bytes": 184320,
        "nodes": 3,
        "succeeded": 3,
        "failed": 0,
        "skipped": 0,
        "attempts": 3,
        "retries": 0,
        "checks": 4,
        "checks_passed": 4,
        "checks_warned": 0,
        "checks_quarantined": 0,
        "checks_failed": 0,
        "warnings": 0,
    }
    assert story["files"] == [
        {"path": "landing/orders/2026-11-22/orders.csv", "etag": "0x8DD0A1B2C3D4E5F", "size_bytes": 184320, "nodes": ["bronze"]}
    ]
    assert story["watermarks"] == [{"node": "bronze", "column": "ordered_at", "before": None, "after": "2026-11-22T09:59:41"}]
    assert story["provenance"] == {
        "config_fingerprint": "9b1c7f20",
        "versions": {"deltalake": "1.6.6", "odibi_core": "0.1.0", "polars": "2.1.0", "python": "3.11.7"},
        "tables_read": [{"dataset": "orders.bronze", "version": 3}, {"dataset": "orders.silver", "version": 42}],
        "tables_written": [
            {"dataset": "lake/bronze/orders", "version": 3},
            {"dataset": "lake/silver/orders", "version": 42},
            {"dataset": "lake/gold/orders", "version": 0},
        ],
    }
    assert story["privacy"] == {
        "masked": [{"node": "bronze", "columns": ["email"], "note": ""}, {"node": "silver", "columns": ["email"], "note": ""}],
        "redactions": 20,
    }


def test_a_node_is_told_in_full():
    gold = twin(runs.success())["nodes"][2]
    columns = [
        {"name": "order_id", "type": "Int64"},
        {"name": "email", "type": "String"},
        {"name": "amount", "type": "Decimal(18,2)"},
        {"name": "ordered_at", "type": "Datetime"},
    ]
    assert gold == {
        "name": "gold",
        "description": "",
        "explanation": "",
        "runbook_url": "",
        "tags": [],
        "upstream": ["silver"],
        "status": "succeeded",
        "tone": "good",
        "sentence": "gold wrote 12 rows to lake/gold/orders (version 0, new)",
        "engine": "polars",
        "ready_at": "2026-11-22T10:00:05.600000Z",
        "started_at": "2026-11-22T10:00:05.800000Z",
        "finished_at": "2026-11-22T10:00:06.100000Z",
        "seconds": 0.3,
        "rows_in": 1198,
        "rows_out": 12,
        "account": None,
        "reads": [{"dataset": "orders.silver", "format": "delta", "rows": 1198, "version": 42, "files": [], "unparsed": None}],
        "write": {
            "dataset": "lake/gold/orders",
            "uri": "abfss://lake@shop.dfs.core.windows.net/gold/orders",
            "format": "delta",
            "mode": "overwrite",
            "rows": 12,
            "version": 0,
            "created": True,
            "columns": columns,
            "rescued": 0,
            "change": None,
            "recovered": False,
        },
        "columns": columns,
        "steps": [{"kind": "sql", "text": "SELECT city, sum(amount) AS revenue FROM df GROUP BY city"}],
        "gate": None,
        "checks": [],
        "failing": [],
        "quarantined": None,
        "watermark": None,
        "sample": None,
        "error": None,
        "reason": "",
        "blocked_by": None,
        "warnings": [],
        "attempts": [
            {
                "number": 1,
                "delivery": 1,
                "worker": "worker-1",
                "started_at": "2026-11-22T10:00:05.800000Z",
                "ended_at": "2026-11-22T10:00:06.100000Z",
                "outcome": "succeeded",
                "error": None,
                "delay_seconds": None,
            }
        ],
        "handoffs": [],
    }


def test_a_failed_check_names_the_node_what_is_safe_and_the_next_command():
    story = twin(runs.failed_check())
    assert story["verdict"] == {
        "tone": "bad",
        "title": "Failed",
        "sentence": "Node silver failed: check 'not_null' found 12 rows that break it. 1 node was skipped. "
        "Already written and safe: lake/bronze/orders (version 3).",
        "next_action": "Fix the rows at the source, or set 'on_fail: quarantine' to set them aside. "
        "Then resume the run: 1 finished node is taken over.",
        "command": "odibi run --resume --run 0f3c9a7be21d4586a9f0c1d2e3b4a596",
    }
    counts = {name: story["totals"][name] for name in ("checks", "checks_passed", "checks_warned", "checks_quarantined", "checks_failed")}
    assert counts == {"checks": 6, "checks_passed": 3, "checks_warned": 1, "checks_quarantined": 1, "checks_failed": 1}
    assert [(node["status"], node["tone"]) for node in story["nodes"]] == [("succeeded", "good"), ("failed", "bad"), ("skipped", "idle")]


def test_a_skipped_node_says_what_stood_in_its_way():
    gold = twin(runs.failed_check())["nodes"][2]
    assert gold["sentence"] == "gold was skipped because silver did not succeed"
    assert (gold["blocked_by"], gold["reason"], gold["attempts"]) == ("silver", "upstream failed", [])


def test_attempts_tell_lost_workers_retries_and_handovers_apart():
    bronze, silver = build(runs.retries()).nodes
    assert [(a.number, a.delivery, a.outcome, a.delay_seconds) for a in bronze.attempts] == [
        (1, 1, "lost", None),
        (1, 2, "retried", 2.5),
        (2, 1, "succeeded", None),
    ]
    assert [(a.number, a.delivery, a.outcome) for a in silver.attempts] == [(1, 1, "handed_off"), (1, 2, "succeeded")]
    assert [(h.to, h.job) for h in silver.handoffs] == [("spark", "job-17")]


def test_a_handover_is_no_retry():
    totals = build(runs.retries()).totals
    assert (totals.attempts, totals.retries) == (5, 2)


def test_a_node_that_a_dead_letter_handler_ended_has_the_lost_worker_and_its_end():
    error = runs.BUSY.model_copy(update={"code": "gave_up", "retryable": False})
    result = runs.failed(8, 0.1, error)
    events = [
        runs.started(runs.NODES[:1]),
        runs.took("bronze", 1),
        runs.finished("bronze", result, attempt=3),
        runs.ended("failed", 9, failed=1),
    ]
    assert [(a.number, a.outcome) for a in build(events).nodes[0].attempts] == [(1, "lost"), (3, "failed")]


def test_a_fault_of_the_product_is_ours_to_mend():
    error = runs.BUSY.model_copy(update={"code": "internal", "message": "unexpected state.", "exit_code": 70})
    verdict = build(
        [runs.started(runs.NODES[:1]), runs.finished("bronze", runs.failed(0, 1, error)), runs.ended("failed", 2, failed=1)]
    ).verdict
    assert verdict.sentence == "Node bronze failed: unexpected state."
    assert verdict.next_action == (
        "This is a fault of the product, not of the data: report it with the code 'internal'. Then resume the run."
    )


def test_nothing_new_is_no_drama():
    story = build(runs.no_files())
    assert story.verdict.sentence == "Somebody asked for this run. 0 rows came in, no rows went to lake/bronze/orders (version 3)."
    assert story.files == ()


def test_an_empty_pipeline_says_so():
    story = build(runs.empty())
    assert story.verdict.sentence == "Somebody asked for this run. The pipeline has no nodes, so there was nothing to do."
    assert story.totals.rows_in is None


def test_a_cancelled_run_offers_to_go_on():
    story = build(runs.cancelled())
    assert story.verdict.sentence == "The run was cancelled when 1 of 3 nodes had ended; what they wrote stays."
    assert story.verdict.command == "odibi run --resume --run 0f3c9a7be21d4586a9f0c1d2e3b4a596"
    assert [node.status for node in story.nodes] == ["succeeded", "running", "not_started"]


def test_warnings_colour_a_success():
    story = build(runs.wide(15))
    assert (story.verdict.tone, story.verdict.title) == ("warn", "Succeeded with warnings")
    assert story.verdict.next_action == "Look at 'unique key' of table_09 (1 of 1,204 rows)."


def test_the_watermark_of_a_hidden_column_is_hidden():
    mark = build(runs.sensitive()).watermarks[0]
    assert (mark.before, mark.after) == (None, "[REDACTED]")


def test_a_masked_column_is_hidden_in_the_watermark_too():
    result = runs.bronze_result()
    result = result.model_copy(update={"watermark": result.watermark.model_copy(update={"column": "email"})})
    story = build([runs.started(runs.NODES[:1]), runs.finished("bronze", result), runs.ended("succeeded", 2, succeeded=1)])
    assert story.watermarks[0].after == "[REDACTED]"


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (BlobArrived(files=(runs.ORDERS,)), "file orders.csv arrived"),
        (
            BlobArrived(files=tuple(runs.ORDERS.model_copy(update={"path": f"in/{name}.csv"}) for name in "abcde")),
            "files a.csv, b.csv and 3 more arrived",
        ),
        (Requested(key="k", resumes="abc"), "somebody asked to resume run abc"),
        (Requested(key="k", nodes=("bronze", "silver")), "somebody asked for this run, only for bronze and silver"),
    ],
)
def test_the_cause_is_a_sentence(cause, text):
    assert build([runs.started((), cause), runs.ended("succeeded", 1)]).run.cause.text == text


def test_a_file_that_no_node_read_is_listed():
    story = build([runs.started(runs.NODES[:1]), runs.ended("cancelled", 1)])
    assert [(file.path, file.nodes) for file in story.files] == [("landing/orders/2026-11-22/orders.csv", ())]


def test_a_run_without_its_first_event_has_no_story():
    with pytest.raises(ValueError, match="RunStarted"):
        build(runs.success()[1:])


@pytest.mark.parametrize("name", runs.ALL)
def test_the_twin_is_the_story(name):
    """Whoever has the twin can build the page again."""
    story = build(runs.ALL[name]())
    assert Story.model_validate_json(story.model_dump_json()) == story


@given(data=st.data(), name=st.sampled_from(["success", "failed_check", "retries", "cancelled"]))
def test_order_and_repetition_of_events_change_nothing(data, name):
    events = runs.ALL[name]()
    inner = [event for event in events if not isinstance(event, RunStarted | RunFinished)]
    shuffled = data.draw(st.permutations(inner)) + data.draw(st.lists(st.sampled_from(inner), max_size=4))
    assert build([events[0], *shuffled, events[-1]]) == build(events)


def test_a_node_outside_of_the_plan_is_told_too():
    events = [runs.started(()), runs.took("late", 1), runs.ended("succeeded", 2)]
    assert [node.name for node in build(events).nodes] == ["late"]


def test_a_node_that_is_about_to_end_has_not_ended():
    result = runs.failed(0, 1, runs.BUSY)
    closing = NodeClosing(run_id=runs.RUN, node="bronze", attempt=1, result=result, at=runs.at(1))
    events = [runs.started(runs.NODES[:1]), runs.took("bronze", 0.5), closing]
    assert build(events).nodes[0].status == "running"
    assert build([*events, runs.finished("bronze", runs.bronze_result())]).nodes[0].status == "succeeded"


def test_handovers_are_in_the_order_of_time():
    handed = [NodeHandedOff(run_id=runs.RUN, node="bronze", attempt=n, to="spark", job=f"job-{n}", at=runs.at(n)) for n in (2, 1)]
    events = [runs.started(runs.NODES[:1]), runs.took("bronze", 0.5), runs.took("bronze", 1.5, attempt=2), *handed]
    assert [handoff.job for handoff in build(events).nodes[0].handoffs] == ["job-1", "job-2"]


def test_plan_facts_come_along():
    facts = PlannedNodeFacts(name="bronze", description="Orders.", tags=("daily", "pii"))
    node = build([runs.started((facts,)), runs.ended("cancelled", 1)]).nodes[0]
    assert (node.description, node.tags, node.sentence) == ("Orders.", ("daily", "pii"), "bronze was not started")


def test_rows_that_were_set_aside_are_told_with_their_place():
    """How many, how many of them are kept, and where."""
    aside = Quarantined(dataset="lake/bad", rows=12, kept=10)
    events = runs.success()
    events[2] = runs.finished("bronze", runs.bronze_result().model_copy(update={"quarantined": aside}))
    story = build(events)
    assert story.totals.rows_quarantined == 12
    assert story.nodes[0].sentence == "bronze wrote 1,204 rows to lake/bronze/orders (version 3) and set 12 rows aside"
    assert "12 rows were set aside in lake/bad." in story.verdict.sentence
    assert ("Set aside", "lake/bad 12 rows, of which 10 were kept") in [
        (name, "".join(bit if isinstance(bit, str) else bit.text for bit in line))
        for block in card(story.nodes[0], runs.START, "a").blocks
        if isinstance(block, Facts)
        for name, line in block.rows
    ]
