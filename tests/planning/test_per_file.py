"""Values of one file in a pipeline: a batch of several files has no single answer for them."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from odibi_core.messages import BlobArrived, FileVersion
from tests.planning.conftest import PlanOf, pipeline

READ = "read: { connection: lake, format: delta, path: in }"


@pytest.mark.parametrize(
    ("node", "files", "text"),
    [
        ("read: { connection: lake, format: csv, path: '${trigger.path}' }", {}, "${trigger.path}"),
        (f"{READ}, transformer: filter_rows, params: {{ condition: \"d = '${{trigger.day}}'\" }}", {}, "${trigger.day}"),
        (
            f"{READ}, transform: {{ steps: [ {{ sql_file: q.sql }} ] }}",
            {"q.sql": "SELECT '${trigger.name}' AS n FROM df"},
            "${trigger.name}",
        ),
    ],
)
def test_a_batch_has_no_file_of_its_own(plan_of: PlanOf, node: str, files: dict[str, str], text: str) -> None:
    """What each of its files answers differently is refused; without 'batch' it is what a run is for."""
    arrived = BlobArrived(files=(FileVersion(connection="lake", path="in/1.csv", etag="1", size_bytes=1, parts={"day": "1"}),))
    written = "      - { name: a, " + node + " }\n"
    trigger = "[ { blob: { connection: lake, path: 'in/{day}.csv'%s } } ]"
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(written, triggers=trigger % ", batch: {}"), arrived, files=files)
    assert caught.value.message == f"pipeline 'p' takes its files in batches and reads '{text}', which each of them answers differently"
    assert plan_of(pipeline(written, triggers=trigger % ""), arrived, files=files).cause == arrived


def test_a_batch_has_a_time(plan_of: PlanOf) -> None:
    """`scheduled_time` is that of the run, whatever is in it."""
    node = f"      - {{ name: a, {READ}, transformer: filter_rows, params: {{ condition: \"t = '${{trigger.scheduled_time}}'\" }} }}\n"
    arrived = BlobArrived(files=(FileVersion(connection="lake", path="in/1.csv", etag="1", size_bytes=1),))
    assert plan_of(pipeline(node, triggers="[ { blob: { connection: lake, path: 'in/*.csv', batch: {} } } ]"), arrived).cause == arrived
