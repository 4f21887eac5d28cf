"""Triggers: path patterns, schedules, datasets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_core.config import BlobPattern, BlobTrigger, DatasetTrigger, ScheduleTrigger
from odibi_core.errors import ConfigError
from tests.config.conftest import HEAD, Complaints, Load


def triggered(*triggers: str) -> str:
    return HEAD + f"pipelines:\n  - pipeline: p\n    triggers: [ {', '.join(triggers)} ]\n    nodes: [ {{ name: a, transformer: x }} ]\n"


def test_the_three_kinds_of_triggers(load: Load) -> None:
    """A schedule always has six fields, seconds first."""
    text = triggered(
        "{ blob: { connection: lake, path: 'in/{name}.csv', batch: { max_files: 10, max_wait: 5m }, expect: 1d } }",
        '{ schedule: "0 */15 * * * *" }',
        '{ schedule: "30 2 * * Mon" }',
        "{ dataset: q.b }",
    )
    blob, often, weekly, dataset = (
        load(text + "  - { pipeline: q, nodes: [ { name: b, transformer: x } ] }\n").config.pipeline("p").triggers
    )
    assert isinstance(blob, BlobTrigger)
    assert (blob.blob.on_rewrite, blob.blob.batch.max_files, blob.blob.batch.max_wait.seconds) == ("process", 10, 300)
    assert blob.blob.expect.days == 1
    assert blob.blob.pattern.matches("in/a.csv") == {"name": "a"}
    assert (often, weekly) == (ScheduleTrigger(schedule="0 */15 * * * *"), ScheduleTrigger(schedule="0 30 2 * * Mon"))
    assert isinstance(dataset, DatasetTrigger)
    assert (dataset.pipeline, dataset.node) == ("q", "b")


@pytest.mark.parametrize(
    ("trigger", "answer"),
    [
        ("{ schedul: x }", "6:17: a trigger has one of 'blob', 'schedule', 'dataset'"),
        ('{ schedule: "* * *" }', "6:29: a schedule has six fields, seconds first; found 3"),
        ('{ schedule: "0 61 * * * *" }', "6:29: the schedule cannot be read"),
        ('{ schedule: "0 0 0 30 2 *" }', "6:29: the schedule"),
        ("{ dataset: nowhere.a }", "6:28: unknown pipeline 'nowhere'"),
        ("{ dataset: p }", "6:28: expected 'pipeline.node'"),
        ("{ blob: { connection: lak, path: x } }", "6:39: unknown connection 'lak'. Did you mean 'lake'?"),
        ("{ blob: { connection: lake, path: ../x } }", "6:51: path pattern must not hold '.' or '..' as a folder"),
        ("{ blob: { connection: lake, path: x, on_rewrite: replace } }", "6:66: expected 'process', 'ignore' or 'fail'"),
        ("{ blob: { connection: lake, pth: x } }", "6:45: unknown key 'pth'. Did you mean 'path'?"),
    ],
)
def test_a_wrong_trigger_is_refused_where_it_is_wrong(complaints: Complaints, trigger: str, answer: str) -> None:
    """With its place."""
    found = complaints(triggered(trigger))
    assert len(found) == 1, found
    assert found[0].startswith(f"odibi.yaml:{answer}"), found


@pytest.mark.parametrize(
    ("text", "prefix", "glob", "parts"),
    [
        ("orders/{order_date:%Y-%m-%d}/{name}.csv", "orders/", "orders/*/*.csv", ("order_date", "name")),
        ("orders/*.csv", "orders/", "orders/*.csv", ()),
        ("**/a.csv", "", "**/a.csv", ()),
        ("in/{day:%Y/%m/%d}/f_?.csv", "in/", "in/*/*/*/f_?.csv", ("day",)),
        ("exact/path.csv", "exact/path.csv", "exact/path.csv", ()),
        ("a/b_{n}", "a/b_", "a/b_*", ("n",)),
    ],
)
def test_a_pattern_knows_its_prefix_glob_and_parts(text: str, prefix: str, glob: str, parts: tuple[str, ...]) -> None:
    """The prefix is what a listing may start with."""
    pattern = BlobPattern.parse(text)
    assert (pattern.prefix, pattern.glob, pattern.parts) == (prefix, glob, parts)


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("orders/{d:%Y-%m-%d}/{name}.csv", "orders/2024-02-29/a.b.csv", {"d": "2024-02-29", "name": "a.b"}),
        ("orders/{d:%Y-%m-%d}/{name}.csv", "orders/2023-02-29/a.csv", None),
        ("orders/{d:%Y-%m-%d}/{name}.csv", "orders/2024-2-29/a.csv", None),
        ("orders/{d:%Y-%m-%d}/{name}.csv", "orders/2024-02-29/x/a.csv", None),
        ("orders/{d:%Y-%m-%d}/{name}.csv", "Orders/2024-02-29/a.csv", None),
        ("{d:%Y%m%d_%H%M}.csv", "20240131_0815.csv", {"d": "2024-01-31T08:15:00"}),
        ("{d:%Y/%m}/x", "2024/05/x", {"d": "2024-05-01"}),
        ("a/*.csv", "a/b.csv", {}),
        ("a/*.csv", "a/b/c.csv", None),
        ("a/**/c.csv", "a/c.csv", {}),
        ("a/**/c.csv", "a/x/y/c.csv", {}),
        ("a/**", "a/x/y", {}),
        ("a.csv", "axcsv", None),
        ("a?.csv", "ab.csv", {}),
        ("{name}/x", "../x", None),
        ("**", "a/../b", None),
        ("{name}.csv", "line\nbreak.csv", {"name": "line\nbreak"}),
    ],
)
def test_a_pattern_matches_whole_paths(text: str, path: str, found: dict[str, str] | None) -> None:
    """Dates must exist; a part stays inside its folder; nobody climbs."""
    assert BlobPattern.parse(text).matches(path) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/abs/x",
        "a//b",
        "../x",
        "a/../b",
        "a/./b",
        "..\\x",
        "%2e%2e/x",
        "%2E./x",
        "abfss://c@a/x",
        "https://x/y",
        "C:/x",
        "a\0b",
        "a/{}",
        "a/{1x}",
        "a/{x",
        "a/x}",
        "{a}/{a}",
        "{path}",
        "{d:%m-%d}",
        "{d:%Y%Y}",
        "{d:%B %Y}",
        "{d:yyyy}",
        "{d:%Y/../%m}",
        "*a" * 13,
        "x" * 1025,
    ],
)
def test_a_pattern_that_leaves_its_folder_or_is_unclear_is_refused(text: str) -> None:
    """At validation, not when the first file arrives."""
    with pytest.raises(ConfigError):
        BlobPattern.parse(text)


@settings(deadline=None)
@given(st.dates(), st.text(st.characters(blacklist_characters="/", blacklist_categories=("Cs",)), min_size=1, max_size=50))
def test_a_pattern_gives_back_what_made_the_path(day: object, name: str) -> None:
    """For any date and any name without a slash."""
    found = BlobPattern.parse("in/{day:%Y-%m-%d}/{name}.csv").matches(f"in/{day.isoformat()}/{name}.csv")
    assert found == {"day": day.isoformat(), "name": name}
