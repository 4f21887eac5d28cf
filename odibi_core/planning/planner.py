"""Compile a pipeline and a cause into a frozen plan. What can be refused is refused here, before the first message is sent."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import JsonValue

from odibi_core.config import LoadedProject, NodeConfig, PipelineConfig, Scope, StoryConfig, resolve
from odibi_core.errors import ConfigError
from odibi_core.events import PlannedNodeFacts
from odibi_core.frozen import Frozen
from odibi_core.messages import BlobArrived, DatasetWritten, FilesMissing, Requested, StartRun, TimerTicked
from odibi_core.planning.column_refusals import ColumnFault, column_faults, refuse_unknown_columns
from odibi_core.planning.dimensions import dimensions_above, dimensions_of
from odibi_core.planning.graph import in_run_order
from odibi_core.planning.missing_files import plan_of_missing_files
from odibi_core.planning.node_inputs import files_of, find_pipeline, frames_of, stored_of, upstream_of
from odibi_core.planning.outlines import Described, Looked, Outlines, nobody_looked
from odibi_core.planning.pattern_targets import TargetResolver, variables_in
from odibi_core.planning.per_file import refuse_batches_of_one_file
from odibi_core.planning.personal import flagged_columns, without_salt
from odibi_core.planning.places import refuse_mismatches
from odibi_core.planning.plan import FailureSamples, Limit, Plan, PlannedNode, PlannedTarget, RetryPolicy
from odibi_core.planning.quarantine import refuse_quarantine
from odibi_core.planning.queries import NodeQueries, SqlCompiler
from odibi_core.planning.refusals import calls_of, refuse_triggers, refuse_unavailable
from odibi_core.planning.triggers import followers
from odibi_core.planning.withheld import without_literals
from odibi_core.ports import CompiledSql
from odibi_core.redaction import Redactor

if TYPE_CHECKING:
    from odibi_core.transforms import Library, Params

TablesOf = Callable[[str], frozenset[str]]  # the relations a text reads


class PlannerContext(Frozen):
    """What planning needs besides the project."""

    environment: Mapping[str, str]
    compile_sql: SqlCompiler
    library: Callable[[], Library] | None = None  # None: the built-in functions


def compile_plan(project: LoadedProject, command: StartRun, context: PlannerContext, *, now: datetime) -> Plan:
    """
    The plan of one run.

    Raises:
        ConfigError: If the pipeline or a selected node does not exist, or a node asks for what cannot be done.
    """
    pipeline = find_pipeline(project, command.pipeline)
    refuse_triggers(project, pipeline)
    if isinstance(command.cause, FilesMissing):
        return plan_of_missing_files(project, pipeline, command, command.cause, connections=_connections(project), now=now)
    refuse_batches_of_one_file(project, pipeline)
    builder = _builder(project, pipeline, command, context, now=now)
    nodes = builder.nodes()
    story = project.config.story
    return Plan(
        run_id=command.run_id,
        project=command.project,
        pipeline=pipeline.pipeline,
        environment=command.environment,
        cause=command.cause,
        logical_time=builder.scope.now,
        planned_at=now,
        nodes=nodes,
        facts=tuple(
            PlannedNodeFacts(
                name=node.name,
                upstream=node.upstream,
                description=str(node.config.get("description") or ""),
                explanation=_explanation(node, project),
                runbook_url=str(node.config.get("runbook_url") or ""),
                tags=tuple(str(tag) for tag in _list(node.config.get("tags"))),
            )
            for node in nodes
        ),
        followers=followers(project, pipeline.pipeline),
        limit=_limit(pipeline, builder.scope),
        sql_dialect=project.config.sql_dialect,
        connections=_connections(project),
        story=None if story is None else _mapping(project.tree.get("story")),
        max_sample_rows=10 if story is None else story.max_sample_rows,
        failure_samples=_failure_samples(story),
        table_properties=project.config.performance.delta_table_properties,
        fingerprint=project.fingerprint,
        code=_code_of(project),
    )


def _connections(project: LoadedProject) -> dict[str, JsonValue]:
    return without_literals(_mapping(project.tree.get("connections")), looks_secret=_looks_secret)


def _looks_secret(text: str) -> bool:
    return Redactor().text(text) != text


def _failure_samples(story: StoryConfig | None) -> FailureSamples:
    if story is None:
        return FailureSamples()
    return FailureSamples(per_check=story.failure_sample_size, in_all=story.max_failure_samples, checks=story.max_sampled_validations)


def unknown_columns(
    project: LoadedProject, command: StartRun, context: PlannerContext, *, now: datetime, looked: Looked = nobody_looked
) -> tuple[ColumnFault, ...]:
    """
    Every column that a node of a pipeline names and that cannot be there; `looked` says what was found in sources that were opened.

    Raises:
        ConfigError: If the pipeline does not exist.
    """
    return _builder(project, find_pipeline(project, command.pipeline), command, context, now=now).faults(looked)


def personal_of(project: LoadedProject, command: StartRun, context: PlannerContext, *, now: datetime, node: str) -> tuple[str, ...]:
    """
    The personal columns of one node, whatever is wrong with others.

    Raises:
        ConfigError: If the pipeline does not exist.
    """
    builder = _builder(project, find_pipeline(project, command.pipeline), command, context, now=now)
    pipelines = {each.pipeline: each for each in project.config.pipelines}
    return flagged_columns(pipelines, command.pipeline, node, builder.outlines({}).of).personal


def _builder(project: LoadedProject, pipeline: PipelineConfig, command: StartRun, context: PlannerContext, *, now: datetime) -> _Builder:
    logical_time = logical_time_of(command, now=now)
    scope = Scope(
        environment=context.environment,
        now=logical_time,
        trigger=trigger_values(command, logical_time=logical_time),
        sql_dialect=project.config.sql_dialect,
    )
    return _Builder(project=project, pipeline=pipeline, command=command, context=context, scope=scope, library=_library(context))


def _code_of(project: LoadedProject) -> str:
    if not project.code:
        return ""
    from odibi_core.transforms.loading import digest_of

    return digest_of(project.code)


def _library(context: PlannerContext) -> Library:
    from odibi_core.transforms import Library

    return context.library() if context.library is not None else Library()


def _explanation(node: PlannedNode, project: LoadedProject) -> str:
    """The Markdown of a node, or of the file that it names."""
    written, file = node.config.get("explanation"), node.config.get("explanation_file")
    return str(written or project.files.get(str(file), ""))


def _limit(pipeline: PipelineConfig, scope: Scope) -> Limit | None:
    """A key that is not named is the pipeline's own. It may be made of what started the run."""
    given = pipeline.concurrency
    if given is None:
        return None
    return Limit(key=f"pipeline/{pipeline.pipeline}" if given.key is None else f"key/{resolve(given.key, scope)}", most=given.max)


def node_as_written(project: LoadedProject, pipeline: str, name: str) -> dict[str, JsonValue]:
    """
    A node of the project's tree, every placeholder as it stands there.

    Raises:
        ConfigError: If the project has no such node.
    """
    for found in map(_mapping, _list(project.tree.get("pipelines"))):
        if found.get("pipeline") == pipeline:
            for node in map(_mapping, _list(found.get("nodes"))):
                if node.get("name") == name:
                    return node
    raise ConfigError(f"pipeline '{pipeline}' has no node '{name}'")


def logical_time_of(command: StartRun, *, now: datetime) -> datetime:
    """The time that the run stands for: when it was due, that of the run that it resumes or follows, or now."""
    match command.cause:
        case TimerTicked(scheduled_time=time) | DatasetWritten(logical_time=time) | Requested(logical_time=datetime() as time):
            return time
        case _:
            return now


def trigger_values(command: StartRun, *, logical_time: datetime) -> dict[str, JsonValue]:
    """What `${trigger.…}` means in this run."""
    due: dict[str, JsonValue] = {"scheduled_time": logical_time.isoformat()}
    match command.cause:
        case BlobArrived(files=(first, *_)) | Requested(files=(first, *_)):
            return {
                **due,
                "path": first.path,
                "name": first.path.rpartition("/")[2],
                "url": quote(f"{first.connection}/{first.path}"),
                **first.parts,
            }
        case _:
            return due


class _Builder(Frozen):
    """Compiles the nodes of one pipeline."""

    project: LoadedProject
    pipeline: PipelineConfig
    command: StartRun
    context: PlannerContext
    scope: Scope
    library: Library

    def nodes(self) -> tuple[PlannedNode, ...]:
        configs = {node.name: node for node in self.pipeline.nodes}
        upstream = {
            name: tuple(dict.fromkeys([*upstream_of(config, self.pipeline.pipeline), *dimensions_above(config, self.pipeline)]))
            for name, config in configs.items()
        }
        selected = self._selected(configs)
        planned: dict[str, PlannedNode] = {}
        for name in in_run_order(upstream):
            if name in selected:
                planned[name] = self.node(configs[name], upstream[name], selected)
        outlines = self.outlines(planned)
        refuse_unknown_columns(outlines, self.pipeline, {name: node.config for name, node in planned.items()})
        read_as_frames = {frame for node in planned.values() for frame in node.frames}
        pipelines = {each.pipeline: each for each in self.project.config.pipelines}
        ready = []
        for name, node in planned.items():
            flags = flagged_columns(pipelines, self.pipeline.pipeline, name, outlines.of)
            more = {"keep_frame": name in read_as_frames, "personal": flags.personal, "masked": flags.masked}
            ready.append(node.model_copy(update=more))
        return tuple(ready)

    def faults(self, looked: Looked) -> tuple[ColumnFault, ...]:
        """The columns that nodes name and that cannot be there, whatever else is wrong with some of the nodes."""
        planned = {node.name: found for node in self.pipeline.nodes if (found := self._if_sound(self.pipeline, node.name)) is not None}
        written = {name: node.config for name, node in planned.items()}
        return tuple(column_faults(self.outlines(planned, looked), self.pipeline, written))

    def outlines(self, planned: Mapping[str, PlannedNode], looked: Looked | None = None) -> Outlines:
        """What is known of columns: of the planned nodes, and of all others of the project as far as they are sound."""

        def described(pipeline: str, name: str) -> Described | None:
            home = next((each for each in self.project.config.pipelines if each.pipeline == pipeline), None)
            mine = pipeline == self.pipeline.pipeline
            node = planned.get(name) if mine else None
            if node is None and home is not None:
                node = self._if_sound(self.pipeline if mine else home, name)
            return None if node is None or home is None else replace(self, pipeline=self.pipeline if mine else home).described(node)

        return Outlines(described=described, library=self.library, looked=looked or nobody_looked)

    def described(self, node: PlannedNode) -> Described:
        """A node as its worker will see it, with what it reads."""
        stored = {alias: found.dataset for alias, found in node.stored.items()}
        return Described(config=self._resolved(self.pipeline.node(node.name)), frames=node.frames, stored=stored, sql=node.sql)

    def _if_sound(self, pipeline: PipelineConfig, name: str) -> PlannedNode | None:
        """A node as if the whole pipeline ran; None if something is wrong with it."""
        config = next((node for node in pipeline.nodes if node.name == name), None)
        if config is None:
            return None
        try:
            return replace(self, pipeline=pipeline).node(
                config, upstream_of(config, pipeline.pipeline), frozenset(node.name for node in pipeline.nodes)
            )
        except ConfigError:
            return None  # it is refused where it is planned, and nothing is known of its columns

    def _selected(self, configs: Mapping[str, NodeConfig]) -> frozenset[str]:
        wanted = self.command.cause.nodes if isinstance(self.command.cause, Requested) else None
        if wanted is None:
            return frozenset(configs)
        for name in wanted:
            if name not in configs:
                near = difflib.get_close_matches(name, configs, n=1)
                hint = f"Did you mean '{near[0]}'? " if near else ""
                raise ConfigError(f"pipeline '{self.pipeline.pipeline}' has no node '{name}'", hint=f"{hint}Known: {', '.join(configs)}.")
        return frozenset(wanted)

    def node(self, config: NodeConfig, upstream: tuple[str, ...], selected: frozenset[str]) -> PlannedNode:
        """
        One node; what is personal in it is said when all are known.

        Raises:
            ConfigError: If it asks for what cannot be done.
        """
        engine = config.engine or self.project.config.engine
        where = f"node '{config.name}' of pipeline '{self.pipeline.pipeline}'"
        refuse_unavailable(config, engine, path=where, library=self.library)
        refuse_mismatches(config, self.project.config.connections, about=where)
        resolved = self._resolved(config)
        calls = calls_of(resolved, self.library)
        frames = frames_of(config, upstream, calls, project=self.project, pipeline=self.pipeline.pipeline, where=where)
        inside = tuple(name for name in upstream if name in selected)
        retry = config.retry or self.project.config.retry
        return PlannedNode(
            name=config.name,
            upstream=inside,
            frames=tuple(name for name in frames if name in selected),
            config=self._written(config),
            sql=self._sql(config, resolved, calls, frames),
            targets=self._targets(config, upstream, where),
            stored=stored_of(config, frames, selected, project=self.project, home=self.pipeline),
            dimensions=dimensions_of(config, self.pipeline, partial(find_pipeline, self.project), selected, where=where),
            files=files_of(config, self.pipeline, self.command.cause, self.scope),
            retry=RetryPolicy(max_attempts=retry.max_attempts if retry.enabled else 1, backoff=retry.backoff),
            on_error=config.on_error,
            skip="" if config.enabled else "disabled (enabled: false)",
        )

    def _written(self, config: NodeConfig) -> dict[str, JsonValue]:
        """The node as it stands in the tree: `${VAR}` unresolved, dates and trigger values resolved."""
        written = without_literals(without_salt(node_as_written(self.project, self.pipeline.pipeline, config.name)))
        return _mapping(resolve(written, self.scope.for_plan()))

    def _resolved(self, config: NodeConfig) -> NodeConfig:
        """The node as its worker will see it."""
        written = node_as_written(self.project, self.pipeline.pipeline, config.name)
        resolved = resolve(written, self.scope)
        return config if resolved == written else NodeConfig.model_validate(resolved)

    def _sql(self, config: NodeConfig, resolved: NodeConfig, calls: Collection[Params], frames: tuple[str, ...]) -> dict[str, CompiledSql]:
        queries = NodeQueries(
            project=self.project,
            pipeline=self.pipeline.pipeline,
            config=config,
            written=node_as_written(self.project, self.pipeline.pipeline, config.name),
            scope=self.scope,
            compile_sql=self.context.compile_sql,
        )
        return queries.compile(resolved, calls, frames)

    def _targets(self, config: NodeConfig, upstream: tuple[str, ...], where: str) -> dict[str, PlannedTarget]:
        """Where the node's patterns read and write."""
        connections = _mapping(resolve(_mapping(self.project.tree.get("connections")), self.scope))
        resolver = TargetResolver(
            connections=connections,
            directory=self.project.directory,
            pipeline=self.pipeline,
            upstream=upstream,
            hidden=self._hidden(config),
        )
        try:
            resolved = self._resolved(config)
            targets = resolver.targets_of(resolved, self.library)
            refuse_quarantine(resolved, connections, targets.values())
            return targets
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", code=error.error_code, hint=error.hint) from error

    def _hidden(self, config: NodeConfig) -> frozenset[str]:
        """The values of the environment that go into the params: a plan holds none of them."""
        names = variables_in(self._params(config))
        return frozenset(value for name in names if (value := self.scope.environment.get(name)))

    def _params(self, config: NodeConfig) -> list[JsonValue]:
        written = node_as_written(self.project, self.pipeline.pipeline, config.name)
        return [written.get("params"), written.get("pattern"), written.get("transform")]


def _mapping(value: JsonValue | None) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue | None) -> list[JsonValue]:
    return value if isinstance(value, list) else []
