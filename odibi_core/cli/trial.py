"""
Run one node on given rows: a project of its own in a temporary folder, in which every connection is an empty folder.

What the node does is what it does in production: the same planner, checks, privacy and write, only without its neighbours.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_core.errors import ConfigError, DataError, OdibiError
from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from pydantic import JsonValue

    from odibi_core.config import LoadedProject, PipelineConfig
    from odibi_core.config.data_tests import DataTest, GivenRows
    from odibi_core.engines.polars import PolarsEngine
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.ports import Frame, Location

_GIVEN = "given_rows"  # the connection that the inputs are read from, and what writes nothing is written to
_FORMATS: Mapping[str, str] = {".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}
_WRITTEN = ("delta", "parquet", "csv", "json")


class TrialFailedError(OdibiError):
    """The node failed; the code is that of its error."""


class Trial(Frozen):
    """A test, made ready to run."""

    case: DataTest
    home: Path  # of the file of tests
    project: LoadedProject
    node: dict[str, JsonValue]  # as it will be run

    @classmethod
    def of(cls, case: DataTest, home: Path, project: LoadedProject) -> Trial:
        """
        Find what is tested.

        Raises:
            ConfigError: If there is no such node, or an input of it is not given.
        """
        return cls(case=case, home=home, project=project, node=_node_of(case, project))

    def rows(self) -> list[dict[str, Any]]:
        """
        What the node wrote.

        Raises:
            OdibiError: The node's error, or what is wrong with the test.
        """
        from odibi_core.engines.polars import PolarsEngine
        from odibi_core.hosts.in_process import InProcess

        with tempfile.TemporaryDirectory(prefix="odibi-test-") as folder:
            place, engine = Path(folder), PolarsEngine()
            try:
                self._lay_out(place, engine)
                host = InProcess.open(place / "odibi.yaml", environment=self._environment())
                if self.case.target is not None:
                    self._write_target(host, engine)
                self._run(host)
                return self._read_back(host, engine)
            finally:
                engine.release()

    def _environment(self) -> Mapping[str, str]:
        from odibi_core.config import environment_of

        return environment_of(self.project.directory, os.environ)

    def _lay_out(self, place: Path, engine: PolarsEngine) -> None:
        import json

        for name, text in self.project.files.items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for code in (self.project.directory / "transforms.py", self.project.directory / "transforms"):
            if code.is_dir():
                shutil.copytree(code, place / code.name)
            elif code.exists():
                shutil.copy(code, place / code.name)
        for name, given in self.case.inputs.items():
            _write_parquet(self._frame(given, engine), place / _GIVEN / f"{name}.parquet")
        (place / "odibi.yaml").write_text(json.dumps(self._tree()), encoding="utf-8")

    def _tree(self) -> dict[str, JsonValue]:
        tree = dict(self.project.tree)
        declared = tree.get("connections")
        names = [*declared] if isinstance(declared, dict) else []
        tree["connections"] = {name: {"type": "local", "base_path": f"./{name}"} for name in (*names, _GIVEN)}
        tree["pipelines"] = [{"pipeline": "test", "nodes": [self.node, *map(_dimension, _dimensions_of(self.node))]}]
        for key in ("story", "system", "lineage", "alerts", "retry", "performance"):
            tree.pop(key, None)
        tree["retry"] = {"enabled": False}
        return tree

    def _frame(self, given: GivenRows, engine: PolarsEngine) -> Frame:
        from odibi_core.transforms import TRANSFORMS, TransformContext

        frame = _scanned(self.home / given.file, engine) if given.file is not None else _frame_of(given.rows or (), [*given.types])
        if not given.types:
            return frame
        function, params = TRANSFORMS.bind("cast_columns", {"casts": dict(given.types)})
        from odibi_core.sql import compile_sql

        context = TransformContext(sql=engine.sql, inputs={}, compile=lambda text, tables: compile_sql(text, tables=tables))
        cast: Frame = function(frame, params, context)
        return cast

    def _target(self, host: InProcess) -> tuple[Location, str]:
        write = host.app.loaded().config.pipelines[0].nodes[0].write
        assert write is not None  # every node under test writes
        return host.app.connections.locate(write.connection, write.path or write.table or ""), write.format

    def _write_target(self, host: InProcess, engine: PolarsEngine) -> None:
        from odibi_core.ports import Target

        location, kind = self._target(host)
        assert self.case.target is not None
        target = Target(location=location, format=kind, mode="overwrite", transaction="odibi/test/target")
        engine.open(target).write(self._frame(self.case.target, engine), {})

    def _run(self, host: InProcess) -> None:
        from odibi_core.events import NodeFinished

        command = host.request("test")
        final = None if command is None else host.run(command)
        assert final is not None  # there is no file to wait for
        outcome = host.app.coordinator.journal.outcome(final.run_id, str(self.node["name"]))
        error = outcome.result.error if isinstance(outcome, NodeFinished) else None
        if error is not None:
            raise TrialFailedError(error.message, code=error.code, hint=error.hint)

    def _read_back(self, host: InProcess, engine: PolarsEngine) -> list[dict[str, Any]]:
        from odibi_core.ports import Source

        location, kind = self._target(host)
        try:
            frame = engine.scan(Source(location=location, format=kind)).frame
        except DataError as error:
            if error.error_code in ("missing_table", "missing_file"):  # no rows, and so no table
                return []
            raise
        return rows_of(frame)


def _node_of(case: DataTest, project: LoadedProject) -> dict[str, JsonValue]:
    if case.node is None:
        step: JsonValue = {"sql": case.sql} if case.sql is not None else {"function": case.transform, "params": dict(case.params)}
        node: dict[str, JsonValue] = {"name": "tested", "transform": {"steps": [step]}}
        return {**node, "inputs": _given(case, [*case.inputs]), "write": _result()}
    pipeline, name = _named(case.node, project)
    from odibi_core.planning.planner import node_as_written

    written = dict(node_as_written(project, pipeline, name))
    from odibi_core.cli.planned import personal_of

    home = next(one for one in project.config.pipelines if one.pipeline == pipeline)
    wanted = _inputs_of(written, project, home)
    written["relationships"] = [one for one in _relationships(written) if one["dimension"] in case.inputs]
    dimensions = _dimensions_of(written)
    missing = [alias for alias in wanted if alias not in case.inputs]
    known = {*wanted, *_texts(written.get("depends_on")), *dimensions}
    unknown = [alias for alias in case.inputs if alias not in known]
    if missing or unknown:
        told = f"test '{case.name}' gives '{unknown[0]}'" if unknown else f"test '{case.name}' does not give '{missing[0]}'"
        raise ConfigError(told, code="test_inputs", hint=f"Node '{case.node}' reads: {', '.join(wanted) or 'nothing'}.")
    for key in ("read", "depends_on", "enabled", "recipe", "recipe_vars"):
        written.pop(key, None)
    given = _given(case, [*wanted, *(alias for alias in case.inputs if alias not in wanted and alias not in dimensions)])
    written["columns"] = _with_inherited(written.get("columns"), personal_of(project, home, name))
    return {**written, "inputs": given, "write": _written(written.get("write"))}


def _relationships(node: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """The foreign keys of a node; a dimension is known to a test by the name of its node. Those whose rows are not given are not tested."""
    found = node.get("relationships")
    named = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [{**one, "dimension": str(one.get("dimension")).rpartition(".")[2]} for one in named]


def _dimensions_of(node: Mapping[str, JsonValue]) -> list[str]:
    return list(dict.fromkeys(str(one["dimension"]) for one in _relationships(node)))


def _dimension(name: str) -> JsonValue:
    """A node that stands for the one that writes a dimension."""
    read: JsonValue = {"connection": _GIVEN, "format": "parquet", "path": f"{name}.parquet"}
    return {"name": name, "read": read, "write": {"connection": _GIVEN, "format": "delta", "path": f"dimensions/{name}"}}


def _named(text: str, project: LoadedProject) -> tuple[str, str]:
    from odibi_core.config import suggestion

    everything = [(pipeline.pipeline, node.name) for pipeline in project.config.pipelines for node in pipeline.nodes]
    found = [(pipeline, node) for pipeline, node in everything if text in (node, f"{pipeline}.{node}")]
    if len(found) == 1:
        return found[0]
    known = [f"{pipeline}.{node}" for pipeline, node in everything]
    if found:
        raise ConfigError(f"node '{text}' is in several pipelines", code="ambiguous_node", hint=f"Write one of: {', '.join(known)}.")
    raise ConfigError(f"there is no node '{text}'", code="unknown_node", hint=suggestion(text, known))


def _inputs_of(node: Mapping[str, JsonValue], project: LoadedProject, home: PipelineConfig) -> list[str]:
    """The names by which a node knows what it reads."""
    if node.get("read") is not None:
        return ["df"]
    inputs = node.get("inputs")
    if isinstance(inputs, dict) and inputs:
        return [*inputs]
    from odibi_core.cli.planned import plan_of

    return [*(plan_of(project, home).node(str(node["name"])).frames or _texts(node.get("depends_on"))[:1])]


def _with_inherited(columns: JsonValue | None, personal: Sequence[str]) -> dict[str, JsonValue]:
    """What the node says of its columns, with the flags that it has from the nodes above, which are not in the test."""
    own = columns if isinstance(columns, dict) else {}
    said = {name.lower(): name for name in own}
    flagged: dict[str, JsonValue] = dict(own)
    for name in personal:
        about = own.get(said.get(name.lower(), name))
        flagged[said.get(name.lower(), name)] = {**(about if isinstance(about, dict) else {}), "pii": True}
    return flagged


def _texts(value: JsonValue | None) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _given(case: DataTest, names: Sequence[str]) -> dict[str, JsonValue]:
    """The inputs in the order in which the node has them: the first one is its frame."""
    return {name: {"connection": _GIVEN, "format": "parquet", "path": f"{name}.parquet"} for name in names if name in case.inputs}


def _result() -> dict[str, JsonValue]:
    return {"connection": _GIVEN, "format": "delta", "path": "result", "mode": "overwrite"}


def _written(write: JsonValue | None) -> dict[str, JsonValue]:
    """The node's own write; a database becomes a Delta table."""
    if not isinstance(write, dict):
        return _result()
    kept = write if write.get("format") in _WRITTEN else {**write, "format": "delta"}
    if "table" in kept:
        kept = {**{key: value for key, value in kept.items() if key != "table"}, "path": str(kept["table"]).replace(".", "/")}
    return kept


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """All rows, with Python's values."""
    rows: list[dict[str, Any]] = frame.collect().to_native().to_dicts()
    return rows


def rows_of_file(file: Path) -> list[dict[str, Any]]:
    """
    The rows of a CSV, JSON or Parquet file.

    Raises:
        ConfigError: If it is missing or of another kind.
    """
    from odibi_core.engines.polars import PolarsEngine

    engine = PolarsEngine()
    try:
        return rows_of(_scanned(file, engine))
    finally:
        engine.release()


def _scanned(file: Path, engine: PolarsEngine) -> Frame:
    from odibi_core.ports import Location, Source

    kind = _FORMATS.get(file.suffix.lower())
    if kind is None or not file.is_file():
        problem = "is missing" if kind else "is neither CSV, JSON nor Parquet"
        raise ConfigError(f"file '{file.name}' of a test {problem}", code="test_file", hint="Name a file beside the test.")
    return engine.scan(Source(location=Location(connection="test", path=file.name, uri=str(file.resolve())), format=kind)).frame


def _frame_of(rows: Sequence[Mapping[str, JsonValue]], columns: Sequence[str]) -> Frame:
    """Rows as a frame; a column of which all is null, or none is there, is text."""
    import narwhals as nw

    names = list(dict.fromkeys([name for row in rows for name in row] + [*columns]))
    values: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    mixed = {name: _all_float(column) for name, column in values.items()}
    empty = [name for name, column in values.items() if all(value is None for value in column)]
    try:
        frame = nw.from_dict(mixed, backend="polars")
    except TypeError as error:
        raise ConfigError(
            "a column of a test holds values of different kinds", code="test_rows", hint="Write all as texts and give 'types'."
        ) from error
    return frame.with_columns(nw.col(*empty).cast(nw.String())).lazy() if empty else frame.lazy()


def _all_float(column: list[Any]) -> list[Any]:
    numbers = [value for value in column if value is not None]
    is_mixed = any(isinstance(value, float) for value in numbers) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in numbers
    )
    return [None if value is None else float(value) for value in column] if is_mixed else column


def _write_parquet(frame: Frame, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.collect().to_native().write_parquet(file)
