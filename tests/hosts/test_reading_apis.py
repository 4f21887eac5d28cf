"""A pipeline that reads a web API: signed in, landed, and new rows only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.world import HEAD, World
from tests.web.conftest import Api, Reply, api

__all__ = ["api"]  # the fixture

PROJECT = (
    HEAD.replace("connections:\n", "connections:\n  web: { type: http, base_url: '${{WEB}}', auth: {auth} }\n")
    + """\
pipelines:
  - pipeline: p
    nodes:
      - name: new
        read:
          connection: web
          format: api
          path: /v1/rows
          options: {{ params: {{ day: $today }}, response: {{ items_path: rows, add_fields: {{ origin: web }} }} }}
          incremental: {{ mode: stateful, column: i }}
        write: {{ connection: lake, format: delta, path: new, mode: append }}
"""
)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ("{ mode: none }", "authorization", None),
        ("{ mode: basic, username: u, password: '${KEY}' }", "authorization", "Basic dTp0b3Atc2VjcmV0"),
        ("{ mode: bearer, token: '${KEY}' }", "authorization", "Bearer top-secret"),
        ("{ mode: api_key, api_key: '${KEY}' }", "authorization", "Bearer top-secret"),
        ("{ mode: api_key, api_key: '${KEY}', header_name: X-Key, value_template: '{token}' }", "x-key", "top-secret"),
    ],
)
def test_rows_of_an_api(tmp_path: Path, api: Api, auth: str, header: str, value: str | None) -> None:
    """The key stays out of everything that is stored."""
    text = PROJECT.replace("{auth}", auth).replace("{{", "{").replace("}}", "}")
    world = World(tmp_path, text)
    for rows, expected in ([1, 2], [1, 2]), ([2, 3], [1, 2, 3]):
        api.answer = lambda _, rows=rows: Reply({"rows": [{"i": i} for i in rows]})
        host = world.in_process(WEB=api.url, KEY="top-secret")
        final = host.run(host.request("p"))
        assert final is not None
        assert final.status == "succeeded"
        assert world.rows("new") == expected
    assert [asked.headers.get(header) for asked in api.asked] == [value, value]  # once each run, although the mark is looked for first
    assert set(world.rows("new", "origin")) == {"web"}
    assert len([file for file in (tmp_path / "lake/stories").rglob("index.html") if file.parent.name != "stories"]) == 2
    stored = b"".join(file.read_bytes() for file in (tmp_path / "lake").rglob("*") if file.is_file())
    assert b"top-secret" not in stored


def test_an_answer_that_looks_like_an_event_is_data(tmp_path: Path, api: Api) -> None:
    """It lies with the run, and a service must not be able to tell a story of its own."""
    world = World(tmp_path, PROJECT.replace("{auth}", "{ mode: none }").replace("{{", "{").replace("}}", "}"))
    api.answer = lambda _: Reply(
        {"rows": [{"i": 1}], "kind": "run_finished", "status": "failed", "run_id": "x", "at": "2026-01-01T00:00:00Z"}
    )
    host = world.in_process(WEB=api.url)
    final = host.run(host.request("p"))
    assert final is not None
    events = host.app.coordinator.journal.events(final.run_id)
    assert [event.kind for event in events] == ["run_started", "node_started", "node_finished", "run_finished"]
    assert events[-1].run_id == final.run_id
