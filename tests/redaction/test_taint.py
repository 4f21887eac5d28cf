"""Canaries go through every path of the product; afterwards every file, page, table and line is searched for them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.redaction import taint
from tests.redaction.taint import HOSTILE, MAIL, PROJECT, SECRETS, TOKEN, contents, environment, hits, land, rows, write_project


class Shop:
    """A project folder, the command as a process, and everything that it said."""

    def __init__(self, root: Path) -> None:
        self.root = write_project(root / "shop")
        self.home = root / "home"
        self.said: list[tuple[str, str]] = []

    def odibi(self, *arguments: str, mode: str = "ok", **variables: str) -> tuple[int, str]:
        """Run the command in a process of its own."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ODIBI_", "COV_"))}
        done = subprocess.run(
            [sys.executable, "-m", "odibi_core.cli.main", *arguments],
            cwd=self.root,
            env={
                **inherited,
                "XDG_CACHE_HOME": str(self.home),
                **environment(mode),
                **variables,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            capture_output=True,
            timeout=180,
            check=False,
        )
        text = done.stdout.decode() + done.stderr.decode()
        self.said.append((" ".join(["odibi", *arguments, mode, *variables]), text))
        return done.returncode, text

    def found(self) -> list[str]:
        """Every place where a canary can be read."""
        texts = [(name, text) for name, text in contents(self.root) if not taint.is_of_the_author(name)]
        private = [(name, text) for name, text in texts if taint.is_data(name)]
        public = [(name, text) for name, text in texts if not taint.is_data(name)]
        return hits([*public, *contents(self.home), *self.said]) + hits(private, mail=False)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """It is no use if it is blind: a canary in each spelling is found in a file."""
    for name, value in SECRETS.items():
        for number, text in enumerate(sorted(taint.spelled(value))):
            (tmp_path / f"{name}-{number}").write_bytes(f"before {text} after".encode())
    found = {line.partition(":")[0].removesuffix(" (latin)") for line in hits(contents(tmp_path))}
    assert found == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_run_that_succeeds(shop: Shop, form: str) -> None:
    """Twice: as text, and with every line for a machine; then everything that can be asked about it."""
    land(shop.root, "1.csv", rows(1, 2, 3))
    land(shop.root, HOSTILE.replace("/", ""), rows(4))
    code, text = shop.odibi("run", *(["--json"] if form == "text" else []), ODIBI_LOG_FORMAT=form, ODIBI_LOG_LEVEL="DEBUG")
    assert code == 0, text
    assert "printed [REDACTED]" in text
    asked = [
        ["story", "last"],
        ["catalog", "runs"],
        ["catalog", "files"],
        ["catalog", "tables"],
        ["plan"],
        ["validate"],
        ["list", "transformers"],
    ]
    for command in asked:
        code, text = shop.odibi(*command, *(["--json"] if form == "json" else []))
        assert code == 0, text
    assert shop.found() == []
    pages = [text for name, text in contents(shop.root) if name.endswith("index.html")]
    assert pages
    assert not re.search(r"<img\s+src=x", "".join(pages)), "a file's name is text, never a tag"


@pytest.mark.parametrize("mode", ["raise", "thread"])
@pytest.mark.parametrize("debug", ["", "1"])
def test_a_function_that_fails_with_a_secret(shop: Shop, mode: str, debug: str) -> None:
    """In the node, and in a thread of its own; with and without tracebacks."""
    land(shop.root, "1.csv", rows(1))
    code, text = shop.odibi("run", "--json", mode=mode, ODIBI_DEBUG=debug, ODIBI_LOG_LEVEL="DEBUG")
    assert (code == 0) == (mode == "thread"), text
    shop.odibi("story", "last")
    shop.odibi("run", "--resume", mode="ok", ODIBI_LOG_FORMAT="json")
    assert shop.found() == []


def test_a_process_that_dies_and_is_resumed(shop: Shop) -> None:
    """In the middle of a node; what was begun is ended by the next one."""
    land(shop.root, "1.csv", rows(1))
    assert shop.odibi("run", mode="die")[0] == 9
    code, text = shop.odibi("run", "--resume")
    assert code == 0, text
    assert shop.found() == []


@pytest.mark.parametrize(
    "text", [rows(1, "x"), rows(1, 999), "other,columns\n1,2\n", f'i,email\n1,"{MAIL}\n', ""], ids=lambda text: text[:12]
)
def test_bad_data(shop: Shop, text: str) -> None:
    """A wrong type, a check that fails, other columns, a broken file, an empty one."""
    land(shop.root, "1.csv", text)
    shop.odibi("run", "--json", ODIBI_DEBUG="1", ODIBI_LOG_LEVEL="DEBUG")
    shop.odibi("run", "--resume", ODIBI_LOG_FORMAT="json", ODIBI_LOG_LEVEL="DEBUG")
    assert shop.found() == []


BROKEN = {
    "an unknown key": PROJECT.replace("mode: append,", "moed: append,"),
    "a wrong value": PROJECT.replace("mode: append,", 'mode: "${TOKEN}",'),
    "a wrong connection": PROJECT.replace("connection: landing, format: csv", 'connection: "${TOKEN}", format: csv'),
    "a wrong mode of sign-in": PROJECT.replace("mode: sas,", 'mode: "${DB_PASSWORD}",'),
    "broken SQL": PROJECT.replace("SELECT i, email", "SELCT i, email '${DB_PASSWORD}"),
    "a function that is missing": PROJECT.replace("function: tell", 'function: "${TOKEN}"'),
    "no YAML": PROJECT.replace("pipelines:", "pipelines: [ }"),
    "a variable that is missing": PROJECT.replace("${MODE}", "${NOT_THERE}"),
    "a literal beside an error": PROJECT.replace("type: sqlite,", "type: sqlite, password: or4nge-9431-x, unknown: 1,"),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_project_that_is_refused(shop: Shop, why: str) -> None:
    """What is said about it quotes neither the values of variables nor literal secrets."""
    write_project(shop.root, BROKEN[why])
    land(shop.root, "1.csv", rows(1))
    for command in (["validate"], ["validate", "--json"], ["run"]):
        code, text = shop.odibi(*command, ODIBI_DEBUG="1")
        assert code != 0, text
        assert "or4nge-9431-x" not in text
    assert shop.found() == []


def test_a_secret_that_stands_in_the_yaml_is_in_no_plan_and_still_works(shop: Shop) -> None:
    """A password of SQLite does not exist; the plan of a run keeps a mark in the place of what is secret, and the run goes on from it."""
    land(shop.root, "1.csv", rows(1))
    assert shop.odibi("run")[0] == 0
    plans = [json.loads(path.read_text()) for path in (shop.root / "lake/_system/runs").rglob("plan.json")]
    kept = plans[0]["connections"]
    assert kept["plain"]["auth"]["account_key"] == "withheld: a secret that stands in the YAML"
    assert kept["cloud"]["auth"]["account_key"] == "${STORAGE_KEY}"
    assert kept["api"]["base_url"] == "https://loader:${TOKEN}@127.0.0.1:9"


def test_requests_with_secrets_in_wrong_places(shop: Shop) -> None:
    """A pipeline, a node and a run that are called like a secret."""
    for arguments in (
        ["run", "--pipeline", TOKEN],
        ["run", "--node", TOKEN],
        ["run", "--resume", "--run", TOKEN],
    ):
        shop.odibi(*arguments)
        shop.odibi(*arguments, "--json")
    assert shop.found() == []
