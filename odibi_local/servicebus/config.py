"""Read the Config.json of Microsoft's Service Bus emulator, and refuse what that emulator would refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

NAMESPACE: Final = "sbemulatorns"
MOST_QUEUES: Final = 50
_LOGGING_TYPES: Final = ("File", "Console", "File,Console", "Console,File")
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?\Z")
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?\Z")
_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class ConfigError(ValueError):
    """The Config.json cannot be used; the message names the place and what is allowed there."""


@dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """
    One queue, with the emulator's own defaults.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator, "Quotas" and Config.json.
    """

    name: str
    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: int = 3
    time_to_live: timedelta = timedelta(hours=1)
    dead_letters_expired: bool = False
    detects_duplicates: bool = False
    duplicate_window: timedelta = timedelta(seconds=20)
    requires_session: bool = False
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None


def read_config(path: Path) -> tuple[QueueSettings, ...]:
    """
    Return the queues of a Config.json.

    Raises:
        ConfigError: If the file is missing, is not JSON, or breaks a rule of the emulator.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    try:
        document = json.loads(_COMMENT.sub(lambda found: found[1] or "", text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    return parse_config(document)


def parse_config(document: Any) -> tuple[QueueSettings, ...]:
    """
    Return the queues of a Config.json that is parsed already.

    Raises:
        ConfigError: If it breaks a rule of the emulator.
    """
    user = _Place(document, "the file").section("UserConfig")
    user.only("Namespaces", "Logging")
    logging = user.section("Logging")
    if logging.value("Type", str, None) not in _LOGGING_TYPES:
        raise ConfigError(f"{logging.where}.Type must be one of {', '.join(_LOGGING_TYPES[:3])}")
    namespaces = user.sections("Namespaces")
    if len(namespaces) != 1:
        raise ConfigError(f"UserConfig.Namespaces must hold exactly one namespace, not {len(namespaces)}")
    namespace = namespaces[0]
    namespace.only("Name", "Queues", "Topics")
    if namespace.value("Name", str, None) != NAMESPACE:
        raise ConfigError(f"{namespace.where}.Name must be {NAMESPACE!r}")
    if namespace.sections("Topics", optional=True):
        raise ConfigError(f"{namespace.where}.Topics must be empty: this emulator has queues only")
    settings = tuple(_queue(place) for place in namespace.sections("Queues", optional=True))
    if len(settings) > MOST_QUEUES:
        raise ConfigError(f"{namespace.where}.Queues holds {len(settings)} queues; the emulator allows {MOST_QUEUES}")
    _check_names(settings)
    return settings


def _queue(place: _Place) -> QueueSettings:
    place.only("Name", "Properties")
    name = place.value("Name", str, None)
    if not name or not _QUEUE_NAME.match(name) or "//" in name:
        raise ConfigError(f"{place.where}.Name {name!r} must be letters, digits and . - _ / between them, at most 260")
    properties = place.section("Properties", optional=True, where=f"queue {name!r}")
    properties.only(
        "DeadLetteringOnMessageExpiration",
        "DefaultMessageTimeToLive",
        "DuplicateDetectionHistoryTimeWindow",
        "ForwardDeadLetteredMessagesTo",
        "ForwardTo",
        "LockDuration",
        "MaxDeliveryCount",
        "RequiresDuplicateDetection",
        "RequiresSession",
    )
    normal = QueueSettings(name=name)
    count = properties.value("MaxDeliveryCount", int, normal.max_delivery_count)
    if not 1 <= count <= 10:
        raise ConfigError(f"{properties.where}: MaxDeliveryCount is {count}; the emulator allows 1 to 10")
    return QueueSettings(
        name=name,
        lock_duration=properties.span("LockDuration", normal.lock_duration, "PT5S", "PT5M"),
        max_delivery_count=count,
        time_to_live=properties.span("DefaultMessageTimeToLive", normal.time_to_live, "PT5M", "PT1H"),
        dead_letters_expired=properties.value("DeadLetteringOnMessageExpiration", bool, False),
        detects_duplicates=properties.value("RequiresDuplicateDetection", bool, False),
        duplicate_window=properties.span("DuplicateDetectionHistoryTimeWindow", normal.duplicate_window, "PT5S", "PT5M"),
        requires_session=properties.value("RequiresSession", bool, False),
        forward_to=properties.value("ForwardTo", str, "") or None,
        forward_dead_letters_to=properties.value("ForwardDeadLetteredMessagesTo", str, "") or None,
    )


def _check_names(settings: tuple[QueueSettings, ...]) -> None:
    by_name = {queue.name.lower(): queue for queue in settings}
    if len(by_name) != len(settings):
        twice = sorted({queue.name for queue in settings if by_name[queue.name.lower()] is not queue})
        raise ConfigError(f"queue {twice[0]!r} is there twice; names do not differ by case")
    for queue in settings:
        for target, what in ((queue.forward_to, "ForwardTo"), (queue.forward_dead_letters_to, "ForwardDeadLetteredMessagesTo")):
            if target is not None and target.lower() not in by_name:
                raise ConfigError(f"queue {queue.name!r}: {what} names {target!r}, which is not a queue here")
        seen = [queue]
        while (target := seen[-1].forward_to) is not None:
            seen.append(by_name[target.lower()])
            if len(seen) > len(settings) or seen[-1] is queue:
                raise ConfigError(f"queue {queue.name!r}: ForwardTo leads back to where it started")


@dataclass(frozen=True)
class _Place:
    """An object of the document and how to call it in a message."""

    content: Any
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.content, Mapping):
            raise ConfigError(f"{self.where} must be an object")

    def only(self, *names: str) -> None:
        unknown = sorted(set(self.content) - set(names))
        if unknown:
            raise ConfigError(f"{self.where}: unknown property {unknown[0]!r}; known are {', '.join(names)}")

    def section(self, name: str, *, optional: bool = False, where: str | None = None) -> _Place:
        if name not in self.content and not optional:
            raise ConfigError(f"{self.where} must have {name!r}")
        return _Place(self.content.get(name, {}), where or (name if self.where == "the file" else f"{self.where}.{name}"))

    def sections(self, name: str, *, optional: bool = False) -> list[_Place]:
        if name not in self.content and not optional:
            raise ConfigError(f"{self.where} must have {name!r}")
        entries = self.content.get(name, [])
        if not isinstance(entries, list):
            raise ConfigError(f"{self.where}.{name} must be a list")
        return [_Place(entry, f"{self.where}.{name}[{number}]") for number, entry in enumerate(entries)]

    def value(self, name: str, kind: type, default: Any) -> Any:
        value = self.content.get(name, default)
        if name in self.content and type(value) is not kind:
            raise ConfigError(f"{self.where}: {name} must be a {kind.__name__}, not {value!r}")
        return value

    def span(self, name: str, default: timedelta, shortest: str, longest: str) -> timedelta:
        if name not in self.content:
            return default
        span = _span(self.content[name])
        if span is None:
            raise ConfigError(f"{self.where}: {name} must be an ISO 8601 duration such as 'PT1M', not {self.content[name]!r}")
        least, most = _span(shortest), _span(longest)
        if least is None or most is None or not least <= span <= most:
            raise ConfigError(f"{self.where}: {name} is {self.content[name]}; the emulator allows {shortest} to {longest}")
        return span


def _span(text: Any) -> timedelta | None:
    found = _DURATION.match(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
