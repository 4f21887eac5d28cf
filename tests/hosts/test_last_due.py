"""The time that a timer was due for, from the time at which it fired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_core.config import LoadedProject, load_project
from odibi_core.hosts.azure import last_due

NIGHT = "{ schedule: '0 0 3 * * *' }"


def project(folder: Path, *triggers: str) -> LoadedProject:
    file = folder / "odibi.yaml"
    file.write_text(
        "project: shop\nconnections: { lake: { type: local, base_path: . } }\npipelines:\n"
        f"  - {{ pipeline: p, triggers: [ {', '.join(triggers)} ], nodes: [ {{ name: a, transformer: x }} ] }}\n"
        "  - { pipeline: other, triggers: [ { schedule: '0 * * * * *' } ], nodes: [ { name: a, transformer: x } ] }\n"
    )
    return load_project(file, variables={})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("triggers", "fired", "due"),
    [
        ([NIGHT], "2026-03-01 03:00:00", "2026-03-01 03:00:00"),
        ([NIGHT], "2026-03-01 03:00:00.250", "2026-03-01 03:00:00"),
        ([NIGHT], "2026-03-01 09:30:00", "2026-03-01 03:00:00"),
        ([NIGHT], "2026-03-02 02:59:58.400", "2026-03-01 03:00:00"),
        ([NIGHT], "2026-03-01 02:59:59.600", "2026-03-01 03:00:00"),
        ([NIGHT], "2026-03-01 02:59:59.500", "2026-03-01 03:00:00"),
        pytest.param([NIGHT], "2026-03-01 02:59:59.400", "2026-02-28 03:00:00"),
        (["{ schedule: '*/5 * * * *' }"], "2026-03-01 12:04:00", "2026-03-01 12:00:00"),
        ([NIGHT, "{ schedule: '0 0 9 * * *' }"], "2026-03-01 08:00:00", "2026-03-01 03:00:00"),
        ([NIGHT, "{ schedule: '0 0 9 * * *' }"], "2026-03-01 10:00:00", "2026-03-01 09:00:00"),
        (["{ schedule: '0 0 9 * * *' }", NIGHT], "2026-03-01 02:00:00", "2026-02-28 09:00:00"),
        (["{ schedule: '0 0 0 29 2 *' }"], "2026-03-01 00:00:00", "2024-02-29 00:00:00"),
        (["{ schedule: '0 0 3 * * Mon-Fri' }"], "2026-03-01 03:00:00", "2026-02-27 03:00:00"),  # 1 March 2026 is a Sunday
        pytest.param(["{ schedule: '0 0 3 1-7 * Mon' }"], "2026-03-03 12:00:00", "2026-03-02 03:00:00"),
        (["{ schedule: '*/2 * * * * *' }"], "2026-03-01 12:00:02.100", "2026-03-01 12:00:02"),
        pytest.param(["{ schedule: '*/2 * * * * *' }"], "2026-03-01 12:00:03.300", "2026-03-01 12:00:02"),
        ([], "2026-03-01 12:34:56.789", "2026-03-01 12:34:56"),
    ],
)
def test_the_newest_time_up_to_now(tmp_path: Path, triggers: list[str], fired: str, due: str) -> None:
    """On time, late by hours, half a second early; of several schedules the latest; of other pipelines none."""
    assert last_due(project(tmp_path, *triggers), "p", utc(fired)) == utc(due)


def test_the_zone_of_the_clock_does_not_matter(tmp_path: Path) -> None:
    """Schedules are in UTC, and so is what comes out."""
    fired = utc("2026-03-01 03:00:01").astimezone(timezone(timedelta(hours=5, minutes=30)))
    found = last_due(project(tmp_path, NIGHT), "p", fired)
    assert (found, found.utcoffset()) == (utc("2026-03-01 03:00:00"), timedelta(0))


@settings(max_examples=60, deadline=None)
@given(
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  the zone is given beside it
    early=st.floats(0, 0.45),
    late=st.floats(0, 58.4),
)
def test_every_firing_of_one_time_is_one_run(loaded: LoadedProject, moment: datetime, early: float, late: float) -> None:
    """A timer that is due every minute may fire early and late, and twice."""
    due = moment.replace(second=0, microsecond=0)
    assert last_due(loaded, "other", due - timedelta(seconds=early)) == due
    assert last_due(loaded, "other", due + timedelta(seconds=late)) == due


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedProject:
    """Two pipelines, one of which is due every minute."""
    return project(tmp_path_factory.mktemp("due"), NIGHT)
