"""The engine against a real blob service: pinned downloads, tables with their races, and files as one put."""

from __future__ import annotations

import dataclasses
import gzip

import narwhals as nw
import polars as pl
import pytest

from odibi_core.engines.polars import PolarsEngine, delta_sink
from odibi_core.errors import DataError, PermanentServiceError, SchemaMismatchError
from odibi_core.messages import FileVersion
from odibi_core.ports import FENCED, FencedError, FileChangedError, Location, MergeRules, Rescue, Source, Target, Upkeep, WriteConflictError

pytestmark = pytest.mark.cloud

ROWS = pl.DataFrame({"id": [1, 2], "v": ["a", "b"]})
MORE = pl.DataFrame({"id": [2, 3], "v": ["B", "c"]})


@pytest.fixture(scope="module")
def azurite(tmp_path_factory):
    from odibi_local.azurite import AzuriteProcess

    with AzuriteProcess(location=tmp_path_factory.mktemp("azurite")) as process:
        yield process


@pytest.fixture(scope="module")
def container(azurite):
    from azure.storage.blob import BlobServiceClient

    client = BlobServiceClient.from_connection_string(azurite.connection_string).get_container_client("lake")
    client.create_container()
    return client


def _by_key(azurite):
    return {
        "account_name": azurite.account_name,
        "account_key": azurite.account_key,
        "azure_storage_endpoint": azurite.blob_endpoint,
        "allow_http": "true",
        "timeout": "120s",
        "connect_timeout": "10s",
        "max_retries": "5",
        "retry_timeout": "60s",
    }


@pytest.fixture(params=["key", "connection string"])
def place(request, azurite, container):
    """A location in the container, under a prefix that belongs to the connection; by key or by connection string."""
    options = _by_key(azurite) if request.param == "key" else {"connection_string": azurite.connection_string}
    prefix = f"base/{abs(hash(request.node.nodeid))}"

    def locate(path):
        uri = f"abfss://lake@{azurite.account_name}.dfs.core.windows.net/{prefix}/{path}"
        return Location(connection="lake", path=path, uri=uri, options=options)

    locate.prefix = prefix
    return locate


@pytest.fixture
def deliver(container, place):
    def put(path, content):
        done = container.upload_blob(f"{place.prefix}/{path}", content, overwrite=True)
        properties = done.get_blob_properties()
        return FileVersion(connection="lake", path=path, etag=properties.etag.strip('"'), size_bytes=properties.size)

    return put


def _frame(rows):
    return nw.from_native(rows.lazy())


def _rows(frame):
    found = frame.to_native().collect()
    return found.sort(found.columns[0])


def _write(engine, target, rows, facts=None):
    sink = engine.open(target)
    return sink.committed() or sink.write(_frame(rows), facts or {})


def test_announced_versions_are_downloaded(engine, place, deliver):
    """Event Grid's tag has no quotes; the file column has the announced path."""
    files = (deliver("in/1.csv", b"a\n1\n"), deliver("in/2.csv.gz", gzip.compress(b"a\n2\n")))
    scanned = engine.scan(Source(location=place("in/*.csv"), format="csv", files=files, file_column="f"))
    assert _rows(scanned.frame).rows() == [(1, "in/1.csv"), (2, "in/2.csv.gz")]
    assert scanned.files == files


def test_rows_of_a_download_are_rescued(engine, place, deliver):
    """The copy lies in the temporary folder, and the record names the blob."""
    file = deliver("in/1.csv", b"a,b\n1,x\ny,z\n")
    source = Source(location=place("in/1.csv"), format="csv", files=(file,), options={"dtypes": {"a": "int"}}, rescue=Rescue(archive=True))
    scanned = engine.scan(source)
    (records,) = scanned.bad_records
    assert (_rows(scanned.frame).rows(), scanned.unparsed.archived) == ([(1, "x")], 1)
    assert '"path": "in/1.csv", "line": 3' in records.path.read_text()


def test_a_table_widens_and_rescues(engine, place):
    """Each with the transactions of any other write."""
    target = Target(location=place("t"), format="delta", mode="append", transaction="1")
    _write(engine, target, pl.DataFrame({"v": [1]}, schema={"v": pl.Int32}))
    for number, (rule, values) in enumerate((("evolve", [2**40]), ("rescue", ["3", "x"])), start=2):
        changed = dataclasses.replace(target, transaction=f"{number}", on_changed=rule, rescue_column="r", merge_schema=True)
        for recovered in (False, True):
            assert _write(engine, changed, pl.DataFrame({"v": values})).recovered == recovered
    found = engine.scan(Source(location=place("t"), format="delta")).frame.to_native().collect()
    assert sorted(found.rows(), key=str) == [(1, None), (2**40, None), (3, None), (None, '{"v":"x"}')]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_columns_of_a_blob_are_compared_with_those_that_it_had(engine, place, kind):
    """A text has names only, a Parquet file types, too."""
    target = Target(location=place(f"w.{kind}"), format=kind, mode="overwrite", transaction="1", watched=True)
    _write(engine, target, pl.DataFrame({"i": [1], "v": [1]}))
    receipt = _write(engine, dataclasses.replace(target, transaction="2"), pl.DataFrame({"i": [1], "n": ["x"]}))
    assert [column.name for column in receipt.before] == ["i", "v"]
    with pytest.raises(SchemaMismatchError, match="'i' is List"):
        _write(engine, dataclasses.replace(target, transaction="3", on_changed="fail"), pl.DataFrame({"i": [[1]], "n": ["x"]}))


def test_a_blob_that_was_replaced_or_deleted(engine, place, deliver, container):
    """If-Match is refused; a deleted blob is told from a replaced one, and both from a missing container."""
    version = deliver("in/1.csv", b"a\n1\n")
    source = Source(location=place("in/1.csv"), format="csv", files=(version,))
    deliver("in/1.csv", b"a\n2\n")
    with pytest.raises(FileChangedError) as caught:
        engine.scan(source)
    assert not caught.value.gone
    container.delete_blob(f"{place.prefix}/in/1.csv")
    with pytest.raises(FileChangedError) as caught:
        engine.scan(source)
    assert caught.value.gone
    elsewhere = dataclasses.replace(source.location, uri=source.location.uri.replace("//lake@", "//nowhere@"))
    with pytest.raises(PermanentServiceError) as refused:
        engine.scan(dataclasses.replace(source, location=elsewhere))
    assert refused.value.error_code == "missing_store"


def test_what_a_path_names(engine, place, deliver):
    """A blob, a folder or a pattern."""
    for name in ("in/1.csv", "in/2.csv", "in/deep/3.csv", "in/_SUCCESS", "in/.4.csv", "in2/5.csv"):
        deliver(name, f"a\n{name[-5:-4]}\n".encode())
    read = lambda path: _rows(engine.scan(Source(location=place(path), format="csv")).frame)["a"].to_list()  # noqa: E731  # one line, used four times below
    assert read("in/1.csv") == [1]
    assert read("in") == [1, 2, 3]
    assert read("in/*.csv") == [1, 2]
    assert read("in/**/*.csv") == [1, 2, 3]
    assert read("in/[!1].csv") == [2]
    with pytest.raises(DataError):
        read("nothing/*.csv")


def test_large_files_come_in_pieces(engine, place, deliver):
    """More than one request, each under the same tag."""
    content = b"a\n" + b"1234567\n" * 6_000_000
    version = deliver("in/big.csv", content)
    frame = engine.scan(Source(location=place("in/big.csv"), format="csv", files=(version,))).frame
    assert engine.cache(frame, {}).rows == 6_000_000


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert", "append_once"])
def test_modes_and_replays(engine, place, mode):
    """As on a local disk."""
    keys = ("id",) if mode in {"upsert", "append_once"} else ()
    first = _write(engine, Target(location=place(mode), format="delta", mode="append", transaction="r1/n"), ROWS, {"n": "2"})
    assert (first.version, first.created, first.rows) == (1, True, 2)
    target = Target(location=place(mode), format="delta", mode=mode, transaction="r2/n", keys=keys)
    _write(engine, target, MORE, {"n": "3"})
    again = _write(engine, target, MORE)
    assert (again.recovered, again.version, dict(again.facts)) == (True, 2, {"n": "3"})
    scanned = engine.scan(Source(location=place(mode), format="delta"))
    expected = {
        "append": [(1, "a"), (2, "B"), (2, "b"), (3, "c")],
        "overwrite": [(2, "B"), (3, "c")],
        "upsert": [(1, "a"), (2, "B"), (3, "c")],
        "append_once": [(1, "a"), (2, "b"), (3, "c")],
    }[mode]
    assert sorted(_rows(scanned.frame).rows()) == expected
    assert (scanned.version, scanned.rows) == (2, len(expected))


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_first_writers_race(engine, place, mode):
    """Both saw the table missing."""
    targets = [Target(location=place("t"), format="delta", mode=mode, transaction=f"r{number}/n") for number in (1, 2)]
    sinks = [engine.open(target) for target in targets]
    assert sinks[0].write(_frame(ROWS), {}).created
    if mode == "append":
        assert not sinks[1].write(_frame(MORE), {}).created
        assert _rows(engine.scan(Source(location=place("t"), format="delta")).frame).height == 4
    else:
        with pytest.raises(WriteConflictError):
            sinks[1].write(_frame(MORE), {})
        assert _rows(engine.scan(Source(location=place("t"), format="delta")).frame).equals(ROWS)


def test_a_zombie_a_fence_and_a_lost_acknowledgement(engine, place, monkeypatch):
    """The same promises over HTTP."""
    _write(engine, Target(location=place("t"), format="delta", mode="append", transaction="r1/n"), ROWS)
    given_up = Target(location=place("t"), format="delta", mode="append", transaction="r2/n")
    zombie = engine.open(given_up)
    engine.open(dataclasses.replace(given_up, transaction="r3/n")).fence("r2/n")
    with pytest.raises(FencedError):
        zombie.write(_frame(MORE), {})
    assert engine.open(given_up).transaction("r2/n") == FENCED
    commit_rows = delta_sink.commit_rows

    def committed_but_raised(*arguments):
        commit_rows(*arguments)
        raise OSError("error sending request: connection reset")

    monkeypatch.setattr(delta_sink, "commit_rows", committed_but_raised)
    receipt = _write(engine, Target(location=place("t"), format="delta", mode="overwrite", transaction="r4/n"), MORE)
    assert (receipt.version, receipt.recovered) == (3, False)


def test_a_missing_table_and_a_missing_container(engine, place):
    """The first is the data's, the second the operator's."""
    with pytest.raises(DataError) as missing:
        engine.scan(Source(location=place("nope"), format="delta"))
    assert missing.value.error_code == "missing_table"
    elsewhere = dataclasses.replace(place("t"), uri=place("t").uri.replace("//lake@", "//nowhere@"))
    with pytest.raises(PermanentServiceError) as refused:
        engine.open(Target(location=elsewhere, format="delta", mode="append", transaction="r/n"))
    assert refused.value.error_code == "missing_store"


def test_a_wrong_key(engine, place, azurite):
    """The operator's, and not a word of the key."""
    options = {**_by_key(azurite), "account_key": "d3Jvbmc=", "max_retries": "0"}
    location = dataclasses.replace(place("t"), options=options)
    for attempt in (
        lambda: engine.open(Target(location=location, format="delta", mode="append", transaction="r/n")),
        lambda: engine.scan(Source(location=location, format="csv")),
        lambda: engine.open(Target(location=location, format="csv", mode="append", transaction="r/n")),
    ):
        with pytest.raises(PermanentServiceError) as refused:
            attempt()
        assert refused.value.error_code == "access_denied"
        assert "d3Jvbmc" not in str(refused.value)


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
def test_files_as_targets(engine, place, format_name):
    """One put: overwritten, or written once."""
    target = Target(location=place(f"out.{format_name}"), format=format_name, mode="overwrite", transaction="r/n")
    assert [_write(engine, target, rows).created for rows in (ROWS, MORE)] == [True, False]
    assert _rows(engine.scan(Source(location=target.location, format=format_name)).frame).equals(MORE)
    once = Target(location=place("once"), format=format_name, mode="ignore", transaction="r/n")
    assert [_write(engine, once, rows).recovered for rows in (ROWS, MORE)] == [False, True]


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        ("append", [(1, "a"), (2, "b"), (2, "B"), (3, "c")]),
        ("upsert", [(1, "a"), (2, "B"), (3, "c")]),
        ("append_once", [(1, "a"), (2, "b"), (3, "c")]),
    ],
)
def test_files_whose_rows_are_kept(engine, place, format_name, mode, rows):
    """Each node's once, also if its message comes again; of two that opened the same blob one is refused."""
    keys = () if mode == "append" else ("id",)
    targets = [
        Target(location=place(f"out.{format_name}"), format=format_name, mode=mode, keys=keys, transaction=f"r{run}/n") for run in (1, 2)
    ]
    assert _write(engine, targets[0], ROWS).created
    sinks = [engine.open(targets[1]) for _ in range(2)]
    assert sinks[0].write(_frame(MORE), {}).recovered is False
    with pytest.raises(WriteConflictError, match="somebody else wrote"):
        sinks[1].write(_frame(MORE), {})
    assert [_write(engine, target, MORE).recovered for target in targets] == [True, True]
    assert _rows(engine.scan(Source(location=targets[0].location, format=format_name)).frame).rows() == rows


@pytest.mark.parametrize("format_name", ["csv", "parquet"])
def test_an_answer_that_was_lost_is_looked_up_in_the_blob(engine, place, format_name, monkeypatch):
    """The service had put it before the connection broke: nothing is added twice."""
    from azure.core.exceptions import ServiceResponseError
    from azure.storage.blob import BlobClient

    target = Target(location=place(f"out.{format_name}"), format=format_name, mode="append", transaction="r1/n")
    sink, put = engine.open(target), BlobClient.upload_blob

    def lost(*args, **more):
        put(*args, **more)
        raise ServiceResponseError("connection reset")

    monkeypatch.setattr(BlobClient, "upload_blob", lost)
    assert sink.write(_frame(ROWS), {}).rows == 2
    monkeypatch.undo()
    assert _rows(engine.scan(Source(location=target.location, format=format_name)).frame).equals(ROWS)


def test_parts_merges_and_upkeep(engine, place):
    """As on a disk: a part is replaced, a merge follows its rules, and files become one."""
    location, rules = place("t"), MergeRules(update="source.id > 2", insert="source.id > 2")
    steps = [
        ("overwrite", ROWS, {}),
        ("overwrite", pl.DataFrame({"id": [2], "v": ["x"]}), {"replace_where": "id = 2"}),
        ("merge", MORE, {"keys": ("id",), "merge": rules}),
    ]
    for number, (mode, rows, more) in enumerate(steps):
        _write(engine, Target(location=location, format="delta", mode=mode, transaction=f"r{number}/n", **more), rows)
    upkeep = Upkeep(compact=True, vacuum_hours=168)
    sink = engine.open(Target(location=location, format="delta", mode="append", transaction="last/n", upkeep=upkeep))
    sink.write(_frame(ROWS.head(1)), {})
    assert sink.maintain() == ""
    found = _rows(engine.scan(Source(location=location, format="delta")).frame)
    assert sorted(found.rows()) == [(1, "a"), (1, "a"), (2, "x"), (3, "c")]


def test_a_table_that_vanished(place, guard, container):
    """Somebody deleted its blobs."""
    engine = PolarsEngine(guard=guard)
    target = Target(location=place("t"), format="delta", mode="append", transaction="r1/n")
    _write(engine, target, ROWS)
    for blob in container.list_blobs(name_starts_with=f"{place.prefix}/t/"):
        container.delete_blob(blob.name)
    with pytest.raises(PermanentServiceError) as caught:
        engine.open(dataclasses.replace(target, transaction="r2/n"))
    assert caught.value.error_code == "table_vanished"
