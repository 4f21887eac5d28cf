"""host.json is read with the host's names and defaults."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from odibi_local.functions_host.host_json import HostJsonError, parse_time_span, read_host_json


def _read(folder, content):
    (folder / "host.json").write_text(json.dumps(content))
    return read_host_json(folder)


def test_an_empty_host_json_gives_the_documented_defaults(tmp_path):
    """Thirty minutes, /api, five minutes of lock renewal, auto-completion, five tries per blob."""
    found = _read(tmp_path, {"version": "2.0"})
    assert found.function_timeout == timedelta(minutes=30)
    assert found.route_prefix == "api"
    assert found.service_bus.max_auto_lock_renewal == timedelta(minutes=5)
    assert found.service_bus.auto_complete_messages
    assert found.service_bus.max_concurrent_calls % 16 == 0
    assert found.blobs.poison_blob_threshold == 5


def test_given_values_are_used(tmp_path):
    """The real names, in their real places."""
    bus = {"maxConcurrentCalls": 2, "maxAutoLockRenewalDuration": "00:35:00", "autoCompleteMessages": False}
    extensions = {"serviceBus": bus, "http": {"routePrefix": ""}, "blobs": {"poisonBlobThreshold": 2}}
    found = _read(tmp_path, {"version": "2.0", "functionTimeout": "-1", "extensions": extensions})
    assert found.function_timeout is None
    assert found.route_prefix == ""
    assert (found.service_bus.max_concurrent_calls, found.service_bus.auto_complete_messages) == (2, False)
    assert found.service_bus.max_auto_lock_renewal == timedelta(minutes=35)
    assert found.blobs.poison_blob_threshold == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, '"version": "2.0"'),
        ({"version": "2.0", "functionTimeout": "soon"}, "functionTimeout"),
        ({"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentCalls": 0}}}, "maxConcurrentCalls"),
        ({"version": "2.0", "extensions": []}, "extensions"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_by_name(tmp_path, content, said):
    """The message names the key."""
    with pytest.raises(HostJsonError, match=said):
        _read(tmp_path, content)


def test_time_spans_are_those_of_dotnet():
    """Days before a dot, ticks after one."""
    assert parse_time_span("1.12:00:00") == timedelta(days=1, hours=12)
    assert parse_time_span("00:00:01.5") == timedelta(seconds=1.5)
