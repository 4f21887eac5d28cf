"""Bring the files of a project together: the main YAML, what it imports, and the chosen environment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from odibi_core.config.marks import Mark, MarkedList, MarkedMapping
from odibi_core.config.merging import merged
from odibi_core.config.placeholders import Keep, Placeholder, substituted
from odibi_core.config.places import Sources, suggestion
from odibi_core.config.variables import environment_value
from odibi_core.config.yaml_reader import MAX_BYTES, problem_error, read_yaml
from odibi_core.errors import ConfigError, Problem

MAX_DEPTH = 10
MAX_FILES = 500
MAX_PART_BYTES = 255  # of a path, on every file system in use
NOT_IN_ENVIRONMENTS = ("project", "imports", "environments", "recipes", "strict")


@dataclass
class ProjectFiles:
    """The files of a project as they are read. Nothing outside of its folder is."""

    directory: Path
    sources: Sources = field(default_factory=Sources)
    problems: list[Problem] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)  # file as shown → sha256 of its content

    def read(self, path: Path, mark: Mark | None = None) -> bytes:
        """
        The content of a file of the project.

        Raises:
            ConfigError: If it lies outside of the project folder, is missing or too big.
        """
        shown = self.shown(path)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            message = f"file '{shown}' is missing" if isinstance(error, FileNotFoundError) else f"file '{shown}' cannot be read"
            raise self.error(message, mark) from error
        if len(data) > MAX_BYTES:
            raise self.error(f"file '{shown}' is larger than {MAX_BYTES} bytes", mark)
        self.digests[shown] = hashlib.sha256(data).hexdigest()
        return data

    def shown(self, path: Path) -> str:
        """The file's name for people: relative to the project folder."""
        return path.relative_to(self.directory).as_posix()

    def confined(self, name: str, beside: Path, mark: Mark) -> Path:
        """
        The real path of a file named relative to a folder of the project.

        Raises:
            ConfigError: If it is absolute, or leads out of the project folder, symbolic links followed.
        """
        relative = Path(name)
        too_long = any(len(part.encode("utf-8", "surrogatepass")) > MAX_PART_BYTES for part in relative.parts)
        if not name or "\x00" in name or relative.is_absolute() or "\\" in name or ":" in name or too_long:
            raise self.error("file must be named by a relative path with forward slashes", mark)
        path = (beside / relative).resolve()
        if not path.is_relative_to(self.directory):
            raise self.error("file lies outside of the project folder", mark, hint="Move it into the folder of the main YAML.")
        return path

    def error(self, message: str, mark: Mark | None, *, hint: str = "") -> ConfigError:
        """An error at a mark, or without a place."""
        return problem_error(message, mark, self.sources, hint=hint) if mark else ConfigError(message, hint=hint)

    def report(self, message: str, mark: Mark, *, hint: str = "") -> None:
        """Remember a problem and go on."""
        self.problems.append(Problem(message=message, hint=hint, place=self.sources.place(mark)))


def read_project(path: Path, files: ProjectFiles, environment: Mapping[str, str]) -> MarkedMapping:
    """
    The main file with its imports laid over it. A file that is imported twice counts once.

    Raises:
        ConfigError: If a file cannot be read, or imports itself.
    """
    return _with_imports(path, files, environment, chain=(path,), mark=None, done=set())


def _with_imports(
    path: Path, files: ProjectFiles, environment: Mapping[str, str], *, chain: tuple[Path, ...], mark: Mark | None, done: set[Path]
) -> MarkedMapping:
    tree = read_yaml(files.read(path, mark), files.shown(path), files.sources)
    done.add(path)
    result: JsonValue = tree.copied(leaving_out=("imports",))
    for name, at in _imported_names(tree, files):
        try:
            target = files.confined(_resolved(name, environment), path.parent, at)
        except ConfigError as error:
            files.report(error.problems[0].message, at, hint=error.hint)
            continue
        if target in chain:
            names = [files.shown(step) for step in (*chain[chain.index(target) :], target)]
            raise files.error(f"imports form a cycle: {' → '.join(names)}", at)
        if target in done:
            continue
        if len(chain) > MAX_DEPTH or len(done) >= MAX_FILES:
            raise files.error(f"imports are nested deeper than {MAX_DEPTH}, or more than {MAX_FILES} files", at)
        imported = _with_imports(target, files, environment, chain=(*chain, target), mark=at, done=done)
        result = merged(result, imported, "import")
    assert isinstance(result, MarkedMapping)
    return result


def _imported_names(tree: MarkedMapping, files: ProjectFiles) -> list[tuple[str, Mark]]:
    imports = tree.get("imports")
    if imports is None:
        return []
    if isinstance(imports, str):
        return [(imports, tree.values_at["imports"])]
    if not isinstance(imports, MarkedList):
        files.report("expected a path or a list of paths", tree.values_at["imports"])
        return []
    names = []
    for item, at in zip(imports, imports.items_at, strict=True):
        if isinstance(item, str):
            names.append((item, at))
        else:
            files.report("expected the path of a file", at)
    return names


def _resolved(name: str, environment: Mapping[str, str]) -> str:
    def lookup(found: Placeholder) -> str | Keep:
        return environment_value(found, environment) if found.kind == "environment" else Keep.KEEP

    return str(substituted(name, lookup, final=True))


def with_environment(tree: MarkedMapping, name: str | None, files: ProjectFiles, known_keys: tuple[str, ...]) -> MarkedMapping:
    """
    The tree with `environments.<name>` and then `env.<name>.yaml` laid over it; without a name just without `environments`.

    Raises:
        ConfigError: If neither of the two exists.
    """
    declared = tree.get("environments")
    environments = declared if isinstance(declared, MarkedMapping) else None
    if declared is not None and environments is None:
        files.report("expected names of environments and their overrides", tree.values_at["environments"])
    if environments is not None:
        _check_overrides(environments, files, known_keys)
    result: JsonValue = tree.copied(leaving_out=("environments",))
    if name is None:
        assert isinstance(result, MarkedMapping)
        return result
    beside = {path.name[4:-5]: path for path in sorted(files.directory.glob("env.*.yaml"))}
    if name not in beside and name not in (environments or {}):
        known = {*beside, *(environments or {})}
        raise ConfigError(f"unknown environment '{name}'", code="unknown_environment", hint=suggestion(name, known))
    if environments is not None and isinstance(environments.get(name), MarkedMapping):
        result = merged(result, environments[name], "environment")
    if name in beside:
        path = files.confined(beside[name].name, files.directory, Mark(beside[name].name, 1, 1))
        over = read_yaml(files.read(path), files.shown(path), files.sources)
        _check_keys(over, files, known_keys)
        result = merged(result, over, "environment")
    assert isinstance(result, MarkedMapping)
    return result


def _check_overrides(environments: MarkedMapping, files: ProjectFiles, known_keys: tuple[str, ...]) -> None:
    """Every environment, not only the chosen one: a typo in production's should be found on the laptop."""
    for name, override in environments.items():
        if isinstance(override, MarkedMapping):
            _check_keys(override, files, known_keys)
        elif override is not None:
            files.report("expected keys and values that override the project's", environments.values_at[name])


def _check_keys(override: MarkedMapping, files: ProjectFiles, known_keys: tuple[str, ...]) -> None:
    known = [key for key in known_keys if key not in NOT_IN_ENVIRONMENTS]
    for key in override:
        if key in NOT_IN_ENVIRONMENTS:
            files.report(f"'{key}' cannot be overridden by an environment", override.keys_at[key])
        elif key not in known:
            files.report(f"unknown key '{key}'", override.keys_at[key], hint=suggestion(key, known, what="Known keys"))
