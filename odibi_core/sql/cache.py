"""Compiled queries, remembered: the second run of a pipeline compiles nothing and imports no parser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Protocol

from pydantic import ValidationError

from odibi_core.errors import ServiceError
from odibi_core.ports import CompiledSql, EngineName, Stored
from odibi_core.sql.compiler import COMPILER_VERSION, compile_sql
from odibi_core.sql.dialect import Dialect


class CompiledTexts(Protocol):
    """Where compiled texts are kept: an `ObjectStore` will do."""

    def get(self, path: str) -> Stored | None: ...

    def put(self, path: str, data: bytes) -> None: ...


class SqlCache:
    """
    `compile_sql` with a memory. Its store may be empty, cold or broken: then it compiles, and the caller does not notice.

    A refused text is not remembered: its problems are found again.
    """

    def __init__(self, store: CompiledTexts, prefix: str = "sql") -> None:
        self._store = store
        self._prefix = prefix
        self._known: dict[str, CompiledSql] = {}

    def compile(self, text: str, *, tables: Collection[str], dialect: Dialect = "spark", engine: EngineName = "polars") -> CompiledSql:
        """
        What `compile_sql` returns for the same arguments.

        Raises:
            ConfigError: As `compile_sql`.
        """
        names = sorted({name.lower() for name in tables})
        identity = json.dumps([COMPILER_VERSION, dialect, engine, names, text])
        path = f"{self._prefix}/{hashlib.sha256(identity.encode()).hexdigest()}.json"
        compiled = self._known.get(path) or self._load(path, text, names)
        if compiled is None:
            compiled = compile_sql(text, tables=names, dialect=dialect, engine=engine)
            self._save(path, compiled)
        self._known[path] = compiled
        return compiled

    def _load(self, path: str, text: str, names: list[str]) -> CompiledSql | None:
        try:
            stored = self._store.get(path)
            compiled = CompiledSql.model_validate_json(stored.data) if stored else None
        except (ServiceError, ValidationError):
            return None
        return compiled if compiled and compiled.text == text and set(compiled.tables) <= set(names) else None

    def _save(self, path: str, compiled: CompiledSql) -> None:
        try:
            self._store.put(path, compiled.model_dump_json().encode())
        except ServiceError:
            return  # a run does not fail because its next one will be slower
