"""A YAML that cannot be run is refused before anything happens, with the place, the reason and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from odibi_core.errors import ConfigError
from tests.bad_input.conftest import GOOD, HEADER, ORDERS, Shop

Said = Callable[[ConfigError], list[str]]
SECRET = "s3cr3t-Value-4711"
CYCLE = """\
  - pipeline: orders
    nodes:
      - { name: a, depends_on: [c], write: { connection: lake, format: delta, path: a } }
      - { name: b, depends_on: [a], write: { connection: lake, format: delta, path: b } }
      - { name: c, depends_on: [b], write: { connection: lake, format: delta, path: c } }
"""


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("format: csv,", "fromat: csv,", "odibi.yaml:14:38", "unknown key 'fromat'. Did you mean 'format'?"),
        ("mode: append }", "mode: append, mode: append }", "odibi.yaml:15:79", "key 'mode' stands twice"),
        ("sensitive: [email]", "sensitive: !!python/name:os.system", "odibi.yaml:13:20", "tags are not allowed"),
        ("path: bronze,", "path: '${MISSING_PATH}',", "odibi.yaml:15:", "MISSING_PATH"),
        ("connection: landing, format", "connection: landnig, format", "odibi.yaml:14:", "Did you mean 'landing'?"),
        ("depends_on: [bronze]", "depends_on: [bronce]", "odibi.yaml:17:", "Did you mean 'bronze'?"),
        ("mode: append", "mode: apend", "odibi.yaml:15:", "Did you mean 'append'?"),
        ("pipeline: orders", "pipeline: [orders", "odibi.yaml:", ""),
    ],
)
def test_a_wrong_project_is_refused_with_its_place(shop: Shop, said: Said, old: str, new: str, place: str, message: str) -> None:
    """File, line and column of what is wrong, what it is, and the likely meaning; exit code 2, and not one file is made."""
    before = HEADER + ORDERS
    assert old in before
    shop.write("odibi.yaml", before.replace(old, new, 1))
    shop.write("landing/orders/1.csv", GOOD)
    error = shop.refused()
    found = [problem for problem in said(error) if problem.startswith(place) and message in problem]
    assert found, said(error)
    assert (error.exit_code, error.retryable) == (2, False)
    assert not (shop.root / "lake").exists()


def test_a_cycle_is_refused_with_its_nodes(shop: Shop, said: Said) -> None:
    """Nodes that wait for each other could never start: the cycle is named in order."""
    shop.write("odibi.yaml", HEADER + CYCLE)
    assert said(shop.refused()) == ["odibi.yaml:10:33: nodes depend on each other: a → c → b → a. Take one of these dependencies out."]


def test_an_alias_bomb_is_refused_in_no_time(shop: Shop, said: Said) -> None:
    """A billion values are counted and not built."""
    bomb = ["x0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    bomb += [f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]" for level in range(1, 10)]
    shop.write("odibi.yaml", "\n".join(bomb) + HEADER)
    began = time.perf_counter()
    assert "aliases" in said(shop.refused())[0]
    assert time.perf_counter() - began < 20


def test_every_problem_is_told_at_once(shop: Shop, said: Said) -> None:
    """Three mistakes are three problems, each with its place: nobody has to try three times."""
    text = (HEADER + ORDERS).replace("format: csv", "fromat: csv").replace("mode: append", "mood: append")
    shop.write("odibi.yaml", text.replace("sensitive: [email]", "sensitiv: [email]", 1))
    problems = said(shop.refused())
    assert [word for word in ("'fromat'", "'mood'", "'sensitiv'") if any(word in problem for problem in problems)] == [
        "'fromat'",
        "'mood'",
        "'sensitiv'",
    ]
    assert all(problem.startswith("odibi.yaml:") for problem in problems)


def test_a_message_shows_the_name_of_a_secret_and_never_its_value(shop: Shop) -> None:
    """A value from the environment that stands in a wrong place is not in the error, in no spelling of it."""
    shop.environment = {"API_SECRET": SECRET}
    text = (HEADER + ORDERS).replace("mode: append", "mode: '${API_SECRET}'").replace("format: csv", "format: '${API_SECRET}'")
    shop.write("odibi.yaml", text)
    error = shop.refused()
    told = f"{error}{error.problems!r}{error!r}"
    assert SECRET not in told
    assert "API_SECRET" in told


def test_a_project_that_was_good_yesterday_harms_nothing_when_it_breaks(shop: Shop) -> None:
    """The tables of the last good run stay as they are, and the mended project goes on with the file that came meanwhile."""
    shop.write("landing/orders/1.csv", GOOD)
    assert shop.run().status == "succeeded"
    before = shop.rows("bronze")
    shop.write("landing/orders/2.csv", GOOD.replace("1,ada", "3,eve").replace("2,bob", "4,dan"))
    good = (shop.root / "odibi.yaml").read_text()
    shop.write("odibi.yaml", good.replace("mode: append", "mood: append"))
    shop.refused()
    assert shop.rows("bronze") == before
    shop.write("odibi.yaml", good)
    assert shop.run().status == "succeeded"
    assert [row["order_id"] for row in shop.rows("bronze")] == [1, 2, 3, 4]


def test_a_file_that_does_not_exist_is_a_config_error(shop: Shop) -> None:
    """A wrong path of the project says so."""
    (shop.root / "odibi.yaml").unlink()
    error = shop.refused()
    assert "odibi.yaml" in str(error)
    assert error.exit_code == 2
