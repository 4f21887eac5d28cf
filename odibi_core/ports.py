"""Every seam with more than one real adapter, on one page. A dependency with one method is a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import JsonValue

from odibi_core.errors import DataError, PermanentServiceError, TransientServiceError
from odibi_core.events import AnyRunEvent, Column, RunEvent, Unparsed
from odibi_core.frozen import Frozen
from odibi_core.messages import FileVersion, QueuedCommand, RunNode
from odibi_core.model import Record

if TYPE_CHECKING:
    import narwhals as nw

    Frame = nw.LazyFrame[Any]
else:
    Frame = Any

EngineName = Literal["polars", "spark"]
WriteMode = Literal["overwrite", "append", "upsert", "append_once", "merge", "error", "ignore"]
ChangedColumns = Literal["fail", "evolve", "rescue"]  # what becomes of a column that is of another type than the target's
DATABASE_FORMATS = frozenset({"sql", "sql_server", "azure_sql"})  # of a read whose rows a database gives
# What a step does to the number of rows of its input: those left out, and how; "changed" is anything else, such as a join or groups.
RowEffect = Literal["same", "filtered", "deduplicated", "joined_out", "changed"]
DateFormat = Literal["oracle", "oracle_sqlserver", "sql_server", "us", "eu", "iso"]
Scalar = int | float | str | datetime | None
Clock = Callable[[], datetime]  # aware, UTC
EventSink = Callable[[AnyRunEvent], None]  # safe to call twice with the same event


class WriteConflictError(TransientServiceError):
    """Another writer committed between the opening of the table and our commit: read again and recompute."""

    code = "write_conflict"


class FencedError(PermanentServiceError):
    """This node was given up and its target closed to it."""

    code = "fenced"


FENCED = 1 << 62  # the transaction version of a node that was given up; larger than any other, so that Spark skips it too


class FileChangedError(DataError):
    """A file is not the version that its event announced. `gone` tells a deleted file from a rewritten one."""

    code = "file_changed"

    def __init__(self, message: str, *, gone: bool, hint: str = "", file: FileVersion | None = None) -> None:
        super().__init__(message, hint=hint)
        self.gone = gone
        self.file = file  # the version that is no more


class Location(Frozen):
    """A place that an engine can open: a connection's URI with what is needed to get in."""

    connection: str
    path: str  # inside the connection
    uri: str  # abfss://…, or an absolute file path; no credentials
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # object store options, with secrets

    @property
    def name(self) -> str:
        """How people and reports call it."""
        return f"{self.connection}/{self.path}"


class Window(Frozen):
    """
    The rows of one incremental load: after < column <= until. None leaves a side open.

    A load with no lower bound is a first one: it also takes the rows without a value.
    """

    column: str
    after: Scalar
    until: Scalar
    fallback_column: str | None = None
    inclusive: bool = False  # `after` itself is inside
    as_time: bool = False  # the column holds times, even if they are texts
    date_format: DateFormat | None = None  # how a column of texts writes its times; None: as ISO 8601


class CompiledSql(Record):
    """One SELECT, ready for each engine: portable text was parsed and checked when the run was planned."""

    text: str  # as the author wrote it
    polars: str  # a tree, as JSON
    spark: str
    tables: tuple[str, ...]  # the inputs it reads, lower case
    clock: bool = False  # it reads the clock
    at: datetime | None = None  # what CURRENT_TIMESTAMP means: the run's logical time


class Rescue(Frozen):
    """Where rows of a text go that do not parse. See `config.rescue` for what is a bad record."""

    mode: Literal["permissive", "drop", "fail"] = "permissive"
    corrupt_column: str | None = None
    rescued_column: str | None = None
    archive: bool = False  # bad records are handed back, whatever the mode

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold raw text."""
        return tuple(name for name in (self.corrupt_column, self.rescued_column) if name is not None)


class BadRecords(Frozen):
    """The records of one file that were set aside, one JSON object a line, until the engine's temporary files go."""

    file: FileVersion
    path: Path


class Source(Frozen):
    """What to scan."""

    location: Location
    format: str
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    files: tuple[FileVersion, ...] | None = None  # exactly these versions; None: whatever the location names now
    version: int | None = None  # of a Delta table; None: the newest
    as_of: datetime | None = None  # of a Delta table: as it was then
    window: Window | None = None
    file_column: str | None = None  # add the file's path under this name
    queries: tuple[CompiledSql, ...] = ()  # over files and tables, each on the rows of the one before, all before the window
    names: frozenset[str] = frozenset({"df"})  # how the queries call the source
    query: str | None = None  # for a database, in its own SQL; None: the table that the location names
    landing: str | None = None  # for a web API: where in the system store its answers are landed
    at: datetime | None = None  # for a web API: the time of the run, which its params may name
    filter: str | None = None  # for a database: a condition on the rows of the query or table
    rescue: Rescue | None = None  # rows that do not parse; None: they fail the read


class Scanned(Frozen):
    """A lazy frame and what is known about it without reading a row."""

    frame: Frame
    version: int | None = None
    rows: int | None = None
    files: tuple[FileVersion, ...] = ()
    unparsed: Unparsed | None = None  # None: nothing was to be rescued
    bad_records: tuple[BadRecords, ...] = ()


class Cached(Frozen):
    """A frame computed once, and counts that the same pass over the data gave."""

    frame: Frame
    rows: int
    counts: Mapping[str, int]
    columns: tuple[Column, ...]
    answer: Mapping[str, Any] = field(default_factory=dict)  # the one row of what was asked


class MergeRules(Frozen):
    """What a merge does with rows that meet, and with those that do not; SQL over `source` and `target`. None: always."""

    update: str | None = None
    insert: str | None = None
    delete: str | None = None  # rows of the target that meet one and for which it is true; None: none
    inserted_only: tuple[str, ...] = ()  # columns that an update leaves as they are


class Expiry(Frozen):
    """Rows that have been kept long enough."""

    column: str  # says when a row came, as ISO 8601 text in UTC
    before: str  # older rows go


class Upkeep(Frozen):
    """What is done to a table after a commit, if nobody else works on it."""

    zorder_by: tuple[str, ...] = ()
    compact: bool = False
    vacuum_hours: int | None = None
    expiry: Expiry | None = None


class Target(Frozen):
    """Where to write, how, and under which identity."""

    location: Location
    format: str
    mode: WriteMode
    transaction: str  # the application id of this node of this run: present in the table means written
    keys: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    merge_schema: bool = False
    overwrite_schema: bool = False
    replace_where: str | None = None  # an overwrite replaces these rows only, by SQL
    merge: MergeRules | None = None
    upkeep: Upkeep | None = None
    as_computed: bool = True  # the rows go in as the node computed them, with no columns that nodes behind do not see
    properties: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    evolves: bool = False  # columns follow the rows: new ones are added, and where types do not fit a column becomes text
    on_changed: ChangedColumns | None = None  # a column is of another type than it was; None: as the format has always done
    watched: bool = False  # a file's columns are compared with those that it had; a table's always are
    rescue_column: str = ""  # gets the values that `rescue` finds
    over_present: bool = False  # the new rows are made of the present ones: commit over exactly those, or be refused (`Sink.present`)


class WriteReceipt(Frozen):
    """What a commit did."""

    rows: int | None
    version: int | None
    created: bool = False
    columns: tuple[Column, ...] = ()
    before: tuple[Column, ...] = ()  # the columns that were there; none: nothing was, or it is not known
    rescued: int = 0  # rows with a value in the target's rescue column
    facts: Mapping[str, str] = field(default_factory=dict)  # what the writer put into the commit: see Sink.write
    recovered: bool = False


class Sink(Protocol):
    """
    An opened target: its state when it was opened, and a commit that fails if that state has changed since.

    Open it before reading any input. The transaction is looked up on the very handle that commits, which makes look-up and commit
    one atomic step: of two workers that both saw it absent, one commit is refused (facts: Delta protocol, "Transaction Identifiers").
    """

    exists: bool  # the target was there when it was opened, and somebody had written it

    def committed(self) -> WriteReceipt | None:
        """
        The receipt of an earlier commit under the same transaction, or None.

        Raises:
            FencedError: If this node was closed: its run was told that it failed, so it must not write any more.
        """
        ...

    def transaction(self, application: str) -> int | None:
        """The version committed under an application id, FENCED, or None."""
        ...

    def present(self) -> Scanned | None:
        """
        The rows as they were when the target was opened; None if it was not there.

        Raises:
            DataError: If it is there and cannot be read: that is never a first load.
        """
        ...

    def rehearse(self, frame: Frame) -> None:
        """Raise the DataError with which `write` would refuse the rows, and write nothing. Others may still come in between."""
        ...

    def write(self, frame: Frame, facts: Mapping[str, str], *, sequence: int = 1, marks: Mapping[str, int] | None = None) -> WriteReceipt:
        """
        Commit the frame with the target's transactions; `facts` (numbers, no data) go into the commit's metadata.

        `sequence` is the version of the node's transaction: of a load, the number of its window. `marks` are further versions by
        application id, that never expire.

        Raises:
            WriteConflictError: If somebody else committed since the opening in a way that matters; nothing was written.
            SchemaMismatchError: If columns or types do not fit the table.
        """
        ...

    def maintain(self) -> str:
        """After a commit: do the target's upkeep. Never raises; what could not be done comes back as text."""
        ...

    def fence(self, application: str) -> None:
        """
        Commit no rows, only an application id, as FENCED: a worker that holds an older handle is refused from now on.

        Raises:
            WriteConflictError: If that application committed meanwhile.
        """
        ...


class Engine(Protocol):
    """Where frames are computed: Polars in this process, or Spark."""

    name: EngineName

    def scan(self, source: Source) -> Scanned:
        """Open a source lazily: its schema is known, no row was read."""
        ...

    def sql(self, query: CompiledSql, tables: Mapping[str, Frame]) -> Frame:
        """One SELECT over the given frames and nothing else."""
        ...

    def cache(self, frame: Frame, counting: Mapping[str, Frame], asking: Frame | None = None) -> Cached:
        """Compute once, so that it can be read many times; count other frames and ask for a single row in the same pass."""
        ...

    def maximum(self, frame: Frame, window: Window) -> Scalar:
        """The largest value of a window's column, or of its fallback where that is null; None if there is no value."""
        ...

    def fingerprint(self, frame: Frame, columns: Sequence[str] | None) -> str:
        """SHA-256 of the rows, in hex: the same rows in any order give the same text in every process. None counts all columns."""
        ...

    def open(self, target: Target) -> Sink:
        """Open a target before its inputs are read; creates a missing table as an empty one when the first write comes."""
        ...


class Stored(Frozen):
    """An object and the tag of its version."""

    data: bytes
    etag: str


class ObjectStore(Protocol):
    """Small objects, strongly consistent. Local folder, ADLS, memory."""

    def get(self, path: str) -> Stored | None: ...

    def put(self, path: str, data: bytes, *, content_type: str = "application/octet-stream") -> None: ...

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Of two callers exactly one gets True; readers never see half an object."""
        ...

    def replace(self, path: str, data: bytes, *, etag: str) -> str | None:
        """Write only over the version that was read. The new version's tag, or None if another version was there."""
        ...

    def list(self, prefix: str) -> Iterable[str]:
        """Paths under a prefix, sorted."""
        ...

    def delete(self, path: str) -> None:
        """Remove an object; a missing one is fine."""
        ...


class MessageQueue(Protocol):
    """Where commands go. Receiving is the host's job."""

    def send(self, commands: Sequence[QueuedCommand], *, delay: timedelta = timedelta(0)) -> None: ...


class Connections(Protocol):
    """The connections of one plan, resolved where the work happens."""

    def locate(self, connection: str, path: str) -> Location:
        """
        Raises:
            ConfigError: If the connection is unknown or the path leaves it.
        """
        ...

    def files(self, connection: str, prefix: str) -> Iterable[FileVersion]:
        """The files under a prefix as they are now."""
        ...

    def store(self, connection: str, path: str) -> ObjectStore:
        """The same place as a store of objects (stories, archives)."""
        ...


class JobSubmitter(Protocol):
    """Runs a node elsewhere (Spark). The token makes a repeated submission the same job."""

    def submit(self, command: RunNode, *, token: str) -> str: ...

    def state(self, job: str) -> Literal["running", "succeeded", "failed", "gone"]: ...

    def cancel(self, job: str) -> None: ...


SecretSource = Callable[[str], str]  # name → value; raises TransientServiceError or PermanentServiceError
Report = Callable[["ReportBatch"], None]  # safe to call twice with the same batch


class ReportBatch(Frozen):
    """Runs that ended and are not yet in a report. A batch that is tried again is the same batch with the same number."""

    sequence: int  # 1, 2, 3 … per report
    runs: tuple[tuple[RunEvent, ...], ...]  # the events of each run: RunStarted first, RunFinished last
