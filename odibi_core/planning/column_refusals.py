"""Columns that a node names and that cannot be there: refused before a run, each at its place in the YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from odibi_core.config import NodeConfig, PipelineConfig, WriteConfig, suggestion
from odibi_core.errors import ConfigError, Place, Problem
from odibi_core.frozen import Frozen
from odibi_core.outline import Missing, Outline, made
from odibi_core.planning.outlines import Mistake, NodeOutline, Outlines, Path
from odibi_core.planning.refusals import calls_by_place, patterns_known
from odibi_core.planning.sql_places import placed, texts_in

_IN_TEXT = "SQL"
CODE = "unknown_column"


class ColumnFault(Frozen):
    """What is wrong with one node."""

    node: str
    problem: Problem


def column_faults(outlines: Outlines, pipeline: PipelineConfig, written: Mapping[str, Mapping[str, JsonValue]]) -> Iterator[ColumnFault]:
    """
    Every column that a node of the pipeline names and that cannot be there. `written` are the nodes as they stand in the YAML.

    A node that is switched off, and what stands behind it, may be unfinished.
    """
    off = _switched_off(pipeline)
    for node in pipeline.nodes:
        found = outlines.of(pipeline.pipeline, node.name) if node.name in written and node.name not in off else None
        if found is None:
            continue
        about = f"node '{node.name}' of pipeline '{pipeline.pipeline}'"
        for mistake in (*found.mistakes, *_named_elsewhere(node, found, outlines, pipeline.pipeline)):
            yield ColumnFault(node=node.name, problem=_problem(mistake, about, node, pipeline.pipeline, written[node.name]))


def refuse_unknown_columns(outlines: Outlines, pipeline: PipelineConfig, written: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """
    Raises:
        ConfigError: With the problems of all nodes that are written down here.
    """
    problems = tuple(fault.problem for fault in column_faults(outlines, pipeline, written))
    if problems:
        first = problems[0]
        where = f" (line {first.place.line}, column {first.place.column})" if first.place else ""
        raise ConfigError(f"{first.message}{where}", code=CODE, hint=first.hint, problems=problems)


def _switched_off(pipeline: PipelineConfig) -> set[str]:
    own = f"${pipeline.pipeline}."
    above = {
        node.name: {
            *node.depends_on,
            *(text.removeprefix(own) for text in (node.inputs or {}).values() if isinstance(text, str) and text.startswith(own)),
        }
        for node in pipeline.nodes
    }
    off = {node.name for node in pipeline.nodes if not node.enabled}
    while behind := {name for name, names in above.items() if names & off} - off:
        off |= behind
    return off


def _named_elsewhere(node: NodeConfig, found: NodeOutline, outlines: Outlines, pipeline: str) -> Iterator[Mistake]:
    """What `write:`, `incremental:`, `sensitive:` and `privacy:` name."""
    if node.read is not None and node.read.incremental is not None:
        columns = {"column": node.read.incremental.column, "fallback_column": node.read.incremental.fallback_column}
        for key, name in columns.items():
            yield from _lacking(found.inputs["df"], [name] if name else [], "'read.incremental'", ("read", "incremental", key))
    for number, relation in enumerate(node.relationships):
        if relation.fact is None:
            yield from _lacking(found.output, relation.keys, "'relationships'", ("relationships", number, "fact_key"))
        if "." not in relation.dimension:
            things = outlines.handed_on(pipeline, relation.dimension)
            whose = f"'relationships' to '{relation.dimension}'"
            yield from _lacking(things, relation.dimension_keys, whose, ("relationships", number, "dimension_key"))
    if node.write is not None:
        yield from _of_write(node, node.write, found)
    # What is masked or declassified may be known to the node by its inputs only.
    anywhere = _together([found.output, found.primary, *found.inputs.values()])
    if not isinstance(node.sensitive, bool):
        yield from _lacking(anywhere, node.sensitive, "'sensitive'", ("sensitive",))
    if node.privacy is not None:
        yield from _lacking(anywhere, node.privacy.declassify, "'privacy.declassify'", ("privacy", "declassify"))


def _of_write(node: NodeConfig, write: WriteConfig, found: NodeOutline) -> Iterator[Mistake]:
    rows = _outgoing(node, write, found.output)
    yield from _lacking(rows, write.keys, "'write' by keys", ("write", "merge_keys") if write.merge_keys else ("write", "options", "keys"))
    if write.format == "delta":
        yield from _lacking(rows, write.partition_by, "'write.partition_by'", ("write", "partition_by"))
    if write.mode == "overwrite" and not (write.merge_schema or write.delta.merge_schema):
        yield from _lacking(rows, write.zorder_by, "'write.zorder_by'", ("write", "zorder_by"))
    if write.skip_if_unchanged and write.format == "delta":
        yield from _lacking(found.output, write.skip_hash_columns or (), "'write.skip_hash_columns'", ("write", "skip_hash_columns"))


def _outgoing(node: NodeConfig, write: WriteConfig, output: Outline) -> Outline:
    """The rows as they are written: with columns about their origin, and those that a policy takes from the target."""
    about = write.add_metadata
    added = (
        [] if about is None else [*(["_extracted_at"] if about.extracted_at else []), "_source_file", "_source_connection", "_source_table"]
    )
    if write.mode == "merge" and write.merge_options is not None and write.merge_options.audit_cols is not None:
        stamps = write.merge_options.audit_cols
        added += [name for name in (stamps.created_col, stamps.updated_col) if name is not None]
    rows = output.with_columns(*(made(name, ()) for name in added))
    keeps_a_table = any(name in patterns_known() for _, _, name, _ in calls_by_place(node))
    return rows.opened() if node.schema_policy is not None or keeps_a_table else rows


def _together(outlines: Iterable[Outline]) -> Outline:
    """The columns of all of them."""
    together = Outline()
    for outline in outlines:
        together = together.with_columns(*outline.columns)
        together = together.opened() if outline.others is not None else together
    return together


def _lacking(outline: Outline, names: Iterable[str], who: str, path: Path) -> Iterator[Mistake]:
    for name in dict.fromkeys(names):
        if "${" not in name and outline.lacks(name):
            missing = Missing(name=name, known=outline.names, message=f"{who} names the unknown column '{name}'")
            yield Mistake(missing=missing, who="", path=path)


def _problem(mistake: Mistake, about: str, node: NodeConfig, pipeline: str, written: Mapping[str, JsonValue]) -> Problem:
    missing = mistake.missing
    hint = missing.hint or suggestion(missing.name, missing.known, what="Known columns")
    if mistake.text is None:
        path, on_key = _path_of(missing.name, mistake.path, written)
        return Problem(message=f"{about}: {missing.message}", hint=hint, path=path, on_key=on_key)
    place = _place(mistake.text, missing.at)
    said = f"{mistake.who} of node '{node.name}' in pipeline '{pipeline}'"
    error = ConfigError.of((Problem(message=missing.message, hint=hint, place=place),), code=CODE)
    base, _ = _base_of(mistake.path, written)
    sources = dict(texts_in(_at(written, base), base))
    if mistake.file is None and len(sources) == 1:
        sources = {next(iter(sources)): mistake.text} if mistake.path[-1] != "params" else sources
    found = placed(error, about=said, text=mistake.text, sources=sources, file=mistake.file, secret=False).problems[0]
    return found if found.path or mistake.file is not None else Problem(message=found.message, hint=hint, path=base)


def _place(text: str, at: int) -> Place | None:
    if not 0 <= at < len(text):
        return None
    line = text.count("\n", 0, at)
    return Place(file=_IN_TEXT, line=line + 1, column=at - text.rfind("\n", 0, at), excerpt=text.split("\n")[line])


def _path_of(name: str, path: Path, written: Mapping[str, JsonValue]) -> tuple[Path, bool]:
    """Where in the YAML a name stands below a path, as a value or as a key; the path itself if it is not found."""
    base, _ = _base_of(path, written)
    words = list(_words(_at(written, base), base))
    exact = [(found, on_key) for found, text, on_key in words if text == name]
    inside = [(found, on_key) for found, text, on_key in words if name in text and not on_key]
    return next(iter((*exact, *inside)), (base, False))


def _base_of(path: Path, written: Mapping[str, JsonValue]) -> tuple[Path, bool]:
    """As much of a path as is written; params may stand in `pattern:`."""
    pattern = written.get("pattern")
    if path[:1] == ("params",) and isinstance(pattern, dict) and "params" in pattern:
        path = ("pattern", *path)
    here: JsonValue = dict(written)
    present: list[str | int] = []
    for part in path:
        is_there = (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int) and part < len(here))
        if not is_there:
            return tuple(present), False
        here = here[part]  # type: ignore[index]  # it is there
        present.append(part)
    return tuple(present), True


def _at(written: Mapping[str, JsonValue], path: Path) -> JsonValue:
    here: Any = dict(written)
    for part in path:
        here = here[part]
    found: JsonValue = here
    return found


def _words(value: JsonValue, path: Path) -> Iterator[tuple[Path, str, bool]]:
    """Every text and every key below a value: path, text, whether it is a key."""
    match value:
        case str():
            yield path, value, False
        case list():
            for number, item in enumerate(value):
                yield from _words(item, (*path, number))
        case dict():
            for key, item in value.items():
                yield (*path, key), key, True
                yield from _words(item, (*path, key))
        case _:
            return
