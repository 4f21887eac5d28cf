"""Load a project: read, import, override, substitute, check. Every problem is reported, each at its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue, ValidationError

from odibi_core.config.code_files import code_of
from odibi_core.config.dates import resolve_date
from odibi_core.config.dotenv import environment_of
from odibi_core.config.imports import ProjectFiles, read_project, with_environment
from odibi_core.config.marks import Mark, MarkedMapping, canonical, children, locate, mapped, marked, plain
from odibi_core.config.marks import Path as TreePath
from odibi_core.config.notices import notices_of
from odibi_core.config.placeholders import Keep, Lookup, Placeholder, substituted
from odibi_core.config.problems import problems_of, unknown_key
from odibi_core.config.project import ProjectConfig
from odibi_core.config.recipes import with_recipes
from odibi_core.config.rules import check_rules
from odibi_core.config.section import Findings
from odibi_core.config.side_files import with_side_files
from odibi_core.config.sql_text import Dialect, dialect_of, is_sql
from odibi_core.config.trigger_values import check_trigger_values
from odibi_core.config.variables import environment_value
from odibi_core.config.vars import VarsLookup
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen


class LoadedProject(Frozen):
    """A project that may run."""

    config: ProjectConfig = field(repr=False)  # resolved and validated
    tree: Mapping[str, JsonValue] = field(repr=False)  # imports, environment, vars and recipes done; ${VAR}, ${date:…} … as written
    directory: Path  # where the YAML lies; relative paths start here
    environment: str = ""  # the name of the overrides that were applied
    files: Mapping[str, str] = field(default_factory=dict, repr=False)  # text of every sql_file and explanation_file, by its path
    code: Mapping[str, str] = field(default_factory=dict, repr=False)  # text of transforms.py and transforms/*.py, by its path
    secrets: frozenset[str] = field(default=frozenset(), repr=False)  # every value that ${VAR} resolved to
    notices: tuple[str, ...] = ()
    fingerprint: str  # sha256 hex over the canonical tree and the content of every file read


def load_project(path: Path, *, environment: str | None = None, variables: Mapping[str, str] | None = None) -> LoadedProject:
    """
    Load the YAML of a project.

    `environment` names the overrides to lay over it. `variables` is what `${VAR}` is resolved from, by default the process's
    environment; `.env` beside the YAML wins over it.

    Raises:
        ConfigError: With all problems that were found, each with its place.
    """
    path = Path(path).resolve()
    files = ProjectFiles(directory=path.parent)
    values = environment_of(path.parent, variables)
    tree = read_project(path, files, values)
    tree = with_environment(tree, environment, files, tuple(ProjectConfig.spellings()))
    loading = _Loading(files=files, variables=values, main=Mark(path.name, 1, 1))
    tree = loading.without_vars(tree)
    tree = with_recipes(tree, lambda message, mark, hint: files.report(message, mark, hint=hint))
    tree, texts = with_side_files(tree, files, loading.warnings)
    code = code_of(files)
    check_trigger_values(tree, files)
    loading.check_keys(tree)
    resolved = loading.resolved(tree)
    config = loading.validated(resolved)
    if files.problems or config is None:
        raise ConfigError.of(tuple(dict.fromkeys(files.problems)))
    kept = plain(tree)
    assert isinstance(kept, dict)
    return LoadedProject(
        config=config,
        tree=kept,
        directory=path.parent,
        environment=environment or "",
        files=texts,
        code=code,
        secrets=frozenset(loading.secrets),
        notices=tuple(dict.fromkeys([*loading.warnings, *notices_of(config, tree)])),
        fingerprint=_fingerprint(kept, files),
    )


@dataclass
class _Loading:
    """The steps that substitute and check, and what they collect."""

    files: ProjectFiles
    variables: Mapping[str, str]
    main: Mark
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    secrets: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    unresolved: set[Mark] = field(default_factory=set)

    def without_vars(self, tree: MarkedMapping) -> MarkedMapping:
        """The tree with `${vars.…}` replaced, inside `vars` itself too."""
        return self._replaced(tree, VarsLookup(tree.get("vars")), _dialect(tree))

    def check_keys(self, value: JsonValue) -> None:
        """Report keys with placeholders: only values are resolved, and a key that looks otherwise would be a trap."""
        if isinstance(value, MarkedMapping):
            for key in value:
                if "${" in key:
                    self.files.report("a key cannot hold a placeholder", value.keys_at[key], hint="Write the key as it is.")
        for _, item, _ in children(value):
            self.check_keys(item)

    def resolved(self, tree: MarkedMapping) -> MarkedMapping:
        """The tree with the environment and dates put in. What a trigger or a secret store will say stays as written."""

        def lookup(found: Placeholder) -> JsonValue | Keep:
            match found.kind:
                case "environment":
                    value = environment_value(found, self.variables)
                    if value and self.variables.get(found.name) == value:
                        self.secrets.add(value)
                    return value
                case "date":
                    return resolve_date(found.name, found.layout, self.now)
                case "recipe":
                    raise ConfigError(f"'{found.text}' can stand in the template of a recipe only")
                case _:
                    return Keep.KEEP

        return self._replaced(tree, lookup, _dialect(tree), final=True)

    def _replaced(self, tree: MarkedMapping, lookup: Lookup, dialect: Dialect, *, final: bool = False) -> MarkedMapping:
        def change(value: JsonValue, at: Mark, path: TreePath) -> JsonValue:
            if not isinstance(value, str):
                return value
            try:
                return marked(substituted(value, lookup, sql=dialect_of(tree, path, dialect) if is_sql(path) else None, final=final), at)
            except ConfigError as error:
                self.unresolved.add(at)
                self.files.report(error.message, at, hint=error.hint)
                return value

        result = mapped(tree, change, tree.mark)
        assert isinstance(result, MarkedMapping)
        return result

    def validated(self, tree: MarkedMapping) -> ProjectConfig | None:
        """The tree as a project, or None if something is wrong with it."""
        findings, sources = Findings(), self.files.sources
        config: ProjectConfig | None = None
        try:
            config = ProjectConfig.model_validate(tree, context=findings)
        except ValidationError as error:
            self.files.problems.extend(problems_of(error, tree, sources, unresolved=self.unresolved, unknown=findings.unknown))
        for found in findings.unknown:
            problem = unknown_key(found, sources, self.main)
            if found.lenient and tree.get("strict") is False:
                self.warnings.append(str(problem))
            else:
                self.files.problems.append(problem)

        def report(path: TreePath, message: str, hint: str) -> None:
            self.files.report(message, locate(tree, path, tree.mark), hint=hint)

        check_rules(tree, report)
        return config


def _dialect(tree: MarkedMapping) -> Dialect:
    return "duckdb" if tree.get("sql_dialect") == "duckdb" else "spark"


def _fingerprint(tree: JsonValue, files: ProjectFiles) -> str:
    content = canonical({"tree": tree, "files": dict(sorted(files.digests.items()))})
    return hashlib.sha256(content.encode()).hexdigest()
