"""`on_rewrite:` of a trigger: what becomes of a file that is written again under the same path."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from odibi_core.events import ErrorRecord, NodeFinished
from odibi_core.frozen import Frozen
from odibi_core.messages import BlobArrived, FileVersion, Requested, StartRun
from odibi_core.planning.plan import Plan, Refusal
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import Entry, FileLedger

OnRewrite = Literal["process", "ignore", "fail"]
_log = logging.getLogger("odibi.rewrites")


class Admitted(Frozen):
    """What is left of a command, and what is wrong with its files if its run must fail."""

    command: StartRun | None  # None: nothing is to run
    refused: tuple[str, FileVersion] | None = None  # the run that took an earlier version in, and the newer one


class Rewrites:
    """
    Looks whether the pipeline has taken in another version of a file's path, before it claims this one.

    No lock is needed: a run that has read an earlier version claimed it before, and so before the newer one was written; whoever looks
    because of the newer one sees that claim. An earlier version that no run got to read, or whose run failed without writing, is not in:
    then the newer one is taken as the first. While such a run is under way nobody can say, so the file waits for the sweep or the next run.
    """

    def __init__(self, ledger: FileLedger, journal: Journal, rule: Callable[[StartRun, FileVersion], OnRewrite]) -> None:
        self._ledger = ledger
        self._journal = journal
        self._rule = rule

    def admit(self, command: StartRun) -> Admitted:
        """
        Leave out files whose path is in already. If one of them must fail, the run is about those alone; the others wait for the next.

        What is ignored is recorded in the ledger, so that it is not found again.
        """
        cause = command.cause
        if not isinstance(cause, BlobArrived | Requested) or not cause.files:
            return Admitted(command=command)
        if isinstance(cause, Requested) and cause.resumes is not None:
            for file in cause.files:
                self._ledger.retake(command, file)
            return Admitted(command=command)
        fresh: list[FileVersion] = []
        refused: list[tuple[str, FileVersion]] = []
        for file in cause.files:
            rule = self._rule(command, file)
            owner = None if rule == "process" else self._owner_of_another(command, file)
            if owner is None:
                fresh.append(file)
            elif owner and rule == "fail":
                refused.append((owner, file))
            elif owner:
                self._ledger.ignore(command, file, owner)
                _log.warning("a new version of '%s/%s' is ignored: run %s took the file in", file.connection, file.path, owner)
        kept = tuple(file for _, file in refused) or tuple(fresh)
        if not kept:
            return Admitted(command=None)
        mine = command if kept == cause.files else command.model_copy(update={"cause": cause.without_others(kept)})
        return Admitted(command=mine, refused=refused[0] if refused else None)

    def _owner_of_another(self, command: StartRun, file: FileVersion) -> str | None:
        """The run that took another version in; "" while that is not known; None if none did."""
        unknown = False
        for entry in self._ledger.other_versions(command, file):
            match self._is_in(entry):
                case True:
                    return entry.run_id
                case None:
                    unknown = True
        return "" if unknown else None

    def _is_in(self, entry: Entry) -> bool | None:
        plan = self._journal.plan(entry.run_id)
        if plan is None:
            return None
        if plan.refused is not None:
            return False
        results = [
            outcome.result
            for outcome in self._journal.outcomes(plan.run_id, [node.name for node in plan.nodes]).values()
            if isinstance(outcome, NodeFinished) and outcome.result.status == "succeeded"
        ]
        was_read = any(
            (file.path, file.etag) == (entry.file.path, entry.file.etag)
            for result in results
            for read in result.reads
            for file in read.files
        )
        if was_read and any(result.write is not None or result.also_wrote for result in results):
            return True
        final = self._journal.final(plan.run_id)
        return None if final is None else was_read and final.status == "succeeded"


def refused_plan(plan: Plan, owner: str, file: FileVersion) -> Plan:
    """The same plan, for a run that only says why it does not take a file."""
    reader = next((node.name for node in plan.nodes if file in (node.files or ())), plan.nodes[0].name)
    error = ErrorRecord(
        code="file_rewritten",
        message=f"file '{file.path}' of connection '{file.connection}' was taken in by run {owner} and has been written again",
        hint="Deliver new data under a new name. To take this version in all the same, resume the run.",
        exit_code=3,
    )
    return plan.model_copy(update={"refused": Refusal(node=reader, error=error)})
