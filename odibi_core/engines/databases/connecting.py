"""A connection to a database by its location, with the driver of its kind, and what its errors mean. No text of a driver passes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

from odibi_core.engines.databases.dialect import Dialect
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError, TransientServiceError
from odibi_core.ports import Location

DIALECTS: Mapping[str, Dialect] = {
    "postgresql": Dialect(name="postgres"),
    "sqlserver": Dialect(name="sql_server"),
    "sqlite": Dialect(name="sqlite"),
}
_REFUSED = re.compile(r'password authentication failed|(?:role|database) ".{1,80}" does not exist|no pg_hba.conf entry')
_UTC = "-c timezone=UTC"  # texts without a zone are of UTC
_PATIENCE = 15  # seconds until a server must have answered the first time
_DRIVERS = {"postgres": ("psycopg", "postgres"), "sql_server": ("pytds", "sql_server"), "sqlite": ("sqlite3", "")}
_POSTGRES_TRANSIENT = ("08", "53", "57", "40")  # classes: connection, resources, operator, rollback (PostgreSQL, appendix A)
_SQL_SERVER_TRANSIENT = frozenset({1205, 1222, 4221, 10053, 10054, 10060, 10928, 10929, 40143, 40197, 40501, 40613, 49918, 49919, 49920})
_SQL_SERVER_LOGIN = frozenset({916, 4060, 18452, 18456, 18470, 40532})
_SQL_SERVER_QUERY = frozenset({102, 105, 107, 156, 195, 207, 208, 209, 229, 319, 1033, 2812, 4104})


def dialect_of(location: Location) -> Dialect:
    """
    How the database of a location writes SQL.

    Raises:
        ConfigError: If the location is none of a database.
    """
    found = DIALECTS.get(location.uri.partition("://")[0])
    if found is None:
        raise ConfigError(
            f"connection '{location.connection}' is no database", hint="Use a connection of type sql_server, postgres or sqlite for SQL."
        )
    return found


@contextmanager
def connected(location: Location, doing: str) -> Iterator[Any]:
    """
    A connection (PEP 249) that is closed at the end; the errors of its driver become ours.

    Raises:
        ConfigError: If the driver is not installed, or the query is not understood.
        OdibiError: Whatever the database says.
    """
    dialect = dialect_of(location)
    driver = _driver(dialect)
    with _translated(driver, dialect, location, doing), closing(_opened(driver, dialect, location)) as connection:
        yield connection


def _driver(dialect: Dialect) -> ModuleType:
    name, extra = _DRIVERS[dialect.name]
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(
            f"the driver of {dialect.name} is not installed",
            code="missing_driver",
            hint=f"Install it: pip install 'odibi-core[{extra}]'.",
        ) from None


def _opened(driver: Any, dialect: Dialect, location: Location) -> Any:
    options, address = location.options, urlsplit(location.uri)
    match dialect.name:
        case "sqlite":
            return driver.connect(f"file:{address.path}?mode=ro", uri=True)
        case "postgres":
            dsn = options.get("connection_string")
            known = {key: options[key] for key in ("user", "password", "sslmode") if options.get(key)}
            if dsn:
                return driver.connect(dsn, connect_timeout=_PATIENCE, options=_UTC)
            host, database = unquote(address.hostname or ""), unquote(address.path.removeprefix("/"))
            host = options.get("host", host)
            return driver.connect(host=host, port=address.port, dbname=database, connect_timeout=_PATIENCE, options=_UTC, **known)
        case _:
            token = options.get("access_token")
            known = {"user": options.get("user", ""), "password": options.get("password", "")} if token is None else {}
            return driver.connect(
                dsn=address.hostname,
                port=address.port,
                database=unquote(address.path.removeprefix("/")),
                login_timeout=_PATIENCE,
                cafile=_authorities(),
                validate_host=options.get("trust_server_certificate") != "true",
                access_token_callable=None if token is None else lambda: token,
                **known,
            )


def _authorities() -> str:
    """Without a file of authorities the driver speaks without encryption."""
    return str(import_module("certifi").where())


@contextmanager
def _translated(driver: ModuleType, dialect: Dialect, location: Location, doing: str) -> Iterator[None]:
    try:
        yield
    except OdibiError:
        raise
    except Exception as error:  # what is not ours to judge goes on as it is
        ours = _judged(error, driver, dialect, f"connection '{location.connection}'", doing)
        if ours is None:
            raise
        raise ours from None


def _judged(error: Exception, driver: Any, dialect: Dialect, who: str, doing: str) -> OdibiError | None:
    if not isinstance(error, driver.Error | OSError):
        return None
    state, number, text = getattr(error, "sqlstate", None) or "", getattr(error, "number", 0) or 0, str(error)[:400]
    login = state.startswith("28") or state == "3D000" or number in _SQL_SERVER_LOGIN or _REFUSED.search(text) is not None
    if login:
        return PermanentServiceError(
            f"the database of {who} refuses the login while {doing}", code="access_denied", hint="Check its 'auth' and its 'database'."
        )
    query = state.startswith("42") or number in _SQL_SERVER_QUERY or re.match(r"no such (?:table|column)|near \"|incomplete input", text)
    if query:
        return ConfigError(
            f"the database of {who} does not understand the query{_code(state, number)} while {doing}",
            code="sql",
            hint="Check the names of the table and its columns, and try the query there.",
        )
    transient = state[:2] in _POSTGRES_TRANSIENT or number in _SQL_SERVER_TRANSIENT or "locked" in text
    if dialect.name == "sqlite" and text == "unable to open database file":
        return PermanentServiceError(f"the database of {who} cannot be opened", code="missing_store", hint="Check its 'database'.")
    if transient or isinstance(error, OSError) or (isinstance(error, driver.OperationalError) and not state and not number):
        return TransientServiceError(
            f"the database of {who} cannot be reached or is busy{_code(state, number)} while {doing}", code="database_busy"
        )
    return DataError(f"the database of {who} gave up{_code(state, number)} while {doing}", code="database")


def _code(state: str, number: int) -> str:
    return f" (SQLSTATE {state})" if state else f" (error {number})" if number else ""
