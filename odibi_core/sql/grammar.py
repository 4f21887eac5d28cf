"""The grammars of the two dialects with every function call left as it is written: what a name means is decided in `functions`."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.spark import Spark

# Those whose arguments have words between them.
_SPECIAL = frozenset({"CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "POSITION"})


class PlainSpark(Spark):
    """Spark SQL without functions of its own."""

    class Parser(Spark.Parser):  # type: ignore[valid-type,misc]  # sqlglot sets it when it makes the class
        """Calls stay calls; in `array(1, 2)[0]` the brackets are an index and not the array."""

        ARRAY_CONSTRUCTORS: ClassVar[dict[str, Any]] = {}
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar = {name: parser for name, parser in Spark.Parser.FUNCTION_PARSERS.items() if name in _SPECIAL}


class QuotedDuckDB(DuckDB):
    """DuckDB's SQL in which a name may also stand in backticks: the queries of transforms are written like that."""

    class Tokenizer(DuckDB.Tokenizer):
        """Both quotes of names."""

        IDENTIFIERS: ClassVar = ['"', "`"]


class PlainDuckDB(QuotedDuckDB):
    """DuckDB's SQL without functions of its own."""

    class Parser(DuckDB.Parser):  # type: ignore[valid-type,misc]  # sqlglot sets it when it makes the class
        """Calls stay calls; ARRAY[1, 2] is an array, and in `list(x)[1]` the brackets are an index."""

        ARRAY_CONSTRUCTORS: ClassVar = {name: made for name, made in DuckDB.Parser.ARRAY_CONSTRUCTORS.items() if name == "ARRAY"}
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar = {name: parser for name, parser in DuckDB.Parser.FUNCTION_PARSERS.items() if name in _SPECIAL}
