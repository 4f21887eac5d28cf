"""What means something else here than in the reference, by the place in the YAML where it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from odibi_core.config.marks import Mark, Path


class Difference(Frozen):
    """One difference: where it shows, what holds here, and why it is so."""

    ends: tuple[str, ...]  # how the path to it ends; "*" is any key or index, "^" the top of the file
    value: object = None  # what must stand there; None: anything
    says: str
    why: str


def _calling(name: str, says: str, why: str) -> tuple[Difference, ...]:
    return tuple(Difference(ends=(key,), value=name, says=says, why=why) for key in ("function", "transformer"))


DIFFERENCES = (
    Difference(ends=("engine",), value="pandas", says="'pandas' is read as 'polars'", why="there is one engine for one machine"),
    Difference(
        ends=("connections", "*", "base_path"),
        says="a relative folder starts at the folder of the YAML, not at the current one",
        why="a run must not depend on where it was started",
    ),
    Difference(
        ends=("^", "story"),
        says="a story is a folder of its own, by pipeline, day and run id",
        why="runs that began in the same second overwrote each other",
    ),
    Difference(
        ends=("^", "system"),
        says="the catalog has other tables, and marks of the old one are not read: the first run loads everything",
        why="a mark is only worth something if it moves with the data",
    ),
    Difference(
        ends=("read", "format"),
        value="csv",
        says="only an empty cell is NULL: 'NA', 'null' and the like stay texts unless 'options.null_values' names them",
        why="a country's code must not vanish",
    ),
    Difference(
        ends=("^", "retry"),
        says="only what can pass by itself is tried again, and nothing is written twice by it",
        why="a wrong YAML and broken rows stay wrong",
    ),
    Difference(ends=("^", "environments"), says="an unknown --env is an error", why="a typo ran the base configuration"),
    *_calling("regex_replace", "every match is replaced, not the first only", "engines differed"),
    *_calling("hash_columns", "NULL stays NULL", "its hash looked like a value"),
    *_calling(
        "generate_numeric_key",
        "the key is made of the first 15 digits of an MD5, as on Spark: keys made on pandas are others",
        "the other hash is not stable between versions",
    ),
    *_calling("join", "a column that both sides have becomes {column}_right, or {column}_{prefix}", "engines named it differently"),
    *_calling("window_calculation", "rows that tie in the order share a frame, as SQL has it", "engines differed"),
    Difference(
        ends=("tests", "*", "type"), value="accepted_values", says="NULL passes", why="it passed or failed by engine; use 'not_null'"
    ),
    Difference(ends=("tests", "*", "type"), value="distribution", says="the check is made", why="it passed whatever the data"),
    Difference(
        ends=("tests", "*", "type"),
        value="custom_sql",
        says="a row breaks it if the condition is false; NULL passes",
        why="it passed, failed or was left out by engine; add 'IS NOT NULL' if a value must be there",
    ),
    *(
        Difference(
            ends=(key, "*", "type"),
            value="freshness",
            says="without any time the check is broken, and 'now' is the time of the run",
            why="an empty table was fresh, and a retry could give another answer",
        )
        for key in ("tests", "contracts")
    ),
    Difference(ends=("tests", "*", "threshold"), says="the threshold counts", why="it was ignored"),
    Difference(
        ends=("gate", "require_pass_rate"),
        says="the rate is the rows that pass all checks, of the rows before quarantine",
        why="each engine computed another number",
    ),
    Difference(ends=("on_error",), value="ignore", says="the nodes behind a failed one run", why="it was not implemented"),
    Difference(
        ends=("enabled",), value=False, says="what stands behind it at any distance is skipped, too", why="grand-children ran on old data"
    ),
    Difference(
        ends=("incremental", "state_key"),
        says="a mark belongs to its project, environment and pipeline",
        why="two pipelines with one key lost rows",
    ),
    Difference(
        ends=("incremental", "mode"),
        value="rolling_window",
        says="the cutoff is in UTC and belongs to the window, whatever the source",
        why="files and databases differed by a row",
    ),
    Difference(
        ends=("params", "target"),
        says="'connection.path' is a place in that connection, a plain path one in the project's folder",
        why="the target was never found, so that each run was a first one",
    ),
    Difference(ends=("alerts", "*", "on_events"), says="every event that can be named is sent", why="some were accepted and never fired"),
)
_IN_A_TEXT = {
    "${date:": Difference(ends=(), says="dates are of the run's logical time, in UTC", why="a run that is repeated must mean the same day"),
}


class Shown(Frozen):
    """A difference, and the first place where it shows."""

    difference: Difference
    mark: Mark


def shown_in(tree: Any, mark: Mark) -> Iterator[Shown]:
    """Every difference that matters for a project, once."""
    told: set[tuple[str, str]] = set()
    for path, value, at in _places(tree, mark, ("^",)):
        found = [difference for difference in DIFFERENCES if _fits(difference, path, value)]
        found += [difference for text, difference in _IN_A_TEXT.items() if isinstance(value, str) and text in value]
        for difference in found:
            if (difference.says, str(difference.value)) not in told:
                told.add((difference.says, str(difference.value)))
                yield Shown(difference=difference, mark=at)


def _places(value: Any, at: Mark, path: Path) -> Iterator[tuple[Path, Any, Mark]]:
    from odibi_core.config.marks import children

    yield path, value, at
    for key, item, mark in children(value):
        yield from _places(item, mark, (*path, key))


def _fits(difference: Difference, path: Path, value: Any) -> bool:
    end = path[-len(difference.ends) :]
    same = len(end) == len(difference.ends) and all(one in ("*", other) for one, other in zip(difference.ends, end, strict=True))
    return same and (difference.value is None or value == difference.value)
