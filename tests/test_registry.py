"""Functions by name."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from odibi_core.errors import ConfigError
from odibi_core.registry import Entry, Registry

NO_NUMBER = "input should be a valid integer, unable to parse string as an integer"


class Size(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=1)
    unit: str = "mm"

    @field_validator("unit")
    @classmethod
    def _is_short(cls, value: str) -> str:
        if len(value) > 4:
            raise ValueError("Use a short unit")
        return value


class Nested(BaseModel):
    size: Size


def resize(params: Size) -> int:
    """
    Make it as wide as it says.

    And no wider.
    """
    return params.width


@pytest.fixture
def shapes() -> Registry:
    registry = Registry("shape")
    registry.register("resize", Size)(resize)
    registry.register("frame", Nested)(lambda params: params.size)
    return registry


def test_a_registered_function_is_found_with_its_params(shapes: Registry) -> None:
    """The decorator gives the function back as it was."""
    assert shapes.get("resize") == Entry(name="resize", function=resize, params=Size)
    assert shapes.get("resize").summary == "Make it as wide as it says."
    assert shapes.get("frame").summary == ""
    assert [entry.name for entry in shapes] == ["resize", "frame"]
    assert ("resize" in shapes, "Resize" in shapes, None in shapes) == (True, False, False)


def test_params_are_validated_when_they_are_bound(shapes: Registry) -> None:
    """The model comes back, not the mapping."""
    function, params = shapes.bind("resize", {"width": 3})
    assert (function(params), params) == (3, Size(width=3, unit="mm"))


def test_a_name_is_given_once(shapes: Registry) -> None:
    """Two functions under one name are a mistake of a programmer, not of an author."""
    with pytest.raises(ValueError, match="shape 'resize' is registered twice"):
        shapes.register("resize", Size)(lambda params: params)
    assert shapes.get("resize").function is resize


def test_a_withheld_name_is_refused_as_such(shapes: Registry) -> None:
    """It is known and not to be had: the author reads what to do instead, not a guess at a typing error; joining keeps that."""
    shapes.withhold("resized", hint="Use 'resize'.")
    for registry in (shapes, shapes.joined(Registry("shape"))):
        with pytest.raises(ConfigError) as refused:
            registry.bind("resized", {})
        assert (str(refused.value.message), refused.value.hint, refused.value.error_code) == (
            "shape 'resized' is not available",
            "Use 'resize'.",
            "not_available",
        )
    assert "resized" not in [entry.name for entry in shapes]


@pytest.mark.parametrize(
    ("name", "hint"), [("resise", "Did you mean 'resize'? Known: frame, resize."), ("rotate_it", "Known: frame, resize.")]
)
def test_an_unknown_name_is_answered_with_the_nearest(shapes: Registry, name: str, hint: str) -> None:
    """And with all of them."""
    with pytest.raises(ConfigError) as caught:
        shapes.bind(name, {})
    assert (caught.value.message, caught.value.hint) == (f"unknown shape '{name}'", hint)


@pytest.mark.parametrize(
    ("name", "params", "problems"),
    [
        ("resize", {}, [("shape 'resize' needs parameter 'width'", ())]),
        ("resize", {"width": "p4ssw0rd"}, [("parameter 'width' of shape 'resize': expected a whole number, found text", ("width",))]),
        (
            "resize",
            {"hight": "p4ssw0rd"},
            [("shape 'resize' needs parameter 'width'", ()), ("shape 'resize' has no parameter 'hight'", ("hight",))],
        ),
        ("resize", {"width": 0}, [("parameter 'width' of shape 'resize': must be at least 1", ("width",))]),
        ("resize", {"width": 1, "unit": "p4ssw0rd"}, [("parameter 'unit' of shape 'resize': Use a short unit", ("unit",))]),
        ("frame", {"size": {}}, [("shape 'frame' needs parameter 'size.width'", ("size",))]),
    ],
)
def test_wrong_params_are_named_and_never_quoted(
    shapes: Registry, name: str, params: dict, problems: list[tuple[str, tuple[str | int, ...]]]
) -> None:
    """Every one of them, with its path."""
    with pytest.raises(ConfigError) as caught:
        shapes.bind(name, params)
    assert [(problem.message, problem.path) for problem in caught.value.problems] == problems
    assert "p4ssw0rd" not in str(caught.value)
    assert caught.value.__cause__ is None
