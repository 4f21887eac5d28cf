"""The journal: what happened in each run, one object per fact, written once. It is the truth; everything else is derived."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeVar

from odibi_core.errors import PermanentServiceError
from odibi_core.events import (
    AnyRunEvent,
    NodeClosing,
    NodeFinished,
    NodeHandedOff,
    NodeRetried,
    NodeSkipped,
    NodeStarted,
    Outcome,
    RunFinished,
    RunStarted,
    parse_event,
)
from odibi_core.planning.plan import Plan
from odibi_core.ports import ObjectStore

Value = TypeVar("Value")
RUNS_REMEMBERED = 256  # per process: plans and events are immutable, so remembering them is safe
READ_ONE_BY_ONE = 12  # more missing objects than this are found with one listing first


class Journal:
    """
    Run state in an object store. Safe for many processes: every object is put if absent, and of two writers both read the winner's.

    Layout under `runs/{run_id}/`: `plan.json`, `events/started.json`, `events/nodes/{node}/…`, `outcome/{node}.json`, `final.json`;
    beside it `open/{run_id}` for each run that has not ended and been handed to the reports.
    """

    def __init__(self, store: ObjectStore, *, redact: Callable[[AnyRunEvent], AnyRunEvent] = lambda event: event) -> None:
        self._store = store
        self._redact = redact
        self._seen: _Memory[AnyRunEvent] = _Memory(RUNS_REMEMBERED * 24)
        self._plans: _Memory[Plan] = _Memory(RUNS_REMEMBERED)

    def open_run(self, plan: Plan) -> Plan:
        """Freeze a plan. Somebody may have been faster: the stored plan is the one that counts."""
        self._store.put_if_absent(f"open/{plan.run_id}", b"{}")  # not empty: of an empty blob Azure's library asks twice
        if self._store.put_if_absent(f"runs/{plan.run_id}/plan.json", plan.model_dump_json().encode()):
            self._plans.put(plan.run_id, plan)
            return plan
        stored = self.plan(plan.run_id)
        if stored is None:
            raise PermanentServiceError(f"the plan of run {plan.run_id} vanished", hint="Is something deleting objects under 'runs/'?")
        return stored

    def plan(self, run_id: str) -> Plan | None:
        """The frozen plan, or None if the run was never planned."""
        return self._plans.get(run_id) or self._load_plan(run_id)

    def _load_plan(self, run_id: str) -> Plan | None:
        stored = self._store.get(f"runs/{run_id}/plan.json")
        if stored is None:
            return None
        plan = Plan.model_validate_json(stored.data)
        self._plans.put(run_id, plan)
        return plan

    def record(self, event: AnyRunEvent) -> bool:
        """Write a fact; False if it was there already (then the first one stays)."""
        event = self._redact(event)
        path = path_of(event)
        first = self._store.put_if_absent(path, event.model_dump_json().encode())
        if first:
            self._seen.put(path, event)
        return first

    def settle(self, outcome: Outcome) -> Outcome:
        """Write the one outcome of a node, and return the one that stands: ours, or that of a faster worker."""
        if not self.record(outcome):
            standing = self.outcome(outcome.run_id, outcome.node)
            if standing is not None:
                return standing
        return outcome

    def outcome(self, run_id: str, node: str) -> Outcome | None:
        """How a node ended, or None while it has not."""
        event = self._event(f"runs/{run_id}/outcome/{node}.json")
        return event if isinstance(event, NodeFinished | NodeSkipped) else None

    def outcomes(self, run_id: str, nodes: Collection[str]) -> dict[str, Outcome]:
        """The outcomes that exist, by node. Read after every outcome that was stored before this call."""
        paths = {node: f"runs/{run_id}/outcome/{node}.json" for node in nodes}
        unknown = [path for path in paths.values() if self._seen.get(path) is None]
        present = set(unknown)
        if len(unknown) > READ_ONE_BY_ONE:
            present &= set(self._store.list(f"runs/{run_id}/outcome/"))
        found: dict[str, Outcome] = {}
        for node, path in paths.items():
            event = self._event(path) if path in present else self._seen.get(path)
            if isinstance(event, NodeFinished | NodeSkipped):
                found[node] = event
        return found

    def final(self, run_id: str) -> RunFinished | None:
        """The end of a run, or None while it runs."""
        event = self._event(f"runs/{run_id}/final.json")
        return event if isinstance(event, RunFinished) else None

    def events(self, run_id: str) -> tuple[AnyRunEvent, ...]:
        """Everything that happened, in the order of time; `RunStarted` first, `RunFinished` last."""
        # What else lies with the run, an API's answers for instance, is data: whatever it says, it is no event.
        parts = (f"runs/{run_id}/{part}" for part in ("events/", "outcome/", "final.json"))
        paths = [path for part in parts for path in self._store.list(part) if path.endswith(".json")]
        found = [event for path in paths if (event := self._event(path)) is not None]
        return tuple(sorted(found, key=lambda event: (_rank(event), event.at)))

    def claims(self, run_id: str, node: str) -> tuple[NodeStarted, ...]:
        """Every delivery of a node that a worker took, oldest first."""
        events = (self._event(path) for path in self._store.list(f"runs/{run_id}/events/nodes/{node}/"))
        return tuple(sorted((event for event in events if isinstance(event, NodeStarted)), key=lambda event: event.at))

    def closing(self, run_id: str, node: str) -> NodeClosing | None:
        """The end without a write that somebody is about to record for a node, or None."""
        event = self._event(f"runs/{run_id}/events/nodes/{node}/closing.json")
        return event if isinstance(event, NodeClosing) else None

    def open_runs(self) -> Iterator[str]:
        """Runs that have not ended, or whose end has not reached the outbox."""
        for path in self._store.list("open/"):
            yield path.removeprefix("open/")

    def close_run(self, run_id: str) -> None:
        """Forget a run that ended and whose reports are on their way."""
        self._store.delete(f"open/{run_id}")

    def is_open(self, run_id: str) -> bool:
        """Whether the run still has to be handed to the reports."""
        return self._store.get(f"open/{run_id}") is not None

    def run_ids(self) -> Iterable[str]:
        """Every run that the store knows."""
        return sorted({path.split("/", 2)[1] for path in self._store.list("runs/") if path.endswith("/plan.json")})

    def _event(self, path: str) -> AnyRunEvent | None:
        known = self._seen.get(path)
        if known is not None:
            return known
        stored = self._store.get(path)
        if stored is None:
            return None
        event = parse_event(stored.data)
        self._seen.put(path, event)
        return event


def path_of(event: AnyRunEvent) -> str:
    """Where a fact lies. The path holds what makes it unique, so that put-if-absent refuses the second one."""
    home = f"runs/{event.run_id}"
    match event:
        case RunStarted():
            return f"{home}/events/started.json"
        case RunFinished():
            return f"{home}/final.json"
        case NodeFinished() | NodeSkipped():
            return f"{home}/outcome/{event.node}.json"
        case NodeStarted():
            return f"{home}/events/nodes/{event.node}/{event.attempt:04}.{event.resend:04}.{event.delivery:04}.started.json"
        case NodeRetried():
            return f"{home}/events/nodes/{event.node}/{event.attempt:04}.retried.json"
        case NodeClosing():
            return f"{home}/events/nodes/{event.node}/closing.json"
        case NodeHandedOff():
            return f"{home}/events/nodes/{event.node}/{event.attempt:04}.handed_off.json"


def _rank(event: AnyRunEvent) -> int:
    match event:
        case RunStarted():
            return 0
        case RunFinished():
            return 2
        case _:
            return 1


class _Memory(OrderedDict[str, Value]):
    """The most recently used values, up to a limit, for many threads."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._lock = threading.Lock()

    def get(self, key: str) -> Value | None:  # type: ignore[override]  # no default: absence is None here
        with self._lock:
            value = super().get(key)
            if value is not None:
                self.move_to_end(key)
            return value

    def put(self, key: str, value: Value) -> None:
        with self._lock:
            self[key] = value
            if len(self) > self._limit:
                self.popitem(last=False)
