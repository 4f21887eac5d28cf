"""Go on with a run that stopped: the last one of a pipeline, or a certain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_core.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.planning.plan import Plan


def known_run(host: InProcess, run_id: str) -> Plan:
    """
    The plan of a run of this project.

    Raises:
        ConfigError: If there is no such run.
    """
    project = host.app.loaded()
    plan = host.app.coordinator.journal.plan(run_id) if run_id.isalnum() else None
    if plan is None or plan.project != project.config.project:
        raise ConfigError(f"there is no run '{run_id}'", code="unknown_run", hint="'odibi catalog runs' lists the runs that ended.")
    if plan.environment != project.environment:
        raise ConfigError(f"run '{run_id}' belongs to environment '{plan.environment}'", code="unknown_run", hint="Give its '--env'.")
    return plan


def unfinished_run(host: InProcess, pipeline: str) -> tuple[str, str] | None:
    """A run of the pipeline that took its files and did not end well: its id and what became of it."""
    project, journal = host.app.loaded(), host.app.coordinator.journal
    for run_id in journal.open_runs():
        plan = journal.plan(run_id)
        mine = plan is not None and (plan.project, plan.pipeline, plan.environment) == (
            project.config.project,
            pipeline,
            project.environment,
        )
        if mine and journal.final(run_id) is None:
            return run_id, "has not ended"
    try:
        rows = host.app.catalog.runs(limit=1, pipeline=pipeline).to_dicts()
    except ServiceError:
        return None  # it would only have been a hint
    if rows and rows[0]["status"] == "failed" and rows[0]["project"] == project.config.project:
        return str(rows[0]["run_id"]), "failed"
    return None
