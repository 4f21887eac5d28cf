"""
Load the authors' files: under private names, once for each content, and with every problem at its line.

The texts were read before (they are part of the project's fingerprint), so what runs is what was read. A file may import another one of the
folder: `from .other import helper`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import PydanticUserError

from odibi_core.errors import ConfigError, Place, Problem
from odibi_core.registry import Registry
from odibi_core.transforms.authors import adapted, declared_in
from odibi_core.transforms.contract import TRANSFORMS, Transform

_LOCK = threading.Lock()  # of `sys.meta_path` and `sys.modules`, which the whole process shares
_TELLING = (ImportError, NameError, AttributeError)  # their texts are about code, never about data


def load_functions(code: Mapping[str, str], directory: Path, *, taken: frozenset[str] = frozenset()) -> Registry[Transform]:
    """
    The functions that the files declare. `code` has the text of each file by its path below `directory`; `taken` are names besides those
    of the transforms that cannot be declared.

    Raises:
        ConfigError: With code `functions`, and every problem that was found with its file and line.
    """
    with _LOCK:
        return _loaded(directory, tuple(sorted(code.items())), taken)


def digest_of(code: Mapping[str, str]) -> str:
    """What identifies the content of the files."""
    return hashlib.sha256(json.dumps(dict(sorted(code.items()))).encode()).hexdigest()


def where_in(error: BaseException, directory: Path, code: Mapping[str, str]) -> str:
    """Where in the files of a project an error came from, as the end of a sentence; empty if it did not come from them."""
    steps = [*_steps(error, directory, code)]
    return f" at {steps[-1][0]}:{steps[-1][1]}" if steps else ""


def _steps(error: BaseException, directory: Path, code: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for step in traceback.extract_tb(error.__traceback__):
        shown = _shown(step.filename, directory, code)
        if shown is not None:
            yield shown, step.lineno or 1


def _shown(filename: str, directory: Path, code: Mapping[str, str]) -> str | None:
    path = Path(filename)
    name = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else ""
    return name if name in code else None


@lru_cache(maxsize=8)
def _loaded(directory: Path, code: tuple[tuple[str, str], ...], taken: frozenset[str]) -> Registry[Transform]:
    if not code:
        return Registry("transform")
    return _Project(directory, dict(code), taken).functions()


class _Project:
    """The modules of one project while they are loaded."""

    def __init__(self, directory: Path, code: Mapping[str, str], taken: frozenset[str]) -> None:
        self.directory, self.code, self.taken = directory, code, taken
        self.root = f"_odibi_{digest_of({**code, '': str(directory)})[:16]}"
        self.files = {self._module(name): name for name in code}
        self.problems: dict[Problem, None] = {}

    def functions(self) -> Registry[Transform]:
        """The functions of all files."""
        registry: Registry[Transform] = Registry("transform")
        homes: dict[str, str] = {}
        with self._importable():
            for module in map(self._imported, self.files):
                for function in () if module is None else _declared(module):
                    self._register(registry, function, homes)
        if self.problems:
            self._forget()
            found = tuple(self.problems)
            first = ConfigError.of(found)
            raise ConfigError(first.message, code="functions", hint=first.hint, problems=found)
        return registry

    def _module(self, name: str) -> str:
        stem = name.removesuffix(".py").replace("/", ".")
        return f"{self.root}.file" if name == "transforms.py" else f"{self.root}.{stem.removesuffix('.__init__')}"

    def _imported(self, module: str) -> ModuleType | None:
        try:
            return import_module(module)
        except (Exception, SystemExit) as error:  # noqa: BLE001  the border to the authors' code: whatever it raises is their problem
            self._complain(error, self.files[module])
            return None

    def _register(self, registry: Registry[Transform], function: Any, homes: dict[str, str]) -> None:
        declared = declared_in(function)
        assert declared is not None  # `_declared` gives no others
        file, line = self._home(function)
        if declared.name in TRANSFORMS or declared.name in self.taken or declared.name in registry:
            other = homes.get(declared.name, "")
            message = f"transform '{declared.name}' is built in" if not other else f"transform '{declared.name}' is declared twice"
            hint = 'Give it another name: @transform("my_name").' if not other else f"The other one: {other}."
            self._tell(message, file, line, hint)
            return
        try:
            call, model = adapted(function, declared, place=self._where)
        except (TypeError, NameError, PydanticUserError) as error:
            text = str(error).splitlines()[0] if not isinstance(error, PydanticUserError) else "an annotation is no type of a parameter"
            self._tell(f"function '{function.__name__}' cannot be used: {text}", file, line)
            return
        registry.register(declared.name, model)(call)
        homes[declared.name] = f"{file}:{line}"

    # ── where something is ──

    def _home(self, function: Any) -> tuple[str, int]:
        code = inspect.unwrap(function).__code__
        return self._shown(code.co_filename) or code.co_filename, code.co_firstlineno

    def _shown(self, filename: str) -> str | None:
        return _shown(filename, self.directory, self.code)

    def _where(self, error: BaseException) -> str:
        return where_in(error, self.directory, self.code)

    def _complain(self, error: BaseException, file: str) -> None:
        file, line = ([*_steps(error, self.directory, self.code)] or [(file, 1)])[-1]
        text, column = type(error).__name__, 1
        if isinstance(error, SyntaxError) and (shown := self._shown(error.filename or "")):
            file, line, column, text = shown, error.lineno or 1, error.offset or 1, f"SyntaxError: {error.msg}"
        elif isinstance(error, _TELLING):
            text = f"{text}: {error}".replace(f"{self.root}.", "")
        hint = "Write 'from odibi_core.transforms import transform'." if getattr(error, "name", None) == "odibi" else ""
        self._tell(f"the file cannot be loaded: {text}", file, line, hint, column=column)

    def _tell(self, message: str, file: str, line: int, hint: str = "", *, column: int = 1) -> None:
        lines = self.code.get(file, "").splitlines()
        excerpt = lines[line - 1].rstrip() if 0 < line <= len(lines) else ""
        self.problems[Problem(message=message, hint=hint, place=Place(file=file, line=line, column=column, excerpt=excerpt))] = None

    # ── importing ──

    @contextmanager
    def _importable(self) -> Iterator[None]:
        """While it lasts the project's modules, and they alone, are found under their private names."""
        finder = _Finder(self.root, {module: (self.directory / file, self.code[file]) for module, file in self.files.items()})
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)

    def _forget(self) -> None:
        for name in [name for name in sys.modules if name == self.root or name.startswith(f"{self.root}.")]:
            del sys.modules[name]


class _Finder(MetaPathFinder):
    """Finds the modules of one project."""

    def __init__(self, root: str, sources: Mapping[str, tuple[Path, str]]) -> None:
        self.packages = (root, f"{root}.transforms")
        self.sources: dict[str, tuple[Path | None, str]] = {**dict.fromkeys(self.packages, (None, "")), **sources}

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if fullname not in self.sources:
            return None
        file, text = self.sources[fullname]
        is_package = fullname in self.packages
        return spec_from_loader(fullname, _TextLoader(file, text), origin=None if file is None else str(file), is_package=is_package)


class _TextLoader(Loader):
    """Runs a module from its text, so that no compiled file of an older text can stand in for it."""

    def __init__(self, file: Path | None, text: str) -> None:
        self.file, self.text = file, text

    def exec_module(self, module: ModuleType) -> None:
        if self.file is not None:
            module.__file__ = str(self.file)
            exec(compile(self.text, str(self.file), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  the authors' own code, from the project's folder


def _declared(module: ModuleType) -> list[Any]:
    """The decorated functions that a module defines; what it imports is another one's."""
    found = {id(value): value for value in vars(module).values() if declared_in(value) and value.__module__ == module.__name__}
    return list(found.values())
