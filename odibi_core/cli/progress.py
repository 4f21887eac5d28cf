"""Progress of a run: who listens to its events, and the plain lines that say what each node did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from odibi_core.cli.screen import Screen
from odibi_core.events import AnyRunEvent, NodeFinished, NodeRetried, NodeSkipped, NodeStarted, Outcome

if TYPE_CHECKING:
    from odibi_core.events import CheckResult, ErrorRecord
    from odibi_core.planning.plan import Plan
    from odibi_core.runtime.journal import Journal


class Progress(Protocol):
    """Shows a run while it happens."""

    def begin(self, plan: Plan, done: Mapping[str, Outcome]) -> None:
        """A run begins; `done` are nodes that an earlier run, or an earlier part of this one, has ended."""
        ...

    def started(self, node: str) -> None:
        """A node begins to work."""
        ...

    def retried(self, event: NodeRetried) -> None:
        """An attempt failed and there will be another."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A node has its outcome."""
        ...

    def close(self) -> None:
        """Nothing more will come of this run."""
        ...


class Watch:
    """An EventSink that tells a `Progress`. What an earlier process did has no events: that is read from the journal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.journal: Journal | None = None  # known once the project is open
        self._runs: set[str] = set()

    def __call__(self, event: AnyRunEvent) -> None:
        """Take one event."""
        if event.run_id not in self._runs:
            self._runs.add(event.run_id)
            self._begin(event)
        match event:
            case NodeStarted():
                self.progress.started(event.node)
            case NodeRetried():
                self.progress.retried(event)
            case NodeFinished() | NodeSkipped():
                self.progress.ended(event)
            case _:
                pass

    def _begin(self, event: AnyRunEvent) -> None:
        plan = None if self.journal is None else self.journal.plan(event.run_id)
        if plan is None or self.journal is None:
            return
        done = self.journal.outcomes(plan.run_id, [node.name for node in plan.nodes])
        if isinstance(event, NodeFinished | NodeSkipped):
            done.pop(event.node, None)  # it is told right after this
        switched_off = {
            node.name: NodeSkipped(run_id=plan.run_id, node=node.name, reason=node.skip, at=event.at) for node in plan.nodes if node.skip
        }
        self.progress.begin(plan, {**switched_off, **done})


class Lines:
    """One line per node, when it has ended: for files, pipes and CI."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._total = 0
        self._ended = 0
        self._width = 0

    def begin(self, plan: Plan, done: Mapping[str, Outcome]) -> None:
        """Name the run, and the nodes that are done already."""
        self._total, self._ended = len(plan.nodes), 0
        self._width = max((len(node.name) for node in plan.nodes), default=0)
        self._screen.say(f"{plan.pipeline}  run {plan.run_id}{_files(plan)}")
        for node, outcome in done.items():
            self._line(node, done_text(outcome))

    def started(self, node: str) -> None:
        """Nothing: there is a line when it has ended."""

    def retried(self, event: NodeRetried) -> None:
        """Why there is a pause."""
        self._screen.say(f"    {event.node}: {retry_text(event)}")

    def ended(self, outcome: Outcome) -> None:
        """The node's line, and below it what is wrong."""
        self._line(outcome.node, outcome_text(outcome))
        for line in details(outcome):
            self._screen.say(f"      {line}")

    def close(self) -> None:
        """Nothing to put away."""

    def _line(self, node: str, text: str) -> None:
        self._ended += 1
        self._screen.say(f"{self._ended}/{self._total} {node:<{self._width}} … {text}")


def done_text(outcome: Outcome) -> str:
    """Of a node that needs nothing any more: why."""
    return f"skipped  {outcome.reason}" if isinstance(outcome, NodeSkipped) else "done before"


def outcome_text(outcome: Outcome) -> str:
    """How a node ended: 'ok  1,204 → 1,198 rows  0.12 s'."""
    if isinstance(outcome, NodeSkipped):
        return f"skipped  {outcome.reason}"
    result = outcome.result
    if result.status == "skipped":
        return f"skipped  {result.reason}"
    if result.error is not None:
        return f"failed  {result.error.code}  {result.seconds:.2f} s"
    warned = "  with warnings" if result.warnings or any(not check.passed for check in result.checks) else ""
    return f"ok  {rows_text(result.rows_in, result.rows_out)}  {result.seconds:.2f} s{warned}"


def rows_text(rows_in: int | None, rows_out: int | None) -> str:
    """Rows read and rows made, as far as they are known."""
    if rows_out is None:
        return "rows not counted"
    made = f"{rows_out:,} {'row' if rows_out == 1 else 'rows'}"
    return made if rows_in is None else f"{rows_in:,} → {made}"


def details(outcome: Outcome) -> list[str]:
    """What to know beside the line: the error with its hint, warnings, checks that only warn."""
    if isinstance(outcome, NodeSkipped):
        return []
    result = outcome.result
    lines = error_lines(result.error) if result.error else []
    broken = [check for check in result.checks if not check.passed]
    if len(broken) > 1 or not result.error:  # of a single one the error says it all
        lines[1:1] = [f"{_check(check)}: {check.failed_rows:,} of {check.rows:,} rows break it" for check in broken]
    return [*lines, *result.warnings]


def _check(check: CheckResult) -> str:
    return f"{check.name}({', '.join(check.columns)})" if check.columns else check.name


def error_lines(error: ErrorRecord) -> list[str]:
    """Message and hint."""
    return [error.message, *([f"hint: {error.hint}"] if error.hint else [])]


def retry_text(event: NodeRetried) -> str:
    """Why, and when again."""
    return f"attempt {event.attempt} failed ({event.error.code}: {event.error.message}), next in {event.delay_seconds:g} s"


def _files(plan: Plan) -> str:
    files = getattr(plan.cause, "files", ())
    return f"  {len(files):,} new {'file' if len(files) == 1 else 'files'}" if files else ""
