"""Every exception that a tool is asked to make is named and explained on its line."""

from __future__ import annotations

import re

import pytest

from tests.house.files import lines_with, python_texts

_ASKED = r"#\s*(?:ruff:\s*)?(?:noqa\b|type:\s*ignore\b)"
_EXPLAINED = re.compile(
    r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\])\s+(?:# |- )?(?P<reason>(?!noqa|type:)\S.*\S)"
)


def unexplained(line: str) -> bool:
    """Whether a line asks for an exception without a code, or without a reason."""
    return re.search(_ASKED, line) is not None and _EXPLAINED.search(line) is None


def test_every_exception_has_a_code_and_a_reason() -> None:
    """`# noqa: S311  # jitter, not a secret`: the code says what is allowed, the rest why."""
    mine = __file__.rpartition("/")[2]
    asked = {name: text for name, text in python_texts().items() if not name.endswith(mine)}
    assert [found for found in lines_with(_ASKED, asked) if unexplained(found)] == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("x = 1  # noqa: S311  # jitter, not a secret", False),
        ("x = 1  # noqa: S608, E501  made of a checked tree", False),
        ("x = 1  # noqa: B018 - the access is what is tested", False),
        ("x = 1  # type: ignore[override]  # no default: absence is None here", False),
        ("x = 1  # noqa", True),
        ("x = 1  # noqa: S311", True),
        ("x = 1  # noqa  # a reason without a code", True),
        ("x = 1  # type: ignore", True),
        ("x = 1  # type: ignore[arg-type]", True),
        ("x = 1  # nothing is asked for", False),
    ],
)
def test_the_rule_tells_explained_from_unexplained(line: str, wrong: bool) -> None:
    """The pattern itself, on lines of each kind."""
    assert unexplained(line) is wrong
