"""Modules and functions that fit into a head, folders that have a subject."""

from __future__ import annotations

import ast

from tests.house.files import project_files, python_texts

PRODUCT = ("odibi_core", "odibi_local", "function_app.py")
MOST_LINES = 400
MOST_STATEMENTS = 40


def test_no_module_is_longer_than_400_lines() -> None:
    """A longer one has more than one idea in it."""
    lengths = {name: len(text.splitlines()) for name, text in python_texts(*PRODUCT).items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_has_more_than_40_statements() -> None:
    """Statements are counted at every depth, those of inner functions too."""
    found = {
        f"{name}:{function.lineno} {function.name}": count
        for name, text in python_texts(*PRODUCT).items()
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and (count := statements_in(function)) > MOST_STATEMENTS
    }
    assert found == {}


def statements_in(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many statements a function has, without its docstring."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1 - (ast.get_docstring(function) is not None)


def test_every_module_says_what_it_is() -> None:
    """An empty `__init__.py` of the tests is only a marker; in the product each says what its folder is about."""
    silent = [name for name, text in python_texts().items() if ast.get_docstring(ast.parse(text)) is None]
    assert [name for name in silent if not (name.startswith("tests/") and name.endswith("/__init__.py"))] == []


def test_every_folder_has_a_subject() -> None:
    """A folder called after nothing has no reason to refuse anything."""
    without = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
    assert [str(path) for path in project_files() if without & {part.removesuffix(".py") for part in path.parts[-4:]}] == []


def test_the_functions_app_stays_small() -> None:
    """Triggers only: at most 120 lines."""
    assert len(python_texts("function_app.py")["function_app.py"].splitlines()) <= 120
