"""Canaries, a project that meets them everywhere, and a search for them in whatever was left behind, in every spelling."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import shutil
import sqlite3
import string
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl

RNG = random.Random(4711)
STORAGE_KEY = base64.b64encode(RNG.randbytes(64)).decode()
LITERAL_KEY = base64.b64encode(RNG.randbytes(64)).decode()  # stands in the YAML as plain text
SIGNATURE = base64.b64encode(RNG.randbytes(32)).decode()
SAS = f"sv=2024-11-04&ss=b&srt=sco&sp=rl&sig={quote(SIGNATURE, safe='')}"
FIRST_LINE = "Kn0w " + string.punctuation + "ü€"
SECOND_LINE = "and-a-2nd/line+of=it"
PASSWORD = f"{FIRST_LINE}\n{SECOND_LINE}"
TOKEN = "tok-" + hashlib.sha256(b"token").hexdigest()[:24]
SECRETS = {"storage key": STORAGE_KEY, "literal key": LITERAL_KEY, "signature": SIGNATURE, "signature in a URL": quote(SIGNATURE, safe=""),
           "password": PASSWORD, "first line": FIRST_LINE, "second line": SECOND_LINE, "token": TOKEN}  # fmt: skip
MAIL = "taint-canary@example.com"
HOSTILE = "x'; DROP TABLE--<img src=x onerror=alert(1)>${HOME}{{7*7}}.csv"

PROJECT = f"""\
project: shop
connections:
  landing: {{ type: local, base_path: ./landing }}
  lake: {{ type: local, base_path: ./lake }}
  cloud: {{ type: azure_blob, account_name: acct, container: c, auth: {{ mode: account_key, account_key: "${{STORAGE_KEY}}" }} }}
  signed: {{ type: azure_blob, account_name: acct, container: c, auth: {{ mode: sas, sas_token: "${{SAS}}" }} }}
  plain: {{ type: azure_blob, account_name: acct, container: c, auth: {{ mode: account_key, account_key: "{LITERAL_KEY}" }} }}
  database: {{ type: sqlite, database: ./shop.db }}
  api: {{ type: http, base_url: "https://loader:${{TOKEN}}@127.0.0.1:9", headers: {{ X-Api-Key: "${{TOKEN}}" }} }}
story: {{ connection: lake, path: stories }}
system: {{ connection: lake, path: _system }}
pipelines:
  - pipeline: orders
    description: "Signs in with ${{DB_PASSWORD}} and ${{STORAGE_KEY}}"
    triggers: [ {{ blob: {{ connection: landing, path: "orders/{{name}}.csv" }} }} ]
    nodes:
      - name: bronze
        description: "of ${{TOKEN}}"
        sensitive: [email]
        read: {{ connection: landing, format: csv, path: "orders/*.csv" }}
        transform: {{ steps: [ {{ function: tell, params: {{ mode: "${{MODE}}" }} }} ] }}
        write: {{ connection: lake, format: delta, path: bronze, mode: append, add_metadata: true }}
      - name: silver
        depends_on: [bronze]
        sensitive: [email]
        transform: {{ steps: [ "SELECT i, email FROM bronze WHERE email <> '${{TOKEN}}'" ] }}
        validation: {{ tests: [ {{ type: range, column: i, max: 100 }} ] }}
        write: {{ connection: lake, format: delta, path: silver, mode: upsert, options: {{ keys: [i] }} }}
"""
# What an author may do with a secret: print it, log it, warn with it, raise it, die with it.
FUNCTIONS = '''\
import logging, os, sys, threading, warnings

import narwhals as nw
from odibi_core.transforms import transform

@transform
def tell(frame, mode: str = "ok"):
    """Says too much."""
    values = [os.environ[name] for name in ("STORAGE_KEY", "DB_PASSWORD", "TOKEN")] + [os.environ["SAS"].partition("sig=")[2]]
    print("printed", *values)
    sys.stderr.write(" ".join(values) + "\\n")
    logging.getLogger("third.party").warning("logged %s", values, extra={"also": values})
    warnings.warn("warned " + values[1])
    if mode == "thread":
        thread = threading.Thread(target=lambda: (_ for _ in ()).throw(ValueError(values[1])))
        thread.start()
        thread.join()
    if mode == "raise":
        try:
            raise KeyError(values[0])
        except KeyError as error:
            raise RuntimeError("could not sign in with " + values[1]) from error
    if mode == "row" and frame.filter(nw.col("i") == 13).collect().shape[0]:
        raise RuntimeError("cannot load 13 with " + values[1])
    if mode == "die":
        sys.stdout.flush()
        os._exit(9)
    return frame
'''


def environment(mode: str = "ok") -> dict[str, str]:
    return {"STORAGE_KEY": STORAGE_KEY, "SAS": SAS, "DB_PASSWORD": PASSWORD, "TOKEN": TOKEN, "MODE": mode}


def rows(*numbers: int | str) -> str:
    return "i,email\n" + "".join(f"{number},{MAIL}\n" for number in numbers)


def write_project(folder: Path, text: str = PROJECT) -> Path:
    """The project and its functions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "odibi.yaml").write_text(text, encoding="utf-8")
    (folder / "transforms.py").write_text(FUNCTIONS, encoding="utf-8")
    return folder


def land(folder: Path, name: str, text: str) -> None:
    file = folder / "landing" / "orders" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# ── the search ──


def spelled(value: str) -> set[str]:
    """A value raw, in URLs, JSON, HTML, Python, hex, and base64 wherever it begins; written down here a second time on purpose."""
    data = value.encode()
    found = {value, quote(value, safe=""), quote(value), quote_plus(value), quote(quote(value, safe=""), safe="")}
    found |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(json.dumps(value))[3:-3]}
    found |= {html.escape(value), html.escape(value, quote=False), repr(value)[1:-1], data.hex()}
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data + b"\0" * ((-before - len(data)) % 3)).decode()
        sure = text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        found |= {sure, sure.replace("+", "-").replace("/", "_")}
    return {text for text in found if len(text) >= 6}


def needles(*, mail: bool) -> dict[str, str]:
    """Every spelling of every canary → what it is, in lower case."""
    canaries = {**SECRETS, **({"mail": MAIL} if mail else {})}
    return {text.lower(): f"{name} as {text[:40]!r}" for name, value in canaries.items() for text in spelled(value)}


def hits(texts: Iterable[tuple[str, str]], *, mail: bool = True) -> list[str]:
    """Where a canary can be read."""
    wanted = needles(mail=mail)
    return sorted({f"{place}: {what}" for place, text in texts for needle, what in wanted.items() if needle in text.lower()})


def contents(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file as text; Parquet and SQLite also with their values decoded."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        yield name, data.decode("utf-8", "replace")
        yield f"{name} (latin)", data.decode("latin-1")
        if path.suffix == ".parquet":
            yield f"{name} (decoded)", "\n".join(map(str, pl.read_parquet(path).rows()))
        if data[:15] == b"SQLite format 3":
            yield f"{name} (rows)", _rows_of(path)


def _rows_of(path: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:  # its owner may have it locked
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, folder)
        database = sqlite3.connect(Path(folder) / path.name)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [row for table in tables for row in database.execute(f'SELECT * FROM "{table}"')]
        database.close()
    return "\n".join(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for row in found for text in row)


def is_data(name: str) -> bool:
    """The author's own files and the tables of data with their logs: the e-mail belongs there."""
    data = ("landing/", "lake/bronze/", "lake/silver/", "lake/_system/runs/staged", "shop.db")
    return name.startswith(data) or "/staged/" in name or "/frames/" in name


def is_of_the_author(name: str) -> bool:
    """What the author wrote may hold what the author wrote."""
    return name.startswith(("landing/", "odibi.yaml", "broken.yaml", "transforms.py", "__pycache__"))
