"""Rows that did not parse: what is set aside goes into its archive before the commit, once per run, and the story tells of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from odibi_core.config import ReadConfig
from odibi_core.events import DatasetRead, Unparsed
from odibi_core.frozen import Frozen
from odibi_core.messages import digest
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import BadRecords, Connections, Scanned, Target, WriteReceipt

_PART_BYTES = 32 * 1024 * 1024  # of one object; so much is held at once


class Archive(Frozen):
    """The bad records of one read and the folder for them: `{badRecordsPath}/{run}/bad_records`, as Spark's readers look for it."""

    connection: str
    folder: str
    records: tuple[BadRecords, ...]
    alias: str

    @property
    def name(self) -> str:
        """How people and reports call the folder."""
        return f"{self.connection}/{self.folder}"

    def write(self, connections: Connections, node: PlannedNode) -> None:
        """
        Put the records there. Names follow from run, node and file version, so who does it again writes the same objects over.

        Raises:
            ServiceError: If the store cannot be reached: then the node has written nothing yet.
        """
        if not self.records:
            return
        store = connections.store(self.connection, self.folder)
        for found in self.records:
            version = digest(found.file.connection, found.file.path, found.file.etag)
            for number, part in enumerate(_parts(found.path)):
                store.put(f"{node.name}.{self.alias}-{version}-{number:05d}.json", part, content_type="application/x-ndjson")


def archive_of(read: ReadConfig, alias: str, plan: Plan, scanned: Scanned) -> Archive | None:
    """Where the bad records of a read go; None if it has no archive."""
    path = None if read.rescue is None else read.rescue.bad_records_path
    if path is None or read.connection is None:
        return None
    return Archive(connection=read.connection, folder=f"{path}/{plan.run_id}/bad_records", records=scanned.bad_records, alias=alias)


def with_place(unparsed: Unparsed | None, archive: Archive | None) -> Unparsed | None:
    """The counts of a read with the place of its archive, if something is there. None if there was nothing to rescue."""
    if unparsed is None or not unparsed.rows:
        return None
    return unparsed if archive is None or not unparsed.archived else unparsed.model_copy(update={"archive": archive.name})


def unparsed_warnings(reads: Sequence[DatasetRead]) -> tuple[str, ...]:
    """What the reader of the story must know, a line for each source with rows that did not parse."""
    return tuple(text for read in reads if (text := _told(read)))


def rescue_warnings(receipt: WriteReceipt, target: Target) -> tuple[str, ...]:
    """The same for values that did not fit the target's types."""
    if not receipt.rescued:
        return ()
    rows = "1 row has" if receipt.rescued == 1 else f"{receipt.rescued:,} rows have"
    return (f"{rows} values of another type than '{target.location.name}': they are in column '{target.rescue_column}'",)


def _told(read: DatasetRead) -> str:
    found = read.unparsed
    if found is None:
        return ""
    parts = [
        (found.rescued, "with fields in the rescue column"),
        (found.kept, "kept with what could be read"),
        (found.archived, f"archived in '{found.archive}'"),
        (found.dropped, "dropped, as the read says"),
    ]
    rows = "1 row" if found.rows == 1 else f"{found.rows:,} rows"
    return f"{rows} of '{read.dataset}' did not parse: {', '.join(f'{count:,} {what}' for count, what in parts if count)}"


def _parts(path: Path) -> Iterator[bytes]:
    """The lines of a file, a good deal of them at once."""
    with path.open("rb") as source:
        while lines := source.readlines(_PART_BYTES):
            yield b"".join(lines)
