"""The SQL of one node, compiled with the plan: its steps, and what its transforms and patterns will ask for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from pydantic import JsonValue

from odibi_core.config import LoadedProject, NodeConfig, Scope, StepConfig, resolve_sql
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.planning.checking import check_queries
from odibi_core.planning.compiling import compiled_here
from odibi_core.planning.pattern_targets import pair_queries, variables_in
from odibi_core.planning.reading import texts_of_reads
from odibi_core.planning.refusals import query_place
from odibi_core.planning.sql_places import Path, placed, texts_in
from odibi_core.ports import CompiledSql

if TYPE_CHECKING:
    from odibi_core.transforms import Params

SqlCompiler = Callable[[str, Collection[str]], CompiledSql]  # (text, tables); raises ConfigError


class NodeQueries(Frozen):
    """The queries of a node, and every problem of theirs."""

    project: LoadedProject
    pipeline: str
    config: NodeConfig
    written: Mapping[str, JsonValue]  # the node as it stands in the tree
    scope: Scope
    compile_sql: SqlCompiler
    compiled: dict[str, CompiledSql] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)

    def compile(self, resolved: NodeConfig, calls: Collection[Params], frames: Collection[str]) -> dict[str, CompiledSql]:
        """
        Every query by its place in the plan; one with a value of the environment in it is checked, and left out.

        `resolved` is the node as its worker will see it, and `calls` are its transforms.

        Raises:
            ConfigError: With the problems of all of them.
        """
        where = f"node '{self.config.name}'"
        secret = bool(variables_in([self.written.get(key) for key in ("params", "pattern", "transform")]))
        sources = dict(texts_in(dict(self.written)))
        for params in calls:
            for query in params.queries():
                self._add(query_place(query), query, {"df"}, where, sources=sources, secret=secret)
            for query in pair_queries(params):
                self._add(query_place(query), query, {"source", "target"}, where, sources=sources, secret=secret)
        self._add_checks(resolved, sources)
        tables = {"df", *(name.lower() for name in frames), *(alias.lower() for alias in self.config.inputs or {})}
        self._add_reads()
        for place, step in enumerate(self.config.transform.steps if self.config.transform is not None else ()):
            self._add_step(place, step, tables)
        for name, texts in (("pre_sql", self.config.pre_sql), ("post_sql", self.config.post_sql)):
            for place, text in enumerate(texts):
                about = f"{name} {place + 1} of node '{self.config.name}'"
                sql = resolve_sql(self._as_written((name, place), text), self.scope)
                self._add("", sql, tables, about, sources={(name, place): text}, secret=True)
        if self.problems:
            every = tuple(problem for error in self.problems for problem in error.problems)
            raise ConfigError(self.problems[0].message, hint=self.problems[0].hint, code="sql", problems=every)
        return self.compiled

    def _add_checks(self, resolved: NodeConfig, sources: Mapping[Path, str]) -> None:
        secret = bool(variables_in([self.written.get("validation"), self.written.get("contracts")]))
        for what, query in check_queries(resolved):
            about = f"{what} of node '{self.config.name}'"
            self._add(query_place(query), query, {"df"}, about, sources=sources, secret=secret)

    def _add_step(self, place: int, step: StepConfig, tables: Collection[str]) -> None:
        text = text_of(step, self.project)
        if text is None:
            return
        where = f"step {place + 1} of node '{self.config.name}'"
        path, as_written = self._step(place)
        secret = bool(variables_in([as_written or text]))
        file = None if step.sql is not None else step.sql_file
        sql = resolve_sql(self._as_written(path, text) if file is None else text, self.scope)
        self._add(f"transform.{place}", sql, tables, where, sources={path: sql}, file=file, secret=secret)
        if secret and file is not None:
            hint = "Write this SQL in the YAML: a plan holds no values."
            raise ConfigError(f"{where} reads an environment variable in its sql_file", hint=hint)

    def _add_reads(self) -> None:
        """The queries and filters of its sources; what is for a database is not compiled, and quotes as the standard says."""
        secret = bool(variables_in([self.written.get(key) for key in ("read", "inputs", "write")]))
        for read in texts_of_reads(self.config, self.project.files):
            where = f"'{'.'.join(map(str, read.path[:-1]))}' of node '{self.config.name}'"
            if read.file is not None and variables_in([read.text]):
                hint = "Write this SQL in the YAML: a plan holds no values."
                raise ConfigError(f"{where} reads an environment variable in its sql_file", hint=hint)
            if read.database:
                text = resolve_sql(read.text, replace(self.scope, sql_dialect="duckdb"))
                self.compiled[read.place] = CompiledSql(text=text, polars="", spark="", tables=())
                continue
            sql = resolve_sql(read.text, self.scope)
            self._add(read.place, sql, read.tables, where, sources={read.path: sql}, file=read.file, secret=secret and read.file is None)

    def _as_written(self, path: Path, resolved: str) -> str:
        """
        The text at a path of the node with its placeholders still in it: what a value put in is not looked at again.

        Under another spelling of its key it is not found; then the resolved text stands for it.
        """
        found: JsonValue = dict(self.written)
        for key in path:
            match found, key:
                case dict(), str() if key in found:
                    found = found[key]
                case list(), int() if key < len(found):
                    found = found[key]
                case _:
                    return resolved
        return found if isinstance(found, str) else resolved

    def _step(self, place: int) -> tuple[Path, JsonValue]:
        """Where the SQL of a step stands in the node, and its text; None if it comes from a file."""
        transform = self.written.get("transform")
        steps = transform.get("steps") if isinstance(transform, dict) else None
        step = steps[place] if isinstance(steps, list) else None
        path: Path = ("transform", "steps", place)
        return (path, step) if isinstance(step, str) else ((*path, "sql"), step.get("sql") if isinstance(step, dict) else None)

    def _add(
        self,
        key: str,
        text: str,
        tables: Collection[str],
        where: str,
        *,
        sources: Mapping[Path, str],
        file: str | None = None,
        secret: bool,
    ) -> None:
        """A text with a value of the environment in it is compiled to be checked only: what remembers compiled texts must not see it."""
        try:
            if secret:
                compiled_here(text, tables, self.project.config.sql_dialect, self.scope.now)
                return
            ready = self.compile_sql(text, tables)
        except ConfigError as error:
            about = f"{where} in pipeline '{self.pipeline}'"
            self.problems.append(placed(error, about=about, text=text, sources=sources, file=file, secret=secret))
            return
        self.compiled[key] = ready.model_copy(update={"at": self.scope.now}) if ready.clock else ready


def text_of(step: StepConfig, project: LoadedProject) -> str | None:
    """The SQL of a step, from the YAML or from its file."""
    return step.sql if step.sql is not None else project.files.get(step.sql_file or "")
