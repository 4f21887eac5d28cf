"""Config.json: what it says, and what is wrong with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from odibi_local.servicebus import ConfigError, EmulatorError, EmulatorProcess, QueueSettings, parse_config, read_config
from tests.servicebus.conftest import config_document

_SAMPLE = """
{
  // one namespace, as in Microsoft's sample
  "UserConfig": {
    "Namespaces": [{
      "Name": "sbemulatorns",
      "Queues": [{
        "Name": "node-runs", // "//" in a comment and in a "text // like this" stay apart
        "Properties": {
          "DeadLetteringOnMessageExpiration": true, "DefaultMessageTimeToLive": "PT30M",
          "DuplicateDetectionHistoryTimeWindow": "PT1M", "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "",
          "LockDuration": "PT2M30S", "MaxDeliveryCount": 10, "RequiresDuplicateDetection": true, "RequiresSession": false
        }
      }, {"Name": "as-it-comes"}],
      "Topics": []
    }],
    /* and where the log goes */
    "Logging": {"Type": "File"}
  }
}
"""


def test_the_emulators_own_format_is_read(tmp_path: Path):
    """With comments, with every property, and with the emulator's defaults where there is none."""
    path = tmp_path / "Config.json"
    path.write_text(_SAMPLE)
    assert read_config(path) == (
        QueueSettings(
            name="node-runs",
            lock_duration=timedelta(seconds=150),
            max_delivery_count=10,
            time_to_live=timedelta(minutes=30),
            dead_letters_expired=True,
            detects_duplicates=True,
            duplicate_window=timedelta(minutes=1),
        ),
        QueueSettings(
            name="as-it-comes",
            lock_duration=timedelta(minutes=1),
            max_delivery_count=3,
            time_to_live=timedelta(hours=1),
            dead_letters_expired=False,
            detects_duplicates=False,
            duplicate_window=timedelta(seconds=20),
            requires_session=False,
            forward_to=None,
            forward_dead_letters_to=None,
        ),
    )


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"LockDuration": "PT4S"}, "queue 'q': LockDuration is PT4S; the emulator allows PT5S to PT5M"),
        ({"LockDuration": "PT6M"}, "the emulator allows PT5S to PT5M"),
        ({"LockDuration": "soon"}, "LockDuration must be an ISO 8601 duration such as 'PT1M', not 'soon'"),
        ({"LockDuration": 60}, "LockDuration must be an ISO 8601 duration"),
        ({"DefaultMessageTimeToLive": "P1D"}, "DefaultMessageTimeToLive is P1D; the emulator allows PT5M to PT1H"),
        ({"DuplicateDetectionHistoryTimeWindow": "PT10M"}, "the emulator allows PT5S to PT5M"),
        ({"MaxDeliveryCount": 11}, "queue 'q': MaxDeliveryCount is 11; the emulator allows 1 to 10"),
        ({"MaxDeliveryCount": True}, "MaxDeliveryCount must be a int, not True"),
        ({"RequiresSession": "yes"}, "RequiresSession must be a bool, not 'yes'"),
        ({"LockDurration": "PT1M"}, "queue 'q': unknown property 'LockDurration'; known are"),
        ({"ForwardTo": "nowhere"}, "queue 'q': ForwardTo names 'nowhere', which is not a queue here"),
        ({"ForwardTo": "q"}, "queue 'q': ForwardTo leads back to where it started"),
        ({"ForwardDeadLetteredMessagesTo": "x"}, "ForwardDeadLetteredMessagesTo names 'x'"),
    ],
)
def test_a_property_out_of_range_is_named(properties: dict[str, Any], message: str):
    """With its queue, its value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse_config(config_document({"q": properties}))
    assert message in str(caught.value)


def _changed(change: str) -> Any:
    document = config_document({"q": {}})
    user = document["UserConfig"]
    namespace = user["Namespaces"][0]
    match change:
        case "logging":
            del user["Logging"]
        case "logging type":
            user["Logging"]["Type"] = "Syslog"
        case "namespaces":
            user["Namespaces"].append(namespace)
        case "namespace name":
            namespace["Name"] = "mine"
        case "topics":
            namespace["Topics"] = [{"Name": "t"}]
        case "twice":
            namespace["Queues"].append({"Name": "Q"})
        case "queue name":
            namespace["Queues"][0]["Name"] = "a b"
        case "fifty":
            namespace["Queues"] = [{"Name": f"q{number}"} for number in range(51)]
        case "list":
            namespace["Queues"] = {"Name": "q"}
    return document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("logging", "UserConfig must have 'Logging'"),
        ("logging type", "UserConfig.Logging.Type must be one of File, Console, File,Console"),
        ("namespaces", "exactly one namespace, not 2"),
        ("namespace name", "UserConfig.Namespaces[0].Name must be 'sbemulatorns'"),
        ("topics", "UserConfig.Namespaces[0].Topics must be empty: this emulator has queues only"),
        ("twice", "is there twice"),
        ("queue name", "Name 'a b' must be letters"),
        ("fifty", "holds 51 queues; the emulator allows 50"),
        ("list", "UserConfig.Namespaces[0].Queues must be a list"),
    ],
)
def test_a_document_of_the_wrong_shape_says_where(change: str, message: str):
    """The place in the document, and what belongs there."""
    with pytest.raises(ConfigError) as caught:
        parse_config(_changed(change))
    assert message in str(caught.value)


def test_forwarding_in_a_circle_is_found():
    """Over any number of queues; forwarding in a line is fine."""
    circle = {"a": {"ForwardTo": "b"}, "b": {"ForwardTo": "c"}, "c": {"ForwardTo": "a"}}
    with pytest.raises(ConfigError, match="leads back"):
        parse_config(config_document(circle))
    into_a_circle = {"x": {"ForwardTo": "a"}, "a": {"ForwardTo": "b"}, "b": {"ForwardTo": "a"}}
    with pytest.raises(ConfigError, match="leads back"):
        parse_config(config_document(into_a_circle))
    line = parse_config(config_document({"a": {"ForwardTo": "B"}, "b": {}}))
    assert [queue.forward_to for queue in line] == ["B", None]


@pytest.mark.parametrize(("text", "message"), [(None, "cannot read"), ("{", "is not JSON"), ("[]", "the file must be an object")])
def test_the_emulator_says_what_is_wrong_when_it_does_not_start(tmp_path: Path, text: str | None, message: str):
    """On its standard error, and in the error of whoever started it."""
    path = tmp_path / "Config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EmulatorError, match=message):
        EmulatorProcess(path).start()
