"""The composition root: the one place that names every adapter. The rest gets what it needs as arguments."""

from __future__ import annotations

import functools
import json
import os
import platform
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from odibi_core import __version__
from odibi_core.config import LoadedProject, NodeConfig, Scope, load_project, resolve
from odibi_core.config.known_secrets import known_secrets, named_variables, secret_values
from odibi_core.errors import ConfigError
from odibi_core.events import AnyRunEvent
from odibi_core.frozen import Frozen
from odibi_core.messages import StartRun
from odibi_core.planning.personal import salts_of, with_salt
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.planning.planner import PlannerContext, compile_plan, node_as_written
from odibi_core.planning.triggers import rewrite_rule
from odibi_core.planning.withheld import with_literals
from odibi_core.ports import Clock, EventSink, Location, MessageQueue, ObjectStore, Report, ReportBatch, SecretSource
from odibi_core.redaction import Redactor
from odibi_core.runtime.compute import Computer
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.datasets import FrameShelf, FramesInMemory, StagedFrames
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import FileLedger
from odibi_core.runtime.node_run import NodeRunner
from odibi_core.runtime.outbox import TOGETHER_EVERY, Outbox, ReportKind
from odibi_core.runtime.rewrites import Rewrites
from odibi_core.runtime.slots import Slots
from odibi_core.runtime.watermark import Watermarks
from odibi_core.storage.connections import ResolvedConnections
from odibi_core.storage.system_place import connection_at, connection_below, story_place
from odibi_core.storage.table_records import TableRecords

if TYPE_CHECKING:
    from odibi_core.catalog import CatalogReader
    from odibi_core.transforms import Library

SYSTEM = "system"  # the connection under which the system store is known, whatever its name in the YAML
DEFAULT_SYSTEM = ".odibi/system"
DEFAULT_STORIES = ".odibi/stories"


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


class App(Frozen):
    """The product, put together."""

    project: LoadedProject | None  # None: the YAML is broken, see `problem`
    problem: ConfigError | None
    coordinator: Coordinator
    store: ObjectStore  # the system store
    system: Callable[[str], Location]  # a path in it, for an engine
    catalog: CatalogReader
    connections: ResolvedConnections  # of the project as it is now, not of a plan
    redactor: Redactor
    frames: FrameShelf
    environment: Mapping[str, str]
    clock: Clock = utc_now

    def loaded(self) -> LoadedProject:
        """
        Raises:
            ConfigError: If the YAML is broken; with every problem.
        """
        if self.project is None:
            raise self.problem or ConfigError("the project could not be loaded")
        return self.project


class Settings(Frozen):
    """Where the project is and how it is run."""

    project_file: Path
    environment_name: str | None = None  # the overrides of `environments:` to lay over it
    environment: Mapping[str, str]
    in_process: bool = False  # frames stay in memory, and the queue too
    cache: Path | None = None  # a folder of this machine for compiled SQL; None keeps it in the system store

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, default: Path) -> Settings:
        """App settings: ODIBI_PROJECT (a file) and ODIBI_ENV (the overrides)."""
        values = os.environ if environment is None else environment
        return cls(
            project_file=Path(values.get("ODIBI_PROJECT") or default), environment_name=values.get("ODIBI_ENV") or None, environment=values
        )


def build(settings: Settings, *, queue: MessageQueue, announce: EventSink = lambda _event: None, clock: Clock = utc_now) -> App:
    """
    Put the product together.

    A YAML that cannot be loaded does not prevent it: runs under way go on by their frozen plans, and new ones are refused. For that
    the system store has to be found: by the setting ODIBI_SYSTEM_URI, or by what can still be read of the YAML.

    Raises:
        ConfigError: If the YAML is broken and no setting says where the system store is.
    """
    return _Builder(settings, queue, announce, clock).app()


class _Builder:
    """Holds the pieces while they are put together."""

    def __init__(self, settings: Settings, queue: MessageQueue, announce: EventSink, clock: Clock) -> None:
        from odibi_core.engines.polars.engine import PolarsEngine

        self.settings = settings
        self.queue = queue
        self.announce = announce
        self.clock = clock
        self.redactor = Redactor()
        self.project, self.problem = self._load()
        self.environment = self._variables()
        self.secret = self._secrets()
        self.system = self._system()
        self.store = self.system.store(SYSTEM, "")
        self.journal = Journal(self.store, redact=self._redacted)
        self.library = functools.cache(self._library)
        self.engine = PolarsEngine(guard=TableRecords(self.store), system=self._system_location, keep_tables=not settings.in_process)
        self._by_plan: dict[str, ResolvedConnections] = {}
        self._lock = threading.Lock()

    def app(self) -> App:
        from odibi_core.catalog import CatalogReader

        journal, ledger, catalog = self.journal, FileLedger(self.store), CatalogReader(self._system_location)
        frames: FrameShelf = FramesInMemory() if self.settings.in_process else StagedFrames(self.engine, self._system_location)
        coordinator = Coordinator(
            journal=journal,
            ledger=ledger,
            outbox=Outbox(
                self.store,
                journal,
                self._reports(),
                self.clock,
                together_every=timedelta(0) if self.settings.in_process else TOGETHER_EVERY,
            ),
            queue=self.queue,
            planner=self._planner(),
            execute=NodeRunner(
                computer=Computer(
                    engine=self.engine,
                    shelf=frames,
                    journal=journal,
                    configuration=self._configuration,
                    connections=self._connections_of,
                    secret=self.secret,
                    history=catalog.row_history,
                    library=self.library,
                ),
                watermarks=Watermarks(self.store, has_ended=lambda run, node: journal.outcome(run, node) is not None),
                clock=self.clock,
                release=self.engine.release,
                redact=self.redactor.record,
            ),
            clock=self.clock,
            announce=lambda event: self.announce(self._redacted(event)),
            versions=_versions(),
            worker=f"{platform.node()}/{os.getpid()}",
            is_ours=self._is_ours,
            rewrites=Rewrites(ledger, journal, lambda command, file: rewrite_rule(self.project, command.pipeline, file)),
            slots=None if self.settings.in_process else Slots(self.store, journal),
            chains=not self.settings.in_process,
        )
        return App(
            project=self.project,
            problem=self.problem,
            coordinator=coordinator,
            store=self.store,
            system=self._system_location,
            catalog=catalog,
            connections=self._resolved({} if self.project is None else self.project.tree.get("connections")),
            redactor=self.redactor,
            frames=frames,
            environment=self.environment,
            clock=self.clock,
        )

    # ── configuration ──

    def _load(self) -> tuple[LoadedProject | None, ConfigError | None]:
        settings = self.settings
        try:
            project = load_project(settings.project_file, environment=settings.environment_name, variables=settings.environment)
        except ConfigError as error:
            for value in named_variables(settings.project_file, settings.environment):
                self.redactor.register(value)
            return None, self.redactor.record(error)
        for value, always in (*known_secrets(project), *((salt, True) for salt in salts_of(project.config))):
            self.redactor.register(value, always=always)
        return project, None

    def _is_ours(self, project: str, environment: str) -> bool:
        """Whether a run belongs to this project; of a broken one nobody knows the name, and its runs must go on."""
        return self.project is None or (self.project.config.project, self.project.environment) == (project, environment)

    def _library(self) -> Library:
        """The functions that nodes may call. The authors' files are read apart from the YAML: runs under way need them if it is broken."""
        from odibi_core.config.code_files import read_code
        from odibi_core.planning.refusals import patterns_known
        from odibi_core.transforms import Library

        directory, project = self.settings.project_file.resolve().parent, self.project
        code = (lambda: read_code(directory)) if project is None else (lambda: project.code)
        return Library(code, directory, taken=patterns_known())

    def _variables(self) -> Mapping[str, str]:
        from odibi_core.config import environment_of

        return environment_of(self.settings.project_file.resolve().parent, self.settings.environment)

    def _secrets(self) -> SecretSource:
        from odibi_core.secrets import secret_source
        from odibi_core.storage.identity import azure_credential

        source = secret_source(self.environment, azure_credential)

        known: set[str] = set()

        def registered(name: str) -> str:
            value = source(name)
            if value not in known:
                self.redactor.register(value, always=True)
                known.add(value)
            return value

        return registered

    def _system(self) -> ResolvedConnections:
        uri = self.environment.get("ODIBI_SYSTEM_URI")
        if uri:
            return self._resolved({SYSTEM: connection_at(uri, self.environment)})
        tree = self._tree()
        system = _mapping(tree.get("system"))
        if not system:
            return self._resolved({SYSTEM: {"type": "local", "base_path": DEFAULT_SYSTEM}})
        named = _mapping(tree.get("connections")).get(str(system.get("connection")))
        return self._resolved({SYSTEM: connection_below(_mapping(named), str(system.get("path") or "_odibi_system"))})

    def _tree(self) -> Mapping[str, JsonValue]:
        """The project's tree; of a project that was refused, as much as can be read."""
        if self.project is not None:
            return self.project.tree
        from odibi_core.config.tree import read_tree

        tree = read_tree(self.settings.project_file, environment=self.settings.environment_name, variables=self.environment)
        if not _mapping(tree.get("connections")):
            raise self.problem or ConfigError("the project could not be loaded")
        return tree

    def _resolved(self, connections: JsonValue) -> ResolvedConnections:
        given = resolve(connections, Scope(environment=self.environment)) if connections else {}
        self._register_variables(connections)
        for value in secret_values(given):
            self.redactor.register(value, always=True)
        return ResolvedConnections(
            connections=_mapping(given),
            directory=self.settings.project_file.resolve().parent,
            secret=self.secret,
            environment=self.environment,
        )

    def _register_variables(self, tree: JsonValue) -> None:
        """Values that a frozen plan resolves are secrets too, when the YAML of today no longer names them."""
        from odibi_core.config.placeholders import names_of

        for found in names_of(json.dumps(tree)):
            value = self.environment.get(found.name)
            if found.kind == "environment" and value:
                self.redactor.register(value)

    def _connections_of(self, plan: Plan) -> ResolvedConnections:
        """Clients are kept for all runs of the same configuration: opening one costs more than a small node."""
        with self._lock:
            found = self._by_plan.get(plan.fingerprint)
            if found is None:
                found = self._by_plan[plan.fingerprint] = self._resolved(
                    with_literals(plan.connections, self._written("connections"), where="connections")
                )
            return found

    def _configuration(self, plan: Plan, node: PlannedNode) -> NodeConfig:
        scope = Scope(environment=self.environment, now=plan.logical_time, sql_dialect=plan.sql_dialect)
        project = self.project
        written = self._as_written(plan.pipeline, node.name)
        resolved = with_salt(with_literals(_mapping(resolve(node.config, scope)), written, where=node.name), written)
        today = project is not None and project.fingerprint == plan.fingerprint
        if project is not None and today and resolved == node_as_written(project, plan.pipeline, node.name):  # no placeholder in it
            return project.config.pipeline(plan.pipeline).node(node.name)  # it says the same, and is validated already
        self._register_variables(node.config)
        return NodeConfig.model_validate(resolved)

    def _written(self, section: str) -> Mapping[str, JsonValue]:
        """A section of today's YAML; empty if it is broken."""
        return {} if self.project is None else _mapping(self.project.tree.get(section))

    def _as_written(self, pipeline: str, node: str) -> Mapping[str, JsonValue]:
        """A node of today's YAML; empty if it has none."""
        try:
            return {} if self.project is None else node_as_written(self.project, pipeline, node)
        except ConfigError:
            return {}

    def _planner(self) -> Callable[[StartRun], Plan]:
        from odibi_core.sql import SqlCache
        from odibi_core.storage.local import LocalStore

        cache = SqlCache(self.store if self.settings.cache is None else LocalStore(self.settings.cache))

        def plan(command: StartRun) -> Plan:
            if self.project is None:
                raise self.problem or ConfigError("the project could not be loaded")
            dialect = self.project.config.sql_dialect
            context = PlannerContext(
                environment=self.environment,
                compile_sql=lambda text, tables: cache.compile(text, tables=tables, dialect=dialect, engine="polars"),
                library=self.library,
            )
            compiled = compile_plan(self.project, command, context, now=self.clock())
            story_place(compiled, self.environment)  # a place that cannot be is refused now, and not when the story is told
            return compiled

        return plan

    # ── places ──

    def _system_location(self, path: str) -> Location:
        return self.system.locate(SYSTEM, path)

    def _put_log_entry(self, location: Location, entry: bytes) -> bool:
        from odibi_core.catalog import FIRST_LOG_ENTRY

        return self.store.put_if_absent(f"{location.path}/{FIRST_LOG_ENTRY}", entry)

    # ── reports ──

    def _reports(self) -> dict[str, ReportKind]:
        from odibi_core.catalog import CatalogWriter

        return {
            "story": ReportKind(report=self._redacting(self._tell_stories)),
            "catalog": ReportKind(report=self._redacting(CatalogWriter(self._system_location, self._put_log_entry)), together=True),
        }

    def _redacting(self, report: Report) -> Report:
        """The same report of events without what has become known as a secret since they were recorded."""

        def tell(batch: ReportBatch) -> None:
            report(ReportBatch(sequence=batch.sequence, runs=tuple(tuple(map(self._redacted, events)) for events in batch.runs)))

        return tell

    def _tell_stories(self, batch: ReportBatch) -> None:
        from odibi_core.story.archive import StoryArchive

        for events in batch.runs:
            plan = self.journal.plan(events[0].run_id)
            if plan is not None:
                store, prefix = self._stories_of(plan)
                StoryArchive(store, redact=self.redactor.text, prefix=prefix)(ReportBatch(sequence=batch.sequence, runs=(events,)))

    def _stories_of(self, plan: Plan) -> tuple[ObjectStore, str]:
        place = story_place(plan, self.environment)
        if place is None:
            home = self._resolved({"stories": {"type": "local", "base_path": DEFAULT_STORIES}})
            return home.store("stories", ""), ""
        return self._connections_of(plan).store(place[0], ""), place[1]

    def _redacted(self, event: AnyRunEvent) -> AnyRunEvent:
        return self.redactor.record(event)


def _versions() -> dict[str, str]:
    import deltalake
    import polars

    return {
        "odibi_core": __version__,
        "polars": polars.__version__,
        "deltalake": deltalake.__version__,
        "python": platform.python_version(),
    }


def _mapping(value: JsonValue | None) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
