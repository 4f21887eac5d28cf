"""Files land and become tables, catalog rows and stories, each exactly once; one file and many at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once, catalog_commits

pytestmark = pytest.mark.cloud
MANY = 40


@pytest.fixture(scope="module")
def orders() -> Orders:
    """All orders of this module: its tests add to the same tables."""
    return Orders()


@pytest.fixture(scope="module")
def first_run(world: World, orders: Orders) -> str:
    """The run of the first file."""
    world.upload("orders/first.csv", orders.file("first"))
    (run,) = world.wait_ended(1)
    world.wait_reported(1)
    return run


def test_one_file_becomes_rows_of_every_layer(world: World, orders: Orders, first_run: str) -> None:
    """The rows of the file are in bronze, silver and gold, each table was committed to once, and the run succeeded."""
    assert world.finals() == {first_run: "succeeded"}
    assert_exactly_once(world, orders)
    # Version 0 makes the table, version 1 brings the rows.
    assert [world.table(path).version() for path in ("bronze/orders", "silver/orders", "gold/countries")] == [1, 1, 1]


def test_a_row_says_which_file_it_came_from(world: World, first_run: str) -> None:
    """`add_metadata` names the file and the time of the run in every row."""
    rows = world.rows("bronze/orders")
    assert set(rows["_source_file"]) == {"orders/first.csv"}
    assert rows["_extracted_at"].n_unique() == 1


def test_the_catalog_tells_the_run_and_each_node(world: World, first_run: str) -> None:
    """`meta_runs` has a row of the run and one of each node, with their counts."""
    rows = sorted(world.catalog("meta_runs"), key=lambda row: row["started_at"])
    told = [(row["kind"], row["node"], row["status"], row["rows_in"], row["rows_out"], row["rows_written"]) for row in rows]
    assert told == [
        ("run", None, "succeeded", None, None, 43),
        ("node", "bronze", "succeeded", 20, 20, 20),
        ("node", "silver", "succeeded", 20, 20, 20),
        ("node", "gold", "succeeded", 20, 3, 3),
    ]
    assert {(row["run_id"], row["pipeline"], row["cause"], row["error_code"]) for row in rows} == {(first_run, "orders", "blob", None)}


def test_the_catalog_tells_the_file_and_the_tables(world: World, first_run: str) -> None:
    """`meta_files` has the version of the file that was read, `meta_tables` each table that was made."""
    (file,) = world.catalog("meta_files")
    with world.blobs.get_blob_client("landing", "orders/first.csv") as blob:
        facts = blob.get_blob_properties()
    assert (file["path"], file["etag"], file["size_bytes"]) == ("orders/first.csv", str(facts.etag).strip('"'), facts.size)
    assert (file["run_id"], file["nodes"], file["status"], file["rows"]) == (first_run, ["bronze"], "succeeded", 20)
    made = {(row["dataset"], row["created"]) for row in world.catalog("meta_tables")}
    assert made == {("lake/bronze/orders", True), ("lake/silver/orders", True), ("lake/gold/countries", True)}


def test_a_flush_is_one_commit_to_each_catalog_table(world: World, first_run: str) -> None:
    """The first batch is number 1 in every table that has something to tell, and no table has a commit without one."""
    commits = {table: catalog_commits(world, table) for table in ("meta_runs", "meta_files", "meta_tables", "meta_state")}
    assert commits == {"meta_runs": [1], "meta_files": [1], "meta_tables": [1], "meta_state": []}
    assert world.table("_odibi_system/meta_runs").version() == 1


def test_a_story_can_be_opened_in_a_browser(world: World, first_run: str) -> None:
    """The story lies as a page and as its JSON twin, each with the content type that a browser needs, and shows no e-mail address."""
    (page,) = [name for name in world.names("stories/") if name.endswith("/index.html")]
    twin = page.replace("index.html", "story.json")
    types = {}
    for name in (page, twin):
        with world.blobs.get_blob_client("lake", name) as blob:
            types[name] = blob.get_blob_properties().content_settings.content_type
    assert types == {page: "text/html; charset=utf-8", twin: "application/json"}
    html, story = world.read(page).decode(), world.read(twin).decode()
    assert first_run in html
    assert first_run in json.dumps(json.loads(story))
    assert "@example.com" not in html.lower()
    assert "@example.com" not in story.lower()


def test_many_files_at_once_lose_and_double_nothing(world: World, orders: Orders, first_run: str) -> None:
    """Forty files land together: forty runs succeed, every row is in each layer once, and no message dies."""
    files = {f"orders/many-{number}.csv": orders.file(f"many-{number}") for number in range(MANY)}
    with ThreadPoolExecutor(8) as many:
        list(many.map(world.upload, files, files.values()))
    finals = world.wait_ended(MANY + 1, seconds=240)
    assert set(finals.values()) == {"succeeded"}
    assert len(finals) == MANY + 1
    world.wait_reported(MANY + 1, seconds=120)
    world.wait_idle()
    assert_exactly_once(world, orders)
    assert_each_run_reported_once(world, MANY + 1)
    assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
    assert world.kept_dead() == []


def test_a_batch_of_runs_is_in_the_catalog_once(world: World, first_run: str) -> None:
    """Each batch number is in a catalog table once at most, and nothing but batches was committed."""
    for table in ("meta_runs", "meta_files"):
        commits = catalog_commits(world, table)
        assert commits == sorted(set(commits))
        assert len(commits) <= len(world.runs())
        assert world.table(f"_odibi_system/{table}").version() == len(commits)
