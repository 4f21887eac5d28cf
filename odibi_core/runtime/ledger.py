"""The file ledger: which version of which file went into which run. A version belongs to one run of a pipeline, for ever."""

from __future__ import annotations

from collections.abc import Iterable

from odibi_core.messages import BlobArrived, DatasetWritten, FileVersion, Requested, RunId, StartRun, digest
from odibi_core.model import Record
from odibi_core.ports import ObjectStore


class Entry(Record):
    """A file version and the run that owns it."""

    file: FileVersion
    run_id: RunId
    ignored: bool = False  # it is not taken, because that run has taken another version of its path (`on_rewrite: ignore`)


class FileLedger:
    """
    Claims of file versions in an object store, put if absent.

    The command that claims is stored first and deleted when its plan is frozen: what is left there took files and died, and can be
    started again as that very run. So a claimed file is never lost; and neither is a command that must not be, whatever its cause.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def claim(self, command: StartRun) -> StartRun | None:
        """
        Take the files of a cause for its run.

        Returns:
            The command with the files that are its own: all of them, fewer, or the command itself if its cause has no files.
            None if files arrived and every one of them belongs to another run.
        """
        cause = command.cause
        if not isinstance(cause, BlobArrived | Requested) or not cause.files:
            return command
        self.keep(command)
        mine = tuple(file for file in cause.files if self._take(command, file))
        if not mine:
            return None
        return command if mine == cause.files else command.model_copy(update={"cause": cause.without_others(mine)})

    def keep(self, command: StartRun) -> None:
        """Remember a command until its plan is frozen. Safe to say twice."""
        self._store.put_if_absent(_kept(command.run_id), command.model_dump_json().encode())

    def _take(self, command: StartRun, file: FileVersion) -> bool:
        path = _path(command, file)
        entry = Entry(file=file, run_id=command.run_id)
        if self._store.put_if_absent(path, entry.model_dump_json().encode()):
            return True
        owner = self._owner(path)
        return owner == command.run_id

    def ignore(self, command: StartRun, file: FileVersion, owner: str) -> None:
        """Record that a version is not taken, because a run has another version of its path."""
        self._store.put_if_absent(_path(command, file), Entry(file=file, run_id=owner, ignored=True).model_dump_json().encode())

    def retake(self, command: StartRun, file: FileVersion) -> None:
        """Record that another run goes on with a version, beside the one that has taken it."""
        again = _path(command, file).replace(".json", f".{command.run_id}.json")
        self._store.put_if_absent(again, Entry(file=file, run_id=command.run_id).model_dump_json().encode())

    def other_versions(self, command: StartRun, file: FileVersion) -> tuple[Entry, ...]:
        """The claims of other versions of a file's path by the command's pipeline, with those of runs that went on with them."""
        found = (self._store.get(path) for path in self._store.list(_of_path(command, file)))
        entries = [Entry.model_validate_json(stored.data) for stored in found if stored is not None]
        return tuple(entry for entry in entries if not entry.ignored and entry.file.etag != file.etag)

    def planned(self, run_id: str) -> None:
        """The plan of a run is frozen: its command is not needed any more."""
        self._store.delete(_kept(run_id))

    def unplanned(self) -> tuple[StartRun, ...]:
        """Commands that were kept and never became a plan: their worker died in between, or is just at it."""
        found = (self._store.get(path) for path in self._store.list("commands/"))
        return tuple(StartRun.model_validate_json(stored.data) for stored in found if stored is not None)

    def owner(self, command: StartRun, file: FileVersion) -> str | None:
        """The run that a file version belongs to, or None."""
        return self._owner(_path(command, file))

    def _owner(self, path: str) -> str | None:
        stored = self._store.get(path)
        return None if stored is None else Entry.model_validate_json(stored.data).run_id

    def unclaimed(self, command: StartRun, files: Iterable[FileVersion]) -> tuple[FileVersion, ...]:
        """Those file versions that belong to no run of the command's pipeline."""
        known = set(self._store.list(_home(command)))
        return tuple(file for file in files if _path(command, file) not in known)


def files_of(command: StartRun) -> tuple[FileVersion, ...]:
    """The files of a command's cause."""
    return command.cause.files


def is_kept(command: StartRun) -> bool:
    """Whether a command of this kind is kept until its plan is frozen."""
    return bool(files_of(command)) or isinstance(command.cause, DatasetWritten)


def scope_of(command: StartRun) -> str:
    """A path for what belongs to a command's pipeline: projects and environments may share a store."""
    scope = "/".join(part for part in (command.project, command.environment) if part)
    return f"{digest(scope)[:12]}/{command.pipeline}"


def _kept(run_id: str) -> str:
    return f"commands/{run_id}.json"


def _home(command: StartRun) -> str:
    return f"files/{scope_of(command)}/"


def _path(command: StartRun, file: FileVersion) -> str:
    return f"{_of_path(command, file)}{digest(file.connection, file.path, file.etag)}.json"


def _of_path(command: StartRun, file: FileVersion) -> str:
    """What the versions of one path have in common, so that one listing finds them."""
    return f"{_home(command)}{digest(file.connection, file.path)}-"
