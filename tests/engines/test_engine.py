"""SQL, caching with counts, temporary files, and what an import costs."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import date

import polars as pl
import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.events import Column
from odibi_core.ports import CompiledSql, Engine, Sink
from odibi_core.sql import compile_sql


def _sql(text, *tables):
    return compile_sql(text, tables=tables)


def test_it_is_an_engine_with_sinks(lake):
    """The contract, as far as a type checker has not seen it."""
    engine: Engine = lake.engine
    delta: Sink = engine.open(lake.target())
    files: Sink = engine.open(lake.target("a.csv", format="csv", mode="overwrite"))
    assert engine.name == "polars"
    assert (delta.exists, files.exists) == (False, False)


def test_sql_sees_the_given_frames_and_nothing_else(engine, lazily, computed):
    """Names are lower case; a variable of the caller is no table."""
    orders = pl.LazyFrame({"id": [1, 2]})
    found = engine.sql(_sql("SELECT id + 1 AS n FROM df", "df"), {"DF": lazily(orders)})
    assert computed(found)["n"].to_list() == [2, 3]
    with pytest.raises(ConfigError, match="'orders'"):
        engine.sql(_sql("SELECT * FROM orders", "orders"), {"df": lazily(orders)})
    with pytest.raises(ConfigError):
        engine.sql(_sql("SELECT * FROM orders", "orders").model_copy(update={"tables": ()}), {"df": lazily(orders)})


def test_sql_is_lazy(engine, lazily):
    """Nothing is computed before it is cached."""
    frame = pl.LazyFrame({"id": ["a"]}).select(pl.col("id").cast(pl.Int64))
    lazy = engine.sql(_sql("SELECT * FROM df", "df"), {"df": lazily(frame)})
    with pytest.raises(DataError) as caught:
        engine.cache(lazy, {})
    assert caught.value.message == "1 of 1 values of column 'id' cannot become i64 (they are str) while computing the node's rows"


def test_a_column_that_sql_misses_is_named_at_the_step(engine, lazily):
    """Missing and available."""
    with pytest.raises(SchemaMismatchError) as caught:
        engine.sql(_sql("SELECT nope FROM df", "df"), {"df": lazily(pl.DataFrame({"id": [1], "x": [2]}))})
    assert caught.value.message == "SQL reads the unknown column 'nope' (line 1, column 8)"
    assert caught.value.hint == "Known: id, x."


def test_a_query_of_another_release_is_refused(engine, lazily):
    """What stands in a plan is read with care."""
    other = CompiledSql(text="SELECT 1", polars="SELECT 1", spark="SELECT 1", tables=())
    with pytest.raises(ConfigError, match="not understood"):
        engine.sql(other, {"df": lazily(pl.DataFrame({"id": [1]}))})


@pytest.mark.parametrize("text", ["SELECT -d AS r FROM df", "SELECT d || 1 - 'a' AS r FROM df", "SELECT SUM(d) AS r FROM df"])
def test_types_that_do_not_fit_are_named_at_the_step(engine, lazily, text):
    """A date is no number."""
    frame = pl.DataFrame({"d": [date(2024, 1, 1)]})
    with pytest.raises((DataError, SchemaMismatchError)):
        engine.cache(engine.sql(_sql(text, "df"), {"df": lazily(frame)}), {})


def test_caching_computes_once_and_counts_in_the_same_pass(engine, lazily, computed):
    """A plan node that is used by the frame and by a count is computed once."""
    calls = []

    def seen(batch: pl.DataFrame) -> pl.DataFrame:
        calls.append(batch.height)
        return batch

    source = pl.LazyFrame({"id": [1, 2, 3]}).map_batches(seen, schema={"id": pl.Int64})
    frame = lazily(source.filter(pl.col("id") > 1))
    cached = engine.cache(frame, {"itself": frame, "in": lazily(source), "known": lazily(pl.DataFrame({"x": [1]}))})
    assert calls == [3]
    assert (cached.rows, dict(cached.counts)) == (2, {"itself": 2, "in": 3, "known": 1})
    assert cached.columns == (Column(name="id", type="Int64"),)
    computed(cached.frame)
    computed(cached.frame)
    assert calls == [3]


def test_downloads_and_copies_are_removed(lake, tmp_path, computed):
    """By release, or with the engine."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    lake.file("a.csv", "a\n1\n".encode("utf-16"))
    engine = PolarsEngine(temporary=temporary)
    cached = engine.cache(engine.scan(lake.source("a.csv", "csv", options={"encoding": "utf-16"})).frame, {})
    assert list(temporary.iterdir())
    engine.release()
    assert not list(temporary.iterdir())
    assert computed(cached.frame)["a"].to_list() == [1]
    engine.release()  # twice is fine
    engine.scan(lake.source("a.csv", "csv", options={"encoding": "utf-16"}))
    del engine
    assert not list(temporary.iterdir())


def test_a_thread_releases_its_own_files_only(lake, computed):
    """A host runs nodes in threads that share an engine."""
    lake.file("a.csv", "a\n1\n".encode("utf-16"))
    mine = lake.engine.scan(lake.source("a.csv", "csv", options={"encoding": "utf-16"}))
    other = threading.Thread(target=lake.engine.release)
    other.start()
    other.join()
    assert computed(mine.frame)["a"].to_list() == [1]


def test_importing_the_folder_costs_nothing():
    """Polars is loaded where an engine is built."""
    code = "import sys, odibi_core.engines; print([m for m in ('polars', 'deltalake', 'narwhals', 'azure') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_importing_the_engine_loads_no_azure_library():
    """Half a second that a local run does not need."""
    code = "import sys, odibi_core.engines.polars; print([m for m in ('azure', 'pyarrow', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
