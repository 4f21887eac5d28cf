"""The functions that a node may call: the built-in ones, and those that the project's authors wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from odibi_core.errors import OdibiError
from odibi_core.registry import Registry
from odibi_core.transforms.authors import failed
from odibi_core.transforms.contract import OPERATIONS, TRANSFORMS, Transform
from odibi_core.transforms.loading import digest_of, load_functions, where_in

CallKind = Literal["transformer", "function", "operation"]


class Library:
    """
    Functions by name. The authors' own are loaded when a name is asked for that is not built in.

    `code` gives the text of each of the authors' files by its path below `directory`; see `load_functions`. Names that are `taken`
    elsewhere cannot be declared.
    """

    def __init__(
        self, code: Callable[[], Mapping[str, str]] = dict, directory: Path = Path(), *, taken: frozenset[str] = frozenset()
    ) -> None:
        self._code = code
        self._directory = directory
        self._taken = taken

    def own(self) -> Registry[Transform]:
        """
        The authors' functions.

        Raises:
            ConfigError: If their files cannot be loaded, with every problem.
        """
        return load_functions(self._code(), self._directory, taken=self._taken)

    def changed_since(self, code: str, calls: Mapping[str, CallKind]) -> tuple[str, ...]:
        """Which of these calls are of authors' functions, if the content of their files is not the one that `code` identifies."""
        if not code or code == digest_of(self._code()):
            return ()
        ours = {entry.name for entry in TRANSFORMS} | self._taken
        return tuple(name for name, kind in calls.items() if name not in ours and not (kind == "operation" and name in OPERATIONS))

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """
        While it lasts frames are computed: what the authors' code raises only then is told as theirs, too.

        Raises:
            ConfigError: If a foreign error came from their files.
        """
        try:
            yield
        except OdibiError:
            raise
        except Exception as error:
            where = where_in(error, self._directory, self._code())
            if not where:
                raise
            raise failed("a function of the project", error, where) from None

    def bind(self, kind: CallKind, name: str, params: Mapping[str, JsonValue]) -> tuple[Transform, Any]:
        """
        The function and its validated parameters. An operation may also be any transform.

        Raises:
            ConfigError: If the name is unknown, a parameter is wrong, or the authors' files cannot be loaded.
        """
        if kind == "operation" and name in OPERATIONS:
            return OPERATIONS.bind(name, params)
        if name in TRANSFORMS:
            return TRANSFORMS.bind(name, params)
        own = self.own()
        if name in own:
            return own.bind(name, params)
        known = OPERATIONS if kind == "operation" else TRANSFORMS
        return known.joined(own).bind(name, params)
