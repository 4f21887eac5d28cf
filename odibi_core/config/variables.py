"""`${…}` in parsed scalars: environment, variables of the project, dates, and what the trigger says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime

from pydantic import JsonValue

from odibi_core.config.dates import resolve_date
from odibi_core.config.marks import Path
from odibi_core.config.placeholders import Keep, Placeholder, protected, substituted
from odibi_core.config.places import suggestion
from odibi_core.config.sql_text import Dialect, dialect_of, is_sql
from odibi_core.errors import ConfigError, Problem
from odibi_core.frozen import Frozen


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Scope(Frozen):
    """What placeholders are resolved from."""

    environment: Mapping[str, str] = field(repr=False)
    now: datetime = field(default_factory=_utc_now)  # the run's logical time, aware, UTC
    trigger: Mapping[str, JsonValue] = field(default_factory=dict)
    sql_dialect: Dialect = "spark"
    keeps_environment: bool = False  # leave `${VAR}` as it is written

    def for_plan(self) -> Scope:
        """
        The same, but environment variables stay as they are written: what a plan may store.

        Values that are put in are protected: a file whose name holds `${VAR}` does not become a placeholder when the plan is
        resolved again.
        """
        return replace(self, keeps_environment=True)


def resolve(value: JsonValue, scope: Scope) -> JsonValue:
    """
    Put values in the place of `${VAR}`, `${env:VAR}`, `${VAR:-default}`, `${date:…}` and `${trigger.…}` in every text of a tree.

    A text that is one placeholder takes the value's type; an environment value is always text and never looked at again, so it
    cannot inject structure or further placeholders. In texts that are SQL by their key, values become literals; for a SQL text
    that stands alone use `resolve_sql`. `${secret:…}` stays: secrets are fetched where they are used.

    Raises:
        ConfigError: With one problem for each placeholder that has no value.
    """
    problems: list[Problem] = []
    lookup = _lookup(scope)

    def change(text: str, path: Path) -> JsonValue:
        try:
            sql = dialect_of(value, path, scope.sql_dialect) if is_sql(path) else None
            return substituted(text, lookup, sql=sql, final=not scope.keeps_environment)
        except ConfigError as error:
            problems.extend(error.problems)
            return text

    result = _changed(value, change, ())
    if problems:
        raise ConfigError.of(tuple(problems))
    return result


def resolve_sql(text: str, scope: Scope) -> str:
    """
    Put values into a SQL text, as literals or as escaped parts of the literal they stand in.

    Raises:
        ConfigError: If a placeholder has no value, or one that cannot be made safe where it stands.
    """
    return str(substituted(text, _lookup(scope), sql=scope.sql_dialect, final=True))


def environment_value(placeholder: Placeholder, environment: Mapping[str, str]) -> str:
    """
    The value of `${NAME}`, or the default of `${NAME:-default}` when the variable is missing or empty.

    Raises:
        ConfigError: If there is neither.
    """
    value = environment.get(placeholder.name)
    if placeholder.default is not None:
        return value or placeholder.default
    if value is None:
        raise ConfigError(
            f"missing environment variable '{placeholder.name}'",
            code="missing_variable",
            hint=f"Set it, or write '${{{placeholder.name}:-default}}'.",
        )
    return value


def _lookup(scope: Scope) -> Callable[[Placeholder], JsonValue | Keep]:
    def lookup(found: Placeholder) -> JsonValue | Keep:
        match found.kind:
            case "environment" if not scope.keeps_environment:
                return environment_value(found, scope.environment)
            case "date":
                return resolve_date(found.name, found.layout, scope.now)
            case "trigger":
                if found.name not in scope.trigger:
                    raise ConfigError(
                        f"the trigger of this run has no value '{found.name}'", hint=suggestion(found.name, scope.trigger, what="It has")
                    )
                value = scope.trigger[found.name]
                return protected(value) if scope.keeps_environment else value
            case _:
                return Keep.KEEP

    return lookup


def _changed(value: JsonValue, change: Callable[[str, Path], JsonValue], path: Path) -> JsonValue:
    if isinstance(value, dict):
        return {key: _changed(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, change, (*path, index)) for index, item in enumerate(value)]
    return change(value, path) if isinstance(value, str) else value
