"""What libraries raise becomes ours at the border: who must act, and no word of theirs."""

from __future__ import annotations

import errno
import http.server
import threading

import polars as pl
import pytest

from odibi_core.engines.polars.errors import some_names, translate, translated
from odibi_core.errors import DataError, OdibiError, PermanentServiceError, SchemaMismatchError, TransientServiceError
from odibi_core.ports import Location, Source

SECRET = "anna@example.org"


class _Store(http.server.BaseHTTPRequestHandler):
    """A store that answers everything with one status, and says more than we may repeat."""

    def do_GET(self):
        if self.server.status == "reset":
            self.connection.close()
            return
        body = f"<?xml version='1.0'?><Error><Code>X</Code><Message>{SECRET}</Message></Error>".encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_PUT = do_POST = do_HEAD = do_GET  # noqa: N815 - the names that the library calls

    def log_message(self, *_):
        """Silent."""


@pytest.fixture
def store():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _location(port, path="t"):
    options = {
        "account_name": "a",
        "account_key": "a2V5",
        "azure_storage_endpoint": f"http://127.0.0.1:{port}/a",
        "allow_http": "true",
        "max_retries": "0",
    }
    return Location(connection="lake", path=path, uri=f"abfss://c@a.dfs.core.windows.net/{path}", options=options)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, PermanentServiceError, "access_denied"),
        (403, PermanentServiceError, "access_denied"),
        (404, PermanentServiceError, "missing_store"),
        (429, TransientServiceError, "store_busy"),
        (500, TransientServiceError, "store_busy"),
        (503, TransientServiceError, "store_busy"),
        ("reset", TransientServiceError, "network"),
    ],
)
def test_a_store_that_refuses(lake, store, status, kind, code):
    """For the table that is opened and the one that is scanned."""
    store.status = status
    location = _location(store.server_port)
    for attempt in (
        lambda: lake.engine.scan(Source(location=location, format="delta")),
        lambda: lake.engine.open(_target(lake, location)),
    ):
        with pytest.raises(kind) as caught:
            attempt()
        assert caught.value.error_code == code
        assert "table 'lake/t'" in caught.value.message
        assert SECRET not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


def _target(lake, location):
    import dataclasses

    return dataclasses.replace(lake.target(), location=location)


def test_a_store_that_is_not_there(lake):
    """Connection refused: it may come back."""
    with pytest.raises(TransientServiceError):
        lake.engine.scan(Source(location=_location(1), format="delta"))


class PanicException(BaseException):
    """As Rust's."""


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (OSError(errno.ENOSPC, SECRET), PermanentServiceError, "disk_full"),
        (OSError(errno.EACCES, SECRET), PermanentServiceError, "access_denied"),
        (OSError(errno.ENOENT, SECRET), DataError, "missing_file"),
        (OSError(errno.EMFILE, SECRET), TransientServiceError, "network"),
        (OSError(errno.ENAMETOOLONG, SECRET), PermanentServiceError, "system"),
        (OSError(f"{SECRET}: No space left on device (os error 28)"), PermanentServiceError, "disk_full"),
        (OSError(SECRET), TransientServiceError, "store"),
        (ConnectionRefusedError(SECRET), TransientServiceError, "network"),
        (TimeoutError(SECRET), TransientServiceError, "network"),
        (MemoryError(SECRET), PermanentServiceError, "out_of_memory"),
        (PanicException(SECRET), DataError, "engine_panic"),
        (pl.exceptions.ComputeError(SECRET), DataError, "unreadable_data"),
        (pl.exceptions.ComputeError(f"could not parse `503 Service {SECRET}` as dtype `i64`"), DataError, "unreadable_rows"),
        (pl.exceptions.SchemaError(SECRET), SchemaMismatchError, "schema_mismatch"),
        (pl.exceptions.DuplicateError(SECRET), SchemaMismatchError, "schema_mismatch"),
        (pl.exceptions.InvalidOperationError(SECRET), SchemaMismatchError, "schema_mismatch"),
        (pl.exceptions.ColumnNotFoundError(SECRET), SchemaMismatchError, "schema_mismatch"),
        (pl.exceptions.NoDataError(SECRET), DataError, "empty_file"),
    ],
    ids=repr,
)
def test_every_error_gets_an_owner_and_loses_its_text(raised, kind, code):
    """The doing is ours, the rest is not quoted and not chained."""
    with pytest.raises(OdibiError) as caught, translated("doing something"):
        raise raised
    assert isinstance(caught.value, kind)
    assert caught.value.error_code == code
    assert "while doing something" in caught.value.message
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(), ZeroDivisionError(), ValueError("x")])
def test_what_is_not_ours_to_judge_goes_on(raised):
    """Interrupts, and bugs."""
    assert translate(raised, "x") is None
    with pytest.raises(type(raised)), translated("doing something"):
        raise raised


def test_long_lists_of_names_are_cut():
    """A table has a thousand columns."""
    assert some_names([f"c{number}" for number in range(100)]).endswith("'c29' and 70 more")
    assert some_names([]) == "nothing"
