"""
What is known of the columns of each node before it runs, and where a node names a column that is not there.

Nothing is opened: what is known comes from declared schemas, from SQL, and from what transforms and patterns say of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from odibi_core.config import CheckConfig, NodeConfig, ReadConfig
from odibi_core.frozen import Frozen
from odibi_core.outline import UNKNOWN, Known, Missing, Origin, Others, Outline
from odibi_core.planning.checking import sound_checks
from odibi_core.planning.declared import declared_columns
from odibi_core.planning.reading import names_of_source, read_place, reads_of
from odibi_core.planning.refusals import bind_call, calls_by_place, query_place
from odibi_core.ports import CompiledSql

if TYPE_CHECKING:
    from odibi_core.transforms import Library

Path = tuple[str | int, ...]
Looked = Callable[[str, str, str], tuple[str, ...] | None]  # pipeline, node, alias → the columns of a source that somebody has opened


def nobody_looked(_pipeline: str, _node: str, _alias: str) -> None:
    """No source was opened."""


class Described(Frozen):
    """A node with its compiled SQL: what there is to be read from."""

    config: NodeConfig
    frames: tuple[str, ...] = ()  # the nodes above whose output it reads
    stored: Mapping[str, str] = field(default_factory=dict)  # alias → "pipeline.node": tables of nodes that are not part of the run
    sql: Mapping[str, CompiledSql] = field(default_factory=dict)


class Mistake(Frozen):
    """A column that is not there, and which part of the node names it."""

    missing: Missing
    who: str
    path: Path  # of a text or of parameters
    text: str | None = None  # the SQL that it stands in
    file: str | None = None  # where that SQL comes from, if not from the YAML


class NodeOutline(Frozen):
    """What is known of a node's columns."""

    inputs: Mapping[str, Outline]  # by name; `df` is its `read:`
    primary: Outline
    output: Outline
    mistakes: tuple[Mistake, ...] = ()


@dataclass(kw_only=True)
class Outlines:
    """The outlines of nodes, each computed when it is asked for, from those above it."""

    described: Callable[[str, str], Described | None]  # pipeline, node; None: it is broken, or there is none
    library: Library
    looked: Looked = nobody_looked
    _known: dict[tuple[str, str], NodeOutline | None] = field(default_factory=dict)
    _found: dict[tuple[str, str], Described | None] = field(default_factory=dict)

    def of(self, pipeline: str, node: str) -> NodeOutline | None:
        """The outline of a node; None if nothing is known of it."""
        here = pipeline, node
        if here not in self._known:
            self._known[here] = None  # pipelines may read from one another in a circle
            found = self._described(pipeline, node)
            self._known[here] = None if found is None else _Work(outlines=self, pipeline=pipeline, node=found).outline()
        return self._known[here]

    def _described(self, pipeline: str, node: str) -> Described | None:
        if (pipeline, node) not in self._found:
            self._found[pipeline, node] = self.described(pipeline, node)
        return self._found[pipeline, node]

    def handed_on(self, pipeline: str, node: str) -> Outline:
        """A node's output for those behind it: its columns are theirs from then on."""
        key = f"{pipeline}.{node}"
        found, described = self.of(pipeline, node), self._described(pipeline, node)
        if found is None or described is None:
            return Outline.of(key, None)
        columns = tuple(
            Known(name=column.name, origins=frozenset({Origin(source=key, column=column.name.lower())}), spelled=column.spelled)
            for column in found.output.columns
        )
        open_ended = found.output.others is not None or _table_has_more(described.config)
        return Outline(columns=columns, others=Others(parts=((key, frozenset()),), traced=True) if open_ended else None)


def _table_has_more(config: NodeConfig) -> bool:
    """Whether the table that is read back in the place of an output may have columns of earlier runs."""
    write = config.write
    return write is not None and (write.merge_schema or write.delta.merge_schema)


@dataclass(kw_only=True)
class _Work:
    """The work on one node. It is what transforms may ask while they tell their columns."""

    outlines: Outlines
    pipeline: str
    node: Described
    mistakes: list[Mistake] = field(default_factory=list)
    named: dict[str, Outline] = field(default_factory=dict)
    frame: Outline = UNKNOWN
    who: str = ""
    path: Path = ()

    def outline(self) -> NodeOutline:
        """Read, transform."""
        config = self.node.config
        self.named = {alias.lower(): self._read(alias, read) for alias, read in reads_of(config).items()}
        primary = self.frame = self._inputs()
        calls = {place: (kind, name, params) for place, kind, name, params in calls_by_place(config)}
        steps = config.transform.steps if config.transform is not None else ()
        for place in (
            *(["transformer"] if config.transformer is not None else []),
            *(f"transform.{number}" for number in range(len(steps))),
        ):
            number = int(place.partition(".")[2] or -1)
            if place in calls:
                kind, name, params = calls[place]
                function = bind_call(kind, name, params, self.outlines.library)[1]
                self.who = f"'{name}'"
                self.path = ("transform", "steps", number, "params") if number >= 0 else ("params",)
                self.frame = function.outline(self.frame, self)
            else:
                step = steps[number]
                path: Path = ("transform", "steps", number)
                tables = {**self.named, "df": self.frame}
                self.frame = self._asked(place, tables, f"step {number + 1}", path if step.sql is None else (*path, "sql"), step.sql_file)
        self._check(config.contracts, primary, "contracts")
        self._check(config.validation.tests if config.validation is not None else (), self.frame, "validation", "tests")
        return NodeOutline(inputs=self.named, primary=primary, output=self.frame, mistakes=tuple(self.mistakes))

    def _check(self, tests: Sequence[CheckConfig], outline: Outline, *home: str) -> None:
        """The columns and the SQL of checks."""
        from odibi_core.checks import selected

        for number, test in enumerate(tests):
            for spec in sound_checks(test):
                self.who, self.path = f"check '{spec.name}'", (*home, number)
                self.need(outline, spec.params.reads, at="columns" if "columns" in spec.params.model_fields_set else "column")
                if spec.params.query is not None:
                    self.query(selected(spec.params.query), {"df": outline.assuming(spec.params.reads)})

    def _read(self, alias: str, read: ReadConfig) -> Outline:
        """The columns of a source, after its query and its filter."""
        names = self.outlines.looked(self.pipeline, self.node.config.name, alias) or declared_columns(read)
        found = Outline.of(f"{read.connection}/{read.path or read.table or ''}", names)
        path: Path = ("read",) if alias == "df" else ("inputs", alias)
        calls = dict.fromkeys({"df", *names_of_source(read, self.node.config.name)}, found)
        if read_place(alias, "query") in self.node.sql and self.node.sql[read_place(alias, "query")].polars:
            key = "sql_file" if read.sql_file is not None else "query"
            found = self._asked(read_place(alias, "query"), calls, f"'{'.'.join(map(str, path))}'", (*path, key), read.sql_file)
        elif read.query is not None or read.sql_file is not None:
            found = Outline.of(f"{read.connection}/{read.path or read.table or ''}", None)
        if read_place(alias, "filter") in self.node.sql:
            self._asked(read_place(alias, "filter"), {"df": found}, f"'{'.'.join(map(str, path))}'", (*path, "filter"))
        write = self.node.config.write
        if alias == "df" and write is not None and write.first_run_query is not None:
            return found.opened()  # the first run has the columns of another query
        return found

    def _inputs(self) -> Outline:
        """Everything that the node can read by a name, and what its first step gets."""
        config, own = self.node.config, f"${self.pipeline}."
        # What another run has written last may be of an older configuration.
        self.named |= {alias.lower(): Outline.of(node, None) for alias, node in self.node.stored.items()}
        for alias, reference in (config.inputs or {}).items():
            if isinstance(reference, str) and reference.startswith(own) and alias not in self.node.stored:
                self.named[alias.lower()] = self.outlines.handed_on(self.pipeline, reference.removeprefix(own))
        for name in self.node.frames:
            self.named.setdefault(name.lower(), self.outlines.handed_on(self.pipeline, name))
        order = [name for name in ("df", *(config.inputs or {}), *config.depends_on, *self.node.frames) if name.lower() in self.named]
        return self.named[order[0].lower()] if order else UNKNOWN

    def _asked(self, place: str, tables: Mapping[str, Outline], who: str, path: Path, file: str | None = None) -> Outline:
        """What a compiled query gives; one that was not compiled, because it holds a value of the environment, may give anything."""
        query = self.node.sql.get(place)
        if query is None or not query.polars:
            return UNKNOWN
        from odibi_core.sql.outlines import outline_of

        found, missing = outline_of(query.polars, tables)
        self.mistakes += [Mistake(missing=one, who=who, path=path, text=query.text, file=file) for one in missing]
        return found

    def need(self, outline: Outline, names: Iterable[str], *, at: str, of: str = "") -> None:
        for name in dict.fromkeys(names):
            if outline.lacks(name) and "${" not in name:
                whose = f" of '{of}'" if of else ""
                message = f"{self.who} reads the unknown column '{name}'{whose}"
                missing = Missing(name=name, known=outline.names, message=message)
                self.mistakes.append(Mistake(missing=missing, who="", path=(*self.path, at)))

    def dataset(self, name: str) -> Outline:
        return self.frame if name.lower() == "df" else self.named.get(name.lower(), UNKNOWN)

    def query(self, text: str, tables: Mapping[str, Outline]) -> Outline:
        return self._asked(query_place(text), tables, self.who, self.path)
