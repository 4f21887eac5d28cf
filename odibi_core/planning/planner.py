"""Compile a pipeline and a cause into a frozen plan. What can be refused is refused here, before the first message is sent."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import JsonValue

from odibi_core.config import BlobPattern, LoadedProject, NodeConfig, PipelineConfig, Scope, StoryConfig, resolve
from odibi_core.errors import ConfigError
from odibi_core.events import PlannedNodeFacts
from odibi_core.frozen import Frozen
from odibi_core.messages import BlobArrived, DatasetWritten, FileVersion, Requested, StartRun, TimerTicked
from odibi_core.planning.graph import in_run_order
from odibi_core.planning.pattern_targets import TargetResolver, nodes_named, variables_in
from odibi_core.planning.per_file import refuse_batches_of_one_file
from odibi_core.planning.personal import personal_columns, without_salt
from odibi_core.planning.plan import FailureSamples, Limit, Plan, PlannedNode, PlannedTarget, RetryPolicy, StoredInput
from odibi_core.planning.queries import NodeQueries, SqlCompiler, text_of
from odibi_core.planning.refusals import calls_of, refuse_triggers, refuse_unavailable
from odibi_core.planning.triggers import blob_sources, followers
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
    refuse_batches_of_one_file(project, pipeline)
    logical_time = logical_time_of(command, now=now)
    scope = Scope(
        environment=context.environment,
        now=logical_time,
        trigger=trigger_values(command, logical_time=logical_time),
        sql_dialect=project.config.sql_dialect,
    )
    builder = _Builder(project=project, pipeline=pipeline, command=command, context=context, scope=scope, library=_library(context))
    nodes = builder.nodes()
    story = project.config.story
    return Plan(
        run_id=command.run_id,
        project=command.project,
        pipeline=pipeline.pipeline,
        environment=command.environment,
        cause=command.cause,
        logical_time=logical_time,
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
        limit=_limit(pipeline, scope),
        sql_dialect=project.config.sql_dialect,
        connections=without_literals(_mapping(project.tree.get("connections")), looks_secret=_looks_secret),
        story=None if story is None else _mapping(project.tree.get("story")),
        max_sample_rows=10 if story is None else story.max_sample_rows,
        failure_samples=_failure_samples(story),
        table_properties=project.config.performance.delta_table_properties,
        fingerprint=project.fingerprint,
        code=_code_of(project),
    )


def _looks_secret(text: str) -> bool:
    return Redactor().text(text) != text


def _failure_samples(story: StoryConfig | None) -> FailureSamples:
    if story is None:
        return FailureSamples()
    return FailureSamples(per_check=story.failure_sample_size, in_all=story.max_failure_samples, checks=story.max_sampled_validations)


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


def find_pipeline(project: LoadedProject, name: str) -> PipelineConfig:
    """
    Raises:
        ConfigError: If the project has no such pipeline.
    """
    known = [pipeline.pipeline for pipeline in project.config.pipelines]
    for pipeline in project.config.pipelines:
        if pipeline.pipeline == name:
            return pipeline
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise ConfigError(f"unknown pipeline '{name}'", hint=f"{hint}Known: {', '.join(known)}.")


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
        upstream = {name: _upstream(config, self.pipeline.pipeline) for name, config in configs.items()}
        selected = self._selected(configs)
        planned: dict[str, PlannedNode] = {}
        for name in in_run_order(upstream):
            if name in selected:
                planned[name] = self._node(configs[name], upstream[name], selected)
        read_as_frames = {frame for node in planned.values() for frame in node.frames}
        return tuple(node.model_copy(update={"keep_frame": True}) if node.name in read_as_frames else node for node in planned.values())

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

    def _node(self, config: NodeConfig, upstream: tuple[str, ...], selected: frozenset[str]) -> PlannedNode:
        engine = config.engine or self.project.config.engine
        where = f"node '{config.name}' of pipeline '{self.pipeline.pipeline}'"
        refuse_unavailable(config, engine, path=where, library=self.library)
        resolved = self._resolved(config)
        calls = calls_of(resolved, self.library)
        frames = self._frames(config, upstream, calls, where)
        inside = tuple(name for name in upstream if name in selected)
        retry = config.retry or self.project.config.retry
        return PlannedNode(
            name=config.name,
            upstream=inside,
            frames=tuple(name for name in frames if name in selected),
            config=self._written(config),
            sql=self._sql(config, resolved, calls, frames),
            targets=self._targets(config, upstream, where),
            stored=self._stored(config, frames, selected),
            files=self._files(config),
            retry=RetryPolicy(max_attempts=retry.max_attempts if retry.enabled else 1, backoff=retry.backoff),
            on_error=config.on_error,
            personal=personal_columns({each.pipeline: each for each in self.project.config.pipelines}, self.pipeline.pipeline, config.name),
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

    def _frames(self, config: NodeConfig, upstream: tuple[str, ...], calls: Collection[Params], where: str) -> tuple[str, ...]:
        """Upstream nodes whose output this node reads: its input, its `inputs:`, and those that SQL or a transform names."""
        from odibi_core.transforms import unknown_dataset

        wanted = set(_upstream(config.model_copy(update={"depends_on": ()}), self.pipeline.pipeline))
        if config.read is None and config.inputs is None and upstream:
            wanted.add(upstream[0])
        known = {"df", *(name.lower() for name in upstream), *(alias.lower() for alias in config.inputs or {})}
        read = {name.lower(): name for params in calls for name in (*params.reads(), *nodes_named(params, upstream))}
        for name in sorted(read.keys() - known):
            error = unknown_dataset(read[name], known - {"df"})
            raise ConfigError(f"{where}: {error.message}", hint=error.hint)
        texts = [
            text
            for text in (text_of(step, self.project) for step in (config.transform.steps if config.transform is not None else ()))
            if text
        ]
        everything = any(params.reads_everything for params in calls)
        for name in upstream:
            if everything or name.lower() in read or any(_mentions(text, name) for text in texts):
                wanted.add(name)
        return tuple(name for name in upstream if name in wanted)

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
        resolver = TargetResolver(
            connections=_mapping(resolve(_mapping(self.project.tree.get("connections")), self.scope)),
            directory=self.project.directory,
            pipeline=self.pipeline,
            upstream=upstream,
            hidden=self._hidden(config),
        )
        try:
            return resolver.targets_of(self._resolved(config), self.library)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", code=error.error_code, hint=error.hint) from error

    def _hidden(self, config: NodeConfig) -> frozenset[str]:
        """The values of the environment that go into the params: a plan holds none of them."""
        names = variables_in(self._params(config))
        return frozenset(value for name in names if (value := self.scope.environment.get(name)))

    def _params(self, config: NodeConfig) -> list[JsonValue]:
        written = node_as_written(self.project, self.pipeline.pipeline, config.name)
        return [written.get("params"), written.get("pattern"), written.get("transform")]

    def _stored(self, config: NodeConfig, frames: tuple[str, ...], selected: frozenset[str]) -> dict[str, StoredInput]:
        """Inputs from outside this run: nodes of other pipelines, and nodes above that were not selected."""
        own = f"${self.pipeline.pipeline}."
        stored: dict[str, StoredInput] = {}
        for alias, reference in (config.inputs or {}).items():
            if isinstance(reference, str) and not reference.startswith(own):
                pipeline, _, name = reference.removeprefix("$").partition(".")
                stored[alias] = _output_of(find_pipeline(self.project, pipeline), name, wanted_by=config.name)
        for name in frames:
            if name not in selected:
                aliases = [alias for alias, reference in (config.inputs or {}).items() if reference == f"{own}{name}"]
                output = _output_of(self.pipeline, name, wanted_by=config.name)
                stored |= dict.fromkeys(aliases or [name], output)
        return stored

    def _files(self, config: NodeConfig) -> tuple[FileVersion, ...] | None:
        """The arrived files that this node reads: those its path matches, if it points into a trigger's pattern."""
        cause = self.command.cause
        if config.read is None or config.read.path is None or not cause.files:
            return None
        if config.read.connection not in {source.connection for source in blob_sources(self.pipeline)}:
            return None
        path = str(resolve(config.read.path, self.scope))
        # A path made of a placeholder names one file; as data it may look like a pattern.
        pattern = BlobPattern.parse(path) if path == config.read.path else None
        arrived = tuple(
            file
            for file in cause.files
            if file.connection == config.read.connection
            and (file.path == path if pattern is None else pattern.matches(file.path) is not None)
        )
        return arrived or None


def _upstream(config: NodeConfig, pipeline: str) -> tuple[str, ...]:
    prefix = f"${pipeline}."
    referenced = [
        reference.removeprefix(prefix)
        for reference in (config.inputs or {}).values()
        if isinstance(reference, str) and reference.startswith(prefix)
    ]
    return tuple(dict.fromkeys([*config.depends_on, *referenced]))


def _mentions(sql: str, name: str) -> bool:
    import re

    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", sql, re.IGNORECASE) is not None


def _output_of(pipeline: PipelineConfig, name: str, *, wanted_by: str) -> StoredInput:
    try:
        node = pipeline.node(name)
    except KeyError:
        known = ", ".join(node.name for node in pipeline.nodes)
        raise ConfigError(f"pipeline '{pipeline.pipeline}' has no node '{name}'", hint=f"Known: {known}.") from None
    path = None if node.write is None else node.write.path or node.write.table
    if node.write is None or path is None:
        raise ConfigError(
            f"node '{wanted_by}' reads '{name}', which writes nothing and is not part of this run", hint=f"Give '{name}' a 'write:'."
        )
    return StoredInput(dataset=f"{pipeline.pipeline}.{name}", connection=node.write.connection, path=path, format=node.write.format)


def _mapping(value: JsonValue | None) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue | None) -> list[JsonValue]:
    return value if isinstance(value, list) else []
