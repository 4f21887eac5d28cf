"""Personal values leave the node as hashes, and neither they nor the salt are told anywhere."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.hosts.world import HEAD, World

SALTED = "57a674a84dd0b5aaa6f4ebda6a20413eba4fe1aa5b192e359b7acba7279b4eb6"  # sha256sum of a@x.orgpepper
KEYED = "b6c0c5abf08dc232fde6b59b99cae2abeb055545d72259a7cac1f69e3170de66"  # openssl, HMAC of a@x.org with the key 'pepper'
LANDED = """\
pipelines:
  - pipeline: people
    triggers: [ { blob: { connection: landing, path: '{name}.csv' } } ]
    nodes:
      - name: raw
        read: { connection: landing, format: csv, path: '*.csv' }
        columns: { i: { pii: true } }
        privacy: { method: hmac, key: KEY }
        write: { connection: lake, format: delta, path: raw, mode: append }
"""

PEOPLE = """\
pipelines:
  - pipeline: people
    nodes:
      - name: raw
        read: { connection: landing, format: csv, path: people.csv }
        columns: { email: { pii: true }, gone: { pii: true } }
        privacy: { method: hash, salt: SALT }
        validation: { tests: [ { type: regex_match, column: email, pattern: '[0-9a-f]{64}$' } ] }
        write: { connection: lake, format: delta, path: raw }
      - name: shown
        depends_on: [raw]
        transform: { steps: [ 'SELECT id, email, phone FROM raw' ] }
        columns: { phone: { pii: true } }
        privacy: { method: mask, declassify: [email] }
        write: { connection: lake, format: delta, path: shown }
"""


def everything_told(folder: Path) -> str:
    """All that the runs left behind besides their tables' data."""
    files = [file for file in (folder / "lake").rglob("*") if file.is_file() and file.suffix != ".parquet"]
    return "\n".join(file.read_text(errors="replace") for file in files)


@pytest.mark.parametrize("salt", ["pepper", "${PEPPER}", "${secret:pepper}"])
def test_hashes_leave_the_node(tmp_path: Path, salt: str) -> None:
    """Before the checks, and again in the node behind: the flag goes with the column until it is taken off."""
    world = World(tmp_path, HEAD + PEOPLE.replace("SALT", f"'{salt}'"))
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "people.csv").write_text("id,email,phone\n1,a@x.org,5791112233\n2,,79\n")
    (tmp_path / ".env").write_text("PEPPER=pepper\n")
    host = world.in_process()
    final = host.run(host.request("people"))
    assert (final.status, final.succeeded) == ("succeeded", 2)
    table = pl.read_delta(str(tmp_path / "lake" / "shown")).sort("id")
    assert table.rows() == [(1, SALTED, "******2233"), (2, None, "79")]
    told = everything_told(tmp_path)
    assert "a@x.org" not in told
    assert "pepper" not in told.replace("${PEPPER}", "").replace("${secret:pepper}", "")
    raw = host.app.coordinator.journal.outcome(final.run_id, "raw").result
    assert raw.warnings == ("personal columns are not in the result, under their name at least: gone",)
    assert [step.text for step in raw.steps] == ["hash of email, gone"]


@pytest.mark.parametrize("key", ["pepper", "${secret:pepper}"])
def test_a_worker_of_a_later_deploy_finds_the_key(tmp_path: Path, key: str) -> None:
    """The plan holds none: it comes from the vault, or from the YAML of now."""
    (tmp_path / ".env").write_text("PEPPER=pepper\n")
    world = World(tmp_path, HEAD + LANDED.replace("KEY", f"'{key}'"))
    world.land("a.csv", "a@x.org")
    host = world.azure()
    host.on_blob_event(world.event("a.csv"))
    world.write(HEAD + "vars: { deployed: later }\n" + LANDED.replace("KEY", f"'{key}'"))
    world.work(world.azure())
    assert world.rows("raw") == [KEYED]
    assert "pepper" not in everything_told(tmp_path).replace("${secret:pepper}", "")
