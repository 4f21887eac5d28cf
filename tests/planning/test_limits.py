"""`concurrency:` in the plan: whose runs count together, and how many of them may be under way."""

from __future__ import annotations

import pytest

from odibi_core.messages import BlobArrived, FileVersion
from odibi_core.planning.plan import Limit
from tests.planning.conftest import PlanOf, reading

ARRIVED = BlobArrived(files=(FileVersion(connection="lake", path="in/7.csv", etag="1", size_bytes=1, parts={"day": "7"}),))


def limited(concurrency: str) -> str:
    trigger = "[ { blob: { connection: lake, path: 'in/{day}.csv' } } ]"
    return f"pipelines:\n  - pipeline: p\n    triggers: {trigger}\n    concurrency: {concurrency}\n    nodes:\n{reading('a')}"


@pytest.mark.parametrize(
    ("concurrency", "limit"),
    [
        ("null", None),
        ("{}", Limit(key="pipeline/p", most=1)),
        ("{ max: 3 }", Limit(key="pipeline/p", most=3)),
        ("{ key: lake, max: 2 }", Limit(key="key/lake", most=2)),
        ("{ key: 'day ${trigger.day}' }", Limit(key="key/day 7", most=1)),
    ],
)
def test_the_limit_of_a_run(plan_of: PlanOf, concurrency: str, limit: Limit | None) -> None:
    """A named key is shared with other pipelines, and a pipeline's own name is nobody's key."""
    assert plan_of(limited(concurrency), ARRIVED).limit == limit
