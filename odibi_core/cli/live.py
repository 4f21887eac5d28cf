"""A live table of a run's nodes for a terminal. The only importer of rich, and imported only when there is somebody to watch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from odibi_core.cli.progress import details, done_text, outcome_text, retry_text
from odibi_core.cli.screen import visible
from odibi_core.events import NodeRetried, Outcome, outcome_status

if TYPE_CHECKING:
    from odibi_core.planning.plan import Plan

_SIGNS = {"succeeded": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "yellow")}


class LiveTable:
    """Every node with its state, from the first moment on. Colours follow NO_COLOR."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._live: Live | None = None
        self._nodes: list[str] = []
        self._ended: dict[str, Text] = {}
        self._running: dict[str, float] = {}  # since when, by a clock that only goes forward
        self._notes: dict[str, str] = {}

    def begin(self, plan: Plan, done: Mapping[str, Outcome]) -> None:
        """Show the nodes of a run."""
        self.close()
        self._nodes = [node.name for node in plan.nodes]
        self._ended, self._running, self._notes = {}, {}, {}
        for node, outcome in done.items():
            self._ended[node] = _line(outcome_status(outcome), done_text(outcome))
        self._console.print(Text(f"{plan.pipeline}  run {plan.run_id}", style="bold"))
        self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=8, redirect_stdout=False)
        self._live.start()

    def started(self, node: str) -> None:
        """Let its clock run."""
        self._running[node] = time.monotonic()
        self._notes.pop(node, None)

    def retried(self, event: NodeRetried) -> None:
        """Say why it waits."""
        self._running.pop(event.node, None)
        self._notes[event.node] = retry_text(event)

    def ended(self, outcome: Outcome) -> None:
        """Fix its line, and put what is wrong above the table."""
        self._running.pop(outcome.node, None)
        text = "\n".join([outcome_text(outcome), *(f"  {line}" for line in details(outcome))])
        self._ended[outcome.node] = _line(outcome_status(outcome), text)

    def close(self) -> None:
        """Leave the table as it is."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for node in self._nodes:
            table.add_row(Text(f"  {node}"), self._state(node))
        return table

    def _state(self, node: str) -> Text:
        if node in self._ended:
            return self._ended[node]
        if node in self._running:
            return Text(f"… {time.monotonic() - self._running[node]:.1f} s", style="cyan")
        return Text(visible(self._notes.get(node, "·")), style="dim")


def _line(status: str, text: str) -> Text:
    sign, colour = _SIGNS[status]
    return Text.assemble((f"{sign} ", colour), visible(text))
