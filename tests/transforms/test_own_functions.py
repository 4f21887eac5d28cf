"""The authors' own functions: their signatures are their parameters, and what is wrong with a file is told with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError
from odibi_core.transforms import Library, load_functions
from tests.transforms.running import context_with

HEAD = "import narwhals as nw\nfrom odibi_core.transforms import transform\n\n"
CANNOT = "transforms.py:1:1: the file cannot be loaded:"
INSTEAD = "Write 'from odibi_core.transforms import transform'."
OTHER_NAME = 'Give it another name: @transform("my_name").'
WITH_MODEL = """
from pydantic import BaseModel

class P(BaseModel):
    n: int = 1

@transform('f', P)
def g(frame, params, _):
    return frame.head(params.n)
"""
FOR_TYPE_CHECKERS = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from nowhere import Frame

@transform
def f(frame: 'Frame', n: 'int' = 1) -> 'Frame':
    return frame.head(n)
"""
WRAPPED = """
import functools

def twice(function):
    @functools.wraps(function)
    def wrapper(frame, **params):
        return function(function(frame, **params), **params)
    return wrapper

@twice
@transform
def f(frame, n: int):
    return frame.filter(nw.col('i') != n)
"""
FRAME = pl.LazyFrame({"i": [1, 2, 3]})


def called(tmp_path: Path, text: str, name: str, inputs: dict[str, pl.LazyFrame] | None = None, **params: object) -> pl.DataFrame:
    """What a function of `transforms.py` makes of the frame."""
    function, bound = load_functions({"transforms.py": HEAD + text}, tmp_path).bind(name, params)
    result = function(nw.from_native(FRAME), bound, context_with(inputs or {}))
    assert isinstance(result, nw.LazyFrame)
    return result.collect().to_native()


def refused(tmp_path: Path, **files: str) -> list[str]:
    """The problems of files, as a terminal shows them."""
    code = {f"transforms/{name}.py" if name != "transforms" else "transforms.py": text for name, text in files.items()}
    with pytest.raises(ConfigError) as caught:
        load_functions(code, tmp_path)
    assert caught.value.error_code == "functions"
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "params", "rows"),
    [
        ("@transform\ndef f(frame):\n    return frame.head(1)\n", {}, [(1,)]),
        ("@transform()\ndef f(frame, n: int = 2):\n    return frame.head(n)\n", {}, [(1,), (2,)]),
        ('@transform("f")\ndef other(frame, /, *, n: int):\n    return frame.head(n)\n', {"n": "1"}, [(1,)]),
        ("@transform\ndef f(context, current, n):\n    return current.head(n)\n", {"n": 1}, [(1,)]),
        ("@transform\ndef f(frame, copy: int, reads: list[int]):\n    return frame.filter(nw.col('i').is_in([copy, *reads]))\n",
         {"copy": 3, "reads": [1]}, [(1,), (3,)]),
        ("import polars as pl\n\n@transform(native=True)\ndef f(frame):\n    return frame.select(pl.col('i').sum()).collect()\n", {},
         [(6,)]),
        ("@transform\ndef f(frame, context):\n    return context.dataset('Other')\n", {}, [(9,)]),
        ("@transform(native=True)\ndef f(frame, context):\n    return context.dataset('other').with_row_index('n').select('n')\n", {},
         [(0,)]),
        ("@transform\ndef f(frame, context):\n    return context.query(frame, 'SELECT MAX(i) AS i FROM df')\n", {}, [(3,)]),
        (WITH_MODEL, {"n": 2}, [(1,), (2,)]),
        (FOR_TYPE_CHECKERS, {}, [(1,)]),
        (WRAPPED, {"n": 2}, [(1,), (3,)]),
    ],
)  # fmt: skip
def test_a_function_is_called_with_its_frame_and_its_parameters(tmp_path, text, params, rows):
    """However it is decorated and whatever its arguments are called."""
    assert called(tmp_path, text, "f", {"other": pl.LazyFrame({"k": [9]})}, **params).rows() == rows


@pytest.mark.parametrize(
    ("signature", "params", "message"),
    [
        ("frame, n: int", {}, "transform 'f' needs parameter 'n'"),
        ("frame, n: int", {"n": "x"}, "parameter 'n' of transform 'f': expected a whole number, found text"),
        ("frame, n: int = 1", {"m": 1}, "transform 'f' has no parameter 'm'"),
        (
            "frame, a: list[int], b: str = ''",
            {"a": [1, "x"]},
            "parameter 'a.1' of transform 'f': expected a whole number, found text",
        ),
        ("frame", {"n": 1}, "transform 'f' has no parameter 'n'"),
    ],
)
def test_parameters_are_checked_against_the_signature(tmp_path, signature, params, message):
    """When the run is planned."""
    with pytest.raises(ConfigError) as caught:
        called(tmp_path, f"@transform\ndef f({signature}):\n    return frame\n", "f", **params)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def f(:\n", "transforms.py:1:7: the file cannot be loaded: SyntaxError: invalid syntax"),
        ("\nimport nowhere\n", "transforms.py:2:1: the file cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\ny = z\n", "transforms.py:2:1: the file cannot be loaded: NameError: name 'z' is not defined"),
        ("int('a secret')\n", "transforms.py:1:1: the file cannot be loaded: ValueError"),
        ("raise SystemExit(3)\n", "transforms.py:1:1: the file cannot be loaded: SystemExit"),
        ("def f():\n    return 1 / 0\n\nf()\n", "transforms.py:2:1: the file cannot be loaded: ZeroDivisionError"),
        ("from odibi import transform\n", f"{CANNOT} ModuleNotFoundError: No module named 'odibi'. {INSTEAD}"),
        (HEAD + "@transform\ndef join(frame):\n    return frame\n", f"transforms.py:4:1: transform 'join' is built in. {OTHER_NAME}"),
        (HEAD + "@transform\ndef f(frame, **more):\n    return frame\n",
         "transforms.py:4:1: function 'f' cannot be used: it takes any arguments (* or **): name each parameter"),
        (HEAD + "@transform\ndef f():\n    return 1\n",
         "transforms.py:4:1: function 'f' cannot be used: it takes no frame: its first argument is one"),
        (HEAD + "@transform\ndef f(frame, n: 'Nothing'):\n    return frame\n",
         "transforms.py:4:1: function 'f' cannot be used: name 'Nothing' is not defined"),
        (HEAD + "@transform\ndef f(frame, n: nw.LazyFrame):\n    return frame\n",
         "transforms.py:4:1: function 'f' cannot be used: an annotation is no type of a parameter"),
        (HEAD + "@transform('f', dict)\ndef f(frame, n):\n    return frame\n",
         "transforms.py:4:1: function 'f' cannot be used: 'params' must be a pydantic model"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded_is_told_with_its_line(tmp_path, text, problem):
    """Texts of errors that may hold a value are left out. Nothing of the file stays behind in the process."""
    before = {name for name in sys.modules if name.startswith("_odibi_")}
    assert refused(tmp_path, transforms=text) == [problem]
    assert {name for name in sys.modules if name.startswith("_odibi_")} == before


def test_all_problems_of_all_files_are_told(tmp_path):
    """Each once: a helper that is broken is one problem, however many files import it."""
    found = refused(
        tmp_path,
        a=HEAD + "from .helper import x\n",
        b=HEAD + "from .helper import x\n",
        c=HEAD + "@transform\ndef same(frame):\n    return frame\n",
        d=HEAD + "@transform('same')\ndef other(frame):\n    return frame\n",
        helper="x = 1 / 0\n",
    )
    assert found == [
        "transforms/helper.py:1:1: the file cannot be loaded: ZeroDivisionError",
        "transforms/d.py:4:1: transform 'same' is declared twice. The other one: transforms/c.py:4.",
    ]


def test_files_import_one_another_and_nothing_else_is_found_beside_them(tmp_path):
    """Relative names mean the folder of the project; its files are not on Python's path."""
    helper = "from odibi_core.transforms import transform\n\n@transform\ndef first(frame):\n    return frame.head(1)\n"
    code = {
        "transforms/b.py": helper,
        "transforms/a.py": HEAD + "from .b import first\n\n@transform\ndef again(frame):\n    return first(frame)\n",
    }
    functions = load_functions({"transforms/__init__.py": "from .b import first as same\n", **code}, tmp_path)
    assert sorted(entry.name for entry in functions) == ["again", "first"]
    assert "transforms" not in sys.modules
    with pytest.raises(ConfigError, match="No module named 'b'"):
        load_functions({**code, "transforms/c.py": "import b\n"}, tmp_path)


def test_a_file_runs_once_for_each_content_and_two_projects_do_not_meet(tmp_path):
    """However often, and under however many names, it is asked for."""
    counter = (
        HEAD + "import sys\nsys.odibi_test_loads = getattr(sys, 'odibi_test_loads', 0) + 1\n\n@transform\ndef f(frame):\n    return frame\n"
    )
    try:
        one = load_functions({"transforms.py": counter}, tmp_path / "one")
        assert load_functions({"transforms.py": counter}, tmp_path / "one") is one
        assert sys.odibi_test_loads == 1
        two = load_functions({"transforms.py": counter}, tmp_path / "two")
        assert sys.odibi_test_loads == 2
        assert one is not two
        load_functions({"transforms.py": counter + "# changed\n"}, tmp_path / "one")
        assert sys.odibi_test_loads == 3
    finally:
        del sys.odibi_test_loads


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('Ada')", "function 'f' failed with ValueError at transforms.py:6"),
        ("return frame.select('nowhere').collect()", "function 'f' failed with ColumnNotFoundError at transforms.py:6"),
        ("return None", "function 'f' gave back builtins.NoneType, not a frame of polars"),
        ("return [1]", "function 'f' gave back builtins.list, not a frame of polars"),
    ],
)
def test_a_function_that_fails_is_named_with_its_line_and_without_its_text(tmp_path, body, message):
    """It may hold values of the data."""
    with pytest.raises(ConfigError) as caught:
        called(tmp_path, f"@transform\ndef f(frame):\n    {body}\n", "f")
    assert (caught.value.error_code, caught.value.message.partition(" at ")[0]) == ("function_failed", message.partition(" at ")[0])
    assert "Ada" not in str(caught.value)
    if " at " in message:
        assert caught.value.message.endswith(" at transforms.py:6")


def test_an_error_of_ours_passes_as_it_is(tmp_path):
    """A function may say itself that the data are wrong."""
    text = "from odibi_core.errors import DataError\n\n@transform\ndef f(frame):\n    raise DataError('no rows', hint='Wait.')\n"
    with pytest.raises(DataError) as caught:
        called(tmp_path, text, "f")
    assert caught.value.message == "no rows"


def test_a_function_stays_one_that_can_be_tested_without_us(tmp_path):
    """The decorator gives back what it got."""
    from odibi_core.transforms import transform

    @transform("any name")
    def first(frame, n: int = 1):
        return frame[:n]

    assert first([1, 2, 3], n=2) == [1, 2]


def test_a_library_knows_built_in_and_own_functions_and_loads_the_own_ones_late(tmp_path):
    """A process that needs none of the authors' functions does not run their files."""
    library = Library(lambda: {"transforms.py": "1 / 0\n"}, tmp_path)
    assert library.bind("transformer", "limit", {"n": 1})[1].n == 1
    assert library.bind("operation", "limit", {"n": 2})[1].n == 2
    assert library.bind("operation", "drop", {"columns": "a"})[1].columns == ("a",)
    with pytest.raises(ConfigError, match=r"transforms\.py:1:1: the file cannot be loaded: ZeroDivisionError"):
        library.bind("function", "mine", {})
    own = Library(lambda: {"transforms.py": HEAD + "@transform\ndef mine(frame):\n    return frame\n"}, tmp_path)
    with pytest.raises(ConfigError) as caught:
        own.bind("function", "mien", {})
    assert caught.value.hint.startswith("Did you mean 'mine'? Known: ")
    assert ", limit, mine, " in caught.value.hint
